// SPDX-License-Identifier: Apache-2.0
// r_live.c - WebSockets: a task's progress, and all that happens by subscription.
//
// The loop hears the bus through one listener of everything: states (a task's) are coalesced to ten
// a second a topic and given at once to whoever comes, everything else goes out in order.

#include <stdio.h>

#include "api/access_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/announce.h"
#include "event/bus.h"
#include "event/event.h"
#include "http/server.h"
#include "http/ws.h"
#include "store/store_task.h"

enum {
    PER_SECOND = 10,
    KEEP_MS = 60 * 1000,
    MAX_WORDS = 64, // topics of one subscription
    MAX_TOPIC = 100,
};

// ---- from the bus to the loop

static void publish(struct ws_loop *loop, const struct event *e)
{
    struct ws_message *m;
    const struct ws_publication p = {
        .topic = e->topic,
        .delivery = !e->is_state  ? WS_EACH
                    : e->is_final ? WS_FINAL
                                  : WS_LATEST,
        .per_second = PER_SECOND,
        .keep_ms = KEEP_MS,
    };
    int r = ws_message_create(e->json, &m);
    if (r == 0) {
        r = ws_publish(loop, &p, m);
        ws_message_unref(&m);
    }
    if (r < 0)
        log_warning(NULL, "an event of " STR_FMT " reached nobody: %s", STR_ARG(e->topic),
                    err_message(r));
    err_clear();
}

static void hear(void *arg)
{
    struct api *a = (struct api *)arg;
    struct event *e;
    uint64_t n_lost;
    while (bus_listener_receive(a->listener, 0, &e, &n_lost) == 0) {
        if (!str_is(e->topic, ANNOUNCE_CHANGES)) // nobody may subscribe to those
            publish(server_ws(a->server), e);
        event_unref(&e);
    }
    err_clear();
}

int api_attach(struct api *a, struct server *s)
{
    const struct bus_listener_opts opts = {.capacity = 8192, .everything = true};
    int r = bus_listen(a->opts.bus, &opts, &a->listener);
    if (r < 0)
        return r;
    a->server = s;
    r = ws_watch(server_ws(s), bus_listener_fd(a->listener), hear, a);
    return r == 0 ? access_sockets_start(a) : r;
}

void api_detach(struct api *a)
{
    access_sockets_stop(a);
    bus_listener_close(a->listener);
    a->listener = NULL;
    a->server = NULL;
}

// ---- one task

struct follower {
    char topic[MAX_TOPIC];
    char *state; // owned: of the row, for a task that the bus no longer knows
    struct access_socket *socket;
};

static void follower_free(struct follower *f)
{
    access_socket_destroy(f->socket);
    mem_free(f->state);
    mem_free(f);
}

static int progress_open(struct ws_client *c, void *user)
{
    struct follower *f = (struct follower *)user;
    int r = access_socket_open(f->socket, c);
    if (r == 0)
        r = ws_send_text(c, str_of(f->state));
    return r == 0 ? ws_subscribe(c, str_of(f->topic)) : r;
}

static void progress_close(struct ws_client *c, void *user)
{
    (void)c;
    follower_free((struct follower *)user);
}

static const struct ws_handlers progress_handlers = {.on_open = progress_open,
                                                     .on_close = progress_close};

static int fill_state(struct follower *f, const struct store_task *t)
{
    struct str_buf out = STR_BUF_INIT(256 * 1024);
    announce_put_task(
        &(struct announced_task){
            .task_id = t->id,
            .kind = t->kind,
            .status = store_task_status_name((int)t->status),
            .project_id = t->project_id,
            .video_id = t->video_id,
            .session_id = t->session_id,
            .progress = t->status == STORE_TASK_SUCCEEDED ? 1.0 : t->progress,
            .message = t->message,
            .error = t->error,
            .frames_done = t->frames_done,
            .frames_total = t->frames_total,
            .frames_per_second = t->frames_per_second,
            .n_detections = t->n_detections,
        },
        &out);
    int r = str_buf_check(&out);
    f->state = r == 0 ? str_buf_take(&out) : NULL;
    str_buf_finish(&out);
    return r;
}

