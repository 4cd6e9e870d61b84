// SPDX-License-Identifier: Apache-2.0
// test_csv.c - the tables: as many cells in every row as in the header, and none without data.

#include "given.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "eval/temporal.h"
#include "report/csv.h"
#include "report/metrics_json.h"
#include "tracking/tracking.h"

#define TRUTH(objects)                                                                       \
    "{\"images\":[{\"id\":1,\"frame\":0},{\"id\":2,\"frame\":1}],\"categories\":[{\"id\":1," \
    "\"name\""                                                                               \
    ":\"a,b\"},{\"id\":2,\"name\":\"=c\"}],\"annotations\":[" objects "]}"
#define OBJECT(id)                                                                               \
    "{\"id\":" id ",\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,10,10],\"area\":100,\"track_" \
    "id\":4}"
#define FOUND \
    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,10,10],\"score\":0.5,\"track_id\":1}]"

// Cells of the line at *p, whose end is given back.
static size_t count_cells(const char **p)
{
    size_t n = 1;
    bool quoted = false;
    for (; **p && (quoted || **p != '\n'); (*p)++) {
        quoted ^= **p == '"';
        n += !quoted && **p == ',';
    }
    *p += **p == '\n';
    return n;
}

static size_t check_table(const char *text)
{
    const char *p = text;
    size_t n_cells = count_cells(&p);
    size_t n_rows = 0;
    for (; *p; n_rows++)
        assert_int_equal(count_cells(&p), n_cells);
    return n_rows;
}

static const struct {
    const char *objects, *found;
    size_t n_cuts;
    int cuts[5];
    const char *has; // in the table of classes
    const char *objects_has;
    size_t n_objects; // rows
} rows[] = {
    // clang-format off
    {OBJECT("1"), FOUND, 0, {0}, ",1,1,1,1,,,0.25,1,1,1,1,0,0,0.5,1,", ",TP,0.5,1,1,4,0,0,10,10,,1,0,0,10,10,0,0,0,0,,,", 1},
    {OBJECT("1"), FOUND, 5, {1, 2, 3, 4, 5}, ",,,1,1,1,,1,1,,,0.25,", ",TP,", 1},
    {OBJECT("1"), FOUND, 1, {7}, ",AR7,ARs,", ",TP,", 1},
    {OBJECT("1"), "[]", 0, {0}, "\nclass,'=c,0,0,0,,,,,,,,,,,,,0.25,,,,0,0,0,,,,,,,", ",FN,,,1,4,0,0,10,10,,,,,,,0,0,0,0,,,", 1},
    {"", FOUND, 0, {0}, "all,,0,0,1,,,,,,,,,,,,,0.25,0,,,0,1,0,,,,,,,", ",FP,0.5,,,,,,,,,1,0,0,10,10,,,,,,,", 1},
    {"", "[]", 0, {0}, "all,,0,0,0,,,,,,,,,,,,,0.25,,,,0,0,0,,,,,,,", "picture_attributes\n", 0},
    // clang-format on
};

static void read_all(const char *path, char **ret_text)
{
    size_t n;
    assert_int_equal(file_read(path, 1 << 20, ret_text, &n), 0);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str_buf text = STR_BUF_INIT(10000);
        str_buf_printf(&text, TRUTH("%s"), rows[i].objects);
        struct dataset *truth = given_truth(str_buf_text(&text));
        struct dataset *d = NULL;
        assert_int_equal(given_read(rows[i].found, truth, &d), 0);
        struct evaluation_opts opts = {.coco = {.n_cuts = rows[i].n_cuts}};
        memcpy(opts.coco.cuts, rows[i].cuts, sizeof(rows[i].cuts));
        opts.conventions[CONVENTION_VOC] = true;
        struct evaluation e;
        struct outcome o;
        struct arena *a;
        assert_int_equal(arena_create(0, &a), 0);
        assert_int_equal(evaluation_run(truth, d, &opts, &e), 0);
        assert_int_equal(outcome_run(truth, d, &e, a, &o), 0);

        const struct report_about about = {0};
        str_buf_reset(&text);
        assert_int_equal(csv_classes_write(&e, &about, &text), 0);
        assert_int_equal(check_table(str_buf_text(&text)), 3);
        if (!strstr(str_buf_text(&text), rows[i].has))
            fail_msg("row %zu: no '%s' in\n%s", i, rows[i].has, str_buf_text(&text));
        str_buf_reset(&text);
        text.max = 10;
        assert_int_equal(csv_classes_write(&e, &about, &text), ERR_TOO_BIG);

        char path[] = "/tmp/assay-test-XXXXXX";
        close(mkstemp(path));
        struct file_out *file;
        assert_int_equal(file_out_open(path, &file), 0);
        assert_int_equal(csv_objects_write(truth, d, &o, file), 0);
        assert_int_equal(file_out_commit(&file), 0);
        char *bytes;
        read_all(path, &bytes);
        assert_int_equal(check_table(bytes), rows[i].n_objects);
        if (!strstr(bytes, rows[i].objects_has))
            fail_msg("row %zu: no '%s' in\n%s", i, rows[i].objects_has, bytes);
        mem_free(bytes);
        unlink(path);

        str_buf_finish(&text);
        evaluation_finish(&e);
        arena_destroy(a);
        dataset_destroy(d);
        dataset_destroy(truth);
    }
}

// Tracks of a class that is not judged otherwise have a row; times that nobody knows no number.
static void test_more(void **state)
{
    (void)state;
    struct dataset *truth = given_truth(TRUTH(OBJECT("1")));
    struct dataset *d = NULL;
    assert_int_equal(given_read(FOUND, truth, &d), 0);
    const char *const only[] = {"=c"};
    const char *const by[] = {"class", "size"};
    const struct evaluation_opts opts = {
        .classes = only, .n_classes = 1, .slice_by = by, .n_slice_by = 2};
    struct evaluation e;
    struct tracking_result tracks;
    struct temporal_result times;
    struct arena *a;
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(evaluation_run(truth, d, &opts, &e), 0);
    assert_int_equal(tracking_evaluate(truth, d, NULL, a, &tracks), 0);
    assert_int_equal(temporal_evaluate(truth, d, NULL, a, &times), 0);
    assert_false(times.has_times);
    const struct report_about about = {.tracking = &tracks, .temporal = &times};
    struct str_buf text = STR_BUF_INIT(100000);
    assert_int_equal(csv_classes_write(&e, &about, &text), 0);
    assert_int_equal(check_table(str_buf_text(&text)), 6); // all, =c, a,b, three sizes
    assert_non_null(strstr(str_buf_text(&text), "\ntracked class,\"a,b\",,,,"));
    assert_non_null(strstr(str_buf_text(&text), "\nsize,small,0,,,"));
    str_buf_finish(&text);
    evaluation_finish(&e);
    arena_destroy(a);
    dataset_destroy(d);
    dataset_destroy(truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
