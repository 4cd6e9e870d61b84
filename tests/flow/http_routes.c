// SPDX-License-Identifier: Apache-2.0
// http_routes.c - one route for each thing that a reply or request can be.

#include "http_routes.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "http/address.h"
#include "http/multipart.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "http/server.h"
#include "http/ws.h"

const char *http_routes_file = "/dev/null";

static int small(struct request *q)
{
    return reply_bytes(q, 200, "application/json", STR("{\"ok\":true}\n"));
}

static int thing(struct request *q)
{
    struct str_buf out = STR_BUF_INIT(64 * KIB);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "id");
    json_string(&w, request_parameter(q, "id"));
    json_key(&w, "path");
    json_string(&w, request_path(q));
    struct str name;
    struct str value;
    for (size_t i = 0; request_query_at(q, i, &name, &value); i++) {
        json_key_str(&w, name);
        json_string(&w, value);
    }
    json_end(&w);
    return reply_json(q, 200, &out);
}

static int limited(struct request *q)
{
    int64_t limit = 50;
    int r = request_query_int(q, "limit", 1, 1000, &limit);
    return r < 0 ? r : reply_text(q, 200, "%lld\n", (long long)limit);
}

static int frame(struct request *q)
{
    int64_t n;
    int r = request_parameter_int(q, "n", 1000000, &n);
    return r < 0 ? r : reply_text(q, 200, "frame %lld\n", (long long)n);
}

// Who asks, as far as the server can tell.
static int client(struct request *q)
{
    char text[ADDRESS_TEXT];
    address_format(request_client(q), text);
    return reply_text(q, 200, "%s%s " STR_FMT "\n", text, request_is_secure(q) ? " secure" : "",
                      STR_ARG(request_cookie(q, "name")));
}

// One thing in three codings.
static int asset(struct request *q)
{
    static const struct reply_asset a = {
        .bytes = {"plain", 5},
        .gzip = {"as gzip", 7},
        .brotli = {"as brotli", 9},
        .type = "text/javascript",
        .validity = {.etag = "asset-1", .caching = "public, max-age=31536000, immutable"},
    };
    return reply_asset(q, &a);
}

// A list that gzip shrinks.
static int large(struct request *q)
{
    struct str_buf out = STR_BUF_INIT(MIB);
    struct reply_validity v = {.etag = "large-1"};
    int r = reply_if_unchanged(q, &v);
    if (r != 0)
        return r < 0 ? r : 0;
    for (int i = 0; i < 2000; i++)
        str_buf_printf(&out, "{\"frame\":%d,\"label\":\"person\"}\n", i);
    return reply_buffer(q, 200, "application/x-ndjson", &out);
}

static int echo_json(struct request *q)
{
    struct json_reader *r;
    struct json_event e = {0};
    int64_t n = 0;
    int result = request_json(q, 0, &r);
    if (result < 0)
        return result;
    do {
        result = json_next(r, &e);
        n++;
    } while (result == 0 && e.type != JSON_END);
    json_reader_destroy(r);
    return result < 0 ? result : reply_text(q, 200, "%lld events\n", (long long)n);
}

static int file(struct request *q)
{
    struct reply_file f = {
        .fd = open(http_routes_file, O_RDONLY | O_CLOEXEC),
        .size = -1,
        .type = "video/mp4",
        .validity = {.etag = "file-1", .modified_s = 1000000000},
    };
    struct str v;
    if (f.fd < 0)
        return err_set(ERR_NOT_FOUND, "file does not exist");
    f.download_name = request_query(q, "download", &v) ? "a \"b\" \xc3\xa9.mp4" : NULL;
    return reply_file(q, &f);
}

static int fail(struct request *q)
{
    struct str code;
    if (request_query(q, "code", &code) && str_is(code, "busy")) {
        reply_retry_after(q, 7);
        return err_set(ERR_BUSY, "queue is full");
    }
    return err_set(ERR_IO, "/secret/path: broken");
}

