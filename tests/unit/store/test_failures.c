// SPDX-License-Identifier: Apache-2.0
// test_failures.c - a writer killed at any moment, a full disk, a directory that cannot be written,
// a database that another process locks: what was acknowledged is there, and the cause is said.
//
// ASSAY_TEST_KILLS=N kills N times instead of 6.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/str.h"
#include "small_disk.h"
#include "store/store_detection.h"
#include "store/store_priv.h"
#include "store_test.h"
#include "vision/detection.h"

enum {
    SKIPPED = 77,
    DETECTIONS = 9000, // of each set: three blocks
};

// ---- killed while it writes

struct acknowledged {
    char video[ID_BYTES], task[ID_BYTES];
};

static void must(int r)
{
    if (r < 0) {
        fprintf(stderr, "child: %s: %s\n", err_name(r), err_message(r));
        _exit(1);
    }
}

// One video and its task, said as soon as they are there.
static void ask_for_one(struct store *s, const char *project, int out)
{
    struct acknowledged x;
    const struct store_video v = {.project_id = project, .name = "clip"};
    must(store_begin(s)); // video and task come together, or neither
    int r = store_video_create(s, &v, NULL, NULL, x.video);
    if (r == 0)
        r = store_task_create(s, &(struct store_task){.kind = "process", .video_id = x.video}, NULL,
                              0, x.task);
    must(store_end(s, r));
    if (write(out, &x, sizeof(x)) != (ssize_t)sizeof(x))
        _exit(1);
}

// The oldest task that is due, also one that a dead process had; false: there is none.
static bool do_one(struct store *s, struct arena *a)
{
    static const char *const labels[] = {"car"};
    static const char *const kinds[] = {"process"};
    struct store_task task;
    struct store_lease lease;
    struct store_set_writer *w;
    const struct store_claim claim = {kinds, 1, "child", 60000};
    int r = store_task_claim(s, &claim, a, &task, &lease);
    if (r == ERR_NOT_FOUND)
        return false;
    must(r);
    const struct store_set_opts opts = {
        .kind = STORE_SET_DETECTIONS, .video_id = task.video_id, .lease = &lease};
    must(store_set_begin(s, &opts, &w));
    for (int64_t f = 0; f < DETECTIONS / 10; f++) {
        struct detection d[10] = {{.box = {0, 0, 1, (float)f}, .confidence = 0.5f}};
        must(store_set_add_detections(w, f, f, d, 10, labels, 1));
    }
    must(store_begin(s));
    r = store_set_finish(&w, "{}", NULL);
    must(store_end(s, r < 0 ? r : store_task_succeed(s, &lease, "{}")));
    arena_rewind(a, 0);
    return true;
}

static void write_until_killed(const char *directory, const char *project, int out)
{
    struct store *s = NULL;
    struct arena *a = NULL;
    const struct store_opts opts = {.directory = directory};
    must(store_open(&opts, &s));
    must(arena_create(0, &a));
    for (;;) {
        ask_for_one(s, project, out);
        do_one(s, a);
    }
}

static struct acknowledged all[20000];
static size_t n_all;

static void read_acknowledged(int in, int64_t until_ns)
{
    struct pollfd p = {.fd = in, .events = POLLIN};
    int64_t left_ns;
    while ((left_ns = until_ns - clock_now_ns()) > 0) {
        if (poll(&p, 1, (int)(left_ns / CLOCK_NS_PER_MS) + 1) > 0 && n_all < ARRAY_LEN(all)) {
            ssize_t n = read(in, &all[n_all], sizeof(all[0]));
            if (n <= 0)
                break;
            assert_int_equal(n, sizeof(all[0])); // a pipe gives whole writes of this size
            n_all++;
        }
    }
}

static int count_set(void *arg, const struct store_set *set)
{
    assert_true(set->is_complete);
    assert_int_equal(set->n_detections, DETECTIONS);
    ++*(int *)arg;
    return 0;
}

