// SPDX-License-Identifier: Apache-2.0
// test_json_write.c - what the writer writes, our reader and jansson read.

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/err.h"
#include "json_oracle.h"

static void put_sample(struct json_writer *w)
{
    json_object(w);
    json_key(w, "frames");
    json_array(w);
    for (int i = 0; i < 2; i++)
        json_int(w, i);
    json_end(w);
    json_key(w, "empty");
    json_object(w);
    json_end(w);
    json_key(w, "none");
    json_array(w);
    json_end(w);
    json_key(w, "a\"b");
    json_cstring(w, NULL);
    json_key(w, "float");
    json_float(w, 0.1f);
    json_key(w, "nan");
    json_double(w, NAN);
    json_key(w, "yes");
    json_bool(w, true);
    json_key(w, "n");
    json_null(w);
    json_end(w);
}

static void test_layout(void **state)
{
    struct str_buf b = STR_BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    put_sample(&w);
    assert_string_equal(str_buf_text(&b),
                        "{\"frames\":[0,1],\"empty\":{},\"none\":[],\"a\\\"b\":null,\"float\":0.1,"
                        "\"nan\":null,\"yes\":true,\"n\":null}");
    assert_int_equal(oracle_compare(str_buf_view(&b), 0), 0);
    str_buf_reset(&b);
    json_writer_init(&w, &b);
    w.pretty = true;
    put_sample(&w);
    assert_string_equal(
        str_buf_text(&b),
        "{\n  \"frames\": [\n    0,\n    1\n  ],\n  \"empty\": {},\n  \"none\": [],"
        "\n  \"a\\\"b\": null,\n  \"float\": 0.1,\n  \"nan\": null,\n  \"yes\": true,"
        "\n  \"n\": null\n}");
    assert_int_equal(oracle_compare(str_buf_view(&b), 3), 0);
    str_buf_finish(&b);
}

static void test_strings(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } rows[] = {
        {"", "\"\""},
        {"a\"\\/\n\r\t\b\x1f", "\"a\\\"\\\\/\\n\\r\\t\\u0008\\u001f\""},
        {"\x7f\xc2\x9b\xc2\xa0", "\"\\u007f\\u009b\xc2\xa0\""},
        {"\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        {"a\xff\xc3", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct str_buf b = STR_BUF_INIT(4096);
    struct json_writer w;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        str_buf_reset(&b);
        json_writer_init(&w, &b);
        json_cstring(&w, rows[i].text);
        assert_string_equal(str_buf_text(&b), rows[i].written);
        assert_int_equal(oracle_compare(str_buf_view(&b), 1), 0);
    }
    str_buf_finish(&b);
}

// Any bytes become a document whose text reads back as those bytes, where they were UTF-8.
static void test_any_bytes_read_back(void **state)
{
    uint32_t random = 3;
    struct str_buf b = STR_BUF_INIT(4096);
    for (int i = 0; i < 20000; i++) {
        char bytes[12];
        for (size_t k = 0; k < sizeof(bytes); k++) {
            random = random * 1664525u + 1013904223u;
            bytes[k] = (char)(random >> (i % 2 ? 24 : 25)); // all bytes, or ASCII
        }
        struct json_writer w;
        str_buf_reset(&b);
        json_writer_init(&w, &b);
        json_string(&w, (struct str){bytes, sizeof(bytes)});
        struct json_reader_opts opts = {.text = str_buf_view(&b)};
        struct json_reader *r;
        struct json_event ev;
        assert_int_equal(json_reader_create(&opts, &r), 0);
        assert_int_equal(json_next(r, &ev), 0);
        assert_int_equal(ev.type, JSON_STRING);
        if (i % 2 == 0)
            assert_true(str_equal(ev.text, (struct str){bytes, sizeof(bytes)}));
        assert_int_equal(json_next(r, &ev), 0);
        assert_int_equal(ev.type, JSON_END);
        json_reader_destroy(r);
    }
    str_buf_finish(&b);
}

static void test_numbers_read_back(void **state)
{
    static const double values[] = {
        0, -0.0, 0.1, 1.0 / 3, 1e22, 5e-324, 1.7976931348623157e308, 1e21, 123456789012345678.0};
    struct str_buf b = STR_BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct json_writer w;
        str_buf_reset(&b);
        json_writer_init(&w, &b);
        json_double(&w, values[i]);
        struct json_reader_opts opts = {.text = str_buf_view(&b)};
        struct json_reader *r;
        struct json_event ev;
        assert_int_equal(json_reader_create(&opts, &r), 0);
        assert_int_equal(json_next(r, &ev), 0);
        assert_memory_equal(&ev.number, &values[i], sizeof(double));
        json_reader_destroy(r);
    }
    str_buf_finish(&b);
}

static void test_cap_is_sticky(void **state)
{
    struct str_buf b = STR_BUF_INIT(10);
    struct json_writer w;
    json_writer_init(&w, &b);
    put_sample(&w);
    assert_int_equal(str_buf_check(&b), ERR_TOO_BIG);
    str_buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_bytes_read_back),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_cap_is_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
