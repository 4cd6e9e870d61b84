// SPDX-License-Identifier: Apache-2.0
// test_str.c - views, numbers, buffers with a cap.

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>

#include "base/err.h"
#include "base/mem.h"

static void test_split_and_lines(void **state)
{
    static const struct {
        const char *text;
        char separator; // '\n': by lines
        const char *parts;
    } rows[] = {
        {"a,,b", ',', "[a][][b]"},  {"", ',', "[]"},          {",", ',', "[][]"},
        {"a", ',', "[a]"},          {"a\nb", '\n', "[a][b]"}, {"a\r\nb\r\n", '\n', "[a][b]"},
        {"\n\na", '\n', "[][][a]"}, {"", '\n', ""},           {"a\n", '\n', "[a]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf b = STR_BUF_INIT(100);
        struct str rest = str_of(rows[i].text);
        struct str part;
        bool by_lines = rows[i].separator == '\n';
        while (by_lines ? str_line(&rest, &part) : str_split(&rest, rows[i].separator, &part))
            str_buf_printf(&b, "[" STR_FMT "]", STR_ARG(part));
        assert_string_equal(str_buf_text(&b), rows[i].parts);
        str_buf_finish(&b);
    }
    struct str none = str_of(NULL);
    struct str part;
    assert_false(str_split(&none, ',', &part));
}

static void test_comparisons(void **state)
{
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc"), "ab"));
    assert_true(str_starts(STR("abc"), "ab") && str_starts(STR("abc"), ""));
    assert_false(str_starts(STR("a"), "ab"));
    assert_true(str_ends(STR("a.json"), ".json"));
    assert_false(str_ends(STR("json"), ".json"));
    assert_true(str_is_nocase(STR("YeS"), "yes"));
    assert_true(str_is(str_trim(STR(" \t a b\r\n")), "a b"));
    assert_int_equal(str_trim(STR(" \n")).n, 0);
}

static void test_whole_numbers(void **state)
{
    static const struct {
        const char *text;
        int result;
        int64_t value;
    } rows[] = {
        {"0", 0, 0},
        {"-12", 0, -12},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775808", ERR_INVALID, 0},
        {"", ERR_INVALID, 0},
        {" 1", ERR_INVALID, 0},
        {"1 ", ERR_INVALID, 0},
        {"1.0", ERR_INVALID, 0},
        {"1e3", ERR_INVALID, 0},
        {"-", ERR_INVALID, 0},
        {"0x10", ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 77;
        assert_int_equal(str_to_i64(str_of(rows[i].text), &v), rows[i].result);
        assert_int_equal(v, rows[i].result == 0 ? rows[i].value : 77);
    }
    int64_t v;
    assert_int_equal(str_to_i64((struct str){"1\0002", 3}, &v), ERR_INVALID);
    assert_int_equal(str_to_i64((struct str){"123", 2}, &v), 0);
    assert_int_equal(v, 12); // the view ends before the 3
}

static void test_real_numbers(void **state)
{
    static const struct {
        const char *text;
        int result;
        double value;
    } rows[] = {
        {"0.5", 0, 0.5},          {"-1e-3", 0, -0.001},     {"1e400", ERR_INVALID, 0},
        {"nan", ERR_INVALID, 0},  {"inf", ERR_INVALID, 0},  {"infinity", ERR_INVALID, 0},
        {"0x1", ERR_INVALID, 0},  {"1,5", ERR_INVALID, 0},  {"", ERR_INVALID, 0},
        {"1.5x", ERR_INVALID, 0}, {" 1.5", ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 77;
        assert_int_equal(str_to_double(str_of(rows[i].text), &v), rows[i].result);
        assert_true(v == (rows[i].result == 0 ? rows[i].value : 77));
    }
}

static const char *shown(struct str_buf *b, double v, bool as_float)
{
    str_buf_reset(b);
    if (as_float)
        str_buf_float(b, (float)v);
    else
        str_buf_double(b, v);
    return str_buf_text(b);
}

static void test_shortest_numbers(void **state)
{
    struct str_buf b = STR_BUF_INIT(100);
    assert_string_equal(shown(&b, 0.1, true), "0.1");
    assert_string_equal(shown(&b, 12.5, true), "12.5");
    assert_string_equal(shown(&b, 0, true), "0");
    assert_string_equal(shown(&b, 1e6, true), "1e+06");
    assert_string_equal(shown(&b, 0.30000001192092896, true), "0.3");
    assert_string_equal(shown(&b, 0.1, false), "0.1");
    assert_string_equal(shown(&b, 0.1 + 0.2, false), "0.30000000000000004");
    assert_string_equal(shown(&b, NAN, true), "null");
    assert_string_equal(shown(&b, -INFINITY, false), "null");
    uint32_t bits = 1;
    for (int i = 0; i < 200000; i++) { // reads back, and one digit fewer does not
        float v;
        float short_v = 0;
        bits = bits * 1664525u + 1013904223u;
        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v) || v == 0)
            continue;
        const char *text = shown(&b, (double)v, true);
        assert_true(strtof(text, NULL) == v);
        int n_digits = 0;
        bool leading = true;
        for (const char *c = text; *c && *c != 'e'; c++) {
            leading = leading && (*c < '1' || *c > '9');
            n_digits += !leading && *c >= '0' && *c <= '9';
        }
        char fewer[64];
        if (n_digits > 1 && n_digits <= 9 && !strchr(text, 'e')) {
            snprintf(fewer, sizeof(fewer), "%.*g", n_digits - 1, (double)v);
            short_v = strtof(fewer, NULL);
            if (strpbrk(text, ".")) // trailing zeros of whole numbers are no digits
                assert_true(short_v != v);
        }
    }
    str_buf_finish(&b);
}

static void test_cap(void **state)
{
    struct str_buf b = STR_BUF_INIT(5);
    str_buf_puts(&b, "12345");
    assert_int_equal(str_buf_check(&b), 0);
    str_buf_putc(&b, '6');
    assert_int_equal(str_buf_check(&b), ERR_TOO_BIG);
    str_buf_puts(&b, ""); // sticky
    assert_int_equal(b.failed, ERR_TOO_BIG);
    assert_string_equal(str_buf_text(&b), "12345");
    assert_null(str_buf_take(&b));
    str_buf_printf(&b, "%d", 123456);
    assert_int_equal(str_buf_check(&b), ERR_TOO_BIG);
    str_buf_reset(&b);
    str_buf_printf(&b, "%s", "abcde");
    char *taken = str_buf_take(&b);
    assert_string_equal(taken, "abcde");
    mem_free(taken);
    taken = str_buf_take(&b);
    assert_string_equal(taken, "");
    mem_free(taken);

    struct str_buf endless = STR_BUF_INIT(SIZE_MAX);
    for (int i = 0; i < 1000; i++)
        str_buf_puts(&endless, "0123456789");
    assert_int_equal(str_buf_check(&endless), 0);
    assert_int_equal(endless.n, 10000);
    str_buf_finish(&endless);
}

static void test_csv(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
        bool defused;
        const char *back; // NULL: *text*
    } rows[] = {
        // clang-format off
        {"", "", false, NULL},
        {"person", "person", false, NULL},
        {"a,b", "\"a,b\"", false, NULL},
        {"a;b", "\"a;b\"", false, NULL},
        {"say \"a\"", "\"say \"\"a\"\"\"", false, NULL},
        {"a\r\nb", "\"a  b\"", false, "a  b"},
        {"=1+1", "'=1+1", true, NULL},
        {"+1", "'+1", true, NULL},
        {"-1", "'-1", true, NULL},
        {"@SUM(1,1)", "\"'@SUM(1,1)\"", true, NULL},
        {"\t=1", "\"'\t=1\"", true, NULL},
        {"\r=1", "\"' =1\"", true, "' =1"},
        {"\n=1", "\"' =1\"", true, "' =1"},
        {"=", "'=", true, NULL},
        {"'", "'", false, NULL},
        {"'s", "'s", false, NULL},
        {"'=1", "''=1", true, NULL}, // as it came
        {"''=1", "'''=1", true, NULL},
        {"a=1", "a=1", false, NULL},
        {"\xc3\xa9", "\xc3\xa9", false, NULL},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf b = STR_BUF_INIT(100);
        bool defused = str_buf_add_csv(&b, str_of(rows[i].text));
        if (defused != rows[i].defused || strcmp(str_buf_text(&b), rows[i].cell) != 0)
            fail_msg("%s: %s", rows[i].text, str_buf_text(&b));
        // As a reader of CSV sees it: without quotes, doubled ones single.
        struct str_buf read = STR_BUF_INIT(100);
        struct str cell = str_buf_view(&b);
        if (cell.n > 0 && cell.p[0] == '"')
            cell = (struct str){cell.p + 1, cell.n - 2};
        for (size_t k = 0; k < cell.n; k++) {
            str_buf_putc(&read, cell.p[k]);
            k += cell.p[k] == '"';
        }
        const char *back = rows[i].back ? rows[i].back : rows[i].text;
        if (!str_is(str_csv_undo(str_buf_view(&read)), back))
            fail_msg("%s: read back from %s", rows[i].text, str_buf_text(&read));
        str_buf_finish(&read);
        str_buf_finish(&b);
    }
    struct str_buf b = STR_BUF_INIT(100); // not ended by a zero, and one inside
    assert_false(str_buf_add_csv(&b, (struct str){"a\0=1", 2}));
    assert_int_equal(b.n, 2);
    str_buf_finish(&b);
}

