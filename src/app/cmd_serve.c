// SPDX-License-Identifier: Apache-2.0
// cmd_serve.c - `assay serve`: the server until it is told to stop.

#include "app/app.h"
#include "app/commands.h"
#include "app/data_dir.h"
#include "app/serving.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "infer/desk.h"

// clang-format off
#define O struct serving_opts
static const struct opt serve_options[] = {
    OPT_INT(O, "inference-queue", inference_queue, 1, 1000000, "N", "posted pictures that may wait for a model; more are answered with 503", "256"),
    OPT_TEXT(O, "listen", listen, "ADDRESS:PORT", "where to listen", "127.0.0.1:8080"),
    OPT_LIST(O, "proxy", access.proxies, "ADDRESS", "a TLS proxy in front (an address or a network): its X-Forwarded-For, -Proto and -Host are believed, and nobody else's"),
    OPT_BOOL(O, "allow-direct", access.allow_direct, "listens off loopback without TLS: passwords and keys cross the network in clear text"),
    OPT_LIST(O, "metrics-from", access.metrics_from, "ADDRESS", "who may read /metrics without a key (an address or a network)"),
    OPT_LIST(O, "allow-source", access.sources, "HOST", "a host that videos may be fetched from by their URL: example.com, example.com:8080, .example.com (all below it)"),
    OPT_BOOL(O, "allow-private-sources", access.allow_private_sources, "also where such a host is at an address that is not for the public internet"),
    OPT_DOUBLE(O, "login-minutes", access.login_minutes, 0.01, 43200, "MINUTES", "a login that is not used for so long ends", "720"),
    OPT_DOUBLE(O, "read-rate", access.rates[API_RATE_READ], 0, 1e6, "N", "reading requests a second that one client may send; 0: no limit", "100; without accounts no limit"),
    OPT_DOUBLE(O, "write-rate", access.rates[API_RATE_WRITE], 0, 1e6, "N", "likewise, changes", "20; without accounts no limit"),
    OPT_DOUBLE(O, "costly-rate", access.rates[API_RATE_COSTLY], 0, 1e6, "N", "likewise, inference, single frames, uploads of models", "30; without accounts no limit"),
    OPT_DOUBLE(O, "login-rate", access.rates[API_RATE_LOGIN], 0, 1e6, "N", "likewise, logins and keys that are none", "1"),
    OPT_INT(O, "model-memory", model_memory, 0, 1 << 30, "MIB", "memory that loaded models may take together: the longest unused go first; 0: as much as the machine has to spare", "0"),
    OPT_TEXT(O, "preload", preload, "NAME,...", "models to load and warm at the start, by name or id; the server is ready when they are", NULL),
    OPT_DOUBLE(O, "stop-seconds", stop_seconds, 0, 3600, "SECONDS", "how long tasks and requests may take to end when the server is stopped", "10"),
    OPT_INT(O, "workers", workers, 0, 64, "N", "tasks side by side in this process", "2"),
    OPT_END,
};
static const struct opt room_options[] = {
    OPT_INT(O, "cache-mb", cache_mb, 0, 1000000, "MB", "memory for answers that cost to make; 0: every one is made anew", "64"),
    OPT_DOUBLE(O, "keep-audit", keep_audit_days, 0, 36500, "DAYS", "how long lines of the audit log are kept; 0: for ever", "365"),
    OPT_INT(O, "keep-free", keep_free_mb, 1, 1000000000, "MB", "space that uploads and results leave free on the disk", "256"),
    OPT_DOUBLE(O, "keep-tasks", keep_tasks_days, 0, 36500, "DAYS", "how long tasks are kept that are over and that no session, video or detections need; 0: for ever", "90"),
    OPT_INT(O, "max-upload", max_upload_mb, 1, 1000000000, "MB", "largest file that is taken", "65536"),
    OPT_INT(O, "project-quota", project_quota_mb, 0, 1000000000, "MB", "files of a project that names no quota of its own, in all; 0: no limit", "0"),
    OPT_INT(O, "quota", quota_mb, 0, 1000000000, "MB", "files of all projects in all; 0: no limit", "0"),
    OPT_DOUBLE(O, "upload-hours", upload_hours, 0.0001, 8760, "HOURS", "how long an interrupted upload waits to be gone on with", "24"),
    OPT_END,
};
#undef O
// clang-format on

static struct serving_opts settings = {
    .listen = "127.0.0.1:8080",
    .workers = SERVING_WORKERS,
    .stop_seconds = SERVING_STOP_SECONDS,
    .access = {.login_minutes = 720, .rates = {-1, -1, -1, -1, -1}},
    .cache_mb = 64,
    .keep_tasks_days = 90,
    .keep_audit_days = 365,
    .inference_queue = DESK_MAX_WAITING,
};
static const struct opt_set sets[] = {{serve_options, &settings, "Server"},
                                      {data_dir_options, &data_dir_settings, "Data"},
                                      {room_options, &settings, "Room"},
                                      {engine_options, &settings.engine, "Engine"}};

static void note_interrupt(void *arg)
{
    (void)arg; // the main thread looks
}

static int serve(const struct app_call *call)
{
    struct serving *s = NULL;
    mem_keep_small();
    settings.sets = sets;
    settings.n_sets = ARRAY_LEN(sets);
    int r = data_dir(call->arena, &settings.data);
    if (r == 0)
        r = serving_start(&settings, &s);
    if (r < 0)
        return r;
    log_info(NULL, "serving %s from %s%s", serving_url(s), settings.data,
             serving_has_accounts(s)
                 ? ""
                 : "; there are no accounts: whoever can reach this address may do everything");
    serving_wait(s);
    serving_stop(s);
    return 0;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return app_usage_error(&command_serve, "serve takes no arguments");
    app_on_interrupt(note_interrupt, NULL);
    int r = serve(call);
    app_on_interrupt(NULL, NULL);
    return r < 0 ? app_fail(r) : 0;
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
