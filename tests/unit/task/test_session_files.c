// SPDX-License-Identifier: Apache-2.0
// test_session_files.c - a session's truth and posted pieces as files, as the judge reads them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "task_test.h"

#include "base/file.h"
#include "base/mem.h"
#include "store/store_piece.h"
#include "task/session_files.h"

// What the task saw of the files, before it took them away.
static struct {
    char truth[4096], detections[4096];
    size_t n_videos, n_events, n_without_truth, n_without_detections;
    char directory[BLOB_PATH_BYTES];
    const char *only;
} seen;

static void keep(const char *path, char *to, size_t n)
{
    char *bytes;
    size_t size;
    to[0] = '\0';
    if (path[0] && file_read(path, n - 1, &bytes, &size) == 0) {
        memcpy(to, bytes, size);
        to[size] = '\0';
        mem_free(bytes);
    }
}

static int look(struct task_run *run)
{
    struct session_files f;
    struct store_session x;
    const char *const only[] = {seen.only};
    int r = store_session_get(task_run_tools(run)->store, task_run_row(run)->session_id,
                              task_run_arena(run), &x);
    if (r == 0)
        r = session_files_make(run, &x, seen.only ? only : NULL, seen.only ? 1 : 0, &f);
    if (r == 0) {
        keep(f.truth, seen.truth, sizeof(seen.truth));
        keep(f.detections, seen.detections, sizeof(seen.detections));
        seen.n_videos = f.n_videos;
        seen.n_events = f.n_events;
        seen.n_without_truth = f.n_without_truth;
        seen.n_without_detections = f.n_without_detections;
        snprintf(seen.directory, sizeof(seen.directory), "%s", f.directory);
    }
    session_files_remove(&f);
    return r;
}

static const struct task_kind kind_look = {.name = "look", .run = look};

static void post(struct tasks *x, const char *session, int64_t seq, const char *format,
                 const char *text)
{
    const struct store_piece p = {.session_id = session,
                                  .video_id = x->t->video,
                                  .seq = seq,
                                  .format = format,
                                  .sha256 = text,
                                  .n_bytes = (int64_t)strlen(text),
                                  .last_us = INT64_MIN,
                                  .bytes = text};
    OK(store_piece_add(x->t->store, &p, NULL, 0, NULL, NULL));
}

#define HEADER "{\"type\":\"header\",\"assay\":\"" ASSAY_VERSION "\"}\n"
#define END    "{\"type\":\"summary\",\"interrupted\":false}\n"

static void test_pieces_become_a_file(void **state)
{
    struct tasks *x = *state;
    static const struct {
        const char *format, *pieces[3], *file;
    } rows[] = {
        {"jsonl", {"{\"a\":1}\n", "{\"a\":2}", NULL}, HEADER "{\"a\":1}\n{\"a\":2}\n" END},
        {"jsonl",
         {"{\"type\": \"header\"}\n{}\n", "{\"type\":\"summary\"}\n", NULL},
         "{\"type\": \"header\"}\n{}\n{\"type\":\"summary\"}\n"},
        {"jsonl",
         {"{\"type\":\"summary\"}\n{}\n", NULL, NULL},
         HEADER "{\"type\":\"summary\"}\n{}\n" END}, // it is not the last line
        {"coco", {"[]", " [ ] ", NULL}, "[]\n"},
        {"coco", {"[{}]", "[]", " [ {\"a\":[]} , {} ] \n"}, "[{},\n{\"a\":[]} , {}]\n"},
        {"coco", {"[]", "[{}]", NULL}, "[{}]\n"},
        {"mot", {"1,1\n2,2", "3,3\n", NULL}, "1,1\n2,2\n3,3\n"},
    };
    char truth[ID_BYTES];
    put_truth(x, TASK_TEST_TRUTH, truth);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char session[ID_BYTES];
        make_session(x, truth, "{}", NULL, session);
        for (int k = 0; k < 3 && rows[i].pieces[k]; k++)
            post(x, session, k, rows[i].format, rows[i].pieces[k]);
        struct store_task t = run_task(x, &kind_look, session, NULL);
        assert_int_equal(t.status, STORE_TASK_SUCCEEDED);
        if (strcmp(seen.detections, rows[i].file) != 0)
            fail_msg("row %zu: %s", i, seen.detections);
        assert_true(seen.n_videos == 1 && seen.n_events == 0 && strstr(seen.truth, "\"car\""));
        assert_false(file_is_directory(seen.directory)); // nothing stays
    }
}

static void test_what_cannot_be_judged_is_counted(void **state)
{
    struct tasks *x = *state;
    char session[ID_BYTES];
    char truth[ID_BYTES];
    put_truth(x, TASK_TEST_TRUTH, truth);
    make_session(x, NULL, "{}", NULL, session);
    assert_int_equal(run_task(x, &kind_look, session, NULL).status, STORE_TASK_SUCCEEDED);
    assert_true(seen.n_videos == 0 && seen.n_without_truth == 1);
    make_session(x, truth, "{}", NULL, session);
    assert_int_equal(run_task(x, &kind_look, session, NULL).status, STORE_TASK_SUCCEEDED);
    assert_true(seen.n_videos == 0 && seen.n_without_detections == 1);
    // Of some videos only.
    post(x, session, 0, "mot", "1,1\n");
    seen.only = x->t->project;
    assert_int_equal(run_task(x, &kind_look, session, NULL).status, STORE_TASK_SUCCEEDED);
    assert_int_equal(seen.n_videos, 0);
    seen.only = x->t->video;
    assert_int_equal(run_task(x, &kind_look, session, NULL).status, STORE_TASK_SUCCEEDED);
    assert_int_equal(seen.n_videos, 1);
    seen.only = NULL;
}

static void test_lists_of_events_stay_as_they_came(void **state)
{
    struct tasks *x = *state;
    char session[ID_BYTES];
    char truth[ID_BYTES];
    put_truth(x, "label,time_ms\nbrake,10\n", truth);
    make_session(x, truth, "{}", NULL, session);
    post(x, session, 0, "mot", "1,1\n");
    assert_int_equal(run_task(x, &kind_look, session, NULL).status, STORE_TASK_SUCCEEDED);
    assert_int_equal(seen.n_events, 1);
    assert_string_equal(seen.truth, "label,time_ms\nbrake,10\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pieces_become_a_file, tasks_setup, tasks_teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_judged_is_counted, tasks_setup,
                                        tasks_teardown),
        cmocka_unit_test_setup_teardown(test_lists_of_events_stay_as_they_came, tasks_setup,
                                        tasks_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