static int progress(struct request *q)
{
    struct store_task t;
    const char *id;
    int r = api_parameter(q, "task_id", &id);
    if (r == 0)
        r = store_task_get(api_of(q)->opts.store, id, request_arena(q), &t);
    if (r < 0)
        return r;
    struct follower *f = mem_new(struct follower);
    if (!f)
        return ERR_NOMEM;
    snprintf(f->topic, sizeof(f->topic), ANNOUNCE_TASK_PREFIX "%s", t.id);
    r = fill_state(f, &t);
    if (r == 0)
        r = access_socket_create(q, &f->socket);
    if (r < 0) {
        follower_free(f);
        return r;
    }
    const struct ws_accept accept = {.handlers = &progress_handlers, .user = f};
    return reply_websocket(q, &accept);
}

// ---- everything, by subscription: {"subscribe": [...], "unsubscribe": [...]}

static bool may_follow(struct str topic)
{
    return topic.n < MAX_TOPIC &&
           (str_starts(topic, ANNOUNCE_TASK_PREFIX) || str_starts(topic, ANNOUNCE_PROJECT_PREFIX));
}

static int follow(struct access_socket *s, struct str topic, bool is_on)
{
    if (!may_follow(topic))
        return err_set(ERR_INVALID, "a topic is project:ID or task:ID");
    return access_socket_follow(s, topic, is_on);
}

static int follow_all(struct access_socket *s, struct json_reader *json, bool is_on)
{
    struct json_event e;
    int n = 0;
    int r = json_next(json, &e);
    if (r == 0 && e.type != JSON_ARRAY)
        return err_set(ERR_INVALID, "an array of topics is expected");
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_ARRAY_END) {
        if (e.type != JSON_STRING || ++n > MAX_WORDS)
            return err_set(ERR_INVALID, "up to %d topics are expected", MAX_WORDS);
        r = follow(s, e.text, is_on);
    }
    return r;
}

static int read_wish(struct access_socket *s, struct json_reader *json)
{
    struct json_event e;
    int r = json_next(json, &e);
    if (r == 0 && e.type != JSON_OBJECT)
        return err_set(ERR_INVALID, "an object is expected");
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_OBJECT_END) {
        bool is_on = str_is(e.text, "subscribe");
        if (!is_on && !str_is(e.text, "unsubscribe"))
            return err_set(ERR_INVALID, "'subscribe' or 'unsubscribe' is expected");
        r = follow_all(s, json, is_on);
    }
    return r;
}

static int events_message(struct ws_client *c, void *user, struct str text)
{
    (void)c;
    struct json_reader *json;
    const struct json_reader_opts opts = {.text = text, .name = "message", .max_depth = 4};
    int r = json_reader_create(&opts, &json);
    if (r < 0)
        return r;
    r = read_wish((struct access_socket *)user, json);
    json_reader_destroy(json);
    return r;
}

static int events_open(struct ws_client *c, void *user)
{
    return access_socket_open((struct access_socket *)user, c);
}

static void events_close(struct ws_client *c, void *user)
{
    (void)c;
    access_socket_destroy((struct access_socket *)user);
}

static const struct ws_handlers events_handlers = {
    .on_open = events_open, .on_message = events_message, .on_close = events_close};

static int events(struct request *q)
{
    struct access_socket *s;
    int r = access_socket_create(q, &s);
    if (r < 0)
        return r;
    const struct ws_accept accept = {.handlers = &events_handlers, .user = s};
    return reply_websocket(q, &accept);
}

const struct route api_routes_live[] = {
    {"GET", "/ws/progress/{task_id}", progress, .role = API_VIEWER},
    {"GET", "/ws/events", events, .role = API_VIEWER},
    {0},
};
