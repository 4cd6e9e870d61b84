// SPDX-License-Identifier: Apache-2.0
// test_changes.c - which kinds of rows a commit says that it changed, and when.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_together_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