// --- a stream of lines

struct lines {
    int64_t n;
    int64_t at;
    int64_t pause_ms; // before each piece
    bool breaks;
};

static int lines_next(void *state, struct str_buf *out)
{
    struct lines *l = state;
    if (l->breaks && l->at > l->n / 2)
        return err_set(ERR_IO, "stream broke");
    if (l->pause_ms > 0)
        usleep((unsigned)l->pause_ms * 1000);
    while (l->at < l->n && out->n < 64 * KIB)
        str_buf_printf(out, "{\"n\":%lld}\n", (long long)l->at++);
    return 0;
}

static int lines(struct request *q)
{
    struct lines *l = mem_new(struct lines);
    struct str v;
    if (!l)
        return ERR_NOMEM;
    l->n = 1000;
    l->breaks = request_query(q, "break", &v);
    int r = request_query_int(q, "n", 0, 100000000, &l->n);
    if (r == 0)
        r = request_query_int(q, "pause", 0, 10000, &l->pause_ms);
    if (r < 0) {
        mem_free(l);
        return r;
    }
    struct reply_stream s = {
        .type = "application/x-ndjson", .next = lines_next, .state = l, .release = mem_free};
    return reply_stream(q, &s);
}

// --- uploads: the digest of what came

struct upload {
    struct digest digest;
    int64_t n;
    struct multipart *multipart;
    char name[64];
};

static atomic_int n_uploads_open;

static void upload_free(void *state)
{
    struct upload *u = state;
    multipart_destroy(u->multipart);
    mem_free(u);
    atomic_fetch_sub(&n_uploads_open, 1);
}

static int part(void *arg, const struct multipart_part *p)
{
    struct upload *u = arg;
    struct str s = p->file_name.p ? p->file_name : p->name;
    memcpy(u->name, s.p, MIN(s.n, sizeof(u->name) - 1));
    return 0;
}

static int part_data(void *arg, const void *bytes, size_t n)
{
    struct upload *u = arg;
    digest_add(&u->digest, bytes, n);
    u->n += (int64_t)n;
    return 0;
}

static int upload_begin(struct request *q)
{
    static const struct multipart_calls calls = {.part = part, .data = part_data};
    const char *full = request_header(q, "X-Full");
    if (full)
        return err_set(ERR_NOSPACE, "no space for the upload");
    struct upload *u = mem_new(struct upload);
    if (!u)
        return ERR_NOMEM;
    atomic_fetch_add(&n_uploads_open, 1);
    request_set_state(q, u, upload_free);
    digest_init(&u->digest);
    if (!str_is(request_content_type(q), "multipart/form-data"))
        return 0;
    return multipart_create(request_content_parameter(q, "boundary"), &calls, u, &u->multipart);
}

static int upload_data(struct request *q, const void *bytes, size_t n)
{
    struct upload *u = request_state(q);
    const char *at = request_header(q, "X-Fail-At");
    int64_t limit;
    if (at && str_to_i64(str_of(at), &limit) == 0 && request_body_taken(q) > limit)
        return err_set(ERR_NOSPACE, "no space left for the upload");
    if (u->multipart)
        return multipart_add(u->multipart, bytes, n);
    return part_data(u, bytes, n);
}

static int upload_end(struct request *q)
{
    struct upload *u = request_state(q);
    char hex[DIGEST_HEX_BYTES];
    int r = u->multipart ? multipart_finish(u->multipart) : 0;
    if (r < 0)
        return r;
    digest_hex(&u->digest, hex);
    return reply_text(q, 201, "%lld %s %s\n", (long long)u->n, hex, u->name);
}

static const struct route_sink upload = {upload_begin, upload_data, NULL};

static int metrics(struct request *q)
{
    struct str_buf out = STR_BUF_INIT(4 * MIB);
    metrics_write(&out);
    return reply_buffer(q, 200, METRICS_CONTENT_TYPE, &out);
}

