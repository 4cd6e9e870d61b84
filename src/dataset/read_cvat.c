// SPDX-License-Identifier: Apache-2.0
// read_cvat.c - CVAT XML 1.1: boxes of images, or the tracks of a video.
//
// A track lists shapes at frames. Between two listed shapes CVAT moves the box in a straight line
// unless the first one is outside; behind the last one it stands still up to the task's last frame.
// So does this reader, on the frames that the task has (start_frame, stop_frame, step). Shapes that
// are outside are no objects.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/import_priv.h"
#include "dataset/maker.h"
#include "dataset/xml_priv.h"

enum {
    CVAT_MAX_FRAMES = 3 * 1000 * 1000,
    CVAT_MAX_FILLED = 4 * 1000 * 1000, // boxes that no line of the file stands for
    CVAT_MAX_TEXT_DEPTH = 8,
};

struct shape {
    int64_t frame;
    double x1, y1, x2, y2;
    bool outside, occluded, is_listed;
};

struct reader {
    struct import *im;
    int depth;
    bool in_label; // <label> of the task's list
    // Task.
    int64_t start, stop, step, size; // -1 where absent; step 1
    double width, height;
    bool is_video;
    // Image.
    int32_t picture; // -1: not in an image
    // Track.
    bool in_track, has_last;
    bool is_auto; // the shape, or the track, is a program's
    int32_t class_index;
    int64_t track_id;
    struct shape last;
    // Frames to pictures, once the last frame is known: objects carry frames until then.
    int64_t last_frame;
    size_t n_filled;
    // Attributes of a shape follow it: those of interpolated boxes are not known.
    size_t object;         // of the shape; SIZE_MAX: it is none
    const char *attribute; // name of the one that is open, in the draft's arena
};

static int number_of(const char **attributes, const char *name, const char *where, double *ret)
{
    const char *value = xml_attribute(attributes, name);
    if (!value)
        return err_set(ERR_DATA, "a %s without \"%s\"", where, name);
    return import_number(str_of(value), where, name, ret);
}

static int integer_of(const char **attributes, const char *name, const char *where, int64_t *ret)
{
    const char *value = xml_attribute(attributes, name);
    if (!value)
        return err_set(ERR_DATA, "a %s without \"%s\"", where, name);
    int e = str_to_i64(str_trim(str_of(value)), ret);
    return e < 0 ? err_prefix(ERR_DATA, "%s: %s", where, name) : 0;
}

static bool is_set(const char **attributes, const char *name)
{
    const char *value = xml_attribute(attributes, name);
    return value && (strcmp(value, "1") == 0 || strcmp(value, "True") == 0);
}

// ---- shapes

static int box_corners(const char **attributes, struct shape *s)
{
    int e = number_of(attributes, "xtl", "box", &s->x1);
    if (e == 0)
        e = number_of(attributes, "ytl", "box", &s->y1);
    if (e == 0)
        e = number_of(attributes, "xbr", "box", &s->x2);
    if (e == 0)
        e = number_of(attributes, "ybr", "box", &s->y2);
    return e;
}

// A box turned about its centre: what it covers, upright.
static void turn(struct reader *r, double degrees, struct shape *s)
{
    double angle = degrees * acos(-1) / 180;
    double w = s->x2 - s->x1;
    double h = s->y2 - s->y1;
    double x = s->x1 + w / 2;
    double y = s->y1 + h / 2;
    double half_w = (fabs(w * cos(angle)) + fabs(h * sin(angle))) / 2;
    double half_h = (fabs(w * sin(angle)) + fabs(h * cos(angle))) / 2;
    s->x1 = x - half_w;
    s->y1 = y - half_h;
    s->x2 = x + half_w;
    s->y2 = y + half_h;
    import_skip(r->im, "turned boxes became the upright boxes around them");
}

// "x,y;x,y;..."
static int polygon_corners(const char **attributes, struct shape *s)
{
    const char *points = xml_attribute(attributes, "points");
    struct str rest = str_of(points);
    struct str point;
    size_t n = 0;
    s->x1 = s->y1 = s->x2 = s->y2 = NAN;
    while (str_split(&rest, ';', &point)) {
        struct str part;
        double x = NAN;
        double y = NAN;
        if (!str_split(&point, ',', &part))
            break;
        int e = import_number(part, "polygon", "x", &x);
        if (e == 0)
            e = import_number(point, "polygon", "y", &y);
        if (e < 0)
            return e;
        s->x1 = fmin(s->x1, x);
        s->y1 = fmin(s->y1, y);
        s->x2 = fmax(s->x2, x);
        s->y2 = fmax(s->y2, y);
        n++;
    }
    return n > 0 ? 0 : err_set(ERR_DATA, "a polygon without points");
}

