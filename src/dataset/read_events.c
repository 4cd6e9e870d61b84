// SPDX-License-Identifier: Apache-2.0
// read_events.c - lists of timed events: CSV with a header, or JSON.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/csv_priv.h"
#include "dataset/dataset_priv.h"
#include "dataset/event_list.h"

enum {
    MAX_LABEL = 4096,     // bytes
    MAX_BYTES = 64 << 20, // of a file
};
#define MAX_TIME_US 4503599627370496. // 2^52

struct reader {
    const char *path;
    struct event_list *list;
    size_t cap;
    int64_t line;
};

// An event as far as it is known.
struct draft_event {
    struct str label;
    bool has_label, has_time;
    double time_us, confidence;
};

static const struct {
    const char *name;
    double us;
} units[] = {{"time_ms", 1e3}, {"time_s", 1e6}, {"time_us", 1}};

static double unit_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_is(name, units[i].name))
            return units[i].us;
    }
    return 0;
}

static int add(struct reader *r, const struct draft_event *e)
{
    if (!e->has_label || !e->has_time)
        return err_set(ERR_DATA, "%s: line %lld: an event without %s", r->path, (long long)r->line,
                       e->has_label ? "a time" : "a label");
    if (!(fabs(e->time_us) < MAX_TIME_US) || !isfinite(e->confidence))
        return err_set(ERR_DATA, "%s: line %lld: a time or confidence out of range", r->path,
                       (long long)r->line);
    if (e->label.n > MAX_LABEL)
        return err_set(ERR_DATA, "%s: line %lld: a label of more than %d bytes", r->path,
                       (long long)r->line, MAX_LABEL);
    if (r->list->n == EVENTS_MAX)
        return err_set(ERR_TOO_BIG, "%s: more than %d events", r->path, EVENTS_MAX);
    int err = MEM_GROW(r->list->items, r->cap, r->list->n);
    if (err < 0)
        return err;
    char *label = arena_strndup(r->list->arena, e->label.p, e->label.n);
    if (!label)
        return ERR_NOMEM;
    r->list->items[r->list->n++] =
        (struct event){.label = label, .time_us = llround(e->time_us), .confidence = e->confidence};
    return 0;
}

// --- CSV

struct columns {
    int label, time, confidence; // -1: not there
    double us;
};

static int take_header(struct reader *r, const struct csv_row *row, struct columns *c)
{
    *c = (struct columns){csv_row_find(row, "label"), -1, csv_row_find(row, "confidence"), 0};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        const int column = csv_row_find(row, units[i].name);
        if (column > c->time) { // the last one
            c->time = column;
            c->us = units[i].us;
        }
    }
    if (c->label < 0 || c->time < 0)
        return err_set(ERR_DATA,
                       "%s: not a list of events: the first line names no column label and time_ms "
                       "(time_s, time_us)",
                       r->path);
    return 0;
}

static int take_cell(struct reader *r, const struct csv_row *row, int column, double *ret)
{
    if (str_to_double(csv_row_cell(row, column), ret) < 0)
        return err_set(ERR_DATA, "%s: line %lld: cell %d is not a number", r->path,
                       (long long)r->line, column + 1);
    return 0;
}

static int take_row(struct reader *r, const struct csv_row *row, const struct columns *c)
{
    struct draft_event e = {
        .has_label = (size_t)c->label < row->n, .has_time = true, .confidence = 1};
    e.label = str_csv_undo(csv_row_cell(row, c->label));
    int err = take_cell(r, row, c->time, &e.time_us);
    if (err == 0 && c->confidence >= 0)
        err = take_cell(r, row, c->confidence, &e.confidence);
    e.time_us *= c->us;
    return err < 0 ? err : add(r, &e);
}

static int read_csv_rows(struct reader *r, struct str text, struct csv_row *row)
{
    struct str line;
    struct columns c = {0};
    bool has_header = false;
    int err = 0;
    while (err == 0 && str_split(&text, '\n', &line)) {
        r->line++;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        err = csv_row_split(row, line);
        if (err < 0)
            return err_prefix(err, "%s: line %lld", r->path, (long long)r->line);
        err = has_header ? take_row(r, row, &c) : take_header(r, row, &c);
        has_header = true;
    }
    if (err == 0 && !has_header)
        err = err_set(ERR_DATA, "%s: an empty file is no list of events", r->path);
    return err;
}

static int read_csv_events(struct reader *r, struct str text)
{
    struct csv_row row;
    int err = csv_row_init(&row);
    if (err == 0)
        err = read_csv_rows(r, text, &row);
    csv_row_finish(&row);
    return err;
}

// --- JSON