static int uploads_open(struct request *q)
{
    return reply_text(q, 200, "%d\n", atomic_load(&n_uploads_open));
}

// Takes a while, unless the server gives up on it.
static int slow(struct request *q)
{
    int64_t ms = 200;
    int r = request_query_int(q, "ms", 0, 60000, &ms);
    int64_t until = clock_now_ns() + ms * CLOCK_NS_PER_MS;
    if (r < 0)
        return r;
    while (clock_now_ns() < until && !request_is_gone(q))
        usleep(2000);
    return reply_text(q, 200, "slept\n");
}

// --- WebSockets: says back what it hears, and follows topics

static int ws_open(struct ws_client *c, void *user)
{
    (void)user;
    return ws_send_text(c, STR("{\"hello\":true}"));
}

static int ws_text(struct ws_client *c, void *user, struct str text)
{
    (void)user;
    if (str_starts(text, "follow "))
        return ws_subscribe(c, (struct str){text.p + 7, text.n - 7});
    if (str_is(text, "bad"))
        return err_set(ERR_INVALID, "bad is bad");
    if (str_is(text, "bye")) {
        ws_close(c, 1000, "bye");
        return 0;
    }
    return ws_send_text(c, text);
}

static void ws_gone(struct ws_client *c, void *user)
{
    (void)c;
    (void)user;
}

static int websocket(struct request *q)
{
    static const struct ws_handlers handlers = {ws_open, ws_text, ws_gone};
    struct ws_accept a = {.handlers = &handlers, .protocol = "test"};
    return reply_websocket(q, &a);
}

// The body goes to all who follow the topic.
static int publish(struct request *q)
{
    struct ws_message *m;
    struct ws_publication p = {.topic = request_parameter(q, "topic"), .delivery = WS_LATEST};
    struct str how;
    if (request_query(q, "how", &how))
        p.delivery = str_is(how, "each") ? WS_EACH : str_is(how, "final") ? WS_FINAL : WS_LATEST;
    int64_t times = 1;
    int r = request_query_int(q, "times", 1, 100000, &times);
    if (r < 0)
        return r;
    r = ws_message_create(request_body(q), &m);
    if (r < 0)
        return r;
    for (int64_t i = 0; r == 0 && i < times; i++)
        r = ws_publish(server_ws(request_server(q)), &p, m);
    ws_message_unref(&m);
    return r < 0 ? r : reply_empty(q, 204);
}

// clang-format off
static const struct route routes[] = {
    {"GET",    "/",                        small},
    {"GET",    "/asset",                   asset},
    {"GET",    "/client",                  client},
    {"POST",   "/api/v1/json",             echo_json, .body_limit = 64 * 1024},
    {"GET",    "/api/v1/lines",            lines},
    {"GET",    "/api/v1/list",             limited},
    {"GET",    "/api/v1/things/{id}",      thing},
    {"PUT",    "/api/v1/things/{id}",      thing},
    {"DELETE", "/api/v1/things/{id}",      thing, .role = 1},
    {"GET",    "/api/v1/things/{id}/frames/{n}.jpg", frame},
    {"POST",   "/api/v1/upload",           upload_end, .sink = &upload},
    {"PUT",    "/api/v1/upload",           upload_end, .sink = &upload, .body_limit = 1 << 20},
    {"GET",    "/fail",                    fail},
    {"GET",    "/file",                    file},
    {"GET",    "/health",                  small, .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {"GET",    "/large",                   large},
    {"GET",    "/metrics",                 metrics, .flags = ROUTE_NO_LOG},
    {"POST",   "/publish/{topic}",         publish},
    {"GET",    "/slow",                    slow},
    {"GET",    "/static/{path...}",        small},
    {"GET",    "/uploads-open",            uploads_open},
    {"GET",    "/ws",                      websocket},
    {0},
};
// clang-format on

const struct route *const http_routes[] = {routes, NULL};
