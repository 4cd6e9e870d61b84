// SPDX-License-Identifier: Apache-2.0
// test_json_read.c - the JSON reader: rows, every split of the input, jansson as the oracle.

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "json_oracle.h"

// Reads from memory, or (step > 0) in pieces of that size.
static struct json_reader *reader_of(struct oracle_pieces *pieces, struct str text, size_t step)
{
    *pieces = (struct oracle_pieces){text, step, 0};
    struct json_reader_opts opts = {
        .read = step ? oracle_read : NULL,
        .arg = pieces,
        .text = step ? (struct str){0} : text,
    };
    struct json_reader *r = NULL;
    assert_int_equal(json_reader_create(&opts, &r), 0);
    return r;
}

// All events of a text as words: {} [] k:key s:text n:number t f 0 and a final '.' or the code.
static void words(struct json_reader *r, struct str_buf *out)
{
    str_buf_reset(out);
    for (;;) {
        struct json_event ev;
        int e = json_next(r, &ev);
        if (e < 0) {
            str_buf_puts(out, e == ERR_EOF ? "" : err_name(e));
            assert_int_equal(json_next(r, &ev), e);
            return;
        }
        if (ev.type == JSON_KEY || ev.type == JSON_STRING || ev.type == JSON_NUMBER) {
            static const char kinds[] = {
                [JSON_KEY] = 'k', [JSON_STRING] = 's', [JSON_NUMBER] = 'n'};
            str_buf_printf(out, "%c:", kinds[ev.type]);
            str_buf_add_str(out, ev.text);
        } else {
            static const char signs[] = {
                [JSON_NULL] = '0',       [JSON_BOOL] = 'f',  [JSON_OBJECT] = '{',
                [JSON_OBJECT_END] = '}', [JSON_ARRAY] = '[', [JSON_ARRAY_END] = ']',
                [JSON_END] = '.'};
            str_buf_putc(out, ev.type == JSON_BOOL && ev.boolean ? 't' : signs[ev.type]);
        }
        str_buf_putc(out, ' ');
    }
}

static const struct {
    const char *text;
    const char *words;
} rows[] = {
    {"{}", "{ } . "},
    {" [ ] \n", "[ ] . "},
    {"\xef\xbb\xbf[]", "[ ] . "},
    {"0", "n:0 . "},
    {"-0.5e+3", "n:-0.5e+3 . "},
    {"\"\"", "s: . "},
    {"true", "t . "},
    {"[null,false,true]", "[ 0 f t ] . "},
    {"{\"a\":{\"b\":[1,2]},\"c\":\"d\"}", "{ k:a { k:b [ n:1 n:2 ] } k:c s:d } . "},
    {"{\"a\" : 1 , \"a\" : 2}", "{ k:a n:1 k:a n:2 } . "},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s:\"\\/\b\f\n\r\t . "},
    {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "s:A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 . "},
    {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
     "s:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f . "},
    // broken
    {"", "DATA"},
    {" ", "DATA"},
    {"\xef\xbb", "DATA"},
    {"[\xef\xbb\xbf]", "[ DATA"},
    {"[1,]", "[ n:1 DATA"},
    {"[,1]", "[ DATA"},
    {"[1 2]", "[ n:1 DATA"},
    {"[1}", "[ n:1 DATA"},
    {"{\"a\":1,}", "{ k:a n:1 DATA"},
    {"{\"a\" 1}", "{ k:a DATA"},
    {"{\"a\":}", "{ k:a DATA"},
    {"{\"a\":1 \"b\":2}", "{ k:a n:1 DATA"},
    {"{a:1}", "{ DATA"},
    {"{'a':1}", "{ DATA"},
    {"{1:1}", "{ DATA"},
    {"[", "[ DATA"},
    {"{", "{ DATA"},
    {"{\"a\"", "{ k:a DATA"},
    {"{\"a\":", "{ k:a DATA"},
    {"[1", "[ n:1 DATA"},
    {"]", "DATA"},
    {"{} {}", "{ } DATA"},
    {"1 x", "n:1 DATA"},
    {"01", "DATA"},
    {"-", "DATA"},
    {"+1", "DATA"},
    {".5", "DATA"},
    {"1.", "DATA"},
    {"1.e1", "DATA"},
    {"1e", "DATA"},
    {"1e+", "DATA"},
    {"1-1", "DATA"},
    {"0x10", "n:0 DATA"},
    {"1e400", "DATA"},
    {"NaN", "DATA"},
    {"nan", "DATA"},
    {"Infinity", "DATA"},
    {"-Infinity", "DATA"},
    {"tru", "DATA"},
    {"truE", "DATA"},
    {"\"a", "DATA"},
    {"\"\\", "DATA"},
    {"\"\\x\"", "DATA"},
    {"\"\\u12\"", "DATA"},
    {"\"\\u@000\"", "DATA"},
    {"\"\\u000g\"", "DATA"},
    {"\"\\ud800\"", "DATA"},
    {"\"\\ud800\\n\"", "DATA"},
    {"\"\\ud800\\ud800\"", "DATA"},
    {"\"\\udc00\"", "DATA"},
    {"\"a\nb\"", "DATA"},
    {"\"a\tb\"", "DATA"},
    {"\"\x80\"", "DATA"},
    {"\"\xc0\x80\"", "DATA"},         // overlong zero
    {"\"\xc1\xbf\"", "DATA"},         // overlong
    {"\"\xe0\x9f\xbf\"", "DATA"},     // overlong
    {"\"\xed\xa0\x80\"", "DATA"},     // a surrogate
    {"\"\xf4\x90\x80\x80\"", "DATA"}, // beyond U+10FFFF
    {"\"\xf5\x80\x80\x80\"", "DATA"},
    {"\"\xe2\x82\"", "DATA"},
    {"\"\xe2\x82", "DATA"},
    {"\"\xf0\x9f\x98", "DATA"},
    {"/* no */ 1", "DATA"},
    {"[1] // no", "[ n:1 ] DATA"},
};

