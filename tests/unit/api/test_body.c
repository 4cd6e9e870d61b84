// SPDX-License-Identifier: Apache-2.0
// test_body.c - JSON bodies with known members: what is taken, and what is said of the rest.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_test.h"

#include "api_test.h"
#include "base/err.h"

struct wish {
    const char *name, *settings;
    int64_t count;
    bool is_wanted;
    struct body_texts labels;
};

static const struct body_field fields[] = {
    {"name", BODY_TEXT, offsetof(struct wish, name), true, 8},
    {"settings", BODY_JSON, offsetof(struct wish, settings), false, 0},
    {"count", BODY_INT, offsetof(struct wish, count), false, 100},
    {"is_wanted", BODY_BOOL, offsetof(struct wish, is_wanted), false, 0},
    {"labels", BODY_TEXTS, offsetof(struct wish, labels), false, 3},
    {0},
};

// What was read, as one line.
static int take(struct request *q)
{
    struct wish w = {.count = -1};
    int r = body_read(q, fields, &w);
    if (r < 0)
        return r;
    return reply_text(q, 200, "%s|%s|%lld|%d|%zu%s%s", w.name, w.settings ? w.settings : "-",
                      (long long)w.count, w.is_wanted, w.labels.n, w.labels.n > 0 ? "," : "",
                      w.labels.n > 0 ? w.labels.items[w.labels.n - 1] : "");
}

static const struct route routes[] = {{"POST", "/take", take}, {0}};
static const struct route *const tables[] = {routes, NULL};

static void test_what_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *body, *line;
    } rows[] = {
        {"{\"name\":\"a\"}", "a|-|-1|0|0"},
        {" { \"name\" : \"\\u00e4\\n\" } ", "\xc3\xa4\n|-|-1|0|0"},
        {"{\"name\":\"12345678\",\"count\":0}", "12345678|-|0|0|0"},
        {"{\"count\":100,\"name\":\"a\",\"is_wanted\":true}", "a|-|100|1|0"},
        {"{\"name\":\"a\",\"count\":null,\"settings\":null,\"labels\":null,\"is_wanted\":null}",
         "a|-|-1|0|0"}, // null is as good as absent
        {"{\"name\":\"a\",\"settings\":{\"a\": [1, 2.50, {\"b\":null}], \"c\":\"d\"}}",
         "a|{\"a\":[1,2.5,{\"b\":null}],\"c\":\"d\"}|-1|0|0"},
        {"{\"name\":\"a\",\"settings\":\"strict\"}", "a|\"strict\"|-1|0|0"},
        {"{\"name\":\"a\",\"labels\":[]}", "a|-|-1|0|0"},
        {"{\"name\":\"a\",\"labels\":[\"x\",\"y\",\"z\"]}", "a|-|-1|0|3,z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked a = ask("POST", "/take", rows[i].body);
        if (a.status != 200 || strcmp(a.body, rows[i].line) != 0)
            fail_msg("%s: %d %s", rows[i].body, a.status, a.body);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *words;
    } rows[] = {
        {"", 400, "no body"},
        {"{}", 400, "'name' is needed"},
        {"{\"name\":null}", 400, "'name' is needed"},
        {"[]", 400, "the body is not a JSON object"},
        {"\"name\"", 400, "the body is not a JSON object"},
        {"{\"name\":5}", 400, "'name' is not a text"},
        {"{\"name\":\"123456789\"}", 400, "'name' is longer than 8 bytes"},
        {"{\"name\":\"a\\u0000b\"}", 400, "'name' is not a text without zeros"},
        {"{\"name\":\"a\",\"count\":101}", 400, "'count' is not a whole number from 0 to 100"},
        {"{\"name\":\"a\",\"count\":-1}", 400, "'count' is not a whole number"},
        {"{\"name\":\"a\",\"count\":1.5}", 400, "'count' is not a whole number"},
        {"{\"name\":\"a\",\"count\":\"1\"}", 400, "'count' is not a whole number"},
        {"{\"name\":\"a\",\"is_wanted\":1}", 400, "'is_wanted' is not true or false"},
        {"{\"name\":\"a\",\"labels\":\"x\"}", 400, "'labels' is not an array of texts"},
        {"{\"name\":\"a\",\"labels\":[1]}", 400, "'labels' is not an array of texts"},
        {"{\"name\":\"a\",\"labels\":[\"1\",\"2\",\"3\",\"4\"]}", 400, "more than 3 entries"},
        {"{\"name\":\"a\",\"name\":\"b\"}", 400, "'name' is there twice"},
        {"{\"name\":\"a\",\"colour\":1}", 400,
         "no member 'colour' is known; there are name, settings, count, is_wanted, labels"},
        {"{\"name\":\"a\"", 422, "line 1"},
        {"{\"name\":\"a\"} {}", 422, "line 1"},
        {"{\"name\":\"a\",\"settings\":{\"a\":}}", 422, "line 1"},
        {"{\"name\":\"\xff\"}", 422, "line 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct asked a = ask("POST", "/take", rows[i].body);
        if (a.status != rows[i].status || !strstr(a.body, rows[i].words))
            fail_msg("%s: %d %s", rows[i].body, a.status, a.body);
    }
    struct asked a = ask_with("POST", "/take", "Content-Type: text/plain\r\n", "{\"name\":\"a\"}");
    assert_int_equal(a.status, 415);
}

// {"name":"a","settings":BEFORE, *n* times *letter*, AFTER}
static char *filled(const char *before, char letter, size_t n, const char *after)
{
    static const char head[] = "{\"name\":\"a\",\"settings\":";
    size_t size = sizeof(head) + strlen(before) + n + strlen(after) + 2;
    char *body = calloc(size, 1);
    int at = snprintf(body, size, "%s%s", head, before);
    memset(body + at, letter, n);
    snprintf(body + at + n, size - (size_t)at - n, "%s}", after);
    return body;
}

// A nested document deeper than REQUEST_JSON_DEPTH, and one as long as may be, and longer.
static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        char letter;
        size_t n;
        const char *after;
        int status;
    } rows[] = {
        {"", '[', 40, "", 413},
        {"\"", 'x', 1024 * 1024 - 100, "\"", 200},
        {"\"", 'x', 1024 * 1024 + 1, "\"", 413},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *body = filled(rows[i].before, rows[i].letter, rows[i].n, rows[i].after);
        int status = ask("POST", "/take", body).status;
        free(body);
        if (status != rows[i].status)
            fail_msg("row %zu: %d", i, status);
    }
}

static int start(void **state)
{
    (void)state;
    start_server(tables, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    stop_server();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
