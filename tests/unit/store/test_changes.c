// SPDX-License-Identifier: Apache-2.0
// test_changes.c - which kinds of rows a commit says that it changed, and when.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/store_audit.h"
#include "store/store_login.h"
#include "store/store_priv.h"
#include "store/store_truth.h"
#include "store/store_user.h"
#include "store_test.h"

struct heard {
    struct store *store;
    unsigned changes; // since the last look
    int n;
    int n_untold; // as seen when told
};

static void hear(void *arg, unsigned changes)
{
    struct heard *h = arg;
    h->changes |= changes;
    h->n++;
    h->n_untold = h->store ? store_n_untold(h->store) : 0;
}

static unsigned take(struct heard *h)
{
    unsigned changes = h->changes;
    h->changes = 0;
    assert_int_equal(store_n_untold(h->store), 0);
    return changes;
}

static void open_heard(const char *directory, struct heard *h)
{
    const struct store_opts opts = {.directory = directory, .on_change = hear, .arg = h};
    OK(store_open(&opts, &h->store));
    take(h);
}

static void test_kinds(void **state)
{
    struct heard h = {.n = 0};
    struct store_dropped dropped = {0};
    struct store_task claimed;
    struct store_lease lease;
    struct arena *a;
    char directory[64];
    char project[ID_BYTES];
    char video[ID_BYTES];
    char task[ID_BYTES];
    char truth[ID_BYTES];
    (void)state;
    test_make_directory(directory);
    OK(arena_create(0, &a));
    open_heard(directory, &h);
    OK(store_project_create(h.store, &(struct store_project){.name = "p"}, project));
    assert_int_equal(h.n_untold, 1); // others may see it, and are being told
    assert_int_equal(take(&h), STORE_CHANGE_PROJECTS);
    const struct store_blob blob = {.key = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .sha256 = "x"};
    const struct store_video v = {.project_id = project, .name = "v"};
    OK(store_video_create(h.store, &v, &blob, NULL, video));
    assert_int_equal(take(&h), STORE_CHANGE_VIDEOS | STORE_CHANGE_BLOBS);
    OK(store_truth_create(h.store, &(struct store_truth){.video_id = video}, NULL, NULL, truth,
                          NULL));
    assert_int_equal(take(&h), STORE_CHANGE_TRUTHS);
    const struct store_task t = {.kind = "probe", .project_id = project, .video_id = video};
    OK(store_task_create(h.store, &t, NULL, 0, task));
    assert_int_equal(take(&h), STORE_CHANGE_TASKS);
    const struct store_claim claim = {
        .worker = "w", .kinds = (const char *const[]){"probe"}, .n_kinds = 1, .lease_ms = 10000};
    OK(store_task_claim(h.store, &claim, a, &claimed, &lease));
    assert_int_equal(take(&h), STORE_CHANGE_TASKS);
    // that it goes on is not shown as a change
    bool cancel;
    OK(store_task_report(h.store, &lease, &(struct store_task_progress){.progress = 0.5}, &cancel));
    OK(store_task_renew(h.store, &lease, 10000, &cancel));
    assert_int_equal(take(&h), 0);
    OK(store_task_succeed(h.store, &lease, NULL));
    assert_int_equal(take(&h), STORE_CHANGE_TASKS);
    // what goes with others
    OK(store_project_delete(h.store, project, &dropped));
    assert_int_equal(take(&h), STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS | STORE_CHANGE_TRUTHS |
                                   STORE_CHANGE_TASKS | STORE_CHANGE_BLOBS);
    store_dropped_finish(&dropped);
    store_close(h.store);
    arena_destroy(a);
    test_remove(directory);
}

static void test_together_or_not_at_all(void **state)
{
    struct heard h = {.n = 0};
    char directory[64];
    char id[ID_BYTES];
    (void)state;
    test_make_directory(directory);
    open_heard(directory, &h);
    int before = h.n;
    OK(store_begin(h.store));
    OK(store_project_create(h.store, &(struct store_project){.name = "a"}, id));
    OK(store_user_create(h.store, &(struct store_user){.name = "u", .role = STORE_ROLE_VIEWER},
                         id));
    assert_int_equal(h.n, before); // nobody can see it yet
    OK(store_end(h.store, 0));
    assert_int_equal(h.n, before + 1);
    assert_int_equal(take(&h), STORE_CHANGE_PROJECTS | STORE_CHANGE_USERS);
    OK(store_begin(h.store));
    OK(store_project_create(h.store, &(struct store_project){.name = "b"}, id));
    FAILS(ERR_INVALID, store_end(h.store, ERR_INVALID));
    FAILS(ERR_EXISTS, store_project_create(h.store, &(struct store_project){.name = "a"}, id));
    assert_int_equal(take(&h), 0);
    store_close(h.store);
    test_remove(directory);
}

// ---- which ones

