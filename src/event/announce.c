// SPDX-License-Identifier: Apache-2.0
// announce.c - what is said of tasks, as JSON.

#include "event/announce.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "event/bus.h"

enum {
    MAX_JSON = 32 * 1024,
    MAX_KIND = 80,
};

static void publish(struct bus *bus, const struct bus_publication *p)
{
    if (bus_publish(bus, p) < 0)
        err_clear(); // see announce.h
}

void announce_queued(struct bus *bus)
{
    publish(bus, &(struct bus_publication){.topic = STR(ANNOUNCE_TASKS),
                                           .kind = STR(ANNOUNCE_KIND_QUEUED),
                                           .json = STR("{}")});
}

void announce_changed(struct bus *bus, const char *kind)
{
    publish(bus, &(struct bus_publication){
                     .topic = STR(ANNOUNCE_CHANGES), .kind = str_of(kind), .json = STR("{}")});
}

void announce_changed_one(struct bus *bus, const char *kind, const char *id)
{
    char text[MAX_KIND];
    snprintf(text, sizeof(text), "%s:%s", kind, id ? id : "*");
    announce_changed(bus, text);
}

void announce_cancel(struct bus *bus, const char *task_id)
{
    struct str_buf out = STR_BUF_INIT(MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "task_id");
    json_cstring(&w, task_id);
    json_end(&w);
    publish(bus, &(struct bus_publication){.topic = STR(ANNOUNCE_TASKS),
                                           .kind = STR(ANNOUNCE_KIND_CANCEL),
                                           .json = str_buf_view(&out)});
    str_buf_finish(&out);
}

void announce_put_task(const struct announced_task *t, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_known(&w, "task_id", t->task_id);
    json_put_known(&w, "kind", t->kind);
    json_put_known(&w, "status", t->status);
    json_put_known(&w, "project_id", t->project_id);
    json_put_known(&w, "video_id", t->video_id);
    json_put_known(&w, "session_id", t->session_id);
    json_key(&w, "progress");
    json_double(&w, t->progress);
    json_put_known(&w, "message", t->message);
    json_put_known(&w, "error", t->error);
    json_put_int(&w, "frames_done", t->frames_done);
    json_put_int(&w, "frames_total", t->frames_total);
    json_key(&w, "frames_per_second");
    json_double(&w, t->frames_per_second);
    json_put_int(&w, "detections", t->n_detections);
    json_end(&w);
}

static void publish_to(struct bus *bus, const char *prefix, const char *id,
                       const struct bus_publication *p)
{
    char topic[BUS_MAX_TOPIC + 1];
    snprintf(topic, sizeof(topic), "%s%s", prefix, id);
    struct bus_publication there = *p;
    there.topic = str_of(topic);
    publish(bus, &there);
}

void announce_task(struct bus *bus, const struct announced_task *t)
{
    struct str_buf out = STR_BUF_INIT(MAX_JSON);
    announce_put_task(t, &out);
    struct bus_publication p = {.kind = STR(ANNOUNCE_KIND_TASK), .json = str_buf_view(&out)};
    if (t->changed_status && t->project_id)
        publish_to(bus, ANNOUNCE_PROJECT_PREFIX, t->project_id, &p);
    p.is_state = true;
    p.is_final = t->is_over;
    publish_to(bus, ANNOUNCE_TASK_PREFIX, t->task_id, &p);
    str_buf_finish(&out);
}
