// SPDX-License-Identifier: Apache-2.0
// read_csv.c - CSV with a header: OpenImages (parts of the picture) and VoTT (pixels).
//
// Numbers with a decimal comma (spreadsheets of some countries write them, quoted) are read.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/csv_priv.h"
#include "dataset/import_priv.h"

enum column {
    COLUMN_IMAGE,
    COLUMN_LABEL,
    COLUMN_X_MIN,
    COLUMN_X_MAX,
    COLUMN_Y_MIN,
    COLUMN_Y_MAX,
    N_NEEDED,
    COLUMN_CONFIDENCE = N_NEEDED,
    COLUMN_OCCLUDED,
    COLUMN_TRUNCATED,
    COLUMN_GROUP,
    N_COLUMNS,
};

struct reader {
    struct import *im;
    struct line_reader lines;
    int columns[N_COLUMNS]; // where each is; -1: nowhere
    struct csv_row row;
    bool is_relative;
    // Pictures by name: open addressing, index + 1.
    uint32_t *slots;
    size_t n_slots;
};

// ---- cells

static int find_columns(struct reader *r)
{
    static const char *const names[2][N_COLUMNS] = {
        {"ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax", "Confidence", "IsOccluded",
         "IsTruncated", "IsGroupOf"},
        {"image", "label", "xmin", "xmax", "ymin", "ymax", "", "", "", ""},
    };
    r->is_relative = str_is(r->row.cells[0], "ImageID");
    for (int c = 0; c < N_COLUMNS; c++) {
        const char *name = names[r->is_relative ? 0 : 1][c];
        r->columns[c] = name[0] ? csv_row_find(&r->row, name) : -1;
        if (c < N_NEEDED && r->columns[c] < 0)
            return line_reader_error(&r->lines, "no column %s", name);
    }
    return 0;
}

// Empty where the column is not there.
static struct str cell_of(const struct reader *r, enum column c)
{
    return csv_row_cell(&r->row, r->columns[c]);
}

// Of a cell that is a text: as it was before it was defused.
static struct str text_of(const struct reader *r, enum column c)
{
    return str_csv_undo(cell_of(r, c));
}

static int number_of(struct reader *r, enum column c, const char *what, double *ret)
{
    struct str cell = cell_of(r, c);
    const char *comma = cell.n ? memchr(cell.p, ',', cell.n) : NULL;
    if (comma) // the bytes are our copy
        r->row.bytes[comma - r->row.bytes] = '.';
    if (str_to_double(cell, ret) == 0)
        return 0;
    return err_prefix(ERR_DATA, "%s: line %lld: %s", r->lines.in.path, (long long)r->lines.line,
                      what);
}

static bool is_one(struct str cell)
{
    return str_is(cell, "1");
}

// ---- pictures

static uint32_t *find_slot(const struct reader *r, struct str name)
{
    size_t mask = r->n_slots - 1;
    for (size_t i = (size_t)str_hash(name) & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &r->slots[i];
        if (*slot == 0 || str_is(name, r->im->draft.pictures[*slot - 1].file_name))
            return slot;
    }
}

static int grow(struct reader *r)
{
    const struct draft *d = &r->im->draft;
    if (d->n_pictures * 2 + 2 <= r->n_slots)
        return 0;
    size_t n = r->n_slots ? r->n_slots * 2 : 1024;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    mem_free(r->slots);
    r->slots = slots;
    r->n_slots = n;
    for (size_t i = 0; i < d->n_pictures; i++)
        *find_slot(r, str_of(d->pictures[i].file_name)) = (uint32_t)i + 1;
    return 0;
}

static int picture_of(struct reader *r, struct str name, int32_t *ret_picture)
{
    if (name.n == 0)
        return line_reader_error(&r->lines, "a row without a picture");
    int e = grow(r);
    if (e < 0)
        return e;
    uint32_t *slot = find_slot(r, name);
    *ret_picture = (int32_t)*slot - 1;
    if (*slot != 0)
        return 0;
    e = import_picture(r->im, name, 0, 0, -1, 0, ret_picture);
    if (e == 0)
        *slot = (uint32_t)*ret_picture + 1;
    return e;
}

// ---- rows

static int parse_box(struct reader *r, struct dataset_object *o)
{
    double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    int width = 1;
    int height = 1;
    int e = number_of(r, COLUMN_X_MIN, "XMin", &x1);
    if (e == 0)
        e = number_of(r, COLUMN_X_MAX, "XMax", &x2);
    if (e == 0)
        e = number_of(r, COLUMN_Y_MIN, "YMin", &y1);
    if (e == 0)
        e = number_of(r, COLUMN_Y_MAX, "YMax", &y2);
    if (e == 0 && r->is_relative)
        e = import_size(r->im, o->picture, r->lines.in.path, &width, &height);
    if (e == 0 && r->is_relative)
        import_relative_corners(o, (const double[]){x1, y1, x2, y2}, width, height);
    else if (e == 0)
        import_corners(o, x1, y1, x2, y2);
    return e;
}

static int read_row(struct reader *r)
{
    struct dataset_object o = import_new_object(-1, 0);
    int e = picture_of(r, text_of(r, COLUMN_IMAGE), &o.picture);
    if (e == 0)
        e = import_class(r->im, text_of(r, COLUMN_LABEL), &o.class_index);
    if (e == 0)
        e = parse_box(r, &o);
    if (e == 0 && r->im->role == DATASET_DETECTIONS && cell_of(r, COLUMN_CONFIDENCE).n > 0)
        e = number_of(r, COLUMN_CONFIDENCE, "Confidence", &o.confidence);
    if (e < 0)
        return e;
    o.crowd = o.ignore = r->im->role == DATASET_TRUTH && is_one(cell_of(r, COLUMN_GROUP));
    o.marks = (uint8_t)((is_one(cell_of(r, COLUMN_OCCLUDED)) ? DATASET_OCCLUDED : 0) |
                        (is_one(cell_of(r, COLUMN_TRUNCATED)) ? DATASET_TRUNCATED : 0));
    return import_object(r->im, &o, r->lines.in.path);
}

static int split(struct reader *r, struct str line)
{
    int e = csv_row_split(&r->row, line);
    return e < 0 ? err_prefix(e, "%s: line %lld", r->lines.in.path, (long long)r->lines.line) : 0;
}

static int read_rows(struct reader *r)
{
    struct str line;
    int e = line_reader_next(&r->lines, &line);
    if (e == 0)
        e = split(r, line);
    if (e == 0)
        e = find_columns(r);
    while (e == 0) {
        e = line_reader_next(&r->lines, &line);
        if (e == 0 && str_trim(line).n > 0)
            e = split(r, line);
        else if (e == 0)
            continue;
        if (e == 0)
            e = read_row(r);
    }
    return e == ERR_EOF ? 0 : e;
}

int read_csv(struct import *im)
{
    struct reader r = {.im = im};
    int e = csv_row_init(&r.row);
    for (size_t i = 0; e == 0 && i < im->files.n; i++) {
        if (im->files.n_root > 0 && !path_has_ending(im->files.paths[i], ".csv"))
            continue;
        e = line_reader_open(im->files.paths[i], &r.lines);
        if (e == 0)
            e = read_rows(&r);
        line_reader_close(&r.lines);
    }
    csv_row_finish(&r.row);
    mem_free(r.slots);
    return e;
}
