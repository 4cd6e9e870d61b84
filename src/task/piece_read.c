// SPDX-License-Identifier: Apache-2.0
// piece_read.c - posted detections and events, by the readers that will read them again as a whole.
//
// COCO results say nothing on their own (their numbers are the truth's), so that only their shape
// is checked here.

#include "task/piece_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tell_name.h"
#include "dataset/dataset.h"
#include "dataset/event_list.h"
#include "store/store_session.h"

// JSON lines that are the middle of a file get what a whole file begins with, on the same line, so
// that messages count lines as they came; a second header does no harm.
static const char header[] = "{\"type\":\"header\"} ";

// ---- COCO results

struct entry {
    bool has_image, has_category, has_score, has_box;
};

static bool is_finite(const struct json_event *e)
{
    return e->type == JSON_NUMBER && isfinite(e->number);
}

static int read_box(struct json_reader *json)
{
    struct json_event e;
    int n = 0;
    int r = json_next(json, &e);
    if (r == 0 && e.type != JSON_ARRAY)
        return json_error(json, "\"bbox\" is not an array");
    while (r == 0 && (r = json_next(json, &e)) == 0 && is_finite(&e))
        n++;
    if (r == 0 && (e.type != JSON_ARRAY_END || n != 4))
        return json_error(json, "\"bbox\" is not four numbers");
    return r;
}

static int read_member(struct json_reader *json, struct str key, struct entry *x)
{
    struct json_event e;
    if (str_is(key, "bbox")) {
        x->has_box = true;
        return read_box(json);
    }
    bool is_image = str_is(key, "image_id");
    bool is_category = str_is(key, "category_id");
    bool is_score = str_is(key, "score");
    int r = json_next(json, &e);
    if (r < 0)
        return r;
    if (is_image && !(e.type == JSON_NUMBER && e.is_integer) && e.type != JSON_STRING)
        return json_error(json, "\"image_id\" is neither a whole number nor a text");
    if (is_category && !(e.type == JSON_NUMBER && e.is_integer))
        return json_error(json, "\"category_id\" is not a whole number");
    if (is_score && !is_finite(&e))
        return json_error(json, "\"score\" is not a number");
    x->has_image |= is_image;
    x->has_category |= is_category;
    x->has_score |= is_score;
    return json_skip(json, &e);
}

static int read_entry(struct json_reader *json)
{
    struct entry x = {0};
    struct json_event e;
    int r;
    while ((r = json_next(json, &e)) == 0 && e.type == JSON_KEY) {
        r = read_member(json, e.text, &x);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    if (!x.has_image || !x.has_category || !x.has_score || !x.has_box)
        return json_error(json, "a result without \"%s\"",
                          !x.has_image      ? "image_id"
                          : !x.has_category ? "category_id"
                          : !x.has_score    ? "score"
                                            : "bbox");
    return 0;
}

int piece_check_coco(struct str text, const char *name, int64_t *ret_n)
{
    struct json_reader *json;
    struct json_event e;
    const struct json_reader_opts opts = {.text = text, .name = name};
    int64_t n = 0;
    int r = json_reader_create(&opts, &json);
    if (r < 0)
        return r;
    r = json_next(json, &e);
    if (r == 0 && e.type != JSON_ARRAY)
        r = json_error(json, "COCO results are an array");
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type == JSON_OBJECT) {
        r = read_entry(json);
        n++;
    }
    if (r == 0 && e.type != JSON_ARRAY_END)
        r = json_error(json, "a result that is not an object");
    if (r == 0)
        r = json_next(json, &e); // nothing follows
    json_reader_destroy(json);
    if (r == 0)
        *ret_n = n;
    return r;
}

static int read_coco(const struct piece_wanted *w, struct piece_read *ret)
{
    char *bytes = NULL;
    size_t n = 0;
    struct str text = w->text;
    int r = 0;
    if (!text.p) {
        r = file_read(w->path, PIECE_MAX_BYTES, &bytes, &n);
        text = (struct str){bytes, n};
    }
    if (r == 0)
        r = piece_check_coco(text, w->name, &ret->n_items);
    mem_free(bytes);
    return r;
}

// ---- what datasets read on their own

