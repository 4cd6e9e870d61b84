// SPDX-License-Identifier: Apache-2.0
// test_queue.c - the bounded queue from one thread and from many, closed from either end.

#include "base/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"

enum {
    N_ITEMS = 20000,
    N_SENDERS = 3,
    N_RECEIVERS = 2,
    DEADLINE_S = 60, // a stuck thread ends the program
};

static atomic_int n_dropped;

static void drop(void *item)
{
    (void)item;
    atomic_fetch_add(&n_dropped, 1);
}

static int send_number(struct queue *q, uintptr_t number, int64_t timeout_ns)
{
    void *item = (void *)number;
    int r = queue_send(q, timeout_ns, &item);
    assert_true((r == 0) == (item == NULL)); // on an error it stays the caller's
    return r;
}

static void test_one_thread(void **state)
{
    struct queue *q;
    void *item;
    assert_int_equal(queue_create(2, drop, &q), 0);
    assert_int_equal(queue_receive(q, 0, &item), ERR_AGAIN);
    assert_int_equal(send_number(q, 1, 0), 0);
    assert_int_equal(send_number(q, 2, 0), 0);
    assert_int_equal(send_number(q, 3, 0), ERR_AGAIN);
    assert_int_equal(send_number(q, 3, CLOCK_NS_PER_MS), ERR_TIMEOUT);
    assert_int_equal(queue_depth(q), 2);
    assert_int_equal(queue_receive(q, 0, &item), 0);
    assert_int_equal((uintptr_t)item, 1);
    assert_int_equal(send_number(q, 3, QUEUE_FOREVER), 0); // around the ring
    queue_close_send(q);
    assert_int_equal(send_number(q, 4, QUEUE_FOREVER), ERR_CLOSED);
    assert_int_equal(queue_receive(q, QUEUE_FOREVER, &item), 0);
    assert_int_equal((uintptr_t)item, 2);
    assert_int_equal(queue_receive(q, QUEUE_FOREVER, &item), 0);
    assert_int_equal(queue_receive(q, QUEUE_FOREVER, &item), ERR_EOF);
    queue_destroy(q);
    queue_destroy(NULL);

    atomic_store(&n_dropped, 0);
    assert_int_equal(queue_create(4, drop, &q), 0);
    assert_int_equal(queue_receive(q, CLOCK_NS_PER_MS, &item), ERR_TIMEOUT);
    assert_int_equal(send_number(q, 1, 0), 0);
    assert_int_equal(send_number(q, 2, 0), 0);
    queue_close_receive(q);
    assert_int_equal(atomic_load(&n_dropped), 2);
    assert_int_equal(send_number(q, 3, QUEUE_FOREVER), ERR_CLOSED);
    assert_int_equal(queue_receive(q, QUEUE_FOREVER, &item), ERR_CLOSED);
    queue_destroy(q);

    assert_int_equal(queue_create(4, drop, &q), 0);
    assert_int_equal(send_number(q, 1, INT64_MAX - 1), 0); // no overflow of the deadline
    queue_destroy(q);
    assert_int_equal(atomic_load(&n_dropped), 3);
}

struct work {
    struct queue *q;
    atomic_int n_done;
    atomic_llong sum;
    atomic_int last; // result of the end that stopped
};

static void send_many(void *arg)
{
    struct work *w = (struct work *)arg;
    int r = 0;
    for (uintptr_t i = 1; r == 0 && i <= N_ITEMS; i++) {
        void *item = (void *)i;
        r = queue_send(w->q, QUEUE_FOREVER, &item);
        if (r == 0)
            atomic_fetch_add(&w->n_done, 1);
    }
    atomic_store(&w->last, r);
}

static void receive_all(void *arg)
{
    struct work *w = (struct work *)arg;
    void *item;
    int r;
    while ((r = queue_receive(w->q, QUEUE_FOREVER, &item)) == 0)
        atomic_fetch_add(&w->sum, (long long)(uintptr_t)item);
    atomic_store(&w->last, r);
}

static void test_many_threads(void **state)
{
    struct thread senders[N_SENDERS];
    struct thread receivers[N_RECEIVERS];
    struct work sent = {0};
    struct work received = {0};
    assert_int_equal(queue_create(7, NULL, &sent.q), 0);
    received.q = sent.q;
    for (int i = 0; i < N_RECEIVERS; i++)
        assert_int_equal(thread_start(&receivers[i], "receive", receive_all, &received), 0);
    for (int i = 0; i < N_SENDERS; i++)
        assert_int_equal(thread_start(&senders[i], "send", send_many, &sent), 0);
    for (int i = 0; i < N_SENDERS; i++)
        thread_join(&senders[i]);
    queue_close_send(sent.q);
    for (int i = 0; i < N_RECEIVERS; i++)
        thread_join(&receivers[i]);
    assert_int_equal(atomic_load(&sent.n_done), N_SENDERS * N_ITEMS);
    assert_int_equal(atomic_load(&received.sum),
                     (long long)N_SENDERS * N_ITEMS * (N_ITEMS + 1) / 2);
    assert_int_equal(atomic_load(&received.last), ERR_EOF);
    queue_destroy(sent.q);
}

// A sender and a receiver that wait are woken by a close of the other end, and of their own.
static void test_close_wakes(void **state)
{
    for (int way = 0; way < 4; way++) {
        struct work w = {0};
        struct thread t;
        bool is_sender = way < 2;
        assert_int_equal(queue_create(1, NULL, &w.q), 0);
        assert_int_equal(thread_start(&t, "waits", is_sender ? send_many : receive_all, &w), 0);
        while (is_sender && queue_depth(w.q) == 0) // until it has filled the queue
            sched_yield();
        if (way % 2 == 0)
            queue_close_receive(w.q);
        else
            queue_close_send(w.q);
        thread_join(&t);
        static const int ends[] = {ERR_CLOSED, ERR_CLOSED, ERR_CLOSED, ERR_EOF};
        assert_int_equal(atomic_load(&w.last), ends[way]);
        queue_destroy(w.q);
    }
}

static void test_allocation_failure(void **state)
{
    struct queue *q = NULL;
    mem_test_fail_at(1);
    assert_int_equal(queue_create(4, NULL, &q), ERR_NOMEM);
    mem_test_fail_at(0);
    assert_null(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_close_wakes),
        cmocka_unit_test(test_allocation_failure),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