static void test_rows_at_every_split(void **state)
{
    struct str_buf out = STR_BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 0; step < 5; step++) { // 0: in memory
            struct oracle_pieces pieces;
            struct json_reader *r = reader_of(&pieces, str_of(rows[i].text), step);
            words(r, &out);
            assert_string_equal(str_buf_text(&out), rows[i].words);
            json_reader_destroy(r);
        }
    }
    str_buf_finish(&out);
}

// A row's message is the same for every split, and says where.
static void test_messages(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"[1,\n 2,\n x]", "JSON: line 3, column 2: expected a value, got 'x'"},
        {"{\"a\":1,}", "JSON: line 1, column 8: expected a key, got '}'"},
        {"[1", "JSON: line 1, column 3: expected ',' or ']', got the end"},
        {"{\"a\" 1}", "JSON: line 1, column 6: expected ':', got '1'"},
        {"[\n  01]", "JSON: line 2, column 3: '01' is not a JSON number"},
        {"[1e999]", "JSON: line 1, column 2: number '1e999' is too large"},
        {"[\"a\x01\"]",
         "JSON: line 1, column 4: control character 0x01 in a text: \\u0001 is meant"},
        {"[\"ab\xff\"]", "JSON: line 1, column 5: a text is not UTF-8"},
        {"[NaN]", "JSON: line 1, column 2: expected a value, got 'N'"},
        {"[nul]", "JSON: line 1, column 5: expected null, got ']'"},
        {"[\"\\q\"]", "JSON: line 1, column 4: expected an escape, got 'q'"},
        {"{} \x01", "JSON: line 1, column 4: expected nothing behind the document, got byte 0x01"},
    };
    struct str_buf out = STR_BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 0; step < 4; step++) {
            struct oracle_pieces pieces;
            struct json_reader *r = reader_of(&pieces, str_of(cases[i].text), step);
            words(r, &out);
            assert_string_equal(err_message(ERR_DATA), cases[i].message);
            json_reader_destroy(r);
        }
    }
    str_buf_finish(&out);
}

