// SPDX-License-Identifier: Apache-2.0
// test_bus.c - who hears what, in what order, and what slow listeners lose.

#include "event/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/thread.h"
#include "event/event.h"

static int say(struct bus *b, const char *topic, const char *json, bool is_state)
{
    return bus_publish(b, &(struct bus_publication){.topic = str_of(topic),
                                                    .kind = STR("k"),
                                                    .json = str_of(json),
                                                    .is_state = is_state});
}

static void expect(struct bus_listener *l, const char *json, uint64_t want_lost)
{
    struct event *e;
    uint64_t lost = 99;
    assert_int_equal(bus_listener_receive(l, 0, &e, &lost), 0);
    if (!str_is(e->json, json) || lost != want_lost)
        fail_msg("'" STR_FMT "' lost %d instead of '%s'", STR_ARG(e->json), (int)lost, json);
    event_unref(&e);
    assert_null(e);
}

static void expect_nothing(struct bus_listener *l)
{
    struct event *e;
    uint64_t lost;
    assert_int_equal(bus_listener_receive(l, 0, &e, &lost), ERR_AGAIN);
    struct pollfd p = {.fd = bus_listener_fd(l), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
}

static void test_topics(void **state)
{
    (void)state;
    struct bus *b;
    struct bus_listener *one;
    struct bus_listener *prefix;
    struct bus_listener *all;
    assert_int_equal(bus_create(NULL, &b), 0);
    assert_int_equal(bus_listen(b, &(struct bus_listener_opts){0}, &one), 0);
    assert_int_equal(bus_listen(b, &(struct bus_listener_opts){0}, &prefix), 0);
    assert_int_equal(bus_listen(b, &(struct bus_listener_opts){.everything = true}, &all), 0);
    assert_int_equal(bus_listener_subscribe(one, STR("task:1")), 0);
    assert_int_equal(bus_listener_subscribe(one, STR("task:1")), 0);
    assert_int_equal(bus_listener_subscribe(prefix, STR("task:*")), 0);
    assert_int_equal(say(b, "task:1", "a", false), 0);
    assert_int_equal(say(b, "task:2", "b", false), 0);
    assert_int_equal(say(b, "project:1", "c", false), 0);
    struct pollfd p = {.fd = bus_listener_fd(one), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 1);
    expect(one, "a", 0);
    expect_nothing(one);
    expect(prefix, "a", 0);
    expect(prefix, "b", 0);
    expect_nothing(prefix);
    expect(all, "a", 0);
    expect(all, "b", 0);
    expect(all, "c", 0);
    expect_nothing(all);
    bus_listener_unsubscribe(one, STR("task:1"));
    assert_int_equal(say(b, "task:1", "d", false), 0);
    expect_nothing(one);
    bus_listener_close(one);
    bus_listener_close(prefix);
    bus_listener_close(all); // with an event inside
    bus_destroy(b);
}

static void test_states(void **state)
{
    (void)state;
    struct bus *b;
    struct bus_listener *l;
    assert_int_equal(bus_create(&(struct bus_opts){.max_states = 3}, &b), 0);
    assert_int_equal(say(b, "t:1", "old", true), 0);
    assert_int_equal(say(b, "t:1", "new", true), 0);
    assert_int_equal(say(b, "t:1", "passing", false), 0);
    assert_int_equal(bus_listen(b, &(struct bus_listener_opts){0}, &l), 0);
    assert_int_equal(bus_listener_subscribe(l, STR("t:1")), 0);
    expect(l, "new", 0);
    expect_nothing(l);
    struct event *e = bus_find_state(b, STR("t:1"));
    assert_true(str_is(e->json, "new") && e->sequence == 2);
    event_unref(&e);
    // Final ones are forgotten first.
    assert_int_equal(
        bus_publish(b, &(struct bus_publication){STR("t:2"), STR("k"), STR("2"), true, true}), 0);
    assert_int_equal(say(b, "t:3", "3", true), 0);
    assert_int_equal(say(b, "t:4", "4", true), 0);
    assert_null(bus_find_state(b, STR("t:2")));
    assert_int_equal(say(b, "t:5", "5", true), 0);
    assert_null(bus_find_state(b, STR("t:1"))); // the longest unchanged
    bus_forget(b, STR("t:3"));
    bus_forget(b, STR("t:3"));
    assert_int_equal(bus_listener_subscribe(l, STR("*")), 0);
    expect(l, "4", 0);
    expect(l, "5", 0);
    expect_nothing(l);
    bus_listener_close(l);
    bus_destroy(b);
}

static void test_slow_listener(void **state)
{
    (void)state;
    struct bus *b;
    struct bus_listener *l;
    char text[16];
    assert_int_equal(bus_create(NULL, &b), 0);
    assert_int_equal(
        bus_listen(b, &(struct bus_listener_opts){.everything = true, .capacity = 10}, &l), 0);
    for (int i = 0; i < 25; i++) {
        snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(say(b, "t", text, false), 0);
    }
    expect(l, "15", 15);
    for (int i = 16; i < 25; i++) {
        snprintf(text, sizeof(text), "%d", i);
        expect(l, text, 0);
    }
    expect_nothing(l);
    bus_listener_close(l);
    bus_destroy(b);
}

static void test_refusals(void **state)
{
    (void)state;
    struct bus *b;
    struct bus_listener *l;
    static char long_topic[BUS_MAX_TOPIC + 2];
    memset(long_topic, 'x', BUS_MAX_TOPIC + 1);
    assert_int_equal(bus_create(NULL, &b), 0);
    assert_int_equal(bus_listen(b, &(struct bus_listener_opts){0}, &l), 0);
    assert_int_equal(say(b, "", "x", false), ERR_INVALID);
    assert_int_equal(say(b, "a b", "x", false), ERR_INVALID);
    assert_int_equal(say(b, long_topic, "x", false), ERR_TOO_BIG);
    assert_int_equal(bus_listener_subscribe(l, STR("")), ERR_INVALID);
    assert_int_equal(bus_listener_subscribe(l, str_of(long_topic)), ERR_INVALID);
    for (int i = 0; i < BUS_MAX_TOPICS; i++) {
        char t[16];
        snprintf(t, sizeof(t), "t%d", i);
        assert_int_equal(bus_listener_subscribe(l, str_of(t)), 0);
    }
    assert_int_equal(bus_listener_subscribe(l, STR("more")), ERR_TOO_BIG);
    bus_listener_close(l);
    bus_destroy(b);
    bus_listener_close(NULL);
    bus_destroy(NULL);
}

static void count_relayed(void *arg, struct event *e)
{
    assert_true(e->sequence > 0);
    ++*(int *)arg;
}

static void test_relay(void **state)
{
    (void)state;
    struct bus *b;
    int n = 0;
    assert_int_equal(bus_create(&(struct bus_opts){.relay = count_relayed, .relay_arg = &n}, &b),
                     0);
    assert_int_equal(say(b, "t", "x", false), 0);
    assert_int_equal(bus_publish_relayed(
                         b, &(struct bus_publication){STR("t"), STR("k"), STR("y"), false, false}),
                     0);
    assert_int_equal(n, 1);
    bus_destroy(b);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct bus *b = NULL;
        struct bus_listener *l = NULL;
        mem_test_fail_at(n);
        int r = bus_create(NULL, &b);
        if (r == 0)
            r = bus_listen(b, &(struct bus_listener_opts){0}, &l);
        if (r == 0)
            r = bus_listener_subscribe(l, STR("t"));
        if (r == 0)
            r = say(b, "t", "x", true);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        bus_listener_close(l);
        bus_destroy(b);
        if (pending) {
            assert_int_equal(r, 0);
            break;
        }
        assert_true(r == 0 || r == ERR_NOMEM); // an event that cannot be kept or queued is lost
    }
}

