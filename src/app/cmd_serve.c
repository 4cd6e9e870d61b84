// SPDX-License-Identifier: Apache-2.0
// cmd_serve.c - `assay serve`: the server with its workers, from the store up and back down.

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "app/app.h"
#include "app/commands.h"
#include "app/data_dir.h"
#include "app/janitor.h"
#include "app/serve_tools.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "blob/blob.h"
#include "event/bus.h"
#include "http/address.h"
#include "http/server.h"
#include "infer/engine.h"
#include "infer/model_cache.h"
#include "store/store.h"
#include "store/store_task.h"
#include "task/kinds.h"
#include "task/pool.h"

enum {
    FILES_WANTED = 16384, // sockets of idle WebSocket clients, above all
    LOOK_MS = 100,
};

struct serve_opts {
    const char *listen;
    int64_t workers;
    double stop_seconds;
    struct engine_opts engine;
};

// clang-format off
#define O struct serve_opts
static const struct opt serve_options[] = {
    OPT_TEXT(O, "listen", listen, "ADDRESS:PORT", "where to listen", "127.0.0.1:8080"),
    OPT_DOUBLE(O, "stop-seconds", stop_seconds, 0, 3600, "SECONDS", "how long tasks and requests may take to end when the server is stopped", "10"),
    OPT_INT(O, "workers", workers, 0, 64, "N", "tasks side by side in this process", "2"),
    OPT_END,
};
#undef O
// clang-format on

static struct serve_opts settings = {.listen = "127.0.0.1:8080", .workers = 2, .stop_seconds = 10};
static const struct opt_set sets[] = {{serve_options, &settings, "Server"},
                                      {data_dir_options, &data_dir_settings, "Data"},
                                      {engine_options, &settings.engine, "Engine"}};

struct serving {
    struct store *store;
    struct blob *blob;
    struct bus *bus;
    struct model_cache *models;
    struct task_tools tools;
    struct api *api;
    struct server *server;
    struct task_pool *pool;
    struct janitor *janitor;
    bool is_attached;
};

static struct metric query_seconds = METRIC_HISTOGRAM(
    "store_query_duration_seconds", "Time that a query took", metric_short_seconds, "query");
static struct metric queue_depth =
    METRIC_GAUGE("task_queue_depth", "Tasks that wait, by kind", "kind");
static struct metric connections =
    METRIC_GAUGE("store_connections", "Connections to the database, by state", "state");

static void note_query(void *arg, const char *query, int64_t nanoseconds)
{
    (void)arg;
    metric_observe(&query_seconds, (double)nanoseconds / (double)CLOCK_NS_PER_S, LABELS(query));
}

static int note_depth(void *arg, const char *kind, int64_t n_queued, int64_t n_running)
{
    (void)arg;
    (void)n_running;
    metric_set(&queue_depth, (double)n_queued, LABELS(kind));
    return 0;
}

// Before each exposition.
static void refresh(void *arg)
{
    struct serving *s = (struct serving *)arg;
    struct store_state state;
    store_state(s->store, &state);
    metric_set(&connections, state.readers_idle, LABELS("idle"));
    metric_set(&connections, state.readers_busy + state.is_writing, LABELS("busy"));
    for (size_t i = 0; task_kinds[i]; i++)
        metric_set(&queue_depth, 0, LABELS(task_kinds[i]->name));
    if (store_task_depth(s->store, note_depth, NULL) < 0)
        err_clear();
}

static int register_metrics(void)
{
    int r = metrics_register_process();
    if (r == 0)
        r = metrics_register(&query_seconds);
    if (r == 0)
        r = metrics_register(&queue_depth);
    return r == 0 ? metrics_register(&connections) : r;
}

// ---- up

static int open_rooms(struct serving *s, const char *data)
{
    const struct blob_opts blobs = {.directory = data};
    const struct store_opts rows = {
        .directory = data, .access = STORE_ACCESS_SERVE, .on_query = note_query};
    const struct model_cache_opts models = {.engine = settings.engine};
    // The store first: its lock says whether another server has the directory.
    int r = store_open(&rows, &s->store);
    if (r == 0)
        r = blob_open(&blobs, &s->blob);
    if (r == 0)
        r = bus_create(NULL, &s->bus);
    if (r == 0)
        r = model_cache_create(&models, &s->models);
    s->tools =
        (struct task_tools){.store = s->store, .blob = s->blob, .bus = s->bus, .models = s->models};
    return r;
}

