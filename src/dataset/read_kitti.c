// SPDX-License-Identifier: Apache-2.0
// read_kitti.c - KITTI text: objects of a picture a file, or of a video with track ids a file.
//
// type truncated occluded alpha left top right bottom h w l x y z rotation_y [score]; tracking puts
// frame and track id before. A DontCare region is ignored truth of every class: what a detector
// finds there counts neither way.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    KITTI_FIELDS = 15, // without score
    KITTI_TRACKED = 2, // fields before them
    KITTI_MAX_FIELDS = KITTI_TRACKED + KITTI_FIELDS + 1,
    KITTI_MAX_FRAME = 1000 * 1000,
    KITTI_MAX_REGIONS = 20 * 1000 * 1000, // DontCare times classes
};

enum field { // behind frame and track
    FIELD_TYPE,
    FIELD_TRUNCATED,
    FIELD_OCCLUDED,
    FIELD_LEFT = 4,
    FIELD_TOP,
    FIELD_RIGHT,
    FIELD_BOTTOM,
    FIELD_SCORE = KITTI_FIELDS,
};

struct reader {
    struct import *im;
    bool is_tracking; // decided by the first line of the first file that has one
    bool is_decided;
    int32_t video;
    int64_t first_picture; // of the video
    int64_t last_frame;
    int32_t picture;
    struct dataset_object *regions; // DontCare: their class is not known yet
    size_t n_regions, cap_regions;
};

static int field(const struct line_reader *l, struct str word, const char *what, double *ret)
{
    if (str_to_double(word, ret) == 0)
        return 0;
    return err_prefix(ERR_DATA, "%s: line %lld: %s", l->in.path, (long long)l->line, what);
}

static int split(const struct line_reader *l, struct str line, struct str ret[KITTI_MAX_FIELDS],
                 size_t *ret_n)
{
    struct str word;
    size_t n = 0;
    while (next_word(&line, &word)) {
        if (n == KITTI_MAX_FIELDS)
            return line_reader_error(l, "more fields than KITTI has");
        ret[n++] = word;
    }
    *ret_n = n;
    return 0;
}

static int check_count(struct reader *r, const struct line_reader *l, size_t n)
{
    size_t extra = r->is_tracking ? KITTI_TRACKED : 0;
    if (n == KITTI_FIELDS + extra || n == KITTI_FIELDS + extra + 1)
        return 0;
    return line_reader_error(l, "%zu fields, not %zu or with a score %zu", n, KITTI_FIELDS + extra,
                             KITTI_FIELDS + extra + 1);
}

// Frames of a video are pictures; missing ones in between show nothing.
static int picture_of(struct reader *r, const struct line_reader *l, struct str word,
                      int32_t *ret_picture)
{
    int64_t frame;
    if (str_to_i64(word, &frame) < 0 || frame < 0 || frame > KITTI_MAX_FRAME) {
        err_clear();
        return line_reader_error(l, "frame '%.*s' is not a whole number from 0 to %d",
                                 (int)MIN(word.n, (size_t)40), word.p, KITTI_MAX_FRAME);
    }
    while (r->last_frame < frame) {
        int32_t unused;
        int e = import_picture(r->im, (struct str){0}, 0, 0, ++r->last_frame, r->video, &unused);
        if (e < 0)
            return e;
    }
    *ret_picture = (int32_t)(r->first_picture + frame);
    return 0;
}

static int parse_box(const struct line_reader *l, const struct str *f, struct dataset_object *o)
{
    double c[4];
    double number;
    int e = 0;
    for (int i = 0; e == 0 && i < 4; i++)
        e = field(l, f[FIELD_LEFT + i], "bounding box", &c[i]);
    if (e < 0)
        return e;
    import_corners(o, c[0], c[1], c[2], c[3]);
    e = field(l, f[FIELD_TRUNCATED], "truncated", &number);
    if (e == 0 && number > 0)
        o->marks |= DATASET_TRUNCATED;
    if (e == 0)
        e = field(l, f[FIELD_OCCLUDED], "occluded", &number);
    if (e == 0 && (number == 1 || number == 2))
        o->marks |= DATASET_OCCLUDED;
    return e;
}

static int add_region(struct reader *r, const struct dataset_object *o)
{
    int e = MEM_GROW(r->regions, r->cap_regions, r->n_regions);
    if (e == 0)
        r->regions[r->n_regions++] = *o;
    return e;
}

