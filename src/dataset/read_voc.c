// SPDX-License-Identifier: Apache-2.0
// read_voc.c - Pascal VOC and ImageNet XML, and LabelMe's older XML: one <annotation> a picture.
//
// What is read, by depth: 2 filename, size or imagesize, object; 3 of object: name, difficult,
// truncated, occluded, deleted, bndbox, polygon, segm; 4 the corners, pt and box; 5 x and y of pt,
// the corners of box. Parts of an object (heads, hands) have boxes of their own, which are not
// read.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/import_priv.h"
#include "dataset/xml_priv.h"

enum section { // what the element of a depth is
    SECTION_OTHER,
    SECTION_OBJECT,
    SECTION_SIZE,
    SECTION_BOX,     // bndbox
    SECTION_POLYGON, // polygon of LabelMe
    SECTION_SEGMENT, // segm of LabelMe, its box
    SECTION_POINT,
};

enum corner { X_MIN, Y_MIN, X_MAX, Y_MAX, N_CORNERS };

struct reader {
    struct import *im;
    int depth;
    enum section sections[6]; // by depth
    struct {
        const char *file_name;
        double width, height;
        int32_t picture;
        size_t first_object;
    } page;
    struct {
        bool has_class, is_deleted, is_labelme;
        int32_t class_index;
        uint8_t marks;
        double corners[N_CORNERS]; // NAN where absent
        double x;                  // of a point, until its y
    } object;
};

static enum section section_of(const struct reader *r, const char *name)
{
    static const struct {
        int depth;
        enum section parent;
        const char *name;
        enum section section;
    } rows[] = {
        {2, SECTION_OTHER, "object", SECTION_OBJECT},
        {2, SECTION_OTHER, "size", SECTION_SIZE},
        {2, SECTION_OTHER, "imagesize", SECTION_SIZE},
        {3, SECTION_OBJECT, "bndbox", SECTION_BOX},
        {3, SECTION_OBJECT, "polygon", SECTION_POLYGON},
        {3, SECTION_OBJECT, "segm", SECTION_SEGMENT},
        {4, SECTION_POLYGON, "pt", SECTION_POINT},
        {4, SECTION_SEGMENT, "box", SECTION_BOX},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].depth == r->depth && rows[i].parent == r->sections[r->depth - 1] &&
            strcmp(rows[i].name, name) == 0)
            return rows[i].section;
    }
    return SECTION_OTHER;
}

static int on_start(void *arg, const char *name, const char **attributes)
{
    struct reader *r = arg;
    r->depth++;
    if (r->depth == 1 && strcmp(name, "annotation") != 0)
        return err_set(ERR_DATA, "the root is <%s>, not <annotation>", name);
    if (r->depth < 1 || r->depth >= (int)ARRAY_LEN(r->sections))
        return 0;
    r->sections[r->depth] = section_of(r, name);
    if (r->sections[r->depth] == SECTION_OBJECT) {
        memset(&r->object, 0, sizeof(r->object));
        for (int i = 0; i < N_CORNERS; i++)
            r->object.corners[i] = NAN;
    }
    return 0;
}

// ---- texts

static int take_corner(struct reader *r, const char *name, struct str text)
{
    static const char *const names[] = {"xmin", "ymin", "xmax", "ymax"};
    for (int i = 0; i < N_CORNERS; i++) {
        if (strcmp(name, names[i]) == 0)
            return import_number(text, "bndbox", name, &r->object.corners[i]);
    }
    return 0;
}

static void widen(struct reader *r, double x, double y)
{
    double *c = r->object.corners;
    c[X_MIN] = fmin(c[X_MIN], x); // of NAN and a number fmin() gives the number
    c[Y_MIN] = fmin(c[Y_MIN], y);
    c[X_MAX] = fmax(c[X_MAX], x);
    c[Y_MAX] = fmax(c[Y_MAX], y);
}

static int take_point(struct reader *r, const char *name, struct str text)
{
    r->object.is_labelme = true;
    if (strcmp(name, "x") == 0)
        return import_number(text, "pt", name, &r->object.x);
    double y;
    int e = strcmp(name, "y") == 0 ? import_number(text, "pt", name, &y) : 1;
    if (e == 0)
        widen(r, r->object.x, y);
    return e < 0 ? e : 0;
}

static bool is_yes(struct str text)
{
    text = str_trim(text);
    return str_is(text, "1") || str_is_nocase(text, "yes") || str_is_nocase(text, "true");
}

