// SPDX-License-Identifier: Apache-2.0
// test_multipart.c - form data in pieces of every size: the same parts, or the same refusal.

#include "http/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/mem.h"

#define CD    "Content-Disposition: form-data; "
#define PART  "--B\r\n" CD
#define CLOSE "\r\n--B--\r\n"

static const struct {
    const char *body;
    int code;
    const char *parts; // name|file|type[data]
} rows[] = {
    {PART "name=\"a\"\r\n\r\nx" CLOSE, 0, "a||[x]"},
    {PART "name=a\r\n\r\nx\r\n--B--", 0, "a||[x]"},
    {PART "name=\"a\"\r\n\r\n" CLOSE, 0, "a||[]"},
    {PART "name=\"a\"\r\n\r\n\r\n" CLOSE, 0, "a||[\r\n]"},
    {PART "name=\"a\"\r\n\r\n--B--\r\n", 0, "a||[]"}, // the head's CR LF is the delimiter's
    {PART "name=\"a\"\r\n\r\n\r\n--\r\n-\r--B\r\r\n--" CLOSE, 0, "a||[\r\n--\r\n-\r--B\r\r\n--]"},
    {PART "name=\"a\"\r\n\r\n1\r\n" PART
          "name=\"b\"; filename=\"C:\\d\\e.txt\"\r\nContent-Type: text/plain\r\n\r\n2" CLOSE,
     0, "a||[1]b|e.txt|text/plain[2]"},
    {"pre\r\namble\r\n" PART "name=\"a\"\r\n\r\nx" CLOSE "epilogue", 0, "a||[x]"},
    {"\r\n" PART "name=\"a\"\r\n\r\nx" CLOSE, 0, "a||[x]"},
    {"--B \t\r\n" CD "name=\"a\"\r\n\r\nx" CLOSE, 0, "a||[x]"},
    {"--B\r\ncontent-disposition:FORM-DATA;NAME=\"a\"\r\nX: y\r\n\r\nx" CLOSE, 0, "a||[x]"},
    {PART "name=\"a;b=\\\"c\\\\\"; filename=\"%22q\\\".t\"\r\n\r\nx" CLOSE, 0,
     "a;b=\"c\\|\"q\".t|[x]"},
    {PART "name=\"a\"; filename=\"../../etc/passwd\"\r\n\r\nx" CLOSE, 0, "a|passwd|[x]"},
    {PART "name=\"a\"; filename=\"\"\r\n\r\n" CLOSE, 0, "a||[]"},
    {PART "name=\"\xc3\xa9\"\r\n\r\nx" CLOSE, 0, "\xc3\xa9||[x]"},
    {PART "name=\"a\"\r\nContent-Transfer-Encoding: binary\r\n\r\nx" CLOSE, 0, "a||[x]"},
    {"--B--\r\n", 0, ""},
    // broken
    {"", ERR_DATA, ""},
    {"nothing", ERR_DATA, ""},
    {PART "name=\"a\"\r\n\r\nx", ERR_DATA, NULL},
    {PART "name=\"a\"\r\n\r\nx\r\n--B", ERR_DATA, NULL},
    {PART "name=\"a\"\r\n\r\nx\r\n--B-", ERR_DATA, NULL},
    {PART "name=\"a\"\r\n\r\nx\r\n--Bx\r\n", ERR_DATA, NULL},
    {PART "name=\"a\"\r\n", ERR_DATA, ""},
    {"--B\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {"--B\r\nContent-Type: text/plain\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "filename=\"a\"\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {"--B\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\" x\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"\xff\"\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\tb\"\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\"\r\n folded\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\"\r\n: y\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\"\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\nx" CLOSE, ERR_DATA, ""},
    {PART "name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nx" CLOSE, ERR_DATA, ""},
};

static int part(void *arg, const struct multipart_part *p)
{
    str_buf_printf(arg, STR_FMT "|" STR_FMT "|" STR_FMT "[", STR_ARG(p->name),
                   STR_ARG(p->file_name), STR_ARG(p->type));
    return 0;
}

static int data(void *arg, const void *bytes, size_t n)
{
    assert_true(n > 0);
    str_buf_add(arg, bytes, n);
    return 0;
}

static int part_end(void *arg)
{
    str_buf_putc(arg, ']');
    return 0;
}

static const struct multipart_calls calls = {part, data, part_end};

