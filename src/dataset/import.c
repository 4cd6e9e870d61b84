// SPDX-License-Identifier: Apache-2.0
// import.c - labels, pictures and objects of annotation formats become a dataset.

#include "dataset/import_priv.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

// ---- classes

// The slot of the label, or the free one where it belongs.
static uint32_t *find_slot(struct import *im, struct str label)
{
    size_t mask = im->n_label_slots - 1;
    for (size_t i = (size_t)str_hash(label) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &im->label_slots[i];
        if (*slot == 0 || str_is(label, im->draft.classes[*slot - 1].name))
            return slot;
    }
}

static int grow_slots(struct import *im)
{
    if (im->draft.n_classes * 2 + 2 <= im->n_label_slots)
        return 0;
    size_t n = im->n_label_slots ? im->n_label_slots * 2 : 64;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    mem_free(im->label_slots);
    im->label_slots = slots;
    im->n_label_slots = n;
    for (size_t i = 0; i < im->draft.n_classes; i++) {
        uint32_t *slot = find_slot(im, str_of(im->draft.classes[i].name));
        if (*slot == 0)
            *slot = (uint32_t)i + 1;
    }
    return 0;
}

int import_class_id(struct import *im, int64_t id, struct str label)
{
    int r = grow_slots(im);
    if (r == 0)
        r = draft_class(&im->draft, id, label);
    if (r < 0)
        return r;
    uint32_t *slot = find_slot(im, label);
    if (*slot == 0)
        *slot = (uint32_t)im->draft.n_classes;
    return 0;
}

int import_class(struct import *im, struct str label, int32_t *ret_class)
{
    if (memchr(label.n ? label.p : "", '\0', label.n))
        return err_set(ERR_DATA, "a class name holds a zero byte");
    uint32_t *slot = im->n_label_slots ? find_slot(im, label) : NULL;
    if (!slot || *slot == 0) {
        int r = import_class_id(im, (int64_t)im->draft.n_classes + 1, label);
        if (r < 0)
            return r;
        slot = find_slot(im, label);
    }
    *ret_class = (int32_t)*slot - 1;
    return 0;
}

struct class_order {
    int64_t id;
    int32_t from;
};

