// SPDX-License-Identifier: Apache-2.0
// read_csv_own.c - the CSV of `detect`, a row a detection: beside a truth, or on their own.
//
// Frames without detections have no row, so nobody knows which frames were looked at: all pictures
// of the truth are judged, and a notice says so. Numbers are float32 there.

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/csv_priv.h"
#include "dataset/import_priv.h"

enum column {
    COLUMN_FRAME,
    COLUMN_LABEL,
    COLUMN_CONFIDENCE,
    COLUMN_X,
    COLUMN_Y,
    COLUMN_WIDTH,
    COLUMN_HEIGHT,
    N_NEEDED,
    COLUMN_PTS = N_NEEDED,
    COLUMN_FILE,
    COLUMN_TRACK,
    N_COLUMNS,
};

static const char *const names[N_COLUMNS] = {
    [COLUMN_FRAME] = "frame",           [COLUMN_PTS] = "pts_us",  [COLUMN_FILE] = "file",
    [COLUMN_LABEL] = "label",           [COLUMN_X] = "x",         [COLUMN_Y] = "y",
    [COLUMN_CONFIDENCE] = "confidence", [COLUMN_WIDTH] = "width", [COLUMN_HEIGHT] = "height",
    [COLUMN_TRACK] = "track_id",
};

struct reader {
    struct import *im;
    struct line_reader lines;
    struct csv_row row;
    int columns[N_COLUMNS];
    struct dataset_builder *builder; // beside a truth; NULL: on their own
    // Frames so far: pictures of the draft, or frames of the builder, in the same order. By number:
    // open addressing, index + 1.
    int64_t *frames;
    size_t n_frames, cap_frames;
    uint32_t *slots;
    size_t n_slots;
};

// A row as it stands; texts are valid until the next one.
struct found {
    int64_t frame, pts_us, track_id;
    struct str label, file;
    double x, y, w, h, confidence;
};

static struct str cell(const struct reader *r, enum column c)
{
    return csv_row_cell(&r->row, r->columns[c]);
}

static int prefix(const struct reader *r, int e)
{
    return err_prefix(e, "%s: line %lld", r->lines.in.path, (long long)r->lines.line);
}

static int take_header(struct reader *r)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        r->columns[c] = csv_row_find(&r->row, names[c]);
        if (c < N_NEEDED && r->columns[c] < 0)
            return line_reader_error(&r->lines, "no column %s", names[c]);
    }
    return 0;
}

static int take_number(const struct reader *r, enum column c, double *ret)
{
    double value;
    int e = str_to_double(cell(r, c), &value);
    if (e < 0)
        return prefix(r, err_prefix(ERR_DATA, "%s", names[c]));
    *ret = (double)(float)value;
    if (!isfinite(*ret))
        return line_reader_error(&r->lines, "%s is not finite", names[c]);
    return 0;
}

// An empty cell leaves *ret* as it is, but for the frame's.
static int take_whole(const struct reader *r, enum column c, int64_t *ret)
{
    struct str text = cell(r, c);
    if (text.n == 0 && c != COLUMN_FRAME)
        return 0;
    int e = str_to_i64(text, ret);
    return e < 0 ? prefix(r, err_prefix(ERR_DATA, "%s", names[c])) : 0;
}

static int take_row(const struct reader *r, struct found *f)
{
    const struct {
        enum column column;
        double *value;
    } numbers[] = {{COLUMN_CONFIDENCE, &f->confidence},
                   {COLUMN_X, &f->x},
                   {COLUMN_Y, &f->y},
                   {COLUMN_WIDTH, &f->w},
                   {COLUMN_HEIGHT, &f->h}};
    int e = take_whole(r, COLUMN_FRAME, &f->frame);
    if (e == 0 && f->frame < 0)
        return line_reader_error(&r->lines, "frame %lld is negative", (long long)f->frame);
    if (e == 0)
        e = take_whole(r, COLUMN_PTS, &f->pts_us);
    if (e == 0)
        e = take_whole(r, COLUMN_TRACK, &f->track_id);
    for (size_t i = 0; e == 0 && i < ARRAY_LEN(numbers); i++)
        e = take_number(r, numbers[i].column, numbers[i].value);
    f->label = str_csv_undo(cell(r, COLUMN_LABEL));
    f->file = str_csv_undo(cell(r, COLUMN_FILE));
    return e;
}

// ---- frames

static uint32_t *find_slot(const struct reader *r, int64_t frame)
{
    const size_t mask = r->n_slots - 1;
    const uint64_t hash = (uint64_t)frame * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 32) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &r->slots[i];
        if (*slot == 0 || r->frames[*slot - 1] == frame)
            return slot;
    }
}