static void test_xml(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *xml;
    } rows[] = {
        {{"", 0}, ""},
        {{"a <b> & 'c' \"d\"", 15}, "a &lt;b&gt; &amp; &#39;c&#39; &quot;d&quot;"},
        {{"\t\r\n", 3}, "&#9;&#13;&#10;"},
        {{"\x1b[1m\x7f\0", 6}, "?[1m??"},
        {{"\xc3\xa9\xc2\x9b", 4}, "\xc3\xa9?"},
        {{"\xff\xc3", 2}, "\xef\xbf\xbd\xef\xbf\xbd"},
        {{"\xef\xbf\xbf", 3}, "\xef\xbf\xbd"}, // a code point, but no character of XML
        {{"\xf0\x9f\x9a\x97", 4}, "\xf0\x9f\x9a\x97"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf b = STR_BUF_INIT(1000);
        str_buf_add_xml(&b, rows[i].text);
        if (strcmp(str_buf_text(&b), rows[i].xml) != 0)
            fail_msg("row %zu: %s", i, str_buf_text(&b));
        str_buf_finish(&b);
    }
}

static void test_printable(void **state)
{
    struct str_buf b = STR_BUF_INIT(100);
    str_buf_add_printable(&b, STR("a\x1b\x7f\xc2\x9b\xc3\xa9\xff\0z"));
    assert_string_equal(str_buf_text(&b), "a???\xc3\xa9\xef\xbf\xbd?z");
    str_buf_reset(&b); // an end of line, a turn of direction, no character; a family stays whole
    str_buf_add_printable(&b,
                          STR("\xe2\x80\xa8\xe2\x80\xae\xef\xbf\xbf\xe2\x80\x8d\xf0\x9f\x91\xa9"));
    assert_string_equal(str_buf_text(&b), "???\xe2\x80\x8d\xf0\x9f\x91\xa9");
    str_buf_finish(&b);
}