static int compare_orders(const void *a, const void *b)
{
    const struct class_order *x = a;
    const struct class_order *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void apply_order(struct import *im, const struct class_order *order,
                        struct dataset_class *copy, int32_t *to)
{
    struct draft *d = &im->draft;
    for (size_t i = 0; i < d->n_classes; i++) {
        copy[i] = d->classes[order[i].from];
        to[order[i].from] = (int32_t)i;
    }
    memcpy(d->classes, copy, d->n_classes * sizeof(*copy));
    for (size_t i = 0; i < d->n_objects; i++)
        d->objects[i].class_index = to[d->objects[i].class_index];
    mem_free(im->label_slots); // made anew when a label is asked for
    im->label_slots = NULL;
    im->n_label_slots = 0;
}

int import_sort_classes(struct import *im)
{
    const size_t n = im->draft.n_classes;
    if (n < 2)
        return 0;
    struct class_order *order = mem_array(struct class_order, n);
    struct dataset_class *copy = mem_array(struct dataset_class, n);
    int32_t *to = mem_array(int32_t, n);
    int r = order && copy && to ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        order[i] = (struct class_order){im->draft.classes[i].id, (int32_t)i};
    if (r == 0) {
        qsort(order, n, sizeof(*order), compare_orders);
        apply_order(im, order, copy, to);
    }
    mem_free(order);
    mem_free(copy);
    mem_free(to);
    return r;
}

// ---- pictures

int import_picture(struct import *im, struct str name, int width, int height, int64_t frame,
                   int32_t video, int32_t *ret_picture)
{
    struct dataset_picture p = {.id = (int64_t)im->draft.n_pictures + 1,
                                .frame = frame,
                                .pts_us = INT64_MIN,
                                .width = width,
                                .height = height,
                                .video = video};
    if (name.n > 0) {
        p.file_name = arena_strndup(im->draft.arena, name.p, name.n);
        if (!p.file_name)
            return ERR_NOMEM;
    }
    int r = draft_picture(&im->draft, &p);
    if (r == 0)
        *ret_picture = (int32_t)im->draft.n_pictures - 1;
    return r;
}

// ---- the truth's pictures by stem

struct stem_map {
    size_t n;
    struct stem_entry {
        struct str stem;
        int32_t picture;
    } entries[];
};

static int compare_stem_entries(const void *a, const void *b)
{
    const struct stem_entry *x = a;
    const struct stem_entry *y = b;
    size_t n = MIN(x->stem.n, y->stem.n);
    int order = n ? memcmp(x->stem.p, y->stem.p, n) : 0;
    return order ? order : (x->stem.n > y->stem.n) - (x->stem.n < y->stem.n);
}

static struct stem_map *stem_map_new(const struct dataset *truth)
{
    struct stem_map *m = mem_calloc(1, sizeof(*m) + truth->n_pictures * sizeof(struct stem_entry));
    if (!m)
        return NULL;
    for (size_t i = 0; i < truth->n_pictures; i++) {
        const char *name = truth->pictures[i].file_name;
        if (!name)
            name = truth->pictures[i].text_id;
        if (name)
            m->entries[m->n++] = (struct stem_entry){path_stem(str_of(name)), (int32_t)i};
    }
    if (m->n > 1)
        qsort(m->entries, m->n, sizeof(m->entries[0]), compare_stem_entries);
    return m;
}

// -1: none, or several.
static int32_t stem_map_find(const struct stem_map *m, struct str stem)
{
    const struct stem_entry key = {.stem = stem};
    const struct stem_entry *e =
        m->n ? bsearch(&key, m->entries, m->n, sizeof(key), compare_stem_entries) : NULL;
    if (!e)
        return -1;
    bool twice = (e > m->entries && compare_stem_entries(e - 1, &key) == 0) ||
                 (e + 1 < m->entries + m->n && compare_stem_entries(e + 1, &key) == 0);
    return twice ? -1 : e->picture;
}

static int32_t truth_picture(const struct import *im, const struct frame_map *frames,
                             const struct dataset_picture *p)
{
    int32_t found = -1;
    if (p->file_name)
        found = stem_map_find(im->truth_stems, path_stem(str_of(p->file_name)));
    if (found < 0 && (p->file_name || p->frame >= 0) && frames)
        found = frame_map_find(frames, p->frame, p->file_name);
    return found;
}

// ---- sizes

int import_pictures(struct import *im)
{
    if (im->has_pictures)
        return 0;
    const char *folder = im->images;
    struct str_buf own = STR_BUF_INIT(IMPORT_MAX_PATH);
    if (!folder && im->files.n_root > 0) {
        folder = im->path;
    } else if (!folder) {
        struct str base = path_base(im->path);
        str_buf_add(&own, im->path, (size_t)(base.p - im->path));
        folder = own.n > 0 ? str_buf_text(&own) : ".";
    }
    int r = str_buf_check(&own);
    if (r == 0)
        r = picture_index_create(folder, &im->pictures);
    im->has_pictures = r == 0;
    str_buf_finish(&own);
    return r;
}

static int ask_file(struct import *im, const struct dataset_picture *p, const char *near,
                    int *ret_width, int *ret_height)
{
    int r = import_pictures(im);
    if (r < 0)
        return r;
    const char *name = p->file_name ? p->file_name : "";
    struct picture_entry *found = picture_index_find(&im->pictures, path_stem(str_of(name)), near);
    const char *path = found ? found->path : NULL;
    if (found)
        found->used = true;
    if (!path || !im->opts->picture_size)
        return err_set(ERR_DATA,
                       "%s: boxes are relative, and the picture '%s' is not there to tell its "
                       "size: name the folder of the pictures",
                       near, name);
    r = im->opts->picture_size(im->opts->arg, path, ret_width, ret_height);
    if (r == 0 && (*ret_width <= 0 || *ret_height <= 0))
        return err_set(ERR_DATA, "'%s': a picture without size", path);
    if (r == 0 && !strchr(name, '.')) { // the name was only a stem
        struct str base = path_base(path);
        const char *whole = arena_strndup(im->draft.arena, base.p, base.n);
        if (!whole)
            return ERR_NOMEM;
        im->draft.pictures[p - im->draft.pictures].file_name = whole;
    }
    return r;
}

int import_size(struct import *im, int32_t picture, const char *near, int *ret_width,
                int *ret_height)
{
    struct dataset_picture *p = &im->draft.pictures[picture];
    if (p->width <= 0 && im->opts->truth) {
        int32_t found = truth_picture(im, NULL, p);
        if (found >= 0) {
            p->width = im->opts->truth->pictures[found].width;
            p->height = im->opts->truth->pictures[found].height;
        }
    }
    if (p->width <= 0 || p->height <= 0) {
        int width = 0;
        int height = 0;
        int r = ask_file(im, p, near, &width, &height);
        if (r < 0)
            return r;
        p->width = width;
        p->height = height;
    }
    *ret_width = p->width;
    *ret_height = p->height;
    return 0;
}

// ---- objects

struct dataset_object import_new_object(int32_t picture, int32_t class_index)
{
    return (struct dataset_object){
        .picture = picture, .class_index = class_index, .confidence = 1, .track_id = -1};
}

void import_corners(struct dataset_object *o, double x1, double y1, double x2, double y2)
{
    o->x = x1;
    o->y = y1;
    o->w = x2 - x1;
    o->h = y2 - y1;
}

static double pixel(double part, int side)
{
    double at = part * side;
    double whole = nearbyint(at);
    return fabs(at - whole) <= 1e-6 * side ? whole : at;
}

void import_relative_corners(struct dataset_object *o, const double corners[4], int width,
                             int height)
{
    import_corners(o, pixel(corners[0], width), pixel(corners[1], height), pixel(corners[2], width),
                   pixel(corners[3], height));
}

int import_object(struct import *im, const struct dataset_object *o, const char *where)
{
    struct dataset_object copy = *o;
    copy.area = copy.w * copy.h;
    if (!isfinite(copy.x) || !isfinite(copy.y) || !isfinite(copy.area) ||
        !isfinite(copy.confidence))
        return err_set(ERR_DATA, "%s: a box whose numbers are not finite", where);
    if (copy.w < 0 || copy.h < 0)
        im->n_negative++;
    if (copy.id == 0)
        copy.id = (int64_t)im->draft.n_objects + 1;
    return draft_object(&im->draft, &copy, NULL);
}

void import_skip(struct import *im, const char *what)
{
    size_t i = 0;
    while (i < im->n_skips && strcmp(im->skips[i].what, what) != 0)
        i++;
    if (i == im->n_skips) {
        assert(i < IMPORT_MAX_SKIPS);
        im->skips[im->n_skips++].what = what;
    }
    im->skips[i].n++;
}

int import_number(struct str text, const char *where, const char *what, double *ret)
{
    int r = str_to_double(str_trim(text), ret);
    return r < 0 ? err_prefix(ERR_DATA, "%s: %s", where, what) : 0;
}

// ---- detections against their truth

struct matching {
    struct frame_map *frames;
    struct label_map *labels;
    int32_t *pictures; // [of the draft], -1: none of the truth
    int32_t *classes;
};

static int fill_matching(struct import *im, struct matching *m)
{
    const struct dataset *truth = im->opts->truth;
    int r = frame_map_create(truth, true, &m->frames);
    if (r == 0)
        r = label_map_create(truth, &m->labels);
    if (r < 0)
        return r;
    m->pictures = mem_array(int32_t, im->draft.n_pictures);
    m->classes = mem_array(int32_t, im->draft.n_classes);
    if ((!m->pictures && im->draft.n_pictures > 0) || (!m->classes && im->draft.n_classes > 0))
        return ERR_NOMEM;
    for (size_t i = 0; i < im->draft.n_pictures; i++)
        m->pictures[i] = truth_picture(im, m->frames, &im->draft.pictures[i]);
    for (size_t i = 0; i < im->draft.n_classes; i++)
        m->classes[i] = label_map_find(m->labels, str_of(im->draft.classes[i].name));
    return 0;
}

static void move_objects(struct import *im, const struct matching *m)
{
    size_t n = 0;
    for (size_t i = 0; i < im->draft.n_objects; i++) {
        struct dataset_object o = im->draft.objects[i];
        o.picture = m->pictures[o.picture];
        o.class_index = m->classes[o.class_index];
        if (o.picture < 0)
            import_skip(im, "detections of pictures that the truth does not list were left out");
        else if (o.class_index < 0)
            import_skip(im, "detections of classes that the truth does not have were left out");
        else
            im->draft.objects[n++] = o;
    }
    im->draft.n_objects = n;
}

static int match_truth(struct import *im)
{
    struct matching m = {0};
    int r = fill_matching(im, &m);
    if (r == 0)
        move_objects(im, &m);
    frame_map_destroy(m.frames);
    label_map_destroy(m.labels);
    mem_free(m.pictures);
    mem_free(m.classes);
    return r;
}

// ---- the whole

static int say_skips(struct import *im)
{
    int r = draft_notice_negative(&im->draft, im->n_negative);
    for (size_t i = 0; r == 0 && i < im->n_skips; i++)
        r = draft_notice(&im->draft, "%zu %s", im->skips[i].n, im->skips[i].what);
    return r;
}

static int run_reader(struct import *im, enum dataset_format format)
{
    static int (*const readers[DATASET_N_FORMATS])(struct import *) = {
        [DATASET_CVAT] = read_cvat,         [DATASET_VOC] = read_voc,
        [DATASET_YOLO] = read_yolo,         [DATASET_KITTI] = read_kitti,
        [DATASET_LABELME] = read_labelme,   [DATASET_OPENIMAGES] = read_csv,
        [DATASET_VOTT] = read_csv,          [DATASET_TEXT] = read_texts,
        [DATASET_MOT_CVAT] = read_mot_cvat, [DATASET_JSONL] = read_jsonl,
        [DATASET_CSV] = read_csv_own,
    };
    im->format = dataset_format_name(format);
    if (im->opts->truth) {
        im->truth_stems = stem_map_new(im->opts->truth);
        if (!im->truth_stems)
            return ERR_NOMEM;
    }
    int r = readers[format](im);
    if (r == 0 && im->opts->truth)
        r = match_truth(im);
    return r == 0 ? say_skips(im) : r;
}

int dataset_import(const char *path, const struct dataset_read_opts *opts,
                   enum dataset_format format, struct file_list *files,
                   struct dataset **ret_dataset)
{
    const bool of_detections =
        format == DATASET_TEXT || format == DATASET_JSONL || format == DATASET_CSV;
    enum dataset_role role = opts->role;
    if (role == DATASET_ROLE_UNSET)
        role = of_detections || opts->truth ? DATASET_DETECTIONS : DATASET_TRUTH;
    struct import im = {.opts = opts, .role = role, .path = path, .images = opts->images};
    int r = draft_init(&im.draft);
    if (r < 0)
        return r;
    im.files = *files;
    *files = (struct file_list){0};
    r = run_reader(&im, format);
    if (r == 0)
        r = draft_to_dataset(&im.draft, im.format, opts->truth, ret_dataset);
    if (r == 0)
        (*ret_dataset)->role = role;
    draft_finish(&im.draft);
    mem_free(im.label_slots);
    mem_free(im.truth_stems);
    if (im.has_pictures)
        picture_index_finish(&im.pictures);
    file_list_finish(&im.files);
    return r;
}
