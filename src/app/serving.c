// SPDX-License-Identifier: Apache-2.0
// serving.c - the server's rooms, opened in order and closed in the opposite one.

#include "app/serving.h"

#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "app/app.h"
#include "app/control.h"
#include "app/janitor.h"
#include "app/model_tools.h"
#include "app/picture_tool.h"
#include "app/preload.h"
#include "app/serve_tools.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "base/tick.h"
#include "blob/blob.h"
#include "event/announce.h"
#include "event/bus.h"
#include "http/address.h"
#include "http/server.h"
#include "infer/model_cache.h"
#include "store/store.h"
#include "store/store_task.h"
#include "task/kinds.h"
#include "task/pool.h"

enum {
    INFER_NICENESS = 5,   // as the children that decode: requests go first
    FILES_WANTED = 16384, // sockets of idle WebSocket clients, above all
    LOOK_MS = 100,
    URL_BYTES = 300,
};
#define MB INT64_C(1000000)

struct serving {
    struct serving_opts opts;
    char url[URL_BYTES];
    struct store *store;
    struct blob *blob;
    struct bus *bus;
    struct model_cache *models;
    struct task_sources sources;
    struct task_tools tools;
    struct picture_tool *pictures;
    struct preload *preload;
    struct serve_tools api_tools;
    struct api *api;
    struct server *server;
    struct task_pool *pool;
    struct janitor *janitor;
    struct serving_rules rules;
    struct control *control;
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

static void note_change(void *arg, unsigned changes)
{
    const struct serving *s = (const struct serving *)arg;
    for (int i = 0; s->bus && i < STORE_N_CHANGES; i++)
        if (changes & 1u << i)
            announce_changed(s->bus, store_change_name(i));
}

static void note_changed_one(void *arg, unsigned kind, const char *id)
{
    const struct serving *s = (const struct serving *)arg;
    for (int i = 0; s->bus && i < STORE_N_CHANGES; i++)
        if (kind & 1u << i)
            announce_changed_one(s->bus, store_change_name(i), id);
}

static int add_line(void *arg)
{
    const struct serving *s = (const struct serving *)arg;
    return s->api ? api_committing(s->api) : 0;
}

static void forget_line(void *arg)
{
    (void)arg;
    api_taken_back();
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
    model_cache_refresh(s->models);
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
    if (r == 0)
        r = model_cache_register_metrics();
    return r == 0 ? metrics_register(&connections) : r;
}

// ---- up

static bool is_private(const uint8_t address[16])
{
    struct address a;
    memcpy(a.bytes, address, sizeof(a.bytes));
    return address_is_private(&a);
}

static int open_rooms(struct serving *s)
{
    const struct blob_opts blobs = {.directory = s->opts.data,
                                    .reserve_bytes = s->opts.keep_free_mb * MB};
    const struct store_opts rows = {.directory = s->opts.data,
                                    .access = STORE_ACCESS_SERVE,
                                    .on_query = note_query,
                                    .on_change = note_change,
                                    .on_changed_one = note_changed_one,
                                    .committing = add_line,
                                    .taken_back = forget_line,
                                    .arg = s};
    const struct model_cache_opts models = {
        .engine = s->opts.engine,
        .max_idle = MAX(MODEL_CACHE_IDLE, preload_count(s->opts.preload)),
        .max_bytes = s->opts.model_memory * (int64_t)MIB,
        .niceness = INFER_NICENESS,
        .max_waiting = (size_t)s->opts.inference_queue};
    // The store first: its lock says whether another server has the directory.
    int r = store_open(&rows, &s->store);
    if (r == 0)
        r = blob_open(&blobs, &s->blob);
    if (r == 0)
        r = bus_create(NULL, &s->bus);
    if (r == 0)
        r = model_cache_create(&models, &s->models);
    if (r == 0)
        r = picture_tool_create(NULL, &s->pictures);
    s->sources = (struct task_sources){.hosts = s->opts.access.sources.items,
                                       .n_hosts = s->opts.access.sources.n,
                                       .allow_private = s->opts.access.allow_private_sources,
                                       .is_private = is_private,
                                       .max_bytes = s->opts.max_upload_mb * MB,
                                       .project_quota_bytes = s->opts.project_quota_mb * MB,
                                       .quota_bytes = s->opts.quota_mb * MB};
    s->tools = (struct task_tools){.model_tools = &model_tools,
                                   .store = s->store,
                                   .blob = s->blob,
                                   .bus = s->bus,
                                   .models = s->models,
                                   .sources = &s->sources};
    if (r == 0)
        r = preload_create(&s->tools, s->opts.preload, &s->preload);
    s->api_tools =
        (struct serve_tools){.tasks = &s->tools, .pictures = s->pictures, .preload = s->preload};
    return r;
}

static int open_server(struct serving *s)
{
    struct serving_rules *rules = &s->rules;
    int r = serving_rules_read(&s->opts.access, s->opts.listen, s->store, rules);
    if (r < 0)
        return r;
    struct api_opts api = {.store = s->store,
                           .blob = s->blob,
                           .bus = s->bus,
                           .models = s->models,
                           .tools = serve_tools_table(&s->api_tools),
                           .max_upload_bytes = s->opts.max_upload_mb * MB,
                           .cache_bytes = (size_t)(s->opts.cache_mb * MB),
                           .quota_bytes = s->opts.quota_mb * MB,
                           .project_quota_bytes = s->opts.project_quota_mb * MB,
                           .upload_lifetime_ms = (int64_t)(s->opts.upload_hours * 3.6e6),
                           .settings = s->opts.sets,
                           .n_settings = s->opts.n_sets,
                           .is_loopback = rules->is_loopback,
                           .has_proxy = rules->n_proxies > 0,
                           .allow_direct = s->opts.access.allow_direct,
                           .metrics_from = rules->metrics_from,
                           .n_metrics_from = rules->n_metrics_from,
                           .login_ms = rules->login_ms};
    memcpy(api.rates, rules->rates, sizeof(api.rates));
    r = api_create(&api, &s->api);
    const struct server_opts opts = {.listen = s->opts.listen,
                                     .routes = api_routes,
                                     .context = s->api,
                                     .before = api_before,
                                     .before_unrouted = api_before_unrouted,
                                     .handling = api_handling,
                                     .replied = api_replied,
                                     .proxies = rules->proxies,
                                     .n_proxies = rules->n_proxies,
                                     .alias_from = "/api/",
                                     .alias_to = "/api/v1/",
                                     .stop_timeout_ms = (int)(s->opts.stop_seconds * 1000),
                                     .no_access_log = s->opts.no_access_log};
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
        .tools = s->tools, .kinds = task_kinds, .n_workers = (int)s->opts.workers};
    const struct janitor_opts cleaning = {.store = s->store,
                                          .blob = s->blob,
                                          .directory = s->opts.data,
                                          .keep_tasks_days = s->opts.keep_tasks_days,
                                          .keep_audit_days = s->opts.keep_audit_days};
    int r = janitor_start(&cleaning, &s->janitor); // before anybody writes
    if (r == 0)
        r = task_pool_create(&opts, &s->pool);
    if (r == 0)
        r = metrics_add_refresh(refresh, s);
    if (r == 0)
        r = control_start(s->opts.data, s->store, s->api, &s->control);
    if (r == 0)
        r = preload_start(s->preload);
    if (r == 0)
        api_warm(s->api);
    return r == 0 ? server_start(s->server) : r;
}

