// SPDX-License-Identifier: Apache-2.0
// test_log.c - one line a message, as text and as JSON, whatever the message holds.

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log_keep.h"
#include "base/thread.h"

enum {
    CAPTURED_MAX = 1024 * 1024,
    N_THREADS = 4,
    N_LINES = 200,
};

static char captured[CAPTURED_MAX];
static int saved_stderr;
static FILE *capture;

static void begin_capture(void)
{
    capture = tmpfile();
    assert_non_null(capture);
    saved_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture), STDERR_FILENO) >= 0);
}

static const char *end_capture(void)
{
    assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
    close(saved_stderr);
    rewind(capture);
    size_t n = fread(captured, 1, sizeof(captured) - 1, capture);
    captured[n] = '\0';
    fclose(capture);
    return captured;
}

static void test_text(void **state)
{
    log_setup(LOG_UNSET, LOG_FORMAT_UNSET);
    begin_capture();
    log_info(NULL, "%d frames", 3);
    log_error("source=a\x1b.mp4", "bad\n\x1b[31mthing\xc2\x9b");
    log_debug(NULL, "not wanted");
    log_warning(NULL, "w");
    assert_string_equal(end_capture(), "assay: 3 frames\n"
                                       "assay: error: source=a?.mp4: bad??[31mthing?\n"
                                       "assay: warning: w\n");
    assert_true(log_wants(LOG_INFO) && !log_wants(LOG_DEBUG));
}

static void test_json(void **state)
{
    log_setup(LOG_DEBUG, LOG_FORMAT_JSON);
    clock_test_set(0, INT64_C(1700000000123456));
    begin_capture();
    log_debug(NULL, "a \"quoted\"\nthing");
    log_error("c=1", "\xff");
    const char *text = end_capture();
    clock_test_release();
    assert_string_equal(text, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"debug\","
                              "\"message\":\"a \\\"quoted\\\"\\nthing\"}\n"
                              "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"error\","
                              "\"context\":\"c=1\",\"message\":\"\xef\xbf\xbd\"}\n");
}

static void test_fields(void **state)
{
    const struct log_field fields[] = {
        {.name = "path", .text = STR("/a\n\"b\"")},
        {.name = "user", .text = {NULL, 0}}, // nobody
        {.name = "status", .is_number = true, .number = 200},
        {.name = "milliseconds", .is_number = true, .number = 0.25},
    };
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    begin_capture();
    log_fields(LOG_INFO, "request", fields, ARRAY_LEN(fields));
    log_fields(LOG_DEBUG, "not wanted", fields, ARRAY_LEN(fields));
    log_fields(LOG_ERROR, "nothing more", NULL, 0);
    assert_string_equal(end_capture(), "assay: request path=/a?\"b\" status=200 milliseconds=0.25\n"
                                       "assay: error: nothing more\n");
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    clock_test_set(0, INT64_C(1700000000123456));
    begin_capture();
    log_fields(LOG_INFO, "request", fields, ARRAY_LEN(fields));
    const char *text = end_capture();
    clock_test_release();
    assert_string_equal(
        text, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"message\":\"request\","
              "\"path\":\"/a\\n\\\"b\\\"\",\"status\":200,\"milliseconds\":0.25}\n");
}

// What the thread works on stands in each of its lines, and nowhere else.
static void test_about(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    begin_capture();
    log_set_about((struct log_about){.name = "task", .id = "01\nX"});
    log_warning("clip.mp4", "no frames");
    log_fields(LOG_INFO, "over", NULL, 0);
    log_set_about((struct log_about){0});
    log_info(NULL, "idle");
    assert_string_equal(end_capture(), "assay: warning: task=01?X: clip.mp4: no frames\n"
                                       "assay: task=01?X: over\n"
                                       "assay: idle\n");
    log_setup(LOG_INFO, LOG_FORMAT_JSON);
    clock_test_set(0, INT64_C(1700000000123456));
    begin_capture();
    log_set_about((struct log_about){.name = "request", .id = "a\"b"});
    log_info(NULL, "read");
    log_set_about((struct log_about){0});
    const char *text = end_capture();
    clock_test_release();
    assert_string_equal(text, "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\","
                              "\"request\":\"a\\\"b\",\"message\":\"read\"}\n");
}

