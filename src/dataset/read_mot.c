// SPDX-License-Identifier: Apache-2.0
// read_mot.c - MOTChallenge text: frame,id,left,top,width,height[,...], frames from 1.
//
// Truth of nine columns is MOT16 and later: flag, class and visibility follow the box. Judged is
// class 1 with a flag; class 1 without one and the classes that look like people (2 person on
// vehicle, 7 static person, 8 distractor, 12 reflection) are ignored regions; vehicles and
// occluders are no people and are left out. Any other number of columns is MOT15: what follows is
// the confidence (0 in truth: ignored). Ignored truth behaves like a COCO crowd. Coordinates are
// taken as they are. What is left out stays among the dataset's others.

#include "dataset/dataset_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum {
    MOT_MAX_FRAMES = 3 * 1000 * 1000, // truth lists every frame up to the last one
    MOT_MAX_COLUMNS = 16,
    MOT_MIN_COLUMNS = 6,
    MOT16_COLUMNS = 9,
    MOT_MAX_SEQINFO = 64 * 1024,
};

enum column {
    COLUMN_FRAME,
    COLUMN_ID,
    COLUMN_X,
    COLUMN_Y,
    COLUMN_W,
    COLUMN_H,
    COLUMN_CONFIDENCE,
    COLUMN_FLAG = COLUMN_CONFIDENCE, // MOT16 truth
    COLUMN_CLASS,
    COLUMN_VISIBILITY,
};

enum mot_class {
    MOT_PEDESTRIAN = 1,
    MOT_ON_VEHICLE = 2,
    MOT_STATIC_PERSON = 7,
    MOT_DISTRACTOR = 8,
    MOT_REFLECTION = 12,
};

struct sequence { // of seqinfo.ini; 0 where absent
    int64_t length, width, height;
};

struct reader {
    struct dataset_input *in;
    struct draft draft;
    const struct dataset *truth; // NULL: truth is read
    struct frame_map *frames;    // detections
    int32_t class_index;         // detections: the one they can mean
    struct sequence sequence;
    size_t n_columns; // of the first row
    int64_t line;     // 1-based
    int64_t last_frame;
    size_t n_other_classes; // rows left out
    size_t n_unknown;       // detections of frames the truth does not list
    size_t n_negative;
};

static int fail(const struct reader *r, const char *what)
{
    return err_set(ERR_DATA, "%s: line %lld: %s", r->in->path, (long long)r->line, what);
}

// ---- rows

static int parse_row(const struct reader *r, struct str row, double ret_columns[MOT_MAX_COLUMNS],
                     size_t *ret_n)
{
    size_t n = 0;
    struct str part;
    while (str_split(&row, ',', &part)) {
        if (n == MOT_MAX_COLUMNS)
            return fail(r, "more columns than MOT text has");
        int err = str_to_double(str_trim(part), &ret_columns[n]);
        if (err < 0)
            return err_prefix(ERR_DATA, "%s: line %lld: column %zu", r->in->path,
                              (long long)r->line, n + 1);
        n++;
    }
    if (n < MOT_MIN_COLUMNS)
        return fail(r, "less than the six columns frame, id, left, top, width, height");
    *ret_n = n;
    return 0;
}

static bool is_like_people(int mot_class)
{
    return mot_class == MOT_ON_VEHICLE || mot_class == MOT_STATIC_PERSON ||
           mot_class == MOT_DISTRACTOR || mot_class == MOT_REFLECTION;
}

// Sets what the columns behind the box say of a truth. False: the row is no person.
static bool judge_truth(const struct reader *r, const double *columns, size_t n,
                        struct dataset_object *o)
{
    if (r->n_columns == MOT16_COLUMNS && n > COLUMN_CLASS) {
        double number = columns[COLUMN_CLASS];
        int mot_class = number >= 1 && number <= UINT8_MAX ? (int)number : UINT8_MAX;
        o->mot_class = (uint8_t)mot_class;
        o->visibility = n > COLUMN_VISIBILITY ? (float)columns[COLUMN_VISIBILITY] : 0;
        o->ignore = o->crowd = true;
        if (mot_class != MOT_PEDESTRIAN && !is_like_people(mot_class))
            return false;
        o->ignore = mot_class != MOT_PEDESTRIAN || columns[COLUMN_FLAG] == 0;
    } else if (n > COLUMN_CONFIDENCE) {
        o->ignore = columns[COLUMN_CONFIDENCE] == 0;
    }
    o->crowd = o->ignore;
    return true;
}

static const double MOT_MAX_ID = 9e15; // doubles hold every whole number below

