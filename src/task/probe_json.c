// SPDX-License-Identifier: Apache-2.0
// probe_json.c - a probe's findings into JSON, and its marks out of it.

#include "task/probe_json.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "media/frame_times.h"
#include "media/probe.h"

static void put_streams(struct json_writer *w, const struct probe_result *p)
{
    json_key(w, "streams");
    json_array(w);
    for (size_t i = 0; i < MIN(p->n_streams, (size_t)PROBE_MAX_STREAMS); i++) {
        json_object(w);
        json_put_int(w, "index", p->streams[i].index);
        json_put_text(w, "type", p->streams[i].type);
        json_put_text(w, "codec", p->streams[i].codec);
        json_end(w);
    }
    json_end(w);
}

static void put_marks(struct json_writer *w, const struct probe_result *p)
{
    json_key(w, "marks");
    json_array(w);
    for (size_t i = 0; i < p->n_marks; i++) {
        json_array(w);
        json_int(w, p->marks[i].ordinal);
        json_int(w, p->marks[i].pts_us);
        json_end(w);
    }
    json_end(w);
}

void probe_json_put(const struct probe_result *p, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "container", p->container);
    json_put_text(&w, "codec", p->codec);
    json_put_text(&w, "profile", p->profile);
    json_put_text(&w, "pixel_format", p->pixel_format);
    json_put_int(&w, "stream_index", p->stream_index);
    json_put_int(&w, "coded_width", p->coded_width);
    json_put_int(&w, "coded_height", p->coded_height);
    json_put_int(&w, "frame_rate_num", p->frame_rate_num);
    json_put_int(&w, "frame_rate_den", p->frame_rate_den);
    json_put_int(&w, "first_pts_us", p->first_pts_us);
    json_put_int(&w, "last_pts_us", p->last_pts_us);
    json_put_int(&w, "min_distance_us", p->min_distance_us);
    json_put_int(&w, "max_distance_us", p->max_distance_us);
    json_put_int(&w, "undecodable", p->counts.undecodable);
    json_put_text(&w, "undecodable_reason",
                  p->counts.undecodable_reason[0] ? p->counts.undecodable_reason : NULL);
    json_put_text(&w, "cut_short", p->counts.cut_short ? p->counts.cut_reason : NULL);
    put_streams(&w, p);
    put_marks(&w, p);
    json_end(&w);
}

// After the key "marks": [[ordinal, pts_us], ...].
static bool read_marks(struct json_reader *json, int64_t ordinal, struct source_mark *ret_mark)
{
    struct json_event e;
    int64_t pair[2] = {0, 0};
    size_t n = 0;
    bool found = false;
    while (json_next(json, &e) == 0 && !(e.type == JSON_ARRAY_END && n == 0)) {
        if (e.type == JSON_NUMBER && n < 2)
            pair[n++] = e.integer;
        if (e.type != JSON_ARRAY_END)
            continue;
        if (n == 2 && pair[0] <= ordinal) {
            *ret_mark = (struct source_mark){.ordinal = pair[0], .pts_us = pair[1]};
            found = true;
        }
        n = 0;
    }
    return found;
}

bool probe_json_mark(const char *json, int64_t ordinal, struct source_mark *ret_mark)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(json)};
    if (!json || json_reader_create(&opts, &reader) < 0)
        return false;
    struct json_event e;
    bool found = false;
    while (json_next(reader, &e) == 0 && e.type != JSON_END) {
        if (e.type != JSON_KEY || !str_is(e.text, "marks"))
            continue;
        found = read_marks(reader, ordinal, ret_mark);
        break;
    }
    json_reader_destroy(reader);
    err_clear();
    return found;
}

bool probe_json_times(const char *json, struct frame_times_check *ret_check)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(json)};
    if (!json || json_reader_create(&opts, &reader) < 0)
        return false;
    struct json_event e;
    struct frame_times_check c = {0};
    int64_t *to = NULL;
    int n = 0;
    while (n < 2 && json_next(reader, &e) == 0 && e.type != JSON_END) {
        if (e.type == JSON_NUMBER && to) {
            *to = e.integer;
            n++;
        }
        bool is_key = e.type == JSON_KEY;
        to = is_key && str_is(e.text, "first_pts_us")  ? &c.first_pts_us
             : is_key && str_is(e.text, "last_pts_us") ? &c.last_pts_us
                                                       : NULL;
    }
    json_reader_destroy(reader);
    err_clear();
    *ret_check = c;
    return n == 2;
}
