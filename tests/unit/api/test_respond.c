// SPDX-License-Identifier: Apache-2.0
// test_respond.c - members of replies, and lists with their cursors.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_test.h"

#include "api_test.h"
#include "base/err.h"
#include "store/store_project.h"

static const char *written(void (*put)(struct json_writer *w, const char *value), const char *value)
{
    static char text[4096];
    struct str_buf out = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_object(&w);
    put(&w, value);
    json_end(&w);
    OK(str_buf_check(&out));
    snprintf(text, sizeof(text), "%s", str_buf_text(&out));
    str_buf_finish(&out);
    return text;
}

static void put_as_time(struct json_writer *w, const char *value)
{
    put_time(w, "t", strtoll(value, NULL, 10));
}

static void put_as_raw(struct json_writer *w, const char *value)
{
    put_raw(w, "r", value);
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *us, *json;
    } rows[] = {
        {"0", "{\"t\":null}"},
        {"-5", "{\"t\":null}"},
        {"1", "{\"t\":\"1970-01-01T00:00:00.000001Z\"}"},
        {"1709164799999999", "{\"t\":\"2024-02-28T23:59:59.999999Z\"}"},
        {"1709164800000000", "{\"t\":\"2024-02-29T00:00:00.000000Z\"}"},
        {"253402300799000000", "{\"t\":\"9999-12-31T23:59:59.000000Z\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(written(put_as_time, rows[i].us), rows[i].json);
}

// A stored document stays one document, whatever was stored.
static void test_stored_documents(void **state)
{
    (void)state;
    static const struct {
        const char *stored, *json;
    } rows[] = {
        {NULL, "{\"r\":null}"},
        {"", "{\"r\":null}"},
        {"{}", "{\"r\":{}}"},
        {"[1, 2,  {\"a\" : [true,null]}]", "{\"r\":[1,2,{\"a\":[true,null]}]}"},
        {"\"text\"", "{\"r\":\"text\"}"},
        {"{\"a\":[1,2", "{\"r\":{\"a\":[1,2]}}"}, // cut short: closed
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(written(put_as_raw, rows[i].stored), rows[i].json);
}

// ---- lists

static int row(void *arg, const struct store_project *p)
{
    struct listing *l = (struct listing *)arg;
    json_cstring(&l->w, p->name);
    return 0;
}

static int list(struct request *q)
{
    struct listing l;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = store_project_list(api_of(q)->opts.store, NULL, &l.page, row, &l, &l.next);
    return listing_end(&l, r);
}

static int echo(struct request *q)
{
    const char *part;
    const char *word;
    int r = api_parameter(q, "part", &part);
    if (r == 0)
        r = api_query(q, "word", &word);
    return r < 0 ? r : reply_text(q, 200, "%s,%s", part, word ? word : "(none)");
}

static const struct route routes[] = {{"GET", "/list", list}, {"GET", "/echo/{part}", echo}, {0}};
static const struct route *const tables[] = {routes, NULL};

static void test_pages(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof(name), "p%d", i);
        OK(store_project_create(t->store, &(struct store_project){.name = name}, id));
    }
    start_server(tables, t->store);
    struct asked a = ask("GET", "/list", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body,
                        "{\"items\":[\"p3\",\"p2\",\"p1\",\"p0\",\"roads\"],\"next_cursor\":null}");
    a = ask("GET", "/list?limit=2", NULL);
    const char *cursor = strstr(a.body, "\"next_cursor\":\"");
    assert_non_null(cursor);
    char path[128];
    snprintf(path, sizeof(path), "/list?limit=3&cursor=%.26s", cursor + 15);
    a = ask("GET", path, NULL);
    assert_string_equal(a.body, "{\"items\":[\"p1\",\"p0\",\"roads\"],\"next_cursor\":null}");
    static const char *const wrong[] = {"/list?limit=0", "/list?limit=1001", "/list?limit=x",
                                        "/list?limit=-1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(ask("GET", wrong[i], NULL).status, 400);
    assert_string_equal(ask("GET", "/echo/a%20b?word=%C3%A4", NULL).body, "a b,\xc3\xa4");
    assert_string_equal(ask("GET", "/echo/x?word=", NULL).body, "x,(none)");
    stop_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_stored_documents),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