static int add_row(struct reader *r, const double *c, size_t n)
{
    if (!(c[COLUMN_FRAME] >= 1 && c[COLUMN_FRAME] <= MOT_MAX_FRAMES) ||
        c[COLUMN_FRAME] != floor(c[COLUMN_FRAME]))
        return err_set(ERR_DATA, "%s: line %lld: frame %g is not a whole number from 1 to %d",
                       r->in->path, (long long)r->line, c[COLUMN_FRAME], MOT_MAX_FRAMES);
    if (!(fabs(c[COLUMN_ID]) < MOT_MAX_ID) || c[COLUMN_ID] != floor(c[COLUMN_ID]))
        return err_set(ERR_DATA, "%s: line %lld: track id %g is not a whole number below 9e15",
                       r->in->path, (long long)r->line, c[COLUMN_ID]);
    const int64_t frame = (int64_t)c[COLUMN_FRAME] - 1;
    struct dataset_object o = {.picture = (int32_t)frame,
                               .x = c[COLUMN_X],
                               .y = c[COLUMN_Y],
                               .w = c[COLUMN_W],
                               .h = c[COLUMN_H],
                               .area = c[COLUMN_W] * c[COLUMN_H],
                               .confidence = 1,
                               .id = r->line,
                               .track_id = (int64_t)c[COLUMN_ID]};
    r->n_negative += o.w < 0 || o.h < 0;
    if (r->truth) {
        if (n > COLUMN_CONFIDENCE)
            o.confidence = c[COLUMN_CONFIDENCE];
        o.class_index = r->class_index;
        o.picture = frame_map_find(r->frames, frame, NULL);
        if (o.picture < 0) {
            r->n_unknown++;
            return 0;
        }
    } else {
        r->last_frame = MAX(r->last_frame, frame);
        if (!judge_truth(r, c, n, &o)) {
            r->n_other_classes++;
            return draft_other(&r->draft, &o);
        }
    }
    return draft_object(&r->draft, &o, NULL);
}

static int read_row(struct reader *r, struct str line)
{
    struct str row = str_trim(line);
    if (r->line == 1 && str_starts(row, "\xef\xbb\xbf"))
        row = str_trim((struct str){row.p + 3, row.n - 3});
    if (row.n == 0)
        return 0;
    double columns[MOT_MAX_COLUMNS] = {0};
    size_t n = 0;
    int err = parse_row(r, row, columns, &n);
    if (err < 0)
        return err;
    if (!r->n_columns)
        r->n_columns = n;
    return add_row(r, columns, n);
}

// ---- lines, in bounded memory

// Reads the whole lines of buffer[0..n) and returns how many bytes they were; with *is_end the last
// one needs no line feed.
static int read_lines(struct reader *r, const char *buffer, size_t n, bool is_end, size_t *ret_used)
{
    size_t at = 0;
    while (at < n) {
        const char *feed = memchr(buffer + at, '\n', n - at);
        if (!feed && !is_end)
            break;
        size_t length = feed ? (size_t)(feed - (buffer + at)) : n - at;
        r->line++;
        int err = read_row(r, (struct str){buffer + at, length});
        if (err < 0)
            return err;
        at += length + (feed != NULL);
    }
    *ret_used = at;
    return 0;
}

static int read_rows(struct reader *r)
{
    char *buffer = mem_array(char, DATASET_MAX_LINE);
    if (!buffer)
        return ERR_NOMEM;
    size_t n = 0;
    int err = 0;
    for (;;) {
        long got = dataset_input_read(r->in, buffer + n, DATASET_MAX_LINE - n);
        if (got < 0) {
            err = (int)got;
            break;
        }
        n += (size_t)got;
        size_t used = 0;
        err = read_lines(r, buffer, n, got == 0, &used);
        if (err < 0 || got == 0)
            break;
        if (used == 0 && n == DATASET_MAX_LINE) {
            r->line++;
            err = err_set(ERR_TOO_BIG, "%s: line %lld is longer than %d bytes", r->in->path,
                          (long long)r->line, DATASET_MAX_LINE);
            break;
        }
        memmove(buffer, buffer + used, n - used);
        n -= used;
    }
    mem_free(buffer);
    return err;
}

// ---- seqinfo.ini

static void read_sequence_line(struct str line, struct sequence *s)
{
    const struct {
        const char *key;
        int64_t *value;
    } fields[] = {
        {"seqLength", &s->length},
        {"imWidth", &s->width},
        {"imHeight", &s->height},
    };
    struct str key;
    if (!str_split(&line, '=', &key))
        return;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int64_t value;
        if (!str_is(str_trim(key), fields[i].key))
            continue;
        if (str_to_i64(str_trim(line), &value) == 0 && value > 0 && value <= INT32_MAX)
            *fields[i].value = value;
        else
            err_clear();
    }
}

