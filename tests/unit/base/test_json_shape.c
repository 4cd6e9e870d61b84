// SPDX-License-Identifier: Apache-2.0
// test_json_shape.c - what passes a table, as it is written again, and what does not.

#include "base/json_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"

static const struct json_shape text = {.kind = JSON_SHAPE_TEXT};
static const struct json_shape integer = {.kind = JSON_SHAPE_INTEGER};
static const struct json_shape inner_members[] = {
    {.key = "n", .kind = JSON_SHAPE_COUNT},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape inner = {.kind = JSON_SHAPE_OBJECT, .of = inner_members};
static const struct json_shape members[] = {
    {.key = "word", .kind = JSON_SHAPE_WORD},
    {.key = "texts", .kind = JSON_SHAPE_ARRAY, .of = &text},
    {.key = "numbers", .kind = JSON_SHAPE_ARRAY, .of = &integer, .may_lack = true},
    {.key = "all", .kind = JSON_SHAPE_ARRAY, .of = &inner, .may_lack = true},
    {.key = "share", .kind = JSON_SHAPE_NUMBER, .may_lack = true},
    {.key = "is", .kind = JSON_SHAPE_BOOL, .may_lack = true},
    {.key = "one",
     .kind = JSON_SHAPE_OBJECT,
     .of = inner_members,
     .may_be_null = true,
     .may_lack = true},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape document = {.kind = JSON_SHAPE_OBJECT, .of = members};

static const struct {
    const char *in;
    int result;
    const char *out; // of what passes; else part of the message
} rows[] = {
    {"{\"word\":\"a-1.x_+\",\"texts\":[]}", 0, "{\"word\":\"a-1.x_+\",\"texts\":[]}"},
    {" { \"texts\" : [\"\\u001b[31m\", \"\\u202eb\"], \"word\":\"\\u0061\"}\n", 0,
     "{\"texts\":[\"?[31m\",\"?b\"],\"word\":\"a\"}"},
    {"{\"word\":\"a\",\"texts\":[\"b\"],\"numbers\":[-1,2],\"all\":[{\"n\":0},{\"n\":7}],"
     "\"share\":0.5,\"is\":true,\"one\":null}",
     0,
     "{\"word\":\"a\",\"texts\":[\"b\"],\"numbers\":[-1,2],\"all\":[{\"n\":0},{\"n\":7}],"
     "\"share\":0.5,\"is\":true,\"one\":null}"},
    {"{\"word\":\"a\",\"texts\":[],\"one\":{\"n\":1}}", 0,
     "{\"word\":\"a\",\"texts\":[],\"one\":{\"n\":1}}"},
    {"", ERR_DATA, "child: "},
    {"null", ERR_DATA, "not what it should be"},
    {"[]", ERR_DATA, "not what it should be"},
    {"{}", ERR_DATA, "'word' is not there"},
    {"{\"word\":\"a\"}", ERR_DATA, "'texts' is not there"},
    {"{\"word\":\"a\",\"texts\":[]} {}", ERR_DATA, "child: "},
    {"{\"word\":\"a\",\"texts\":[]", ERR_DATA, "child: "},
    {"{\"word\":\"\",\"texts\":[]}", ERR_DATA, "'word' is not"},
    {"{\"word\":\"a\\\"b\",\"texts\":[]}", ERR_DATA, "'word' is not"},
    {"{\"word\":null,\"texts\":[]}", ERR_DATA, "'word' is not"},
    {"{\"word\":\"a\",\"word\":\"b\",\"texts\":[]}", ERR_DATA, "should not be there"},
    {"{\"word\":\"a\",\"texts\":[],\"more\":1}", ERR_DATA, "should not be there"},
    {"{\"word\":\"a\",\"texts\":[1]}", ERR_DATA, "an entry"},
    {"{\"word\":\"a\",\"texts\":[[]]}", ERR_DATA, "an entry"},
    {"{\"word\":\"a\",\"texts\":[\"\xff\"]}", ERR_DATA, "UTF-8"},
    {"{\"word\":\"a\",\"texts\":[],\"numbers\":[0.5]}", ERR_DATA, "an entry"},
    {"{\"word\":\"a\",\"texts\":[],\"numbers\":[99999999999999999999]}", ERR_DATA, "an entry"},
    {"{\"word\":\"a\",\"texts\":[],\"all\":[{\"n\":-1}]}", ERR_DATA, "'n' is not"},
    {"{\"word\":\"a\",\"texts\":[],\"all\":[{}]}", ERR_DATA, "'n' is not there"},
    {"{\"word\":\"a\",\"texts\":[],\"share\":1e999}", ERR_DATA, "child: "},
    {"{\"word\":\"a\",\"texts\":[],\"share\":NaN}", ERR_DATA, "child: "},
    {"{\"word\":\"a\",\"texts\":[],\"is\":1}", ERR_DATA, "'is' is not"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf out = STR_BUF_INIT(1000);
        int r = json_shape_copy(str_of(rows[i].in), &document, "child", &out);
        const char *shown = r == 0 ? str_buf_text(&out) : err_message(r);
        if (r != rows[i].result ||
            (r == 0 ? strcmp(shown, rows[i].out) != 0 : !strstr(shown, rows[i].out)))
            fail_msg("%s: %d, %s", rows[i].in, r, shown);
        if (r < 0)
            assert_int_equal(out.n, 0);
        str_buf_finish(&out);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct str_buf out = STR_BUF_INIT(20);
    assert_int_equal(json_shape_copy(str_of(rows[0].in), &document, "child", &out), ERR_TOO_BIG);
    str_buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