static int take_member(struct reader *r, struct json_reader *json, struct str_buf *label,
                       struct draft_event *e)
{
    struct json_event key;
    int err = json_next(json, &key);
    if (err < 0 || key.type != JSON_KEY)
        return err < 0 ? err : 1; // the object's end
    const bool is_label = str_is(key.text, "label");
    const bool is_confidence = str_is(key.text, "confidence");
    const double us = unit_of(key.text);
    if (!is_label && !is_confidence && us == 0)
        return json_skip(json, &key);
    struct json_event value;
    err = json_next(json, &value);
    if (err < 0)
        return err;
    r->line = json_line(json);
    if (value.type != (is_label ? JSON_STRING : JSON_NUMBER))
        return json_error(json, "an event's label is a text, its time and confidence are numbers");
    if (is_label) {
        str_buf_reset(label);
        str_buf_add(label, value.text.p, value.text.n);
        e->has_label = true;
        return str_buf_check(label);
    }
    if (is_confidence) {
        e->confidence = value.number;
    } else {
        e->time_us = value.number * us;
        e->has_time = true;
    }
    return 0;
}

static int take_object(struct reader *r, struct json_reader *json)
{
    struct str_buf label = STR_BUF_INIT(MAX_LABEL);
    struct draft_event e = {.confidence = 1};
    int err;
    while ((err = take_member(r, json, &label, &e)) == 0) {
    }
    r->line = json_line(json);
    if (err == 1) {
        e.label = str_of(str_buf_text(&label));
        err = add(r, &e);
    }
    str_buf_finish(&label);
    return err;
}

static int take_list(struct reader *r, struct json_reader *json)
{
    struct json_event e;
    int err;
    while ((err = json_next(json, &e)) == 0 && e.type == JSON_OBJECT) {
        err = take_object(r, json);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        err = json_error(json, "an event is an object");
    return err;
}

// An object with the list as its member "events".
static int take_document(struct reader *r, struct json_reader *json)
{
    struct json_event e;
    bool found = false;
    int err;
    while ((err = json_next(json, &e)) == 0 && e.type == JSON_KEY) {
        if (!str_is(e.text, "events")) {
            err = json_skip(json, &e);
        } else {
            err = json_next(json, &e);
            if (err == 0 && e.type != JSON_ARRAY)
                err = json_error(json, "\"events\" is not an array");
            if (err == 0)
                err = take_list(r, json);
            found = true;
        }
        if (err < 0)
            return err;
    }
    if (err == 0 && !found)
        err = json_error(json, "not a list of events: no member \"events\"");
    return err;
}

static int read_json_events(struct reader *r, struct str text)
{
    const struct json_reader_opts opts = {.text = text, .name = r->path};
    struct json_reader *json;
    struct json_event e;
    int err = json_reader_create(&opts, &json);
    if (err < 0)
        return err;
    err = json_next(json, &e);
    if (err == 0 && e.type == JSON_ARRAY)
        err = take_list(r, json);
    else if (err == 0)
        err = e.type == JSON_OBJECT ? take_document(r, json)
                                    : json_error(json, "not a list of events");
    if (err == 0)
        err = json_next(json, &e); // nothing but white space follows
    json_reader_destroy(json);
    return err;
}

// --- files

static int read_all(struct dataset_input *in, struct str_buf *text)
{
    char piece[16 * 1024];
    long n;
    while ((n = dataset_input_read(in, piece, sizeof(piece))) > 0)
        str_buf_add(text, piece, (size_t)n);
    if (n < 0)
        return (int)n;
    int r = str_buf_check(text);
    return r == ERR_TOO_BIG
               ? err_set(r, "%s: more than %d MiB of events", in->path, MAX_BYTES >> 20)
               : r;
}

int event_list_read_from(struct dataset_input *in, struct event_list **ret_list)
{
    struct str_buf bytes = STR_BUF_INIT(MAX_BYTES);
    struct reader r = {.path = in->path, .list = mem_new(struct event_list)};
    if (!r.list)
        return ERR_NOMEM;
    int err = arena_create(0, &r.list->arena);
    if (err == 0)
        err = read_all(in, &bytes);
    if (err == 0) {
        struct str text = {.p = str_buf_text(&bytes), .n = bytes.n};
        if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) // a byte order mark
            text = (struct str){.p = text.p + 3, .n = text.n - 3};
        struct str head = str_trim(text);
        bool is_json = head.n > 0 && (head.p[0] == '{' || head.p[0] == '[');
        err = is_json ? read_json_events(&r, text) : read_csv_events(&r, text);
    }
    str_buf_finish(&bytes);
    if (err < 0) {
        event_list_destroy(r.list);
        return err;
    }
    *ret_list = r.list;
    return 0;
}

int event_list_read(const char *path, struct event_list **ret_list)
{
    struct dataset_input in;
    int r = dataset_input_open(path, &in);
    if (r < 0)
        return r;
    r = event_list_read_from(&in, ret_list);
    dataset_input_close(&in);
    return r;
}

void event_list_destroy(struct event_list *l)
{
    if (!l)
        return;
    mem_free(l->items);
    arena_destroy(l->arena);
    mem_free(l);
}