static void name_url(struct serving *s)
{
    const char *listen = s->opts.listen;
    (void)snprintf(s->url, sizeof(s->url), "http://%.*s%u",
                   (int)(strrchr(listen, ':') - listen + 1), listen, server_port(s->server));
}

static int bring_up(struct serving *s)
{
    size_t n_files;
    thread_go_soon(); // threads of requests inherit it; what works in the background gives way
    if (server_raise_files(FILES_WANTED, &n_files) < 0)
        log_warning(NULL, "%s", err_message(0));
    int r = register_metrics();
    if (r == 0 && tick_start() < 0)
        log_warning(NULL, "%s: requests wait longer beside videos", err_message(0));
    if (r == 0)
        r = open_rooms(s);
    if (r == 0)
        r = open_server(s);
    if (r == 0)
        r = start(s);
    if (r == 0)
        name_url(s);
    return r;
}

// ---- down, in the opposite order

static void bring_down(struct serving *s)
{
    if (s->server)
        server_drain(s->server);
    if (s->pool)
        task_pool_drain(s->pool, (int64_t)(s->opts.stop_seconds * 1000));
    if (s->server)
        server_stop(s->server);
    control_stop(s->control);
    metrics_remove_refresh(refresh, s);
    janitor_stop(s->janitor);
    task_pool_destroy(s->pool);
    if (s->is_attached)
        api_detach(s->api);
    server_destroy(s->server);
    api_destroy(s->api);
    preload_destroy(s->preload);
    picture_tool_destroy(s->pictures);
    model_cache_destroy(s->models);
    bus_destroy(s->bus);
    blob_close(s->blob);
    store_close(s->store);
    tick_stop();
}

// ---- for commands

int serving_start(const struct serving_opts *opts, struct serving **ret_serving)
{
    struct serving *s = mem_new(struct serving);
    if (!s)
        return ERR_NOMEM;
    s->opts = *opts;
    int r = bring_up(s);
    if (r == 0) {
        *ret_serving = s;
        return 0;
    }
    char why[ERR_MESSAGE_BYTES]; // closing the rooms may have things to say as well
    err_copy_message(r, why, sizeof(why));
    serving_stop(s);
    return err_set((enum err)r, "%s", why);
}

bool serving_has_accounts(const struct serving *s)
{
    return api_has_accounts(s->api);
}

const char *serving_url(const struct serving *s)
{
    return s->url;
}

void serving_wait(const struct serving *s)
{
    while (!app_is_interrupted())
        clock_sleep_ns(LOOK_MS * CLOCK_NS_PER_MS);
    log_info(NULL, "stopping: running requests and tasks have %g seconds", s->opts.stop_seconds);
}

void serving_stop(struct serving *s)
{
    if (!s)
        return;
    bring_down(s);
    mem_free(s);
}
