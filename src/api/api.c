// SPDX-License-Identifier: Apache-2.0
// api.c - the room's life and its list of routes.

#include "api/api.h"

#include "api/access_priv.h"
#include "api/converted.h"
#include "api/reply_cache.h"
#include "base/arena.h"
#include "base/cache.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rate_limit.h"

enum {
    UPLOAD_LIFETIME_MS = 24 * 3600 * 1000,
    PREDICTIONS_BYTES = 32 * 1024 * 1024,
    PREDICTIONS_MS = 5 * 60 * 1000,
};
#define MAX_UPLOAD (INT64_C(64) * 1024 * 1024 * 1024)

// clang-format off
const struct route *const api_routes[] = {
    api_routes_audit,
    api_routes_compare,
    api_routes_confusion,
    api_routes_dashboard,
    api_routes_detection,
    api_routes_health,
    api_routes_inference,
    api_routes_key,
    api_routes_kserve,
    api_routes_live,
    api_routes_login,
    api_routes_model,
    api_routes_outside,
    api_routes_overview,
    api_routes_page,
    api_routes_probe,
    api_routes_project,
    api_routes_session,
    api_routes_settings,
    api_routes_task,
    api_routes_truth,
    api_routes_upload,
    api_routes_user,
    api_routes_video,
    api_routes_vitals,
    NULL,
};
// clang-format on

int api_create(const struct api_opts *opts, struct api **ret_api)
{
    struct api *a = mem_new(struct api);
    if (!a)
        return ERR_NOMEM;
    a->opts = *opts;
    if (a->opts.max_upload_bytes == 0)
        a->opts.max_upload_bytes = MAX_UPLOAD;
    if (a->opts.upload_lifetime_ms == 0)
        a->opts.upload_lifetime_ms = UPLOAD_LIFETIME_MS;
    if (a->opts.login_ms == 0)
        a->opts.login_ms = ACCESS_LOGIN_MS;
    const struct cache_opts predictions = {
        .name = "predictions", .max_bytes = PREDICTIONS_BYTES, .lifetime_ms = PREDICTIONS_MS};
    int r = lock_init(&a->claims_lock, LOCK_RANK_APP);
    if (r == 0) {
        r = cond_init(&a->claims_changed);
        if (r < 0)
            lock_finish(&a->claims_lock);
    }
    if (r < 0) {
        mem_free(a);
        return r;
    }
    r = cache_create(&predictions, &a->predictions);
    if (r == 0)
        r = access_rates_create(a);
    if (r == 0)
        r = access_gate_create(&a->gate);
    if (r == 0)
        r = converted_create(&a->converted);
    if (r == 0)
        r = access_sockets_create(a);
    if (r == 0)
        r = access_reload(a);
    if (r == 0)
        r = reply_cache_create(a->opts.store, a->opts.bus, a->opts.cache_bytes, &a->replies);
    if (r < 0) {
        api_destroy(a);
        return r;
    }
    *ret_api = a;
    return 0;
}

void api_destroy(struct api *a)
{
    if (!a)
        return;
    access_sockets_destroy(a);
    access_gate_destroy(a->gate);
    converted_destroy(a->converted);
    rate_limit_destroy(a->rates);
    reply_cache_destroy(a->replies);
    cond_finish(&a->claims_changed);
    lock_finish(&a->claims_lock);
    cache_destroy(a->predictions);
    mem_free(a);
}

void api_warm(struct api *a)
{
    struct arena *arena = NULL;
    if (a->opts.cache_bytes == 0)
        return;
    int r = arena_create(0, &arena);
    if (r == 0)
        r = dashboard_warm(a);
    if (r == 0)
        r = session_warm(a, arena);
    if (r == 0)
        r = video_warm(a);
    if (r < 0)
        log_warning(NULL, "not all is made beforehand: %s", err_message(r));
    arena_destroy(arena);
    err_clear();
}
