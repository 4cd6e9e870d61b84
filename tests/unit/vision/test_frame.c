// SPDX-License-Identifier: Apache-2.0
// test_frame.c - the pool of frames: bounds, waits, ends, and many threads.

#include "vision/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "vision/picture.h"

static void test_bounds(void **state)
{
    (void)state;
    struct frame_pool *pool;
    struct frame *f[4] = {0};
    assert_int_equal(frame_pool_create(3, 5, 7, &pool), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(frame_pool_get(pool, 0, &f[i]), 0);
        assert_int_equal(f[i]->n_bytes, 5 * 7 * 3);
        assert_int_equal((uintptr_t)f[i]->rgb % 64, 0);
        for (size_t k = 0; k < f[i]->n_bytes; k++)
            f[i]->rgb[k] = (uint8_t)i;
    }
    assert_int_equal(frame_pool_n_out(pool), 3);
    assert_int_equal(frame_pool_get(pool, 0, &f[3]), ERR_AGAIN);
    assert_int_equal(frame_pool_get(pool, 2 * CLOCK_NS_PER_MS, &f[3]), ERR_TIMEOUT);
    assert_null(f[3]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f[i]->rgb[34], i);

    struct frame *second = frame_ref(f[1]);
    frame_unref(&f[1]);
    assert_null(f[1]);
    assert_int_equal(frame_pool_n_out(pool), 3); // one reference is left
    frame_unref(&second);
    assert_int_equal(frame_pool_n_out(pool), 2);
    frame_unref(&second); // nothing inside
    assert_int_equal(frame_pool_get(pool, 0, &f[1]), 0);
    for (int i = 0; i < 3; i++)
        frame_unref(&f[i]);
    assert_int_equal(frame_pool_n_out(pool), 0);
    frame_pool_destroy(pool);
    frame_pool_destroy(NULL);
}

static int n_released;

static void count_release(struct picture *p)
{
    (void)p;
    n_released++;
}

static void test_drops_what_it_carries(void **state)
{
    (void)state;
    struct frame_pool *pool;
    struct frame *f;
    struct picture p = {.release = count_release};
    atomic_init(&p.refs, 1);
    assert_int_equal(frame_pool_create(1, 1, 1, &pool), 0);
    assert_int_equal(frame_pool_get(pool, 0, &f), 0);
    f->picture = picture_ref(&p);
    f->file = mem_strdup("a.jpg");
    f->ordinal = 7;
    f->pts_us = 8;
    frame_unref(&f);
    assert_int_equal(n_released, 0);
    struct picture *mine = &p;
    picture_unref(&mine);
    assert_int_equal(n_released, 1);
    assert_int_equal(frame_pool_get(pool, 0, &f), 0);
    assert_null(f->picture); // a frame comes without its past
    assert_null(f->file);
    assert_int_equal(f->ordinal, 0);
    assert_int_equal(f->pts_us, 0);
    frame_unref(&f);
    frame_pool_destroy(pool);
}

static void close_it(void *arg)
{
    frame_pool_close((struct frame_pool *)arg);
}

static void test_close_ends_the_wait(void **state)
{
    (void)state;
    struct frame_pool *pool;
    struct frame *f;
    struct frame *other;
    struct thread closer;
    assert_int_equal(frame_pool_create(1, 1, 1, &pool), 0);
    assert_int_equal(frame_pool_get(pool, THREAD_FOREVER, &f), 0);
    assert_int_equal(thread_start(&closer, "closer", close_it, pool), 0);
    assert_int_equal(frame_pool_get(pool, THREAD_FOREVER, &other), ERR_CLOSED);
    thread_join(&closer);
    frame_unref(&f);
    assert_int_equal(frame_pool_get(pool, 0, &f), ERR_CLOSED); // also with a frame at home
    frame_pool_destroy(pool);
}

static void test_allocation_failure(void **state)
{
    (void)state;
    int r = ERR_NOMEM;
    for (long n = 1; r != 0; n++) {
        struct frame_pool *pool = NULL;
        mem_test_fail_at(n);
        r = frame_pool_create(3, 4, 4, &pool);
        bool is_over = mem_test_fail_pending();
        mem_test_fail_at(0);
        assert_int_equal(r, is_over ? 0 : ERR_NOMEM);
        assert_true(is_over == (pool != NULL)); // ret_ only on success
        frame_pool_destroy(pool);
    }
}

// --- many threads: whoever holds a frame alone finds its own mark in it

enum {
    N_THREADS = 4,
    N_TURNS = 2000,
};

struct worker {
    struct thread thread;
    struct frame_pool *pool;
    uint8_t mark;
    int n_wrong;
};

static void take_turns(void *arg)
{
    struct worker *w = (struct worker *)arg;
    for (int i = 0; i < N_TURNS; i++) {
        struct frame *f;
        if (frame_pool_get(w->pool, THREAD_FOREVER, &f) < 0) {
            w->n_wrong++;
            return;
        }
        f->rgb[0] = w->mark;
        f->ordinal = i;
        struct frame *second = frame_ref(f);
        frame_unref(&f);
        w->n_wrong += second->rgb[0] != w->mark || second->ordinal != i;
        frame_unref(&second);
    }
}

static void test_threads(void **state)
{
    (void)state;
    struct worker workers[N_THREADS];
    struct frame_pool *pool;
    assert_int_equal(frame_pool_create(2, 1, 1, &pool), 0);
    for (int i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){.pool = pool, .mark = (uint8_t)(i + 1)};
        assert_int_equal(thread_start(&workers[i].thread, "worker", take_turns, &workers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        thread_join(&workers[i].thread);
        assert_int_equal(workers[i].n_wrong, 0);
    }
    assert_int_equal(frame_pool_n_out(pool), 0);
    frame_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_drops_what_it_carries),
        cmocka_unit_test(test_close_ends_the_wait),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
