// SPDX-License-Identifier: Apache-2.0
// test_reply_cache.c - an answer is made again exactly when what it shows changed.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/reply_cache.h"
#include "base/err.h"
#include "base/thread.h"
#include "event/announce.h"
#include "event/bus.h"
#include "store/store_blob.h"
#include "store/store_project.h"
#include "store/store_video.h"

#define OK(call) assert_int_equal((call), 0)

struct fixture {
    char directory[64];
    struct api api;
    struct bus *bus;
    struct fixture *told; // asks while it is told of a change
};

static int n_made;

static int make(void *arg, struct api *api, struct arena *a, struct str_buf *out)
{
    (void)api;
    (void)a;
    n_made++;
    str_buf_puts(out, (const char *)arg);
    return 0;
}

static int made(struct fixture *f, const char *key, unsigned shows)
{
    char text[] = "answer";
    const struct cached_reply r = {
        .key = key, .shows = shows, .lifetime_ms = 60000, .make = make, .arg = text};
    int before = n_made;
    OK(reply_cache_warm(&f->api, &r));
    return n_made - before;
}

static void tell(void *arg, unsigned changes)
{
    struct fixture *f = arg;
    // (3): committed, not told: what is kept is not looked at
    if (f->told)
        assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 1);
    for (int i = 0; i < STORE_N_CHANGES; i++)
        if (changes & 1u << i)
            announce_changed(f->bus, store_change_name(i));
}

static void tell_one(void *arg, unsigned kind, const char *id)
{
    struct fixture *f = arg;
    for (int i = 0; i < STORE_N_CHANGES; i++)
        if (kind & 1u << i)
            announce_changed_one(f->bus, store_change_name(i), id);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const char *tmp = getenv("TMPDIR");
    snprintf(f->directory, sizeof(f->directory), "%.30s/assay-replies-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->directory));
    OK(bus_create(NULL, &f->bus));
    const struct store_opts opts = {
        .directory = f->directory, .on_change = tell, .on_changed_one = tell_one, .arg = f};
    OK(store_open(&opts, &f->api.opts.store));
    OK(reply_cache_create(f->api.opts.store, f->bus, 1000000, &f->api.replies));
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    reply_cache_destroy(f->api.replies);
    store_close(f->api.opts.store);
    bus_destroy(f->bus);
    nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void make_project(struct fixture *f, const char *name)
{
    char id[ID_BYTES];
    OK(store_project_create(f->api.opts.store, &(struct store_project){.name = name}, id));
}

static void test_what_is_shown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(made(f, "a", STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS), 1);
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 1);
    assert_int_equal(made(f, "picture", 0), 1);
    assert_int_equal(made(f, "a", STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS), 0);
    make_project(f, "one");
    assert_int_equal(made(f, "a", STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS), 1);
    assert_int_equal(made(f, "a", STORE_CHANGE_PROJECTS | STORE_CHANGE_VIDEOS), 0);
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 0);
    assert_int_equal(made(f, "picture", 0), 0);
}

static int made_of(struct fixture *f, const char *id, const char *other)
{
    char text[] = "answer";
    char key[80];
    snprintf(key, sizeof(key), "%s/%s", id, other ? other : "");
    const struct cached_reply r = {.key = key,
                                   .shows = STORE_CHANGE_VIDEOS,
                                   .id = id,
                                   .other_id = other,
                                   .lifetime_ms = 60000,
                                   .make = make,
                                   .arg = text};
    int before = n_made;
    OK(reply_cache_warm(&f->api, &r));
    return n_made - before;
}

static void make_video(struct fixture *f, const char *project, const char *key,
                       char ret_id[ID_BYTES])
{
    const struct store_blob blob = {.key = key, .sha256 = "x"};
    const struct store_video v = {.project_id = project, .name = "v"};
    OK(store_video_create(f->api.opts.store, &v, &blob, NULL, ret_id));
}

// What shows one video is made again when that one changes, and no other.
static void test_one_of_many(void **state)
{
    struct fixture *f = *state;
    struct store *s = f->api.opts.store;
    struct store_dropped dropped = {0};
    char project[ID_BYTES];
    char a[ID_BYTES];
    char b[ID_BYTES];
    char c[ID_BYTES];
    OK(store_project_create(s, &(struct store_project){.name = "p"}, project));
    make_video(f, project, "01ARZ3NDEKTSV4RRFFQ69G5FAA", a);
    make_video(f, project, "01ARZ3NDEKTSV4RRFFQ69G5FAB", b);
    assert_int_equal(made_of(f, a, NULL) + made_of(f, b, NULL) + made_of(f, a, b), 3);
    make_video(f, project, "01ARZ3NDEKTSV4RRFFQ69G5FAC", c);
    assert_int_equal(made_of(f, a, NULL) + made_of(f, b, NULL) + made_of(f, a, b), 0);
    const struct store_video broken = {.id = b, .status = STORE_VIDEO_FAILED, .error = "x"};
    OK(store_video_set_probe(s, NULL, &broken));
    assert_int_equal(made_of(f, a, NULL), 0);
    assert_int_equal(made_of(f, b, NULL), 1);
    assert_int_equal(made_of(f, a, b), 1);
    OK(store_video_delete(s, c, &dropped)); // which one it was is not told: any
    assert_int_equal(made_of(f, a, NULL) + made_of(f, b, NULL) + made_of(f, a, b), 3);
    store_dropped_finish(&dropped);
}