static void test_utf8_length(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } rows[] = {
        {"", 0},
        {"a", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xc3", 0},
        {"\x80", 0},
        {"\xf0\x9f\x98\x80", 4},
        {"\xed\x9f\xbf", 3},
        {"\xed\xa0\x80", 0},
        {"\xc1\xbf", 0},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xc3z", 0},
        {"\xff", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(str_utf8_length(str_of(rows[i].text)), rows[i].n);
}

// The values that draft-eastlake-fnv gives for 64 bits.
static void test_hash(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"", UINT64_C(0xcbf29ce484222325)},
        {"a", UINT64_C(0xaf63dc4c8601ec8c)},
        {"foobar", UINT64_C(0x85944171f73967e8)},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t h = str_hash_more(STR_HASH_SEED, str_of(rows[i].text));
        assert_true(h == rows[i].hash);
        assert_true(str_hash(str_of(rows[i].text)) == (h ^ (h >> 32)));
    }
    assert_true(str_hash_more(str_hash_more(STR_HASH_SEED, STR("foo")), STR("bar")) ==
                rows[2].hash);
}

static void test_allocation_failure(void **state)
{
    struct str_buf b = STR_BUF_INIT(10000);
    mem_test_fail_at(1);
    str_buf_puts(&b, "x");
    mem_test_fail_at(0);
    assert_int_equal(str_buf_check(&b), ERR_NOMEM);
    str_buf_reset(&b);
    str_buf_puts(&b, "x");
    mem_test_fail_at(1);
    for (int i = 0; i < 300; i++)
        str_buf_putc(&b, 'y');
    mem_test_fail_at(0);
    assert_int_equal(str_buf_check(&b), ERR_NOMEM);
    assert_true(str_is(str_buf_view(&b), str_buf_text(&b))); // what fitted is whole
    str_buf_finish(&b);
}