static int mask_corners(const char **attributes, struct shape *s)
{
    double w = 0;
    double h = 0;
    int e = number_of(attributes, "left", "mask", &s->x1);
    if (e == 0)
        e = number_of(attributes, "top", "mask", &s->y1);
    if (e == 0)
        e = number_of(attributes, "width", "mask", &w);
    if (e == 0)
        e = number_of(attributes, "height", "mask", &h);
    s->x2 = s->x1 + w;
    s->y2 = s->y1 + h;
    return e;
}

// *ret_is_box false: a shape that has no box.
static int shape_of(struct reader *r, const char *name, const char **attributes, struct shape *s,
                    bool *ret_is_box)
{
    *ret_is_box = true;
    if (strcmp(name, "box") == 0) {
        double degrees = 0;
        int e = box_corners(attributes, s);
        if (e == 0 && xml_attribute(attributes, "rotation"))
            e = number_of(attributes, "rotation", "box", &degrees);
        if (e == 0 && degrees != 0)
            turn(r, degrees, s);
        return e;
    }
    if (strcmp(name, "polygon") == 0) {
        import_skip(r->im, "polygons became the boxes around them");
        return polygon_corners(attributes, s);
    }
    if (strcmp(name, "mask") == 0) {
        import_skip(r->im, "masks became the boxes around them");
        return mask_corners(attributes, s);
    }
    static const char *const others[] = {"polyline", "points", "cuboid", "ellipse", "skeleton"};
    *ret_is_box = false;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strcmp(name, others[i]) == 0)
            import_skip(r->im, "shapes that are no boxes (lines, points, cuboids, ellipses, "
                               "skeletons) were left out");
    }
    return 0;
}

static int add_object(struct reader *r, int32_t picture, const struct shape *s)
{
    r->object = r->im->draft.n_objects;
    struct dataset_object o = import_new_object(picture, r->class_index);
    import_corners(&o, s->x1, s->y1, s->x2, s->y2);
    o.marks = s->occluded ? DATASET_OCCLUDED : 0;
    o.track_id = r->in_track ? r->track_id : -1;
    if (r->is_auto)
        import_skip(r->im, MAKER_OF_BOXES);
    return import_object(r->im, &o, r->in_track ? "track" : "image");
}

// ---- tracks

// Objects of a video carry their frame as picture until all frames are known.
static int add_at(struct reader *r, const struct shape *s, int64_t frame)
{
    if (frame < 0 || frame > CVAT_MAX_FRAMES)
        return err_set(ERR_DATA, "frame %lld is not from 0 to %d", (long long)frame,
                       CVAT_MAX_FRAMES);
    r->last_frame = frame > r->last_frame ? frame : r->last_frame;
    return s->outside ? 0 : add_object(r, (int32_t)frame, s);
}

static int count_filled(struct reader *r)
{
    return ++r->n_filled <= CVAT_MAX_FILLED
               ? 0
               : err_set(ERR_TOO_BIG, "more than %d boxes to interpolate", CVAT_MAX_FILLED);
}

static double between(double a, double b, double part)
{
    return a + (b - a) * part;
}

// The frames of the task between two shapes.
static int fill_gap(struct reader *r, const struct shape *a, const struct shape *b)
{
    if (a->outside)
        return 0;
    for (int64_t frame = a->frame + r->step; frame < b->frame; frame += r->step) {
        double part = (double)(frame - a->frame) / (double)(b->frame - a->frame);
        const struct shape s = {.x1 = between(a->x1, b->x1, part),
                                .y1 = between(a->y1, b->y1, part),
                                .x2 = between(a->x2, b->x2, part),
                                .y2 = between(a->y2, b->y2, part),
                                .occluded = a->occluded};
        int e = count_filled(r);
        if (e == 0)
            e = add_at(r, &s, frame);
        if (e < 0)
            return e;
        import_skip(r->im, "boxes were interpolated between those listed");
    }
    return 0;
}

static int add_listed(struct reader *r, const char *name, const char **attributes)
{
    struct shape s = {0};
    bool is_box;
    int e = shape_of(r, name, attributes, &s, &is_box);
    if (e < 0 || !is_box)
        return e;
    e = integer_of(attributes, "frame", name, &s.frame);
    if (e < 0)
        return e;
    s.outside = is_set(attributes, "outside");
    s.occluded = is_set(attributes, "occluded");
    if (r->has_last && s.frame <= r->last.frame)
        return err_set(ERR_DATA, "track %lld: frame %lld comes after frame %lld",
                       (long long)r->track_id, (long long)s.frame, (long long)r->last.frame);
    r->object = SIZE_MAX;
    e = add_at(r, &s, s.frame); // first: a frame out of range ends here, not in a long gap
    const size_t object = r->object;
    if (e == 0 && r->has_last)
        e = fill_gap(r, &r->last, &s);
    r->object = object;
    r->last = s;
    r->has_last = true;
    return e;
}