static struct json_event first_event(struct json_reader **ret_reader, const char *text, size_t step)
{
    static struct oracle_pieces pieces;
    struct json_event ev;
    *ret_reader = reader_of(&pieces, str_of(text), step);
    assert_int_equal(json_next(*ret_reader, &ev), 0);
    return ev;
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
        double number;
    } numbers[] = {
        {"0", true, 0, 0.0},
        {"-0", true, 0, -0.0},
        {"-0.0", false, 0, -0.0},
        {"9223372036854775807", true, INT64_MAX, 0x1p63},
        {"-9223372036854775808", true, INT64_MIN, -0x1p63},
        {"9223372036854775808", false, 0, 0x1p63},
        {"18446744073709551616", false, 0, 0x1p64},
        {"1e2", false, 0, 100.0},
        {"9007199254740993", true, 9007199254740993, 0x1p53}, // halfway: to even
        {"9007199254740995", true, 9007199254740995, 9007199254740996.0},
        {"0.1", false, 0, 0.1},
        {"8.5e22", false, 0, 8.5e22},
        {"1e23", false, 0, 1e23},
        {"2.2250738585072011e-308", false, 0, 2.2250738585072011e-308},
        {"5e-324", false, 0, 5e-324},
        {"1e-400", false, 0, 0.0},
        {"1e-999999999999999999999", false, 0, 0.0},
        {"0e999999999999999999999", false, 0, 0.0},
        {"1.7976931348623157e308", false, 0, 1.7976931348623157e308},
        {"0.000000000000000000000000000000000000012345", false, 0, 1.2345e-38},
        {"123456789012345678901234567890", false, 0, 123456789012345678901234567890.0},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        for (size_t step = 0; step < 3; step++) {
            struct json_reader *r;
            struct json_event ev = first_event(&r, numbers[i].text, step);
            assert_int_equal(ev.type, JSON_NUMBER);
            assert_int_equal(ev.is_integer, numbers[i].is_integer);
            assert_true(ev.integer == numbers[i].integer);
            assert_memory_equal(&ev.number, &numbers[i].number, sizeof(double));
            json_reader_destroy(r);
        }
    }
}

static uint64_t next_random(uint64_t *s) // xorshift64*
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * UINT64_C(2685821657736338717);
}

// Every way through json_number.c gives strtod()'s bits.
static void test_numbers_are_rounded_as_strtod(void **state)
{
    uint64_t seed = 42;
    for (int i = 0; i < 300000; i++) {
        char text[64];
        uint64_t bits = next_random(&seed);
        double d;
        memcpy(&d, &bits, sizeof(d));
        int kind = i % 5;
        if (kind == 0)
            snprintf(text, sizeof(text), "%.17g", isfinite(d) ? d : 1.0);
        else if (kind == 1)
            snprintf(text, sizeof(text), "%.*f", (int)(bits % 18), (double)(bits >> 40) / 7.0);
        else if (kind == 2)
            snprintf(text, sizeof(text), "%llue%d", (unsigned long long)(bits >> (bits % 50)),
                     (int)(bits % 61) - 30);
        else if (kind == 3) // at the middle of two doubles and one unit beside it
            snprintf(text, sizeof(text), "%llu",
                     (unsigned long long)(((bits | 1u << 11) & ~UINT64_C(0x3ff)) + bits % 3 - 1));
        else
            snprintf(text, sizeof(text), "0.%019llu",
                     (unsigned long long)(bits % UINT64_C(10000000000000000000)));
        struct json_reader *r;
        struct json_event ev = first_event(&r, text, 0);
        double wanted = strtod(text, NULL);
        if (memcmp(&ev.number, &wanted, sizeof(wanted)) != 0)
            fail_msg("%s: %a, strtod() gives %a", text, ev.number, wanted);
        json_reader_destroy(r);
    }
}

static void test_limits(void **state)
{
    struct json_event ev;
    struct json_reader *r;
    static const struct {
        const char *text;
        int at_limit;
    } cases[] = {
        {"[[[]]]", 0},
        {"[[[[]]]]", ERR_TOO_BIG},
        {"\"12345678\"", 0},
        {"\"123456789\"", ERR_TOO_BIG},
        {"\"1234567\\n\"", 0},
        {"\"12345678\\n\"", ERR_TOO_BIG},
        {"\"123456\xc3\xa9\"", 0},
        {"\"1234567\xc3\xa9\"", ERR_TOO_BIG},
        {"{\"123456789\":1}", ERR_TOO_BIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 0; step < 4; step++) {
            struct oracle_pieces pieces = {str_of(cases[i].text), step, 0};
            struct json_reader_opts opts = {.text = step ? (struct str){0} : pieces.text,
                                            .read = step ? oracle_read : NULL,
                                            .arg = &pieces,
                                            .max_depth = 3,
                                            .max_string = 8};
            assert_int_equal(json_reader_create(&opts, &r), 0);
            int e;
            do {
                e = json_next(r, &ev);
            } while (e == 0 && ev.type != JSON_END);
            assert_int_equal(e, cases[i].at_limit);
            json_reader_destroy(r);
        }
    }
    for (size_t n = JSON_MAX_NUMBER; n <= JSON_MAX_NUMBER + 1; n++) {
        for (size_t step = 0; step < 3; step++) {
            char text[JSON_MAX_NUMBER + 2];
            memset(text, '1', sizeof(text));
            memcpy(text, "0.", 2);
            struct oracle_pieces pieces;
            r = reader_of(&pieces, (struct str){text, n}, step);
            assert_int_equal(json_next(r, &ev), n > JSON_MAX_NUMBER ? ERR_TOO_BIG : 0);
            json_reader_destroy(r);
        }
    }
}