// As str_buf_float() once did it: the fewest digits of the C library that read back.
static void shortest_of_library(float v, char ret[64])
{
    char shorter[64];
    int digits = 6;
    snprintf(ret, 64, "%.*g", digits, (double)v);
    while (strtof(ret, NULL) != v)
        snprintf(ret, 64, "%.*g", ++digits, (double)v);
    while (digits > 1 && digits <= 6) {
        snprintf(shorter, sizeof(shorter), "%.*g", --digits, (double)v);
        if ((strchr(shorter, 'e') && !strchr(ret, 'e')) || strtof(shorter, NULL) != v)
            break;
        memcpy(ret, shorter, 64);
    }
}

static void check_float(float v)
{
    struct str_buf b = STR_BUF_INIT(64);
    char want[64];
    shortest_of_library(v, want);
    str_buf_float(&b, v);
    assert_string_equal(str_buf_text(&b), want);
    str_buf_finish(&b);
}

static void test_floats_are_as_the_library_prints_them(void **state)
{
    (void)state;
    static const float edges[] = {
        0.0f,          -0.0f,     1e-3f,     2e-3f,      0.01f,          0.1f,
        0.5f,          1.0f,      9.5f,      9.96f,      9.999999f,      10.0f,
        640.0f,        99.99999f, 999999.9f, 1e6f,       1e7f,           1e-30f,
        3e30f,         131072.1f, 100000.0f, 524287.97f, 0.00999999978f, 1.17549435e-38f,
        3.40282347e38f};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (int step = -40; step <= 40; step++) {
            uint32_t bits;
            float v;
            memcpy(&bits, &edges[i], 4);
            bits += (uint32_t)step;
            memcpy(&v, &bits, 4);
            if (v - v == 0) { // finite
                check_float(v);
                check_float(-v);
            }
        }
    }
    uint32_t seed = 1;
    for (int i = 0; i < 60000; i++) {
        float v;
        seed = seed * 1664525 + 1013904223;
        // exponents of what boxes and confidences have
        uint32_t bits = (seed >> 9) | (uint32_t)(117 + i % 31) << 23;
        memcpy(&v, &bits, 4);
        check_float(v);
        check_float((float)(seed % 1000000) / 1000.0f); // few digits
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split_and_lines),
        cmocka_unit_test(test_comparisons),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_real_numbers),
        cmocka_unit_test(test_shortest_numbers),
        cmocka_unit_test(test_floats_are_as_the_library_prints_them),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_xml),
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_utf8_length),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