struct told {
    char ids[64][ID_BYTES]; // "": any
    int n;
};

static void hear_one(void *arg, unsigned kind, const char *id)
{
    struct told *t = arg;
    assert_int_equal(kind, STORE_CHANGE_VIDEOS);
    assert_true(t->n < 64);
    snprintf(t->ids[t->n++], ID_BYTES, "%s", id ? id : "");
}

static void make_videos(struct store *s, const char *project, int n, char ids[][ID_BYTES])
{
    OK(store_begin(s));
    for (int i = 0; i < n; i++) {
        char key[ID_BYTES];
        id_make(key);
        const struct store_blob blob = {.key = key, .sha256 = "x"};
        const struct store_video v = {.project_id = project, .name = "v"};
        OK(store_video_create(s, &v, &blob, NULL, ids[i]));
    }
    OK(store_end(s, 0));
}

static void test_which(void **state)
{
    struct told t = {.n = 0};
    struct store *s;
    struct store_dropped dropped = {0};
    char directory[64];
    char project[ID_BYTES];
    char ids[STORE_PAGE_LIMIT][ID_BYTES];
    (void)state;
    test_make_directory(directory);
    const struct store_opts opts = {.directory = directory, .on_changed_one = hear_one, .arg = &t};
    OK(store_open(&opts, &s));
    OK(store_project_create(s, &(struct store_project){.name = "p"}, project));
    make_videos(s, project, 2, ids);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.ids[0], ids[0]);
    assert_string_equal(t.ids[1], ids[1]);
    t.n = 0;
    const struct store_video broken = {.id = ids[1], .status = STORE_VIDEO_FAILED, .error = "x"};
    OK(store_video_set_probe(s, NULL, &broken));
    assert_int_equal(t.n, 1);
    assert_string_equal(t.ids[0], ids[1]);
    t.n = 0;
    const struct store_video none = {.id = project, .status = STORE_VIDEO_FAILED, .error = "x"};
    FAILS(ERR_NOT_FOUND, store_video_set_probe(s, NULL, &none));
    assert_int_equal(t.n, 0);
    OK(store_video_delete(s, ids[0], &dropped));
    assert_int_equal(t.n, 1);
    assert_string_equal(t.ids[0], "");
    t.n = 0;
    make_videos(s, project, STORE_PAGE_LIMIT, ids); // too many to be told one by one
    assert_int_equal(t.n, 1);
    assert_string_equal(t.ids[0], "");
    store_dropped_finish(&dropped);
    store_close(s);
    test_remove(directory);
}

// ---- what is added to each write

static struct store *added_to;
static int add_r;

static int add_line(void *arg)
{
    (void)arg;
    if (!added_to)
        return 0;
    const struct store_audit x = {
        .action = "a", .client = "c", .request_id = "r", .detail_json = "{}"};
    int r = add_r;
    return r < 0 ? err_set(ERR_NOSPACE, "full") : store_audit_add(added_to, &x);
}

static int count_line(void *arg, const struct store_audit *x)
{
    (void)x;
    ++*(int *)arg;
    return 0;
}

static int n_lines(struct store *s)
{
    int n = 0;
    struct store_next next;
    const struct store_audit_filter all = {.action = NULL};
    OK(store_audit_list(s, &all, NULL, count_line, &n, &next));
    return n;
}

static int n_taken_back;

static void take_back(void *arg)
{
    (void)arg;
    n_taken_back++;
}

static int add_line_and_break(void *arg)
{
    int r = add_line(arg);
    // refused by the commit itself, not before it
    return r < 0 ? r
                 : conn_exec(&added_to->writer,
                             "PRAGMA defer_foreign_keys = ON;"
                             "INSERT INTO task_waits (task_id, waits_for) VALUES ('x', 'y')");
}

