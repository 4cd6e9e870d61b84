// SPDX-License-Identifier: Apache-2.0
// fuzz_head.c - what the header fields of a request say: media types, cookies, conditions, ranges,
// WebSocket handshakes, the fields of tus.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "api/tus_head.h"
#include "request_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static volatile size_t sink; // what was read is used

static void use(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        sink = sink + (unsigned char)s.p[i];
}

static void check_values(struct request *q)
{
    use(request_content_type(q));
    use(request_content_parameter(q, "boundary"));
    use(request_cookie(q, "a"));
    use(request_cookie(q, "__Host-assay"));
    sink = sink + request_accepts(q, "application/vnd.assay.columns", false);
    sink = sink + request_accepts(q, "text/html", true);
    sink = sink + accept_lists(request_header_view(q, STR("Accept-Encoding")), "gzip", true);
}

static void check_dates(struct request *q)
{
    char text[HTTP_DATE_TEXT];
    int64_t t;
    int64_t again;
    if (!http_date_parse(str_trim(request_header_view(q, STR("If-Modified-Since"))), &t))
        return;
    http_date_format(t, text);
    // seconds and days that no clock shows are carried over, once
    if (text[0])
        assert(http_date_parse(str_of(text), &again) && again == t);
}

static void check_conditions(struct request *q)
{
    const struct reply_validity v = {.etag = "one", .modified_s = 1000000000};
    const struct reply_validity none = {.etag = NULL};
    struct range r[8];
    size_t n;
    q->method = STR("GET");
    assert(condition_check(q, &v) != CONDITION_UNSET);
    q->method = STR("PUT");
    assert(condition_check(q, &none) != CONDITION_NOT_MODIFIED);
    sink = sink + condition_range_holds(q, &v) + condition_range_holds(q, &none);
    if (range_parse(request_header_view(q, STR("Range")), 1000, r, 8, &n) == RANGE_SOME)
        for (size_t i = 0; i < n; i++)
            assert(r[i].first >= 0 && r[i].n > 0 && r[i].first + r[i].n <= 1000);
}

static void check_handshake(struct request *q)
{
    char accept[29];
    bool protocol = false;
    q->method = STR("GET");
    q->is_chunked = false;
    q->reply.accept.protocol = "assay";
    if (ws_handshake(q, accept, &protocol) == 0 && !q->reply.made)
        assert(strlen(accept) == 28);
    reply_drop(q);
}

static void check_text(const char *text)
{
    struct str rest = str_of(text);
    assert(rest.n <= STORE_NAME_MAX);
    while (rest.n > 0) {
        size_t k = str_utf8_length(rest);
        assert(k > 0 && (unsigned char)*rest.p >= ' ');
        rest.p += k;
        rest.n -= k;
    }
}

static void check_tus(struct request *q)
{
    struct tus_metadata m;
    struct tus_checksum sum;
    int64_t n;
    if (tus_number(q, "Upload-Offset", &n) == 0)
        assert(n >= 0);
    if (tus_metadata(q, request_header(q, "Upload-Metadata"), &m) == 0) {
        const char *const texts[] = {m.kind,      m.project_id,   m.video_id, m.name,
                                     m.file_name, m.content_type, m.format};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            if (texts[i])
                check_text(texts[i]);
    }
    if (tus_checksum_begin(q, &sum) == 0) {
        tus_checksum_add(&sum, "bytes", 5);
        sink = sink + tus_checksum_holds(&sum);
    }
    IGNORE(tus_check_version(q));
    reply_drop(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str body;
    struct request *q = make_request(bytes, n, &body);
    if (!q)
        return 0;
    if (!q->server->ws &&
        ws_loop_create(&(struct ws_opts){.max_message_in = 512}, &q->server->ws) < 0)
        return 0;
    check_values(q);
    check_dates(q);
    check_conditions(q);
    check_tus(q);
    check_handshake(q);
    request_destroy(q);
    err_clear();
    return 0;
}