static void test_lines(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", ""},
        {"\n\n", ""},
        {"{}\n[1]\n2\n", "{ } . [ n:1 ] . n:2 . "},
        {"{}\n[1]\n2", "{ } . [ n:1 ] . n:2 . "},
        {"1 2", "n:1 . n:2 . "},
        {"{}{}", "{ } . DATA"},
        {"{}\n{\"a\":", "{ } . { k:a DATA"},
    };
    struct str_buf out = STR_BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t step = 0; step < 4; step++) {
            struct oracle_pieces pieces = {str_of(cases[i].text), step, 0};
            struct json_reader_opts opts = {.text = step ? (struct str){0} : pieces.text,
                                            .read = step ? oracle_read : NULL,
                                            .arg = &pieces,
                                            .lines = true};
            struct json_reader *r;
            assert_int_equal(json_reader_create(&opts, &r), 0);
            words(r, &out);
            assert_string_equal(str_buf_text(&out), cases[i].words);
            json_reader_destroy(r);
        }
    }
    str_buf_finish(&out);
}

static void test_skip_and_positions(void **state)
{
    static const char text[] = "{\"a\":[1,{\"b\":2},[]],\n\"c\":3,\"d\":{\"x\":[]},\"e\":4}";
    struct json_reader *r;
    struct json_event ev = first_event(&r, text, 1);
    assert_int_equal(json_next(r, &ev), 0); // a
    assert_int_equal(json_skip(r, &ev), 0); // a key: its value is skipped
    assert_int_equal(json_next(r, &ev), 0);
    assert_true(str_is(ev.text, "c"));
    assert_int_equal(json_line(r), 2);
    assert_int_equal(json_next(r, &ev), 0);
    assert_int_equal(json_skip(r, &ev), 0); // a scalar: nothing to skip
    assert_int_equal(json_next(r, &ev), 0);
    assert_true(str_is(ev.text, "d"));
    assert_int_equal(json_next(r, &ev), 0);
    assert_int_equal(json_skip(r, &ev), 0);
    assert_int_equal(json_next(r, &ev), 0);
    assert_true(str_is(ev.text, "e"));
    assert_int_equal(json_error(r, "no '%s' wanted", "e"), ERR_DATA);
    assert_string_equal(err_message(ERR_DATA), "JSON: line 2: no 'e' wanted");
    json_reader_destroy(r);
}

static long broken_read(void *arg, void *ret_bytes, size_t n)
{
    int *n_calls = (int *)arg;
    if ((*n_calls)++ > 0)
        return err_set(ERR_IO, "the cable is out");
    memcpy(ret_bytes, "[1,", 3);
    return 3;
}

static void test_read_error(void **state)
{
    int n_calls = 0;
    struct json_reader_opts opts = {.read = broken_read, .arg = &n_calls};
    struct json_reader *r;
    struct json_event ev;
    assert_int_equal(json_reader_create(&opts, &r), 0);
    assert_int_equal(json_next(r, &ev), 0);
    assert_int_equal(json_next(r, &ev), 0);
    for (int i = 0; i < 2; i++) { // sticky, with its message
        err_clear();
        assert_int_equal(json_next(r, &ev), ERR_IO);
        assert_string_equal(err_message(ERR_IO), "the cable is out");
    }
    json_reader_destroy(r);
}

static void test_memory_mode_gives_views(void **state)
{
    static const char text[] = "\"a plain text of some length\"";
    struct json_reader *r;
    struct json_event ev = first_event(&r, text, 0);
    assert_ptr_equal(ev.text.p, text + 1);
    json_reader_destroy(r);
}