static const char *kept(struct log_keep *k)
{
    static struct str_buf out = STR_BUF_INIT(1024 * 1024);
    struct json_writer w;
    str_buf_reset(&out);
    json_writer_init(&w, &out);
    log_keep_put(k, &w);
    assert_false(out.failed);
    return str_buf_text(&out);
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        n++;
    return n;
}

// Whatever the level that is written: what the work said, without the directory where files lie.
static void test_lines_are_kept(void **state)
{
    (void)state;
    const struct log_field fields[] = {{.name = "n", .is_number = true, .number = 2}};
    struct log_keep *k;
    assert_int_equal(log_keep_create("/srv/data", &k), 0);
    assert_string_equal(kept(k), "{\"left_out\":0,\"lines\":[]}");
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    clock_test_set(0, INT64_C(1700000000123456));
    begin_capture();
    log_set_about((struct log_about){.name = "task", .id = "01X", .keep = k});
    log_info("clip", "/srv/data/blobs/aa: \"b\"\n and /srv/data");
    log_fields(LOG_WARNING, "two", fields, 1);
    log_debug(NULL, "not wanted");
    log_error(NULL, "end");
    log_set_about((struct log_about){0});
    log_error(NULL, "another's");
    clock_test_release();
    assert_string_equal(end_capture(), "assay: error: task=01X: end\nassay: error: another's\n");
    assert_string_equal(
        kept(k),
        "{\"left_out\":0,\"lines\":["
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"info\",\"message\":\"clip: "
        "blobs/aa: \\\"b\\\"? and \"},"
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warning\",\"message\":\"two n=2\"},"
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"error\",\"message\":\"end\"}]}");
    log_keep_destroy(k);
    log_keep_destroy(NULL);
}

static const struct hidden_row {
    const char *hidden;
    const char *said;
    const char *kept;
} hidden_rows[] = {
    {"/srv/data", "/srv/data/a.mp4: /srv/data", "a.mp4: "},
    {"/srv/data", "'/srv/data/a', (/srv/data), file:/srv/data/b", "'a', (), file:b"},
    {"/srv/data", "/srv/data2/a /srv/data-old /srv/data.1/a", NULL},
    {"/srv/data", "/mnt/srv/data/a ../srv/data/a //srv/data", NULL},
    {"/srv/data", "/srv/data2/a: /srv/data/b", "/srv/data2/a: b"},
    {"/data", "/srv/data/x.mp4 /database/m.onnx", NULL},
    {"data", "malformed data of data/x and data", NULL},
    {".", "a.mp4: no frames. ./b", NULL},
    {"/", "/srv/a / b", NULL},
    {"", "/srv/a", NULL},
};

// The directory is cut out as a path, never out of a word or of another path. NULL: all stays.
static void test_only_the_directory_is_hidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hidden_rows); i++) {
        const struct hidden_row *row = &hidden_rows[i];
        char wanted[256];
        struct log_keep *k;
        assert_int_equal(log_keep_create(row->hidden, &k), 0);
        log_keep_add(k, LOG_INFO, NULL, row->said);
        snprintf(wanted, sizeof(wanted), "\"message\":\"%s\"}", row->kept ? row->kept : row->said);
        if (!strstr(kept(k), wanted))
            fail_msg("%s: %s", row->hidden, kept(k));
        log_keep_destroy(k);
    }
}

// A line is cut where a character ends.
static void test_long_line_is_cut_whole(void **state)
{
    (void)state;
    static char text[LOG_KEEP_LINE_BYTES + 100];
    struct log_keep *k;
    assert_int_equal(log_keep_create(NULL, &k), 0);
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3);
    log_keep_add(k, LOG_INFO, NULL, text);
    assert_int_equal(count(kept(k), "\xe2\x82\xac"), LOG_KEEP_LINE_BYTES / 3);
    assert_null(strstr(kept(k), "\xef\xbf\xbd"));
    assert_non_null(strstr(kept(k), "\xe2\x82\xac\"}]}"));
    log_keep_destroy(k);
}