static int open_server(struct serving *s)
{
    struct address address;
    uint16_t port;
    int r = address_parse_listen(settings.listen, &address, &port);
    if (r < 0)
        return err_prefix(r, "--listen");
    if (!address_is_loopback(&address))
        return err_set(ERR_UNSUPPORTED,
                       "--listen %s: without accounts the server listens on this "
                       "machine's loopback address only",
                       settings.listen);
    const struct api_opts api = {.store = s->store,
                                 .blob = s->blob,
                                 .bus = s->bus,
                                 .models = s->models,
                                 .tools = serve_tools(&s->tools),
                                 .is_loopback = true};
    r = api_create(&api, &s->api);
    const struct server_opts opts = {.listen = settings.listen,
                                     .routes = api_routes,
                                     .context = s->api,
                                     .before = api_before,
                                     .after = api_after,
                                     .alias_from = "/api/",
                                     .alias_to = "/api/v1/",
                                     .stop_timeout_ms = (int)(settings.stop_seconds * 1000)};
    if (r == 0)
        r = server_create(&opts, &s->server);
    if (r == 0)
        r = api_attach(s->api, s->server);
    s->is_attached = r == 0;
    return r;
}

static int start(struct serving *s)
{
    const struct task_pool_opts opts = {
        .tools = s->tools, .kinds = task_kinds, .n_workers = (int)settings.workers};
    int r = janitor_start(s->store, s->blob, &s->janitor); // before anybody writes
    if (r == 0)
        r = task_pool_create(&opts, &s->pool);
    if (r == 0)
        r = metrics_add_refresh(refresh, s);
    return r == 0 ? server_start(s->server) : r;
}

static int bring_up(struct serving *s, struct arena *a)
{
    const char *data = NULL;
    size_t n_files;
    if (server_raise_files(FILES_WANTED, &n_files) < 0)
        log_warning(NULL, "%s", err_message(0));
    int r = register_metrics();
    if (r == 0)
        r = data_dir(a, &data);
    if (r == 0)
        r = open_rooms(s, data);
    if (r == 0)
        r = open_server(s);
    if (r == 0)
        r = start(s);
    if (r == 0)
        log_info(NULL,
                 "serving http://%.*s%u from %s; there are no accounts: whoever can reach this "
                 "address may do everything",
                 (int)(strrchr(settings.listen, ':') - settings.listen + 1), settings.listen,
                 server_port(s->server), data);
    return r;
}

// ---- down, in the opposite order

static void bring_down(struct serving *s)
{
    if (s->server)
        server_drain(s->server);
    if (s->pool)
        task_pool_drain(s->pool, (int64_t)(settings.stop_seconds * 1000));
    if (s->server)
        server_stop(s->server);
    metrics_remove_refresh(refresh, s);
    janitor_stop(s->janitor);
    task_pool_destroy(s->pool);
    if (s->is_attached)
        api_detach(s->api);
    server_destroy(s->server);
    api_destroy(s->api);
    model_cache_destroy(s->models);
    bus_destroy(s->bus);
    blob_close(s->blob);
    store_close(s->store);
}

static void note_interrupt(void *arg)
{
    (void)arg; // the main thread looks
}

static int run(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return app_usage_error(&command_serve, "serve takes no arguments");
    struct serving s = {0};
    app_on_interrupt(note_interrupt, NULL);
    int r = bring_up(&s, call->arena);
    int status = r < 0 ? app_fail(r) : 0;
    while (r == 0 && !app_is_interrupted())
        clock_sleep_ns(LOOK_MS * CLOCK_NS_PER_MS);
    if (r == 0)
        log_info(NULL, "stopping: running requests and tasks have %g seconds",
                 settings.stop_seconds);
    bring_down(&s);
    app_on_interrupt(NULL, NULL);
    return status;
}

static const char details[] =
    "One process: HTTP API, live progress, workers, and everything it keeps in one directory. "
    "Stops\n"
    "on SIGTERM and Ctrl-C: nothing new is begun, what runs may end within --stop-seconds, tasks\n"
    "that do not are given back and run again at the next start.";

const struct command command_serve = {
    .name = "serve",
    .summary = "answers the HTTP API and works through its tasks",
    .usage = "[--data DIR] [--listen ADDRESS:PORT] [options]",
    .details = details,
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
