// SPDX-License-Identifier: Apache-2.0
// r_health.c - alive, ready, the version, the metrics, and what the API is.

#include "api/api_priv.h"
#include "base/err.h"
#include "base/metrics.h"
#include "blob/blob.h"
#include "http/server.h"

enum {
    MAX_METRICS = 16 * 1024 * 1024,
};

static int live(struct request *q)
{
    return reply_text(q, 200, "alive\n");
}

// Ready: rows can be read and written, there is space, what was to be preloaded is, and the server
// is not stopping.
static int ready(struct request *q)
{
    struct api *a = api_of(q);
    if (server_is_draining(request_server(q)))
        return reply_error(q, 503, "DRAINING", "the server is stopping");
    int r = store_ping(a->opts.store);
    if (r == 0)
        r = blob_check_space(a->opts.blob, 1);
    if (r == 0)
        r = a->opts.tools.check_ready(a->opts.tools.arg);
    if (r < 0)
        return reply_error(q, 503, err_name(r), "%s", err_message(r));
    return reply_text(q, 200, "ready\n");
}

static int version(struct request *q)
{
    struct str_buf body = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "version", ASSAY_VERSION);
    json_put_int(&w, "schema", store_schema_newest());
    json_end(&w);
    return reply_json(q, 200, &body);
}

static int metrics(struct request *q)
{
    struct str_buf body = STR_BUF_INIT(MAX_METRICS);
    metrics_write(&body);
    return reply_buffer(q, 200, METRICS_CONTENT_TYPE, &body);
}

static int openapi(struct request *q)
{
    const struct str text = {openapi_begin, (size_t)(openapi_end - openapi_begin)};
    return reply_bytes(q, 200, "application/yaml; charset=utf-8", text);
}

const struct route api_routes_health[] = {
    {"GET", "/health/live", live, .rate_class = API_RATE_FREE,
     .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {"GET", "/health/ready", ready, .rate_class = API_RATE_FREE,
     .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {"GET", "/openapi.yaml", openapi, .rate_class = API_RATE_FREE},
    {"GET", "/version", version, .rate_class = API_RATE_FREE},
    {"GET", "/metrics", metrics, .role = API_METRICS, .rate_class = API_RATE_FREE,
     .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {0},
};