static int parse(struct str body, size_t piece, struct str_buf *out)
{
    struct multipart *m;
    assert_int_equal(multipart_create(STR("B"), &calls, out, &m), 0);
    int r = 0;
    while (r == 0 && body.n > 0) {
        size_t n = MIN(piece, body.n);
        char *copy = mem_strndup(body.p, n); // so that reading past it is seen
        assert_non_null(copy);
        r = multipart_add(m, copy, n);
        mem_free(copy);
        body.p += n;
        body.n -= n;
    }
    if (r < 0)
        assert_int_equal(multipart_add(m, "x", 1), r); // the same again
    if (r == 0)
        r = multipart_finish(m);
    multipart_destroy(m);
    return r;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t piece = 1; piece <= 40; piece++) {
            struct str_buf out = STR_BUF_INIT(10000);
            int r = parse(str_of(rows[i].body), piece == 40 ? SIZE_MAX : piece, &out);
            if (r != rows[i].code || (rows[i].parts && !str_is(str_buf_view(&out), rows[i].parts) &&
                                      out.n + strlen(rows[i].parts) > 0))
                fail_msg("row %zu in pieces of %zu: %d '%s' (%s)\n%s", i, piece, r,
                         str_buf_text(&out), r < 0 ? err_message(r) : "", rows[i].body);
            str_buf_finish(&out);
        }
    }
}

static void test_boundaries(void **state)
{
    (void)state;
    static const struct {
        const char *boundary;
        int code;
    } boundaries[] = {
        {"----WebKitFormBoundary7MA4YWxkTrZu0gW", 0},
        {"gc0pJq0M:08jU534c0p", 0},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", 0},
        {"01234567890123456789012345678901234567890123456789012345678901234567890", ERR_INVALID},
        {"", ERR_INVALID},
        {"a ", ERR_INVALID},
        {"a\r\n", ERR_INVALID},
        {"a\"b", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(boundaries); i++) {
        struct multipart *m = NULL;
        assert_int_equal(multipart_create(str_of(boundaries[i].boundary), &calls, NULL, &m),
                         boundaries[i].code);
        multipart_destroy(m);
    }
    struct multipart *m = NULL;
    assert_int_equal(multipart_create((struct str){NULL, 0}, &calls, NULL, &m), ERR_INVALID);
}

static void test_limits(void **state)
{
    (void)state;
    struct str_buf body = STR_BUF_INIT(MIB);
    struct str_buf out = STR_BUF_INIT(MIB);
    for (int i = 0; i < MULTIPART_MAX_PARTS; i++)
        str_buf_puts(&body, PART "name=\"a\"\r\n\r\nx\r\n");
    str_buf_puts(&body, "--B--\r\n");
    assert_int_equal(parse(str_buf_view(&body), 7, &out), 0);
    str_buf_reset(&out);
    body.n -= strlen("--B--\r\n");
    str_buf_puts(&body, PART "name=\"a\"\r\n\r\nx" CLOSE);
    assert_int_equal(parse(str_buf_view(&body), 7, &out), ERR_TOO_BIG);
    str_buf_reset(&body);
    str_buf_puts(&body, PART "name=\"a\"\r\nX: ");
    for (int i = 0; i < MULTIPART_MAX_HEAD; i++)
        str_buf_putc(&body, 'x');
    assert_int_equal(parse(str_buf_view(&body), 100, &out), ERR_TOO_BIG);
    str_buf_reset(&body);
    for (int i = 0; i < 2 * MULTIPART_MAX_HEAD; i++)
        str_buf_putc(&body, 'x');
    assert_int_equal(parse(str_buf_view(&body), 100, &out), ERR_DATA);
    str_buf_finish(&body);
    str_buf_finish(&out);
}

static int refuse(void *arg, const void *bytes, size_t n)
{
    (void)arg;
    (void)bytes;
    (void)n;
    return err_set(ERR_NOSPACE, "full");
}

static void test_callback_ends_it(void **state)
{
    (void)state;
    static const struct multipart_calls refusing = {.data = refuse};
    struct multipart *m;
    assert_int_equal(multipart_create(STR("B"), &refusing, NULL, &m), 0);
    static const char body[] = PART "name=\"a\"\r\n\r\nx" CLOSE;
    assert_int_equal(multipart_add(m, body, sizeof(body) - 1), ERR_NOSPACE);
    assert_int_equal(multipart_finish(m), ERR_NOSPACE);
    assert_string_equal(err_message(ERR_NOSPACE), "full");
    multipart_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_boundaries),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_callback_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