// What was not written is told, and shifted, by the next look.
static void test_jump_that_is_not_written(void **state)
{
    const int64_t day_us = INT64_C(86400) * 1000 * 1000;
    const int64_t mono_ns = clock_now_ns();
    const int64_t wall_us = clock_wall_us();
    struct store *s;
    char directory[64];
    char id[ID_BYTES];
    int64_t wait_ms = 0;
    int64_t jump_us = -1;
    (void)state;
    test_make_directory(directory);
    const struct store_opts opts = {.directory = directory, .committing = add_line};
    clock_test_set(mono_ns, wall_us);
    OK(store_open(&opts, &s));
    OK(store_task_create(s, &(struct store_task){.kind = "probe"}, NULL, 0, id));
    for (int i = 0; i < STORE_LOGIN_FAILURES; i++)
        OK(store_login_failed(s, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
    clock_test_set(mono_ns, wall_us + day_us);
    added_to = s;
    add_r = -1;
    FAILS(ERR_NOSPACE, store_check_clock(s, &jump_us));
    assert_true(jump_us == -1);
    OK(store_login_locked(s, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
    add_r = 0;
    OK(store_check_clock(s, &jump_us));
    assert_true(jump_us == day_us);
    OK(store_login_locked(s, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
    added_to = NULL;
    store_close(s);
    clock_test_release();
    test_remove(directory);
}

// A write that changes nothing has nothing added; whatever is not committed after all is told.
static void test_taken_back(void **state)
{
    struct store *s;
    char directory[64];
    char id[ID_BYTES];
    (void)state;
    test_make_directory(directory);
    struct store_opts opts = {
        .directory = directory, .committing = add_line, .taken_back = take_back};
    OK(store_open(&opts, &s));
    added_to = s;
    add_r = 0;
    n_taken_back = 0;
    OK(store_begin(s));
    OK(store_end(s, 0));
    OK(store_login_succeeded(s, "user:nobody"));
    assert_int_equal(n_lines(s), 0);
    OK(store_project_create(s, &(struct store_project){.name = "a"}, id));
    FAILS(ERR_EXISTS, store_project_create(s, &(struct store_project){.name = "a"}, id));
    assert_int_equal(n_lines(s), 1);
    assert_int_equal(n_taken_back, 0); // nothing had been added
    add_r = -1;
    FAILS(ERR_NOSPACE, store_project_create(s, &(struct store_project){.name = "b"}, id));
    assert_int_equal(n_taken_back, 1);
    add_r = 0;
    store_close(s);
    opts.committing = add_line_and_break;
    OK(store_open(&opts, &s)); // recovering writes nothing here
    added_to = s;
    FAILS(ERR_CONFLICT, store_project_create(s, &(struct store_project){.name = "b"}, id));
    assert_int_equal(n_taken_back, 2);
    assert_int_equal(n_lines(s), 1);
    added_to = NULL;
    store_close(s);
    test_remove(directory);
}

static void test_committing(void **state)
{
    struct store *s;
    char directory[64];
    char id[ID_BYTES];
    (void)state;
    test_make_directory(directory);
    const struct store_opts opts = {.directory = directory, .committing = add_line};
    OK(store_open(&opts, &s));
    added_to = s;
    OK(store_project_create(s, &(struct store_project){.name = "a"}, id));
    assert_int_equal(n_lines(s), 1);
    FAILS(ERR_EXISTS, store_project_create(s, &(struct store_project){.name = "a"}, id));
    assert_int_equal(n_lines(s), 1);
    OK(store_begin(s)); // one for all of a group
    OK(store_project_create(s, &(struct store_project){.name = "b"}, id));
    OK(store_project_create(s, &(struct store_project){.name = "c"}, id));
    OK(store_end(s, 0));
    assert_int_equal(n_lines(s), 2);
    add_r = -1; // without it nothing is changed
    FAILS(ERR_NOSPACE, store_project_create(s, &(struct store_project){.name = "d"}, id));
    added_to = NULL;
    OK(store_project_create(s, &(struct store_project){.name = "d"}, id));
    assert_int_equal(n_lines(s), 2);
    store_close(s);
    test_remove(directory);
}

// ---- the log

static int64_t log_bytes(const char *directory)
{
    char path[128];
    struct stat st = {.st_size = 0};
    snprintf(path, sizeof(path), "%s/assay.db-wal", directory);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

// It is brought into the database beside those who write and read, and begins anew: it does not
// grow with what is written.
static void test_log_begins_anew(void **state)
{
    enum { ROUNDS = 400, BYTES = 300 * 1024 };
    struct store *s;
    struct arena *a;
    struct store_project p;
    char directory[64];
    char id[ID_BYTES];
    (void)state;
    test_make_directory(directory);
    OK(arena_create(0, &a));
    OK(store_open(&(struct store_opts){.directory = directory}, &s));
    OK(store_project_create(s, &(struct store_project){.name = "p"}, id));
    char *text = malloc(BYTES);
    memset(text, ' ', BYTES);
    memcpy(text, "{}", 2);
    text[BYTES - 1] = 0;
    const struct store_task t = {.kind = "probe", .project_id = id, .settings_json = text};
    for (int i = 0; i < ROUNDS; i++) {
        char task[ID_BYTES];
        OK(store_task_create(s, &t, NULL, 0, task));
    }
    assert_true(log_bytes(directory) < INT64_C(90) * 1024 * 1024); // of 120 MB
    OK(store_project_get(s, id, a, &p));
    store_close(s);
    assert_int_equal(log_bytes(directory), 0);
    OK(store_open(&(struct store_opts){.directory = directory}, &s));
    OK(store_check(s));
    store_close(s);
    free(text);
    arena_destroy(a);
    test_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_together_or_not_at_all),
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_committing),
        cmocka_unit_test(test_jump_that_is_not_written),
        cmocka_unit_test(test_taken_back),
        cmocka_unit_test(test_log_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