// Behind its last shape a track stands still.
static int end_track(struct reader *r)
{
    int e = 0;
    r->in_track = false;
    if (!r->has_last || r->last.outside || r->stop < 0)
        return 0;
    r->in_track = true;
    for (int64_t frame = r->last.frame + r->step; e == 0 && frame <= r->stop; frame += r->step) {
        e = count_filled(r);
        if (e == 0)
            e = add_at(r, &r->last, frame);
        import_skip(r->im, "boxes stand still behind the last one listed of their track");
    }
    r->in_track = false;
    return e;
}

// ---- elements

static int start_image(struct reader *r, const char **attributes)
{
    const char *name = xml_attribute(attributes, "name");
    double width = 0;
    double height = 0;
    int e = 0;
    if (!name)
        return err_set(ERR_DATA, "an image without \"name\"");
    if (xml_attribute(attributes, "width"))
        e = number_of(attributes, "width", "image", &width);
    if (e == 0 && xml_attribute(attributes, "height"))
        e = number_of(attributes, "height", "image", &height);
    if (e < 0)
        return e;
    bool known = width >= 1 && height >= 1 && width <= IMPORT_MAX_SIZE && height <= IMPORT_MAX_SIZE;
    return import_picture(r->im, str_of(name), known ? (int)width : 0, known ? (int)height : 0, -1,
                          0, &r->picture);
}

static int class_of(struct reader *r, const char **attributes, const char *where)
{
    const char *label = xml_attribute(attributes, "label");
    if (!label)
        return err_set(ERR_DATA, "a %s without \"label\"", where);
    return import_class(r->im, str_of(label), &r->class_index);
}

static bool is_made_by_program(const char **attributes)
{
    const char *source = xml_attribute(attributes, "source");
    return source && maker_is_program(str_of(source));
}

static int start_track(struct reader *r, const char **attributes)
{
    r->is_auto = is_made_by_program(attributes);
    r->in_track = true;
    r->has_last = false;
    r->is_video = true;
    int e = class_of(r, attributes, "track");
    return e < 0 ? e : integer_of(attributes, "id", "track", &r->track_id);
}

static int start_attribute(struct reader *r, const char **attributes)
{
    const char *name = xml_attribute(attributes, "name");
    r->attribute = NULL;
    if (!name || r->object == SIZE_MAX)
        return 0;
    r->attribute = arena_strndup(r->im->draft.arena, name, strlen(name));
    return r->attribute ? 0 : ERR_NOMEM;
}

static int end_attribute(struct reader *r, struct str text)
{
    const char *name = r->attribute;
    r->attribute = NULL;
    if (!name || r->object >= r->im->draft.n_objects)
        return 0;
    return draft_attribute(&r->im->draft, str_of(name), str_trim(text),
                           &r->im->draft.objects[r->object].attributes);
}

static int on_start(void *arg, const char *name, const char **attributes)
{
    struct reader *r = arg;
    r->depth++;
    if (r->depth == 1)
        return strcmp(name, "annotations") == 0
                   ? 0
                   : err_set(ERR_DATA, "the root is <%s>, not <annotations>", name);
    if (strcmp(name, "label") == 0)
        r->in_label = true;
    if (r->depth == 2 && strcmp(name, "image") == 0)
        return start_image(r, attributes);
    if (r->depth == 2 && strcmp(name, "track") == 0)
        return start_track(r, attributes);
    if (r->depth == 3 && r->in_track) {
        r->object = SIZE_MAX;
        return add_listed(r, name, attributes);
    }
    if (r->depth == 4 && strcmp(name, "attribute") == 0)
        return start_attribute(r, attributes);
    if (r->depth != 3 || r->picture < 0)
        return 0;
    r->object = SIZE_MAX;
    struct shape s = {.occluded = is_set(attributes, "occluded")};
    bool is_box;
    r->is_auto = is_made_by_program(attributes);
    int e = shape_of(r, name, attributes, &s, &is_box);
    if (e == 0 && is_box)
        e = class_of(r, attributes, name);
    return e == 0 && is_box ? add_object(r, r->picture, &s) : e;
}

