// SPDX-License-Identifier: Apache-2.0
// read_mot_cvat.c - MOT text as CVAT exports it: gt/gt.txt, and gt/labels.txt with any classes.
//
// frame,id,left,top,width,height,flag,class,visibility: frames from 1, class is the line of the
// list. Flag 0 is ignored truth.

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    MOT_MAX_FRAMES = 3 * 1000 * 1000,
    MOT_COLUMNS = 9,
    MOT_MIN_COLUMNS = 8,
    MAX_SEQINFO = 64 * 1024,
};

enum column {
    COLUMN_FRAME,
    COLUMN_ID,
    COLUMN_X,
    COLUMN_Y,
    COLUMN_W,
    COLUMN_H,
    COLUMN_FLAG,
    COLUMN_CLASS,
    COLUMN_VISIBILITY,
};

struct reader {
    struct import *im;
    struct name_list names;
    int64_t n_frames;
    int64_t width, height;
};

static bool is_whole(double v, double from, double to)
{
    return v >= from && v <= to && v == (double)(int64_t)v;
}

static int read_row(struct reader *r, const struct line_reader *l, struct str line)
{
    double c[MOT_COLUMNS] = {[COLUMN_VISIBILITY] = 1};
    struct str part;
    size_t n = 0;
    line = str_trim(line);
    if (line.n == 0)
        return 0;
    for (; str_split(&line, ',', &part); n++) {
        if (n == MOT_COLUMNS)
            return line_reader_error(l, "more than %d columns", MOT_COLUMNS);
        if (str_to_double(str_trim(part), &c[n]) < 0)
            return err_prefix(ERR_DATA, "%s: line %lld: column %zu", l->in.path, (long long)l->line,
                              n + 1);
    }
    if (n < MOT_MIN_COLUMNS)
        return line_reader_error(l, "less than %d columns", MOT_MIN_COLUMNS);
    if (!is_whole(c[COLUMN_FRAME], 1, MOT_MAX_FRAMES))
        return line_reader_error(l, "frame %g is not a whole number from 1 to %d", c[COLUMN_FRAME],
                                 MOT_MAX_FRAMES);
    if (!is_whole(c[COLUMN_CLASS], 1, (double)r->names.n))
        return line_reader_error(l, "class %g is no line of labels.txt, which has %zu",
                                 c[COLUMN_CLASS], r->names.n);
    int32_t class_index;
    const char *name = r->names.names[(size_t)c[COLUMN_CLASS] - 1];
    int e = import_class(r->im, str_of(name ? name : ""), &class_index);
    if (e < 0)
        return e;
    struct dataset_object o = import_new_object((int32_t)c[COLUMN_FRAME] - 1, class_index);
    o.x = c[COLUMN_X];
    o.y = c[COLUMN_Y];
    o.w = c[COLUMN_W];
    o.h = c[COLUMN_H];
    o.id = l->line;
    o.track_id = is_whole(c[COLUMN_ID], -9e15, 9e15) ? (int64_t)c[COLUMN_ID] : -1;
    o.visibility = (float)c[COLUMN_VISIBILITY];
    o.ignore = o.crowd = c[COLUMN_FLAG] == 0;
    r->n_frames = MAX(r->n_frames, (int64_t)c[COLUMN_FRAME]);
    return import_object(r->im, &o, l->in.path);
}

static int read_rows(struct reader *r, const char *path)
{
    struct line_reader l = {0};
    struct str line;
    int e = line_reader_open(path, &l);
    while (e == 0) {
        e = line_reader_next(&l, &line);
        if (e == 0)
            e = read_row(r, &l, line);
    }
    line_reader_close(&l);
    return e == ERR_EOF ? 0 : e;
}

static int read_sequence(struct reader *r, const char *path)
{
    char *bytes;
    size_t n;
    int e = file_read(path, MAX_SEQINFO, &bytes, &n);
    if (e < 0)
        return e;
    struct str rest = {bytes, n};
    struct str line;
    struct str key;
    while (str_line(&rest, &line)) {
        int64_t value;
        if (!str_split(&line, '=', &key) || str_to_i64(str_trim(line), &value) < 0 || value < 1) {
            err_clear();
            continue;
        }
        key = str_trim(key);
        if (str_is(key, "seqLength") && value <= MOT_MAX_FRAMES)
            r->n_frames = MAX(r->n_frames, value);
        if (str_is(key, "imWidth") && value <= IMPORT_MAX_SIZE)
            r->width = value;
        if (str_is(key, "imHeight") && value <= IMPORT_MAX_SIZE)
            r->height = value;
    }
    mem_free(bytes);
    return 0;
}

static int list_frames(struct reader *r)
{
    bool known = r->width > 0 && r->height > 0;
    int32_t unused;
    int e = 0;
    for (int64_t i = 0; e == 0 && i < r->n_frames; i++)
        e = import_picture(r->im, (struct str){0}, known ? (int)r->width : 0,
                           known ? (int)r->height : 0, i, 0, &unused);
    return e;
}

static int read_all(struct reader *r, const char *gt, const char *labels, const char *sequence)
{
    int e = name_list_read(r->im, labels, &r->names);
    for (size_t i = 0; e == 0 && i < r->names.n; i++) {
        int32_t unused;
        const char *name = r->names.names[i];
        e = import_class(r->im, str_of(name ? name : ""), &unused);
    }
    if (e == 0 && sequence)
        e = read_sequence(r, sequence);
    if (e == 0)
        e = read_rows(r, gt);
    return e == 0 ? list_frames(r) : e;
}

int read_mot_cvat(struct import *im)
{
    const char *found[3] = {NULL};
    static const char *const endings[] = {"gt/gt.txt", "gt/labels.txt", "seqinfo.ini"};
    for (size_t i = 0; i < im->files.n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(endings); k++) {
            if (!str_ends(str_of(im->files.paths[i]), endings[k]))
                continue;
            if (found[k])
                return err_set(ERR_INVALID, "'%s' and '%s': name the one that is meant", found[k],
                               im->files.paths[i]);
            found[k] = im->files.paths[i];
        }
    }
    if (!found[0] || !found[1])
        return err_set(ERR_NOT_FOUND, "'%s': no %s", im->path, endings[found[0] != NULL]);
    struct reader r = {.im = im};
    int e = read_all(&r, found[0], found[1], found[2]);
    name_list_finish(&r.names);
    return e;
}