static int read_dataset(const struct piece_wanted *w, enum dataset_format format,
                        struct piece_read *ret)
{
    struct dataset *d;
    const struct dataset_read_opts opts = {.role = DATASET_DETECTIONS, .format = format};
    int r = dataset_read_with(w->path, &opts, &d);
    if (r < 0)
        return r;
    ret->n_items = (int64_t)d->n_objects;
    for (size_t i = 0; i < d->n_pictures; i++)
        ret->last_us = MAX(ret->last_us, d->pictures[i].pts_us);
    dataset_destroy(d);
    return 0;
}

// ---- events

static int copy_events(const struct event_list *l, struct arena *a, struct piece_read *ret)
{
    ret->events = arena_array(a, struct store_event, l->n + 1);
    if (!ret->events)
        return ERR_NOMEM;
    for (size_t i = 0; i < l->n; i++) {
        const struct event *e = &l->items[i];
        const char *label = arena_strndup(a, e->label, strlen(e->label));
        if (!label)
            return ERR_NOMEM;
        ret->events[i] = (struct store_event){.start_us = e->time_us,
                                              .end_us = e->time_us,
                                              .label = label,
                                              .confidence = e->confidence,
                                              .latency_us = INT64_MIN};
        ret->last_us = MAX(ret->last_us, e->time_us);
    }
    ret->n_events = l->n;
    ret->n_items = (int64_t)l->n;
    return 0;
}

static int read_events(const struct piece_wanted *w, struct arena *a, struct piece_read *ret)
{
    struct event_list *l;
    int r = event_list_read(w->path, &l);
    if (r < 0)
        return r;
    r = copy_events(l, a, ret);
    event_list_destroy(l);
    return r;
}

// ---- which

static int format_of(const struct piece_wanted *w, const char **ret_format)
{
    static const char *const names[] = {"jsonl", "coco", "mot", "events"};
    enum dataset_format f = DATASET_FORMAT_UNSET;
    for (size_t i = 0; w->format && i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], w->format) == 0) {
            *ret_format = names[i];
            return 0;
        }
    }
    if (w->format)
        return err_set(ERR_INVALID, "format '%.20s' is none of jsonl, coco, mot, events",
                       w->format);
    int r = dataset_recognise(w->path, &f);
    if (r == ERR_UNSUPPORTED || r == ERR_DATA || (r == 0 && f == DATASET_FORMAT_UNSET)) {
        err_clear();
        *ret_format = "events"; // its reader says what is wrong
        return 0;
    }
    *ret_format = f == DATASET_JSONL  ? "jsonl"
                  : f == DATASET_COCO ? "coco"
                  : f == DATASET_MOT  ? "mot"
                                      : NULL;
    return r < 0 || *ret_format ? r
                                : err_set(ERR_UNSUPPORTED,
                                          "%s is %s: post JSON lines, COCO results, MOT text or "
                                          "events",
                                          w->name, dataset_format_name(f));
}

static int write_text(const struct piece_wanted *w, struct str before)
{
    struct file_out *out;
    int r = file_out_open(w->path, &out);
    if (r < 0)
        return r;
    r = file_out_write(out, before.p, before.n);
    if (r == 0)
        r = file_out_write(out, w->text.p, w->text.n);
    if (r == 0)
        return file_out_commit(&out);
    file_out_abort(&out);
    return r;
}

static int read_jsonl(const struct piece_wanted *w, struct piece_read *ret)
{
    int r = w->text.p ? write_text(w, STR(header)) : 0;
    return r == 0 ? read_dataset(w, DATASET_JSONL, ret) : r;
}

static int read_it(const struct piece_wanted *w, struct arena *a, struct piece_read *ret)
{
    int r = format_of(w, &ret->format);
    if (r < 0)
        return r;
    if (strcmp(ret->format, "coco") == 0)
        return read_coco(w, ret);
    if (strcmp(ret->format, "events") == 0)
        return read_events(w, a, ret);
    return strcmp(ret->format, "mot") == 0 ? read_dataset(w, DATASET_MOT, ret) : read_jsonl(w, ret);
}

int piece_read(const struct piece_wanted *w, struct arena *a, struct piece_read *ret)
{
    struct piece_read p = {.last_us = INT64_MIN};
    int r = w->text.p ? write_text(w, STR("")) : 0;
    if (r == 0)
        r = read_it(w, a, &p);
    if (w->text.p)
        (void)unlink(w->path);
    if (r < 0)
        return tell_name(r, w->path, w->name);
    *ret = p;
    return 0;
}
