// SPDX-License-Identifier: Apache-2.0
// api.c - the room's life, its list of routes, and what stands before every handler.

#include "api/api.h"

#include "api/api_priv.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/address.h"

#define MAX_UPLOAD (INT64_C(64) * 1024 * 1024 * 1024)

const struct route *const api_routes[] = {
    api_routes_dashboard, api_routes_detection, api_routes_health,  api_routes_live,
    api_routes_model,     api_routes_page,      api_routes_project, api_routes_session,
    api_routes_task,      api_routes_truth,     api_routes_video,   NULL,
};

int api_create(const struct api_opts *opts, struct api **ret_api)
{
    struct api *a = mem_new(struct api);
    if (!a)
        return ERR_NOMEM;
    a->opts = *opts;
    if (a->opts.max_upload_bytes == 0)
        a->opts.max_upload_bytes = MAX_UPLOAD;
    *ret_api = a;
    return 0;
}

void api_destroy(struct api *a)
{
    mem_free(a);
}

// ---- on a loopback address without accounts: no page of another site may ask for anything, by
// whatever name it found us

static bool is_own_origin(struct request *q, const char *origin)
{
    struct str o = str_of(origin);
    struct str rest = {NULL, 0};
    if (str_starts(o, "http://"))
        rest = (struct str){o.p + 7, o.n - 7};
    else if (str_starts(o, "https://"))
        rest = (struct str){o.p + 8, o.n - 8};
    const char *host = request_header(q, "Host");
    return rest.n > 0 && host && str_is_nocase(rest, host);
}

static int check_site(struct request *q)
{
    const char *origin = request_header(q, "Origin");
    const char *site = request_header(q, "Sec-Fetch-Site");
    if (api_of(q)->opts.is_loopback && !address_is_loopback_name(request_host(q)))
        return reply_error(q, 403, "FORBIDDEN_HOST",
                           "this server answers to names of this machine only");
    bool is_reading = str_is(request_method(q), "GET") || str_is(request_method(q), "HEAD");
    bool is_upgrade = request_header(q, "Upgrade") != NULL;
    if (is_reading && !is_upgrade)
        return 0;
    if (origin && !is_own_origin(q, origin))
        return reply_error(q, 403, "FORBIDDEN_ORIGIN", "requests of other sites are refused");
    if (site && !str_is(str_of(site), "same-origin") && !str_is(str_of(site), "none"))
        return reply_error(q, 403, "FORBIDDEN_ORIGIN", "requests of other sites are refused");
    return 0;
}

int api_before(struct request *q)
{
    return check_site(q);
}

void api_after(struct request *q, int status, int64_t bytes_sent, int64_t duration_ns)
{
    (void)q;
    (void)status;
    (void)bytes_sent;
    (void)duration_ns;
}