// Of the task: frames and classes.
static int take_text(struct reader *r, const char *name, struct str text)
{
    const struct {
        const char *name;
        int64_t *value;
    } numbers[] = {{"start_frame", &r->start}, {"stop_frame", &r->stop}, {"size", &r->size}};
    text = str_trim(text);
    int32_t unused;
    if (r->in_label && strcmp(name, "name") == 0 && text.n > 0) {
        r->in_label = false; // names of attributes follow
        return import_class(r->im, text, &unused);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (strcmp(name, numbers[i].name) == 0 && str_to_i64(text, numbers[i].value) < 0)
            err_clear(); // a list of sizes or nothing: not needed
    }
    if (strcmp(name, "frame_filter") == 0 && str_starts(text, "step=") &&
        (str_to_i64((struct str){text.p + 5, text.n - 5}, &r->step) < 0 || r->step < 1 ||
         r->step > CVAT_MAX_FRAMES)) {
        err_clear();
        r->step = 1;
    }
    if (strcmp(name, "mode") == 0)
        r->is_video |= str_is(text, "interpolation");
    bool is_width = strcmp(name, "width") == 0;
    if ((is_width || strcmp(name, "height") == 0) &&
        str_to_double(text, is_width ? &r->width : &r->height) < 0)
        err_clear();
    return 0;
}

static int on_end(void *arg, const char *name, struct str text)
{
    struct reader *r = arg;
    int e = 0;
    if (r->depth == 4 && r->attribute)
        e = end_attribute(r, text);
    else if (r->depth == 2 && r->in_track)
        e = end_track(r);
    else if (r->depth == 2)
        r->picture = -1;
    else if (r->depth <= CVAT_MAX_TEXT_DEPTH && !r->in_track && r->picture < 0)
        e = take_text(r, name, text);
    if (strcmp(name, "label") == 0)
        r->in_label = false;
    r->depth--;
    return e;
}

// ---- the frames of a video

static int list_frames(struct reader *r)
{
    struct import *im = r->im;
    int64_t start = r->start > 0 ? r->start : 0;
    int64_t stop = r->stop >= start ? r->stop : r->last_frame;
    if (r->stop < 0 && r->size > 0)
        stop = start + (r->size - 1) * r->step;
    stop = stop > r->last_frame ? stop : r->last_frame;
    if (stop > CVAT_MAX_FRAMES)
        return err_set(ERR_DATA, "%s: frame %lld is not from 0 to %d", im->path, (long long)stop,
                       CVAT_MAX_FRAMES);
    // Frames before the start or between the steps exist only where a shape says so.
    for (size_t i = 0; i < im->draft.n_objects; i++) {
        int64_t frame = im->draft.objects[i].picture;
        if (frame < start || (frame - start) % r->step != 0) {
            start = 0;
            r->step = 1;
            break;
        }
    }
    int width = r->width >= 1 && r->width <= IMPORT_MAX_SIZE ? (int)r->width : 0;
    int height = r->height >= 1 && r->height <= IMPORT_MAX_SIZE ? (int)r->height : 0;
    int e = 0;
    int32_t unused;
    for (int64_t frame = start; e == 0 && frame <= stop; frame += r->step)
        e = import_picture(im, (struct str){0}, width, height, frame, 0, &unused);
    for (size_t i = 0; i < im->draft.n_objects; i++) {
        struct dataset_object *o = &im->draft.objects[i];
        o->picture = (int32_t)((o->picture - start) / r->step);
    }
    return e;
}

static int read_file(struct import *im, const char *path)
{
    static const struct xml_handlers handlers = {on_start, on_end};
    struct reader r = {
        .im = im, .start = -1, .stop = -1, .step = 1, .size = -1, .picture = -1, .last_frame = -1};
    struct dataset_input in;
    int e = dataset_input_open(path, &in);
    if (e < 0)
        return e;
    e = xml_read(&in, &handlers, &r);
    dataset_input_close(&in);
    if (e == 0 && r.is_video && im->draft.n_pictures > 0)
        return err_set(ERR_UNSUPPORTED, "%s: images and tracks in one file", path);
    return e == 0 && r.is_video ? list_frames(&r) : e;
}

// One file: a folder of several CVAT files holds different tasks.
int read_cvat(struct import *im)
{
    const char *found = NULL;
    for (size_t i = 0; i < im->files.n; i++) {
        const char *path = im->files.paths[i];
        if (im->files.n_root > 0 && !path_has_ending(path, ".xml"))
            continue;
        if (found)
            return err_set(ERR_INVALID, "'%s' and '%s': name the one that is meant", found, path);
        found = path;
    }
    return found ? read_file(im, found) : err_set(ERR_NOT_FOUND, "'%s': no XML file", im->path);
}