static int grow(struct reader *r)
{
    int e = MEM_GROW(r->frames, r->cap_frames, r->n_frames);
    if (e < 0 || r->n_frames * 2 + 2 <= r->n_slots)
        return e;
    const size_t n = r->n_slots ? r->n_slots * 2 : 1024;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    mem_free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    for (size_t i = 0; i < r->n_frames; i++)
        *find_slot(r, r->frames[i]) = (uint32_t)i + 1;
    return 0;
}

static int add_frame(struct reader *r, const struct found *f)
{
    int32_t picture;
    if (!r->builder) {
        int e = import_picture(r->im, f->file, 0, 0, f->frame, 0, &picture);
        if (e == 0)
            r->im->draft.pictures[picture].pts_us = f->pts_us;
        return e;
    }
    char *file = f->file.n > 0 ? mem_strndup(f->file.p, f->file.n) : NULL;
    int e = file || f->file.n == 0 ? 0 : ERR_NOMEM;
    if (e == 0)
        e = dataset_builder_frame(r->builder, f->frame, f->pts_us, file);
    mem_free(file);
    return e;
}

// Rows of a frame may stand anywhere: people sort tables.
static int frame_of(struct reader *r, const struct found *f, size_t *ret_index)
{
    int e = grow(r);
    if (e < 0)
        return e;
    uint32_t *slot = find_slot(r, f->frame);
    if (*slot == 0) {
        e = add_frame(r, f);
        if (e < 0)
            return e;
        r->frames[r->n_frames++] = f->frame;
        *slot = (uint32_t)r->n_frames;
    }
    *ret_index = *slot - 1;
    return 0;
}

// ---- detections

static int build(struct reader *r, const struct found *f, size_t frame)
{
    char *label = mem_strndup(f->label.p, f->label.n);
    const struct dataset_detection d = {.label = label,
                                        .x = f->x,
                                        .y = f->y,
                                        .w = f->w,
                                        .h = f->h,
                                        .confidence = f->confidence,
                                        .track_id = f->track_id};
    dataset_builder_turn_to(r->builder, frame);
    int e = label ? dataset_builder_add(r->builder, &d) : ERR_NOMEM;
    mem_free(label);
    return e;
}

static int import_row(struct reader *r, const struct found *f, size_t frame)
{
    struct dataset_object o = import_new_object((int32_t)frame, 0);
    int e = import_class(r->im, f->label, &o.class_index);
    if (e < 0)
        return e;
    o.x = f->x;
    o.y = f->y;
    o.w = f->w;
    o.h = f->h;
    o.confidence = f->confidence;
    o.track_id = f->track_id > 0 ? f->track_id : -1;
    return import_object(r->im, &o, r->lines.in.path);
}

static int use_row(struct reader *r)
{
    struct found f = {.pts_us = INT64_MIN};
    size_t frame = 0;
    int e = take_row(r, &f);
    if (e == 0)
        e = frame_of(r, &f, &frame);
    if (e < 0)
        return e;
    return r->builder ? build(r, &f, frame) : import_row(r, &f, frame);
}

// ---- both

static int read_rows(struct reader *r)
{
    struct str line;
    bool has_header = false;
    int e;
    while ((e = line_reader_next(&r->lines, &line)) == 0) {
        if (str_trim(line).n == 0)
            continue;
        e = csv_row_split(&r->row, line);
        if (e < 0)
            return prefix(r, e);
        e = has_header ? use_row(r) : take_header(r);
        if (e < 0)
            return e;
        has_header = true;
    }
    if (e != ERR_EOF)
        return e;
    err_clear();
    return has_header ? 0 : err_set(ERR_DATA, "'%s' is empty", r->lines.in.path);
}

static int read_file(struct reader *r, const char *path)
{
    int e = csv_row_init(&r->row);
    if (e == 0)
        e = line_reader_open(path, &r->lines);
    if (e == 0)
        e = read_rows(r);
    line_reader_close(&r->lines);
    csv_row_finish(&r->row);
    mem_free(r->slots);
    mem_free(r->frames);
    return e;
}

int read_csv_own(struct import *im)
{
    struct reader r = {.im = im};
    if (im->files.n != 1)
        return err_set(ERR_INVALID, "'%s': name one file", im->path);
    return read_file(&r, im->files.paths[0]);
}

int dataset_read_csv_own(struct dataset_input *in, const struct dataset *truth,
                         struct dataset **ret_dataset)
{
    struct reader r = {0};
    if (!truth)
        return err_set(ERR_UNSUPPORTED, "'%s' holds detections, not truth", in->path);
    int e = dataset_builder_create(truth, &r.builder);
    if (e == 0)
        e = read_file(&r, in->path);
    if (e < 0) {
        dataset_builder_destroy(r.builder);
        return e;
    }
    dataset_builder_judge_all(r.builder);
    return dataset_builder_finish(&r.builder, ret_dataset);
}