static int read_line(struct reader *r, const struct line_reader *l, struct str line)
{
    struct str fields[KITTI_MAX_FIELDS];
    const struct str *f = fields;
    size_t n = 0;
    int e = split(l, line, fields, &n);
    if (e < 0 || n == 0)
        return e;
    if (!r->is_decided) {
        r->is_tracking = n > KITTI_FIELDS + 1;
        r->is_decided = true;
    }
    e = check_count(r, l, n);
    if (e < 0)
        return e;
    struct dataset_object o = import_new_object(r->picture, 0);
    if (r->is_tracking) {
        e = picture_of(r, l, fields[0], &o.picture);
        if (e == 0 && str_to_i64(fields[1], &o.track_id) < 0)
            return err_prefix(ERR_DATA, "%s: line %lld: track id", l->in.path, (long long)l->line);
        f += KITTI_TRACKED;
        n -= KITTI_TRACKED;
    }
    if (e == 0)
        e = parse_box(l, f, &o);
    if (e == 0 && n > FIELD_SCORE && r->im->role == DATASET_DETECTIONS)
        e = field(l, f[FIELD_SCORE], "score", &o.confidence);
    if (e < 0)
        return e;
    if (str_is_nocase(f[FIELD_TYPE], "DontCare"))
        return r->im->role == DATASET_DETECTIONS ? 0 : add_region(r, &o);
    e = import_class(r->im, f[FIELD_TYPE], &o.class_index);
    return e < 0 ? e : import_object(r->im, &o, l->in.path);
}

static int open_page(struct reader *r, const char *path)
{
    struct str stem = path_stem(path_base(path));
    r->last_frame = -1;
    r->first_picture = (int64_t)r->im->draft.n_pictures;
    if (r->is_tracking)
        return draft_video(&r->im->draft, stem, &r->video);
    return import_picture(r->im, stem, 0, 0, -1, 0, &r->picture);
}

// Looks at the first line with words: whether it is tracking.
static int decide(struct reader *r, const char *path)
{
    struct line_reader l = {0};
    struct str line;
    int e = line_reader_open(path, &l);
    while (e == 0 && !r->is_decided) {
        e = line_reader_next(&l, &line);
        size_t n = 0;
        struct str word;
        while (e == 0 && next_word(&line, &word))
            n++;
        if (n > 0) {
            r->is_tracking = n > KITTI_FIELDS + 1;
            r->is_decided = true;
        }
    }
    line_reader_close(&l);
    return e == ERR_EOF ? 0 : e;
}

static int read_file(struct reader *r, const char *path)
{
    struct line_reader l = {0};
    struct str line;
    int e = open_page(r, path);
    if (e == 0)
        e = line_reader_open(path, &l);
    while (e == 0) {
        e = line_reader_next(&l, &line);
        if (e == 0)
            e = read_line(r, &l, line);
    }
    line_reader_close(&l);
    return e == ERR_EOF ? 0 : e;
}

static int add_regions(struct reader *r)
{
    struct draft *d = &r->im->draft;
    int e = 0;
    if (d->n_classes > 0 && r->n_regions > KITTI_MAX_REGIONS / d->n_classes)
        return err_set(ERR_TOO_BIG, "%s: more than %d ignored regions", r->im->path,
                       KITTI_MAX_REGIONS);
    for (size_t i = 0; e == 0 && i < r->n_regions; i++) {
        struct dataset_object o = r->regions[i];
        o.crowd = o.ignore = true;
        for (size_t k = 0; e == 0 && k < d->n_classes; k++) {
            o.class_index = (int32_t)k;
            e = import_object(r->im, &o, r->im->path);
        }
        import_skip(r->im, "DontCare regions are ignored truth of every class");
    }
    return e;
}

static bool is_label_file(const struct reader *r, const char *path)
{
    return r->im->files.n_root == 0 ||
           (path_has_ending(path, ".txt") && !path_is(path, "readme.txt"));
}

int read_kitti(struct import *im)
{
    struct reader r = {.im = im};
    int e = 0;
    for (size_t i = 0; e == 0 && i < im->files.n && !r.is_decided; i++) {
        if (is_label_file(&r, im->files.paths[i]))
            e = decide(&r, im->files.paths[i]);
    }
    for (size_t i = 0; e == 0 && i < im->files.n; i++) {
        if (is_label_file(&r, im->files.paths[i]))
            e = read_file(&r, im->files.paths[i]);
    }
    if (e == 0)
        e = add_regions(&r);
    mem_free(r.regions);
    return e;
}