static int take_fact(struct reader *r, const char *name, struct str text)
{
    static const struct {
        const char *name;
        uint8_t mark;
    } marks[] = {
        {"difficult", DATASET_DIFFICULT},
        {"occluded", DATASET_OCCLUDED},
        {"truncated", DATASET_TRUNCATED},
    };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strcmp(name, marks[i].name) == 0 && is_yes(text))
            r->object.marks |= marks[i].mark;
    }
    if (strcmp(name, "deleted") == 0)
        r->object.is_deleted = is_yes(text);
    if (strcmp(name, "name") != 0)
        return 0;
    r->object.has_class = true;
    return import_class(r->im, str_trim(text), &r->object.class_index);
}

static int take_size(struct reader *r, const char *name, struct str text)
{
    bool is_width = strcmp(name, "width") == 0 || strcmp(name, "ncols") == 0;
    bool is_height = strcmp(name, "height") == 0 || strcmp(name, "nrows") == 0;
    if ((!is_width && !is_height) || str_trim(text).n == 0)
        return 0;
    return import_number(text, "size", name, is_width ? &r->page.width : &r->page.height);
}

static int take_text(struct reader *r, const char *name, struct str text)
{
    switch (r->sections[r->depth - 1]) {
    case SECTION_BOX:
        return take_corner(r, name, text);
    case SECTION_POINT:
        return take_point(r, name, text);
    case SECTION_SIZE:
        return take_size(r, name, text);
    case SECTION_OBJECT:
        return take_fact(r, name, text);
    default:
        break;
    }
    if (r->depth != 2 || strcmp(name, "filename") != 0)
        return 0;
    text = str_trim(text);
    r->page.file_name = arena_strndup(r->im->draft.arena, text.p, text.n);
    return r->page.file_name ? 0 : ERR_NOMEM;
}

static int end_object(struct reader *r)
{
    const double *c = r->object.corners;
    if (r->object.is_deleted) {
        import_skip(r->im, "deleted objects were left out");
        return 0;
    }
    if (!r->object.has_class)
        return err_set(ERR_DATA, "an object without name");
    for (int i = 0; i < N_CORNERS; i++) {
        if (isnan(c[i]))
            return err_set(ERR_DATA, "an object without a whole bndbox");
    }
    struct dataset_object o = import_new_object(r->page.picture, r->object.class_index);
    bool pixels = r->im->opts->voc_boxes == DATASET_VOC_PIXELS && !r->object.is_labelme;
    import_corners(&o, c[X_MIN] - pixels, c[Y_MIN] - pixels, c[X_MAX], c[Y_MAX]);
    o.marks = r->object.marks;
    return import_object(r->im, &o, "bndbox");
}

static int on_end(void *arg, const char *name, struct str text)
{
    struct reader *r = arg;
    int e = 0;
    if (r->depth < (int)ARRAY_LEN(r->sections)) {
        if (r->depth == 2 && r->sections[2] == SECTION_OBJECT)
            e = end_object(r);
        else if (r->depth >= 2)
            e = take_text(r, name, text);
    }
    r->depth--;
    return e;
}

// ---- files

static int side(double value)
{
    return value >= 1 && value <= IMPORT_MAX_SIZE ? (int)value : 0;
}

static int read_page(struct reader *r, const char *path)
{
    static const struct xml_handlers handlers = {on_start, on_end};
    struct import *im = r->im;
    memset(&r->page, 0, sizeof(r->page));
    r->depth = 0;
    struct dataset_input in;
    int e = import_picture(im, (struct str){0}, 0, 0, -1, 0, &r->page.picture);
    if (e == 0)
        e = dataset_input_open(path, &in);
    if (e < 0)
        return e;
    e = xml_read(&in, &handlers, r);
    dataset_input_close(&in);
    if (e < 0)
        return e;
    struct dataset_picture *p = &im->draft.pictures[r->page.picture];
    struct str stem = path_stem(path_base(path));
    p->file_name = r->page.file_name;
    if (!p->file_name || p->file_name[0] == '\0')
        p->file_name = arena_strndup(im->draft.arena, stem.p, stem.n);
    p->width = side(r->page.width);
    p->height = side(r->page.height);
    return p->file_name ? 0 : ERR_NOMEM;
}

int read_voc(struct import *im)
{
    struct reader r = {.im = im};
    const bool is_folder = im->files.n_root > 0;
    int e = 0;
    for (size_t i = 0; e == 0 && i < im->files.n; i++) {
        if (!is_folder || path_has_ending(im->files.paths[i], ".xml"))
            e = read_page(&r, im->files.paths[i]);
    }
    if (e == 0 && im->opts->voc_boxes == DATASET_VOC_CORNERS)
        e = draft_notice(&im->draft, "VOC corners are read as they stand (x = xmin, width = xmax - "
                                     "xmin), not as first and last pixel counted from 1");
    return e;
}