static void check_everything(const char *directory, bool finished)
{
    struct store *s = test_open(directory);
    struct arena *a;
    OK(arena_create(0, &a));
    OK(store_check(s));
    for (size_t i = 0; i < n_all; i++) {
        struct store_task task;
        struct store_video v;
        int n_sets = 0;
        OK(store_video_get(s, all[i].video, a, &v));
        OK(store_task_get(s, all[i].task, a, &task));
        assert_true(task.status == STORE_TASK_QUEUED || task.status == STORE_TASK_SUCCEEDED);
        OK(store_set_list(s, all[i].video, NULL, count_set, &n_sets, NULL));
        // results and status came together
        assert_int_equal(n_sets, task.status == STORE_TASK_SUCCEEDED);
        assert_true(!finished || n_sets == 1);
        arena_rewind(a, 0);
    }
    arena_destroy(a);
    store_close(s);
}

static int64_t n_kills(void)
{
    int64_t n = 6;
    const char *text = getenv("ASSAY_TEST_KILLS");
    if (text)
        OK(str_to_i64(str_of(text), &n));
    return n;
}

static void test_killed_at_any_moment(void **state)
{
    (void)state;
    char directory[64];
    char project[ID_BYTES];
    test_make_directory(directory);
    struct store *s = test_open(directory);
    OK(store_project_create(s, &(struct store_project){.name = "p"}, project));
    store_close(s);
    srand(7);
    for (int64_t i = 0; i < n_kills(); i++) {
        int fds[2];
        int status;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            write_until_killed(directory, project, fds[1]);
        close(fds[1]);
        read_acknowledged(fds[0], clock_now_ns() + (20 + rand() % 130) * CLOCK_NS_PER_MS);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        read_acknowledged(fds[0], INT64_MAX); // to the end of the pipe
        close(fds[0]);
        check_everything(directory, false);
    }
    assert_true(n_all > 0);
    print_message("%zu rounds were acknowledged\n", n_all);
    // what is left is done by the next one, and each has one set
    struct arena *a;
    OK(arena_create(0, &a));
    s = test_open(directory);
    while (do_one(s, a)) {
    }
    store_close(s);
    arena_destroy(a);
    check_everything(directory, true);
    test_remove(directory);
}

// ---- children that look and answer with a status

static void run_child(int (*child)(const char *directory))
{
    char directory[64];
    int status;
    test_make_directory(directory);
    assert_int_equal(chmod(directory, 0777), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(child(directory));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    test_remove(directory);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        print_message("skipped: no file system can be mounted here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

#define SAY(condition)                                                              \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%d: %s (%s)\n", __LINE__, #condition, err_message(0)); \
            return 1;                                                               \
        }                                                                           \
    } while (0)

static int fill_the_disk(const char *directory)
{
    struct store *s = NULL;
    struct arena *a = NULL;
    char last[ID_BYTES] = "";
    char path[128];
    struct store_project p;
    static char text[STORE_TEXT_MAX];
    int n = 0;
    if (!small_disk(directory, "4m"))
        return SKIPPED;
    memset(text, 'x', sizeof(text) - 1);
    // something that can be removed afterwards
    snprintf(path, sizeof(path), "%s/filler", directory);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 300; i++)
        fwrite(text, 1, sizeof(text), f);
    fclose(f);
    const struct store_opts opts = {.directory = directory};
    SAY(store_open(&opts, &s) == 0);
    SAY(arena_create(0, &a) == 0);
    int r = 0;
    for (; r == 0 && n < 5000; n++) {
        char name[32];
        snprintf(name, sizeof(name), "p%d", n);
        r = store_project_create(s, &(struct store_project){.name = name, .description = text},
                                 last);
    }
    SAY(r == ERR_NOSPACE);
    SAY(strstr(err_message(r), "assay.db: the disk is full"));
    SAY(n > 10);
    // what was acknowledged can still be read, and nothing of the last one is there
    SAY(store_project_get(s, last, a, &p) == 0);
    snprintf(path, sizeof(path), "p%d", n - 1);
    SAY(store_project_find_by_name(s, path, a, &p) == ERR_NOT_FOUND);
    SAY(store_project_create(s, &(struct store_project){.name = "q", .description = text}, last) ==
        ERR_NOSPACE);
    SAY(store_check(s) == 0);
    // once there is room it goes on, without a restart
    snprintf(path, sizeof(path), "%s/filler", directory);
    unlink(path);
    SAY(store_project_create(s, &(struct store_project){.name = "q", .description = text}, last) ==
        0);
    store_close(s);
    SAY(store_open(&opts, &s) == 0);
    SAY(store_check(s) == 0);
    SAY(store_project_get(s, last, a, &p) == 0);
    store_close(s);
    arena_destroy(a);
    return 0;
}