enum {
    N_PUBLISHERS = 4,
    N_EVENTS = 2000,
};

static struct bus *shared;

static void publish_many(void *arg)
{
    char text[32];
    for (int i = 0; i < N_EVENTS; i++) {
        snprintf(text, sizeof(text), "%d", i);
        IGNORE(say(shared, arg, text, i % 2)); // counted at the other end
    }
}

static void test_threads(void **state)
{
    (void)state;
    static char topics[N_PUBLISHERS][4] = {"t:0", "t:1", "t:2", "t:3"};
    struct thread threads[N_PUBLISHERS] = {0};
    struct bus_listener *l;
    int next[N_PUBLISHERS] = {0};
    int n = 0;
    assert_int_equal(bus_create(NULL, &shared), 0);
    assert_int_equal(
        bus_listen(shared, &(struct bus_listener_opts){.everything = true, .capacity = 100000}, &l),
        0);
    for (int i = 0; i < N_PUBLISHERS; i++)
        assert_int_equal(thread_start(&threads[i], "publish", publish_many, topics[i]), 0);
    while (n < N_PUBLISHERS * N_EVENTS) {
        struct event *e;
        uint64_t lost;
        assert_int_equal(bus_listener_receive(l, 10 * CLOCK_NS_PER_S, &e, &lost), 0);
        int who = e->topic.p[2] - '0';
        int64_t number;
        assert_int_equal(str_to_i64(e->json, &number), 0);
        assert_int_equal(number, next[who]);
        next[who]++;
        n++;
        event_unref(&e);
    }
    for (int i = 0; i < N_PUBLISHERS; i++)
        thread_join(&threads[i]);
    bus_listener_close(l);
    bus_destroy(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics),        cmocka_unit_test(test_states),
        cmocka_unit_test(test_slow_listener), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_relay),         cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
