// SPDX-License-Identifier: Apache-2.0
// test_http.c - a listening server and raw sockets: ordinary, edge and broken requests as rows.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/address.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "http/server.h"
#include "http_client.h"
#include "http_routes.h"

static char file_path[] = "/tmp/assay-http-XXXXXX";
static atomic_int n_after;

// --- rows: one request, its status and a text in its reply

static const struct row rows[] = {
    // ordinary
    {"GET / HTTP/1.1\r\n" HOST END, 200, "{\"ok\":true}"},
    {"GET / HTTP/1.0\r\n\r\n", 200, "X-Request-ID: "},
    {"HEAD / HTTP/1.1\r\n" HOST END, 200, "Content-Length: 12"},
    {"GET /?a=b HTTP/1.1\r\n" HOST END, 200, NULL},
    {"GET http://localhost/ HTTP/1.1\r\n" HOST END, 200, NULL},
    {"OPTIONS / HTTP/1.1\r\n" HOST END, 204, "Allow: GET, HEAD, OPTIONS"},
    {"OPTIONS * HTTP/1.1\r\n" HOST END, 204, NULL},
    {"OPTIONS /api/v1/things/1 HTTP/1.1\r\n" HOST END, 204,
     "Allow: DELETE, GET, HEAD, OPTIONS, PUT"},
    {"GET / HTTP/1.1\r\n" HOST "X-Request-ID: abc-1.2_3\r\n" END, 200,
     "X-Request-ID: abc-1.2_3\r\n"},
    {"GET /api/v1/things/a%20b HTTP/1.1\r\n" HOST END, 200, "{\"id\":\"a b\""},
    {"GET /api/things/x/ HTTP/1.1\r\n" HOST END, 200, "\"path\":\"/api/v1/things/x\""},
    {"GET /api/v1/things/x?q=a&r=2&%71=3 HTTP/1.1\r\n" HOST END, 400, "'q' stands there twice"},
    {"GET /api/v1/things/x?q=a%2Bb+c&r=2 HTTP/1.1\r\n" HOST END, 200,
     "\"q\":\"a+b c\",\"r\":\"2\""},
    {"GET /api/v1/things/x/frames/7.jpg HTTP/1.1\r\n" HOST END, 200, "frame 7"},
    {"GET /static/a/b/c.js HTTP/1.1\r\n" HOST END, 200, NULL},
    {"GET /api/v1/list?limit=9 HTTP/1.1\r\n" HOST END, 200, "9\n"},
    {"POST /api/v1/things/x HTTP/1.1\r\n" HOST
     "X-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n" END,
     200, "\"id\":\"x\""},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 7\r\n" END "{\"a\":1}",
     200, "5 events"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n" END
     "3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n",
     200, "5 events"},
    {"POST /api/v1/upload HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" END "abc", 201,
     "3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"POST /api/v1/upload HTTP/1.1\r\n" HOST
     "Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 69\r\n" END
     "--B\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\nabc\r\n--B--",
     201, "3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad x"},
    {"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" END, 200, "Connection: close"},
    // files
    {"GET /file HTTP/1.1\r\n" HOST END, 200, "\r\n\r\n0123456789"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\n" END, 206,
     "Content-Range: bytes 2-4/10\r\n"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=-3\r\n" END, 206, "\r\n\r\n789"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=9-\r\n" END, 206, "\r\n\r\n9"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=0-0,5-6\r\n" END, 206,
     "Content-Range: bytes 5-6/10\r\n\r\n56\r\n--part-"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=10-\r\n" END, 416, "Content-Range: bytes */10"},
    {"GET /file HTTP/1.1\r\n" HOST "Range: lines=1-2\r\n" END, 200, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n" END, 200, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\nIf-Range: \"file-1\"\r\n" END, 206, NULL},
    {"GET /file HTTP/1.1\r\n" HOST
     "Range: bytes=2-4\r\nIf-Range: Sun, 09 Sep 2001 01:46:40 GMT\r\n" END,
     206, NULL},
    {"HEAD /file HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\n" END, 200, "Content-Length: 10"},
    {"GET /file HTTP/1.1\r\n" HOST "If-None-Match: W/\"x\", \"file-1\"\r\n" END, 304, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "If-None-Match: *\r\n" END, 304, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "If-None-Match: \"x\"\r\n" END, 200, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "If-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n" END, 304,
     NULL},
    {"GET /file HTTP/1.1\r\n" HOST "If-Modified-Since: yesterday\r\n" END, 200, NULL},
    {"GET /file HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n" END, 412, "PRECONDITION_FAILED"},
    {"GET /file?download=1 HTTP/1.1\r\n" HOST END, 200,
     "attachment; filename=\"a _b_ __.mp4\"; filename*=UTF-8''a%20%22b%22%20%C3%A9.mp4"},
    // compression
    {"GET /large HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n" END, 200, "Content-Encoding: gzip"},
    {"GET /large HTTP/1.1\r\n" HOST "Accept-Encoding: gzip;q=0\r\n" END, 200,
     "Content-Length: 62890"},
    {"GET /large HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\nIf-None-Match: W/\"large-1\"\r\n" END,
     304, NULL},
    {"GET /asset HTTP/1.1\r\n" HOST END, 200, "\r\n\r\nplain"},
    {"GET /asset HTTP/1.1\r\n" HOST "Accept-Encoding: gzip, br\r\n" END, 200, "\r\n\r\nas brotli"},
    {"GET /asset HTTP/1.1\r\n" HOST "Accept-Encoding: gzip, br;q=0\r\n" END, 200,
     "\r\n\r\nas gzip"},
    {"GET /asset HTTP/1.1\r\n" HOST "Accept-Encoding: *\r\n" END, 200, "Content-Encoding: br\r\n"},
    {"GET /asset HTTP/1.1\r\n" HOST "Accept-Encoding: identity\r\n" END, 200, "immutable\r\n"},
    {"GET /asset HTTP/1.1\r\n" HOST "If-None-Match: \"asset-1\"\r\n" END, 304,
     "Vary: Accept-Encoding"},
    {"GET /client HTTP/1.1\r\n" HOST "X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n" END,
     200, "127.0.0.1 \n"},
    {"GET /client HTTP/1.1\r\n" HOST "Cookie: other=1; name=value; name2=3\r\n" END, 200,
     "127.0.0.1 value\n"},
    // errors
    {"GET /nope HTTP/1.1\r\n" HOST END, 404,
     "{\"error\":\"NOT_FOUND\",\"message\":\"'/nope' does not exist\"}"},
    {"GET /api/v1/things HTTP/1.1\r\n" HOST END, 404, NULL},
    {"GET /static HTTP/1.1\r\n" HOST END, 404, NULL},
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END, 405, "Allow: GET, HEAD, OPTIONS"},
    {"BREW / HTTP/1.1\r\n" HOST END, 405, NULL},
    {"TRACE / HTTP/1.1\r\n" HOST END, 405, NULL},
    {"GET /api/v1/list?limit=0 HTTP/1.1\r\n" HOST END, 400,
     "'0' is no whole number from 1 to 1000"},
    {"GET /api/v1/list?limit=1e2 HTTP/1.1\r\n" HOST END, 400, NULL},
    {"GET /api/v1/things/x/frames/-7.jpg HTTP/1.1\r\n" HOST END, 404, NULL},
    {"GET /api/v1/things/x/frames/.jpg HTTP/1.1\r\n" HOST END, 404, NULL},
    {"GET /fail HTTP/1.1\r\n" HOST END, 500, "\"INTERNAL\""},
    {"GET /fail?code=busy HTTP/1.1\r\n" HOST END, 503, "Retry-After: 7"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 7\r\n" END
     "{\"a\":1}",
     415, "UNSUPPORTED"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 0\r\n" END,
     400, "no body"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 5\r\n" END "{\"a\":",
     422, "line 1"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 20\r\n" END "[[[[[[[[[[[[[[[[[[[[",
     413, NULL},
    // too big
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 65537\r\n"
     "Expect: 100-continue\r\n" END,
     413, "TOO_BIG"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Content-Type: application/json\r\nContent-Length: 1073741824\r\n" END "{",
     413, "TOO_BIG"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999999\r\n" END, 413,
     NULL},
    {"POST /api/v1/upload HTTP/1.1\r\n" HOST "X-Full: 1\r\nContent-Length: 1073741824\r\n" END, 507,
     "NOSPACE"},
    // framing
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n" END "{}",
     400, "twice"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n" END "{}",
     400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" END
     "0\r\n\r\n",
     400, "beside"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n" END "0\r\n\r\n",
     501, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST
     "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n",
     400, NULL},
    {"POST /api/v1/json HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n", 400,
     "HTTP/1.1"},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: -1\r\n" END, 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: +2\r\n" END "{}", 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 2x\r\n" END "{}", 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n" END "{}", 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n" END "{}", 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
     "x\r\n{}\r\n0\r\n\r\n",
     400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
     "2\r\n{}XX\r\n0\r\n\r\n",
     400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
     "-2\r\n{}\r\n0\r\n\r\n",
     400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
     "ffffffffffffffffff\r\n",
     413, NULL},
    {"GET / HTTP/1.1\r\n" END, 400, NULL}, // no Host
    {"GET / HTTP/1.1\r\n" HOST "Host: other\r\n" END, 400, "twice"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n" END, 400, NULL},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n" END, 400, NULL},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n" END, 400, NULL},
    {"GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n" END, 400, NULL},
    {"GET / HTTP/1.1\r\n" HOST "X-Bell: a\ab\r\n" END, 400, NULL},
    {"GET / HTTP/1.1\r\n" HOST "Bad Name: x\r\n" END, 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length : 2\r\n" END "{}", 400, NULL},
    {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length\r\n" END, 400, NULL},
    {"GET / HTTP/2.0\r\n" HOST END, 505, NULL},
    {"GET / HTTP/9.9\r\n" HOST END, 505, NULL},
    // paths
    {"GET /static/../file HTTP/1.1\r\n" HOST END, 400, "dots"},
    {"GET /static/%2e%2e/file HTTP/1.1\r\n" HOST END, 400, "dots"},
    {"GET /static/.%2E/file HTTP/1.1\r\n" HOST END, 400, "dots"},
    {"GET /static/./file HTTP/1.1\r\n" HOST END, 400, "dots"},
    {"GET /static/..;/file HTTP/1.1\r\n" HOST END, 200, NULL}, // a name like any other
    {"GET /static/..%5cfile HTTP/1.1\r\n" HOST END, 400, "backslash"},
    {"GET /static\\file HTTP/1.1\r\n" HOST END, 400, "backslash"},
    {"GET /static/a%2fb HTTP/1.1\r\n" HOST END, 400, "slash"},
    {"GET /static/a%00b HTTP/1.1\r\n" HOST END, 400, "control"},
    {"GET /static/a%0d%0ab HTTP/1.1\r\n" HOST END, 400, "control"},
    {"GET //static/a HTTP/1.1\r\n" HOST END, 400, "empty"},
    {"GET /static//a HTTP/1.1\r\n" HOST END, 400, "empty"},
    {"GET // HTTP/1.1\r\n" HOST END, 400, "empty"},
    {"GET /static/%zz HTTP/1.1\r\n" HOST END, 400, "hex"},
    {"GET /static/%c3%28 HTTP/1.1\r\n" HOST END, 400, "UTF-8"},
    {"GET /static/%c0%ae%c0%ae HTTP/1.1\r\n" HOST END, 400, "UTF-8"},
    {"GET /?a=%00 HTTP/1.1\r\n" HOST END, 400, "control"},
    {"GET static HTTP/1.1\r\n" HOST END, 400, NULL},
    {"GET ftp://localhost/ HTTP/1.1\r\n" HOST END, 400, NULL},
    {"GET http://user@localhost/ HTTP/1.1\r\n" HOST END, 400, NULL},
    {"CONNECT localhost:80 HTTP/1.1\r\n" HOST END, 400, NULL},
    // WebSocket handshakes
    {"GET /ws HTTP/1.1\r\n" HOST END, 426, "Upgrade: websocket"},
    {"GET /ws HTTP/1.1\r\n" HOST
     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" END,
     426, "Sec-WebSocket-Version: 13"},
    {"GET /ws HTTP/1.1\r\n" HOST
     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: c2hvcnQ=\r\n" END,
     400, "key"},
    {"GET /ws HTTP/1.1\r\n" HOST
     "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" END,
     101, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
};

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(count_wrong(rows, ARRAY_LEN(rows)), 0);
    // None of it hurt the server.
    assert_int_equal(ask(rows[0].request, strlen(rows[0].request)), 200);
}

// What libmicrohttpd refuses before we see it is said in our words too.
static void test_refusals_are_ours(void **state)
{
    (void)state;
    static const struct row refused[] = {
        {"GET / HTTP/1.1\r\n" END, 400, "{\"error\":\"INVALID\",\"message\":\"request: "},
        {"GET / HTTP/1.1\r\n" END, 400, "X-Request-ID: "},
        {"POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: x\r\n" END, 400,
         "{\"error\":\"INVALID\""},
        {"POST /api/v1/json HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END "x\r\n", 400,
         "X-Request-ID: "},
        {"POST /api/v1/upload HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END
         "2\r\nabXX\r\n",
         400, "X-Content-Type-Options: nosniff"},
        {"GET / HTTP/1.1\r\n" HOST "no colon\r\n" END, 400, "{\"error\":\"INVALID\""},
    };
    assert_int_equal(count_wrong(refused, ARRAY_LEN(refused)), 0);
    assert_int_equal(ask(rows[0].request, strlen(rows[0].request)), 200);
}

static void test_secure_headers(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "X-Content-Type-Options: nosniff", "Content-Security-Policy: default-src 'none';",
        "X-Frame-Options: DENY",           "Referrer-Policy: no-referrer",
        "Cache-Control: no-store",         "X-Request-ID: ",
    };
    static const char *const targets[] = {"/", "/nope", "/fail", "/static/../x"};
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        char request[256];
        int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST END, targets[i]);
        assert_true(ask(request, (size_t)n) >= 200);
        for (size_t k = 0; k < ARRAY_LEN(wanted); k++)
            assert_non_null(strstr(reply, wanted[k]));
    }
    assert_null(strstr(reply, "secret"));
}

// --- limits of the head

static void test_head_limits(void **state)
{
    (void)state;
    static const struct {
        size_t n_target;
        size_t n_headers;
        size_t n_value;
        int status;
    } limits[] = {
        {8000, 10, 10, 200},  {8193, 10, 10, 414},  {100, 60, 10, 200},   {100, 70, 10, 431},
        {100, 20, 1000, 200}, {100, 40, 1000, 431}, {300000, 1, 10, 414}, {100, 1, 300000, 431},
    };
    char *request = mem_calloc(1, 512 * 1024);
    assert_non_null(request);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct str_buf b = STR_BUF_INIT(512 * KIB);
        str_buf_puts(&b, "GET /static/");
        for (size_t k = 0; k < limits[i].n_target - 8; k++)
            str_buf_putc(&b, 'a');
        str_buf_puts(&b, " HTTP/1.1\r\n" HOST);
        for (size_t k = 0; k < limits[i].n_headers; k++) {
            str_buf_printf(&b, "X-%zu: ", k);
            for (size_t j = 0; j < limits[i].n_value; j++)
                str_buf_putc(&b, 'v');
            str_buf_puts(&b, "\r\n");
        }
        str_buf_puts(&b, END);
        int fd = dial();
        put(fd, b.p, b.n); // may be cut while it is sent
        get(fd, false);
        close(fd);
        if (status_of_reply() != limits[i].status)
            fail_msg("row %zu: %d instead of %d: %.200s", i, status_of_reply(), limits[i].status,
                     reply);
        str_buf_finish(&b);
    }
    mem_free(request);
}

// --- connections

static void test_keep_alive_and_pipelining(void **state)
{
    (void)state;
    int fd = dial();
    static const char one[] = "GET /api/v1/things/a HTTP/1.1\r\n" HOST END;
    static const char bad[] =
        "POST /api/v1/json HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" END "abc";
    for (int i = 0; i < 20; i++) {
        assert_true(put(fd, one, sizeof(one) - 1));
        assert_true(get(fd, false));
        assert_int_equal(status_of_reply(), 200);
        // a refused body that is short is read to its end: the connection lives
        assert_true(put(fd, bad, sizeof(bad) - 1));
        assert_true(get(fd, false));
        assert_int_equal(status_of_reply(), 415);
    }
    static const char two[] =
        "GET / HTTP/1.1\r\n" HOST END "GET /nope HTTP/1.1\r\n" HOST "Connection: close\r\n" END;
    assert_true(put(fd, two, sizeof(two) - 1));
    assert_true(get(fd, true));
    assert_int_equal(status_of_reply(), 200);
    assert_non_null(strstr(reply, "HTTP/1.1 404 "));
    close(fd);
}

// A body that is refused in its middle: the client reads the reply, and the sink is given back.
static void test_refused_in_the_middle(void **state)
{
    (void)state;
    static const char head[] = "POST /api/v1/upload HTTP/1.1\r\n" HOST
                               "X-Fail-At: 100000\r\nContent-Length: 50000000\r\n" END;
    static char block[64 * 1024];
    int fd = dial();
    assert_true(put(fd, head, sizeof(head) - 1));
    for (int i = 0; i < 800 && put(fd, block, sizeof(block)); i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 0) > 0)
            break;
    }
    assert_true(get(fd, true));
    assert_int_equal(status_of_reply(), 507);
    assert_non_null(strstr(reply, "X-Request-ID: "));
    assert_true(is_closed(fd));
    close(fd);
}

// Chunks that never end go past the route's limit.
static void test_endless_chunks(void **state)
{
    (void)state;
    static const char head[] =
        "PUT /api/v1/upload HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n" END;
    static char chunk[4 + 2 + 0x4000 + 2];
    memcpy(chunk, "4000\r\n", 6);
    memset(chunk + 6, 'x', 0x4000);
    memcpy(chunk + 6 + 0x4000, "\r\n", 2);
    int fd = dial();
    assert_true(put(fd, head, sizeof(head) - 1));
    for (int i = 0; i < 1000 && put(fd, chunk, sizeof(chunk)); i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 0) > 0)
            break;
    }
    assert_true(get(fd, true));
    assert_int_equal(status_of_reply(), 413);
    close(fd);
}

// A client that goes away in the middle of its body: the sink's state is released.
static void test_client_goes(void **state)
{
    (void)state;
    static const char head[] =
        "POST /api/v1/upload HTTP/1.1\r\n" HOST "Content-Length: 1000000\r\n" END "abc";
    static const char open_question[] = "GET /uploads-open HTTP/1.1\r\n" HOST END;
    for (int i = 0; i < 5; i++) {
        int fd = dial();
        assert_true(put(fd, head, sizeof(head) - 1));
        close(fd);
    }
    int64_t deadline = clock_now_ns() + DEADLINE_MS * CLOCK_NS_PER_MS;
    do {
        assert_int_equal(ask(open_question, sizeof(open_question) - 1), 200);
    } while (!strstr(reply, "\r\n\r\n0\n") && clock_now_ns() < deadline);
    assert_non_null(strstr(reply, "\r\n\r\n0\n"));
}

// --- hooks

static int before(struct request *q)
{
    const char *who = request_header(q, "X-User");
    if (request_route(q)->role == 0)
        return 0;
    if (!who)
        return reply_error(q, 401, "UNAUTHENTICATED", "who is it?");
    if (!str_is(request_host(q), "localhost"))
        return err_set(ERR_INVALID, "host");
    request_set_user(q, who, who);
    return 0;
}

static int before_unrouted(struct request *q)
{
    if (!request_header(q, "X-Flood"))
        return 0;
    reply_retry_after(q, 3);
    return reply_error(q, 429, "TOO_MANY_REQUESTS", "slower");
}

static void after(struct request *q, int status, int64_t bytes, int64_t ns)
{
    assert_true(status >= 100 && bytes >= 0 && ns >= 0);
    assert_true(*request_id(q) != 0);
    atomic_fetch_add(&n_after, 1);
}

static void test_hooks_and_proxies(void **state)
{
    (void)state;
    struct server *main_server = server;
    struct address_network loopback;
    assert_int_equal(address_parse_network(STR("127.0.0.0/8"), &loopback), 0);
    struct server_opts opts = {
        .before = before,
        .before_unrouted = before_unrouted,
        .after = after,
        .proxies = &loopback,
        .n_proxies = 1,
        .no_access_log = true,
    };
    static const struct row hooked[] = {
        {"GET /api/v1/things/1 HTTP/1.1\r\n" HOST END, 200, NULL},
        {"DELETE /api/v1/things/1 HTTP/1.1\r\n" HOST END, 401, "who is it?"},
        {"DELETE /api/v1/things/1 HTTP/1.1\r\nHost: evil\r\nX-User: u\r\n" END, 400, NULL},
        {"DELETE /api/v1/things/1 HTTP/1.1\r\nHost: LOCALHOST:80\r\nX-User: u\r\n" END, 200, NULL},
        {"GET /nope HTTP/1.1\r\n" HOST "X-Flood: 1\r\n" END, 429, "Retry-After: 3"},
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n" END,
         200, "8.8.8.8 secure"},
        {"GET /client HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.1.1.1, 8.8.8.8, 127.0.0.9\r\n" END,
         200, "\n8.8.8.8 "},
        {"GET /client HTTP/1.1\r\n" HOST "X-Forwarded-For: 1.1.1.1, nonsense\r\n" END, 200,
         "\n127.0.0.1 "},
        // lines are one list: what the client sent stands before what the proxy added
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 8.8.8.8\r\n" END,
         200, "\n8.8.8.8 "},
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 8.8.8.8, 127.0.0.9\r\n" END,
         200, "\n8.8.8.8 "},
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-For: 1.1.1.1, 8.8.8.8\r\nX-Forwarded-For: 127.0.0.9\r\n" END,
         200, "\n8.8.8.8 "},
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: nonsense\r\n" END,
         200, "\n127.0.0.1 "},
        {"GET /client HTTP/1.1\r\n" HOST
         "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n" END,
         400, "twice"},
    };
    server = start(&opts);
    assert_int_equal(count_wrong(hooked, ARRAY_LEN(hooked)), 0);
    server_destroy(server);
    server = main_server;
    assert_int_equal(atomic_load(&n_after), ARRAY_LEN(hooked));
}

static int set_up(void **state)
{
    (void)state;
    struct server_opts opts = {.no_access_log = true};
    int fd = mkstemp(file_path);
    if (fd < 0 || write(fd, "0123456789", 10) != 10)
        return -1;
    close(fd);
    http_routes_file = file_path;
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    server = start(&opts);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_destroy(server);
    unlink(file_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refusals_are_ours),
        cmocka_unit_test(test_secure_headers),
        cmocka_unit_test(test_head_limits),
        cmocka_unit_test(test_keep_alive_and_pipelining),
        cmocka_unit_test(test_refused_in_the_middle),
        cmocka_unit_test(test_endless_chunks),
        cmocka_unit_test(test_client_goes),
        cmocka_unit_test(test_hooks_and_proxies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