static void test_nothing_while_a_change_is_untold(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 1);
    f->told = f;
    make_project(f, "one");
    f->told = NULL;
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 0);
}

static int make_and_change(void *arg, struct api *api, struct arena *a, struct str_buf *out)
{
    struct fixture *f = arg;
    (void)api;
    (void)a;
    n_made++;
    str_buf_puts(out, "from before");
    make_project(f, n_made % 2 ? "odd" : "even");
    return 0;
}

// Read before a change and finished after it: never kept.
static void test_changed_while_it_is_made(void **state)
{
    struct fixture *f = *state;
    const struct cached_reply r = {.key = "a",
                                   .shows = STORE_CHANGE_PROJECTS,
                                   .lifetime_ms = 60000,
                                   .make = make_and_change,
                                   .arg = f};
    OK(reply_cache_warm(&f->api, &r));
    assert_int_equal(made(f, "a", STORE_CHANGE_PROJECTS), 1);
}

// More was told than waits for anybody: what was not heard may have been anything.
static void test_lost_events(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 1);
    for (int i = 0; i < 5000; i++)
        announce_changed(f->bus, "users");
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 1);
    assert_int_equal(made(f, "models", STORE_CHANGE_MODELS), 0);
}

// ---- several who ask at once

enum {
    N_ASKING = 6,
    LARGE = 40000, // bytes: more than the cache keeps of one value
};

struct crowd {
    struct fixture *f;
    size_t n_bytes;     // of the answer; 0: it is an error
    bool changes;       // something it shows changes while the first one is made
    atomic_int n_began; // makings
    atomic_int n_served;
};

// The first making ends once all others wait for it.
static int make_for_crowd(void *arg, struct api *api, struct arena *a, struct str_buf *out)
{
    struct crowd *x = arg;
    (void)a;
    int n_before = atomic_fetch_add(&x->n_began, 1);
    while (n_before == 0 && reply_cache_n_waiting(api->replies) < N_ASKING - 1)
        sched_yield();
    if (x->changes && n_before == 0)
        make_project(x->f, "changed");
    for (size_t i = 0; i < x->n_bytes; i++)
        str_buf_putc(out, 'x');
    return x->n_bytes > 0 ? 0 : err_set(ERR_NOT_FOUND, "there is none");
}

static void ask_in_crowd(void *arg)
{
    struct crowd *x = arg;
    const struct cached_reply r = {.key = "crowd",
                                   .shows = STORE_CHANGE_PROJECTS,
                                   .lifetime_ms = 60000,
                                   .make = make_for_crowd,
                                   .arg = x};
    int k = reply_cache_warm(&x->f->api, &r);
    if (k == (x->n_bytes > 0 ? 0 : ERR_NOT_FOUND))
        atomic_fetch_add(&x->n_served, 1);
}

// What is kept is made once. What cannot be kept, or changed meanwhile, is made once for who asked
// first and once for all who waited; an error by each, at once.
static void test_many_ask_at_once(void **state)
{
    static const struct {
        size_t n_bytes;
        bool changes;
        int n_made;
    } rows[] = {{10, false, 1}, {LARGE, false, 2}, {10, true, 2}, {0, false, N_ASKING}};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct crowd x = {.f = f, .n_bytes = rows[i].n_bytes, .changes = rows[i].changes};
        struct thread threads[N_ASKING] = {0};
        OK(thread_start(&threads[0], "ask", ask_in_crowd, &x));
        while (atomic_load(&x.n_began) == 0)
            sched_yield();
        for (int n = 1; n < N_ASKING; n++)
            OK(thread_start(&threads[n], "ask", ask_in_crowd, &x));
        for (int n = 0; n < N_ASKING; n++)
            thread_join(&threads[n]);
        assert_int_equal(atomic_load(&x.n_served), N_ASKING);
        assert_int_equal(atomic_load(&x.n_began), rows[i].n_made);
        assert_int_equal(reply_cache_n_waiting(f->api.replies), 0);
        announce_changed(f->bus, "projects"); // nothing is left of it
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_of_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_while_a_change_is_untold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_while_it_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_ask_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