static int read_sequence_at(const char *path, size_t n_folder, const char *file,
                            struct sequence *ret, bool *ret_found)
{
    struct str_buf name = STR_BUF_INIT(8 * KIB);
    str_buf_add(&name, path, n_folder);
    str_buf_puts(&name, file);
    int err = str_buf_check(&name);
    char *bytes = NULL;
    size_t n = 0;
    if (err == 0 && file_exists(str_buf_text(&name)))
        err = file_read(str_buf_text(&name), MOT_MAX_SEQINFO, &bytes, &n);
    str_buf_finish(&name);
    struct str rest = {bytes, n};
    struct str line;
    while (bytes && str_line(&rest, &line))
        read_sequence_line(line, ret);
    *ret_found = bytes != NULL;
    mem_free(bytes);
    return err;
}

// Beside the file, or one folder up (the layout is gt/gt.txt). Without one nothing is known.
static int read_sequence(struct reader *r)
{
    const char *slash = strrchr(r->in->path, '/');
    size_t n_folder = slash ? (size_t)(slash - r->in->path) + 1 : 0;
    bool found = false;
    int err = read_sequence_at(r->in->path, n_folder, "seqinfo.ini", &r->sequence, &found);
    if (err == 0 && !found)
        err = read_sequence_at(r->in->path, n_folder, "../seqinfo.ini", &r->sequence, &found);
    if (err < 0 && err != ERR_NOMEM) {
        err = draft_notice(&r->draft, "seqinfo.ini was not read: %s", err_message(err));
        err_clear();
    }
    return err;
}

// ---- truth and detections

static int list_pictures(struct reader *r)
{
    int64_t n = r->last_frame + 1;
    if (r->sequence.length > 0 && r->sequence.length < n) {
        int err =
            draft_notice(&r->draft, "the truth has rows up to frame %lld, seqinfo.ini ends at %lld",
                         (long long)n, (long long)r->sequence.length);
        if (err < 0)
            return err;
    }
    if (r->sequence.length <= MOT_MAX_FRAMES)
        n = MAX(n, r->sequence.length);
    struct draft *d = &r->draft;
    d->pictures = mem_array(struct dataset_picture, (size_t)n);
    if (!d->pictures)
        return ERR_NOMEM;
    d->cap_pictures = d->n_pictures = (size_t)n;
    for (int64_t i = 0; i < n; i++)
        d->pictures[i] = (struct dataset_picture){.id = i + 1,
                                                  .frame = i,
                                                  .pts_us = INT64_MIN,
                                                  .width = (int)r->sequence.width,
                                                  .height = (int)r->sequence.height};
    return 0;
}

static int read_truth(struct reader *r)
{
    r->last_frame = -1;
    int err = draft_class(&r->draft, MOT_PEDESTRIAN, STR("person"));
    if (err == 0)
        err = read_sequence(r);
    if (err == 0)
        err = read_rows(r);
    if (err == 0)
        err = list_pictures(r);
    if (err == 0 && r->n_other_classes > 0)
        err = draft_notice(&r->draft,
                           "%zu truth rows of vehicles, occluders and crowds are not judged",
                           r->n_other_classes);
    return err;
}

// MOT results name no class: they mean the truth's people, or its only class.
static int find_class(struct reader *r)
{
    const struct dataset *t = r->truth;
    if (t->n_classes == 1)
        return 0;
    for (size_t k = 0; k < t->n_classes; k++) {
        if (strcmp(t->classes[k].name, "person") == 0 ||
            strcmp(t->classes[k].name, "pedestrian") == 0) {
            r->class_index = (int32_t)k;
            return 0;
        }
    }
    return err_set(ERR_DATA,
                   "%s: MOT text names no classes, and the truth has %zu, none of them "
                   "'person' or 'pedestrian'",
                   r->in->path, t->n_classes);
}

static int read_detections(struct reader *r)
{
    int err = find_class(r);
    if (err == 0)
        err = frame_map_create(r->truth, false, &r->frames);
    if (err == 0)
        err = read_rows(r);
    if (err == 0 && r->n_unknown > 0)
        err = draft_notice(&r->draft,
                           "%zu detections of frames that the truth does not list were left out",
                           r->n_unknown);
    return err;
}

int dataset_read_mot(struct dataset_input *in, const struct dataset *truth,
                     struct dataset **ret_dataset)
{
    struct reader r = {.in = in, .truth = truth};
    int err = draft_init(&r.draft);
    if (err < 0)
        return err;
    err = truth ? read_detections(&r) : read_truth(&r);
    if (err == 0)
        err = draft_notice_negative(&r.draft, r.n_negative);
    frame_map_destroy(r.frames);
    if (err < 0) {
        draft_finish(&r.draft);
        return err;
    }
    return draft_to_dataset(&r.draft, "mot", truth, ret_dataset);
}