static void test_allocation_failure(void **state)
{
    static const char text[] = "[\"\\u0041bc\", 12]";
    for (long n = 1;; n++) {
        struct oracle_pieces pieces = {str_of(text), 3, 0};
        struct json_reader_opts opts = {.read = oracle_read, .arg = &pieces};
        struct json_reader *r = NULL;
        struct json_event ev = {0};
        mem_test_fail_at(n);
        int e = json_reader_create(&opts, &r);
        while (e == 0 && ev.type != JSON_END)
            e = json_next(r, &ev);
        bool over = mem_test_fail_pending();
        mem_test_fail_at(0);
        json_reader_destroy(r);
        if (over) {
            assert_int_equal(e, 0);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(e, ERR_NOMEM);
    }
}

// ---- jansson as the oracle

static void compare_text(struct str text, size_t step, const char *name)
{
    int e = oracle_compare(text, step);
    if (e < 0)
        fail_msg("%s: %s", name, err_message(e));
}

static int compare_folder(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    struct dirent *entry;
    while (d && (entry = readdir(d)) != NULL) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        if (file_is_directory(name)) {
            n += compare_folder(name);
        } else if (str_ends(str_of(name), ".json")) {
            char *bytes;
            size_t n_bytes;
            assert_int_equal(file_read(name, 64 * MIB, &bytes, &n_bytes), 0);
            compare_text((struct str){bytes, n_bytes}, 0, name);
            compare_text((struct str){bytes, n_bytes}, 8191, name);
            mem_free(bytes);
            n++;
        }
    }
    if (d)
        closedir(d);
    return n;
}

static void test_data_files_as_jansson(void **state)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    int n = data ? compare_folder(data) : 0;
    print_message("%d JSON files of the test data\n", n);
    if (n == 0)
        skip();
}

static void put_random(struct str_buf *b, uint64_t *seed, int depth)
{
    // clang-format off
    static const char *const scalars[] = {
        "null", "true", "false", "0", "-1", "12.5", "1e3", "-0.25E-2", "123456789012345678",
        "\"\"", "\"person\"", "\"\\u00e9\\n\"", "\"\xe2\x82\xac\"", "\"\\ud83d\\ude00\"",
        "0.30000001192092896", "1e22", "9007199254740993.5", "-", "01", "\"\\ud800\"", "nul",
    };
    // clang-format on
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t \r\n"};
    uint64_t n = next_random(seed);
    str_buf_puts(b, spaces[n % ARRAY_LEN(spaces)]);
    if (depth == 0 || n % 3 == 0) { // the last four are broken, and rare
        size_t n_good = ARRAY_LEN(scalars) - (n % 64 == 0 ? 0 : 4);
        str_buf_puts(b, scalars[(n >> 8) % n_good]);
        return;
    }
    bool is_array = n % 2;
    str_buf_putc(b, is_array ? '[' : '{');
    int n_items = (int)((n >> 16) % 5);
    for (int i = 0; i < n_items; i++) {
        if (i)
            str_buf_putc(b, ',');
        if (!is_array)
            str_buf_printf(b, "\"key%d\"%s:", (int)((n >> 24) % 3) + i, spaces[(n >> 32) % 6]);
        put_random(b, seed, depth - 1);
    }
    str_buf_puts(b, spaces[(n >> 40) % ARRAY_LEN(spaces)]);
    str_buf_putc(b, is_array ? ']' : '}');
}

static void test_generated_documents_as_jansson(void **state)
{
    uint64_t seed = 7;
    struct str_buf b = STR_BUF_INIT(MIB);
    for (int i = 0; i < 4000; i++) {
        str_buf_reset(&b);
        put_random(&b, &seed, i % 6);
        if (i % 8 == 7 && b.n) // a byte changed
            b.p[next_random(&seed) % b.n] = (char)next_random(&seed);
        static const size_t steps[] = {0, 1, 2, 3, 7, 64};
        for (size_t k = 0; k < ARRAY_LEN(steps); k++)
            compare_text(str_buf_view(&b), steps[k], str_buf_text(&b));
    }
    str_buf_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_at_every_split),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_numbers_are_rounded_as_strtod),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_skip_and_positions),
        cmocka_unit_test(test_read_error),
        cmocka_unit_test(test_memory_mode_gives_views),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_data_files_as_jansson),
        cmocka_unit_test(test_generated_documents_as_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