static void test_full_disk(void **state)
{
    (void)state;
    run_child(fill_the_disk);
}

static int become_nobody(void)
{
    return geteuid() == 0 ? setuid(65534) : 0;
}

static int open_read_only(const char *directory)
{
    struct store *s = NULL;
    char below[128];
    const struct store_opts opts = {.directory = directory};
    SAY(store_open(&opts, &s) == 0);
    store_close(s);
    SAY(chmod(directory, 0555) == 0);
    SAY(become_nobody() == 0);
    SAY(store_open(&opts, &s) == ERR_READONLY);
    SAY(strstr(err_message(ERR_READONLY), directory));
    snprintf(below, sizeof(below), "%s/below", directory);
    SAY(store_open(&(struct store_opts){.directory = below}, &s) == ERR_READONLY);
    SAY(strstr(err_message(ERR_READONLY), below));
    return 0;
}

static void test_read_only_directory(void **state)
{
    (void)state;
    run_child(open_read_only);
}

// The directory is ours, the database's file is not.
static int open_read_only_file(const char *directory)
{
    struct store *s = NULL;
    char path[128];
    const struct store_opts opts = {.directory = directory};
    SAY(store_open(&opts, &s) == 0);
    store_close(s);
    snprintf(path, sizeof(path), "%s/assay.db", directory);
    SAY(chmod(path, 0444) == 0);
    snprintf(path, sizeof(path), "%s/lock", directory);
    SAY(unlink(path) == 0);
    SAY(become_nobody() == 0);
    SAY(store_open(&opts, &s) == ERR_READONLY);
    SAY(strstr(err_message(ERR_READONLY), "assay.db"));
    return 0;
}

static void test_read_only_file(void **state)
{
    (void)state;
    run_child(open_read_only_file);
}

// ---- locked by somebody who does not know better

static void test_locked_by_another_process(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    int ready[2];
    int go[2];
    char c;
    struct store_project p;
    store_close(t->store);
    const struct store_opts opts = {.directory = t->directory, .busy_ms = 30};
    assert_int_equal(pipe(ready) | pipe(go), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char path[128];
        sqlite3 *db;
        snprintf(path, sizeof(path), "%s/assay.db", t->directory);
        if (sqlite3_open(path, &db) != SQLITE_OK ||
            sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
            write(ready[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
            _exit(1);
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        sqlite3_close(db);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    FAILS(ERR_BUSY, store_open(&opts, &t->store));
    assert_non_null(strstr(err_message(ERR_BUSY), "assay.db: another process has locked it"));
    assert_int_equal(write(go[1], "x", 1), 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    OK(store_open(&opts, &t->store));
    // and while we serve
    sqlite3 *db;
    char path[128];
    snprintf(path, sizeof(path), "%s/assay.db", t->directory);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    FAILS(ERR_BUSY, store_project_create(t->store, &(struct store_project){.name = "x"}, id));
    OK(store_project_get(t->store, t->project, t->arena, &p));
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    OK(store_project_create(t->store, &(struct store_project){.name = "x"}, id));
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_read_only_directory),
        cmocka_unit_test(test_read_only_file),
        cmocka_unit_test_setup_teardown(test_locked_by_another_process, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