// The limits in lines and in bytes: the last ones stay, and how many went before is said.
static void test_kept_lines_are_bounded(void **state)
{
    (void)state;
    static char text[LOG_KEEP_LINE_BYTES + 100];
    char last[64];
    struct log_keep *k;
    assert_int_equal(log_keep_create(NULL, &k), 0);
    for (int i = 0; i < LOG_KEEP_LINES + 3; i++) {
        snprintf(text, sizeof(text), "line %d.", i);
        log_keep_add(k, LOG_INFO, NULL, text);
        assert_int_equal(count(kept(k), "\"time\""), MIN(i + 1, LOG_KEEP_LINES));
    }
    snprintf(last, sizeof(last), "line %d.", LOG_KEEP_LINES + 2);
    assert_true(strstr(kept(k), "\"left_out\":3,") && strstr(kept(k), "line 3.") &&
                !strstr(kept(k), "line 2.") && strstr(kept(k), last));
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < LOG_KEEP_BYTES / LOG_KEEP_LINE_BYTES; i++)
        log_keep_add(k, LOG_INFO, NULL, text); // cut to LOG_KEEP_LINE_BYTES
    assert_int_equal(count(kept(k), "\"time\""), LOG_KEEP_BYTES / LOG_KEEP_LINE_BYTES);
    assert_int_equal(count(kept(k), "x"), LOG_KEEP_BYTES);
    log_keep_add(k, LOG_INFO, NULL, "one more");
    assert_int_equal(count(kept(k), "x"), LOG_KEEP_BYTES - LOG_KEEP_LINE_BYTES);
    log_keep_destroy(k);
}

// Cut, not lost, and still one JSON document: also where every byte takes six.
static void test_long_message(void **state)
{
    static char text[20000];
    memset(text, '\x01', sizeof(text) - 1);
    for (int i = 0; i < 2; i++) {
        log_setup(LOG_INFO, i ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
        begin_capture();
        log_info(NULL, "%s", text);
        struct str line = str_of(end_capture());
        assert_true(line.n > 4000 && str_ends(line, "\n"));
        struct json_reader_opts opts = {.text = line};
        struct json_reader *r;
        struct json_event ev = {0};
        assert_int_equal(json_reader_create(&opts, &r), 0);
        int e = 0;
        while (i && e == 0 && ev.type != JSON_END)
            e = json_next(r, &ev);
        assert_int_equal(e, 0);
        json_reader_destroy(r);
    }
}

static void write_lines(void *arg)
{
    for (int i = 0; i < N_LINES; i++)
        log_info((const char *)arg, "abcdefghijklmnopqrstuvwxyz");
}

static int n_erased;

static void erase(void *arg)
{
    n_erased += *(const int *)arg; // with the log's lock held
}

static void test_threads_do_not_mix(void **state)
{
    static const char *const names[N_THREADS] = {"one", "two", "three", "four"};
    struct thread threads[N_THREADS];
    int one = 1;
    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    begin_capture();
    log_set_before_line(erase, &one);
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(
            thread_start(&threads[i], names[i], write_lines, (void *)(uintptr_t)names[i]), 0);
    for (int i = 0; i < N_THREADS; i++)
        thread_join(&threads[i]);
    log_set_before_line(NULL, NULL);
    struct str rest = str_of(end_capture());
    struct str line;
    int n = 0;
    while (str_line(&rest, &line)) {
        assert_true(str_starts(line, "assay: "));
        assert_true(str_ends(line, ": abcdefghijklmnopqrstuvwxyz"));
        n++;
    }
    assert_int_equal(n, N_THREADS * N_LINES);
    assert_int_equal(n_erased, n);
}

static void test_level_names(void **state)
{
    enum log_level level = LOG_UNSET;
    assert_int_equal(log_level_parse("warning", &level), 0);
    assert_int_equal(level, LOG_WARNING);
    assert_int_equal(log_level_parse("loud", &level), ERR_INVALID);
    assert_int_equal(level, LOG_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_long_message),
        cmocka_unit_test(test_threads_do_not_mix),
        cmocka_unit_test(test_level_names),
        cmocka_unit_test(test_lines_are_kept),
        cmocka_unit_test(test_only_the_directory_is_hidden),
        cmocka_unit_test(test_long_line_is_cut_whole),
        cmocka_unit_test(test_kept_lines_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
