// SPDX-License-Identifier: Apache-2.0
// test_cache.c - what is kept, how long, in how many bytes, and what a forgotten tag takes with it.

#include "base/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

static struct cache *create(size_t max_bytes, const struct cache_far *far)
{
    struct cache *c;
    assert_int_equal(
        cache_create(&(struct cache_opts){.name = "test", .max_bytes = max_bytes, .far = far}, &c),
        0);
    return c;
}

static void put(struct cache *c, const char *key, const char *bytes, const char *tag_a,
                const char *tag_b)
{
    struct str tags[2] = {str_of(tag_a), str_of(tag_b)};
    struct cache_item item = {.key = str_of(key),
                              .bytes = str_of(bytes),
                              .ticket = cache_ticket(c),
                              .tags = tags,
                              .n_tags = tag_b   ? 2
                                        : tag_a ? 1
                                                : 0};
    assert_int_equal(cache_put(c, &item, NULL), 0);
}

static void expect(struct cache *c, const char *key, const char *bytes)
{
    struct cache_value *v = cache_find(c, str_of(key));
    if (!v != !bytes || (v && !str_is(v->bytes, bytes)))
        fail_msg("%s: '%s' instead of '%s'", key, v ? v->bytes.p : "nothing",
                 bytes ? bytes : "nothing");
    cache_value_unref(&v);
}

static void test_keys(void **state)
{
    (void)state;
    metrics_test_reset();
    struct cache *c = create(MIB, NULL);
    expect(c, "a", NULL);
    put(c, "a", "1", NULL, NULL);
    put(c, "b", "", NULL, NULL);
    expect(c, "a", "1");
    expect(c, "b", "");
    struct cache_value *old = cache_find(c, STR("a"));
    put(c, "a", "2", NULL, NULL);
    expect(c, "a", "2");
    assert_true(str_is(old->bytes, "1")); // whoever holds it keeps it
    cache_forget(c, STR("a"));
    cache_forget(c, STR("a"));
    expect(c, "a", NULL);
    struct cache_stats s = cache_stats(c);
    assert_int_equal(s.n_values, 1);
    assert_int_equal(s.n_hits, 4);
    assert_int_equal(s.n_misses, 2);
    char *text;
    struct str_buf out = STR_BUF_INIT(MIB);
    metrics_write(&out);
    text = str_buf_take(&out);
    assert_non_null(strstr(text, "cache_hits_total{cache=\"test\"} 4\n"));
    assert_non_null(strstr(text, "cache_misses_total{cache=\"test\"} 2\n"));
    mem_free(text);
    cache_destroy(c);
    cache_value_unref(&old);
    cache_destroy(NULL);
}

static void test_lifetimes(void **state)
{
    (void)state;
    clock_test_set(1000 * CLOCK_NS_PER_S, 0);
    struct cache *c;
    assert_int_equal(
        cache_create(&(struct cache_opts){.name = "test", .max_bytes = MIB, .lifetime_ms = 2000},
                     &c),
        0);
    put(c, "a", "1", NULL, NULL);
    assert_int_equal(
        cache_put(c, &(struct cache_item){.key = STR("b"), .bytes = STR("2"), .lifetime_ms = 5000},
                  NULL),
        0);
    clock_test_set(1000 * CLOCK_NS_PER_S + 1999 * CLOCK_NS_PER_MS, 0);
    expect(c, "a", "1");
    clock_test_set(1002 * CLOCK_NS_PER_S, 0);
    expect(c, "a", NULL);
    expect(c, "b", "2");
    clock_test_set(1005 * CLOCK_NS_PER_S, 0);
    expect(c, "b", NULL);
    assert_int_equal(cache_stats(c).n_bytes, 0);
    cache_destroy(c);
    clock_test_release();
}

static void test_tags(void **state)
{
    (void)state;
    struct cache *c = create(MIB, NULL);
    put(c, "list", "1", "project:1", "video:1");
    put(c, "video", "2", "video:1", "video:1"); // the same tag twice
    put(c, "other", "3", "project:1", NULL);
    put(c, "none", "4", NULL, NULL);
    cache_forget_tag(c, STR("video:1"));
    expect(c, "list", NULL);
    expect(c, "video", NULL);
    expect(c, "other", "3");
    cache_forget_tag(c, STR("project:1"));
    expect(c, "other", NULL);
    expect(c, "none", "4");
    cache_forget_tag(c, STR("never"));
    // What was read before the change is not kept after it.
    struct str tag = STR("video:1");
    struct cache_item late = {.key = STR("late"),
                              .bytes = STR("old"),
                              .ticket = cache_ticket(c),
                              .tags = &tag,
                              .n_tags = 1};
    struct cache_value *v;
    cache_forget_tag(c, STR("video:1"));
    assert_int_equal(cache_put(c, &late, &v), 0);
    assert_true(str_is(v->bytes, "old")); // the asker gets it all the same
    cache_value_unref(&v);
    expect(c, "late", NULL);
    late.ticket = cache_ticket(c);
    assert_int_equal(cache_put(c, &late, NULL), 0);
    expect(c, "late", "old");
    cache_destroy(c);
}

static void test_bounded(void **state)
{
    (void)state;
    enum {
        N = 500,
    };
    struct cache *c = create(64 * KIB, NULL);
    char key[16];
    char value[300];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put(c, key, value, "t", NULL);
        expect(c, "k0", value); // used, so it stays
        assert_true(cache_stats(c).n_bytes <= 64 * KIB);
    }
    struct cache_stats s = cache_stats(c);
    assert_int_equal(s.n_values + s.n_dropped, N);
    assert_true(s.n_dropped > 0);
    expect(c, "k1", NULL);
    static char big[9 * 1024];
    memset(big, 'b', sizeof(big) - 1);
    put(c, "big", big, NULL, NULL); // more than an eighth
    expect(c, "big", NULL);
    static char long_key[CACHE_MAX_TEXT + 2];
    memset(long_key, 'k', sizeof(long_key) - 1);
    put(c, long_key, "x", NULL, NULL);
    expect(c, long_key, NULL);
    cache_forget_tag(c, STR("t"));
    assert_int_equal(cache_stats(c).n_values, 0);
    assert_int_equal(cache_stats(c).n_bytes, 0);
    cache_destroy(c);
}

// --- the cache behind

static int n_far_puts;
static int n_far_forgets;

static int far_find(void *arg, struct str key, struct str_buf *out)
{
    (void)arg;
    if (!str_is(key, "far"))
        return ERR_NOT_FOUND;
    str_buf_puts(out, "from far");
    return 0;
}

static void far_put(void *arg, struct str key, struct str bytes, int lifetime_ms,
                    const struct str *tags, size_t n)
{
    (void)arg;
    (void)tags;
    assert_true(key.n > 0 && bytes.n > 0 && lifetime_ms == 0 && n == 1);
    n_far_puts++;
}

static void far_forget(void *arg, struct str tag)
{
    (void)arg;
    (void)tag;
    n_far_forgets++;
}

static void test_far(void **state)
{
    (void)state;
    static const struct cache_far far = {far_find, far_put, far_forget, NULL};
    struct cache *c = create(MIB, &far);
    expect(c, "far", "from far");
    expect(c, "near", NULL);
    put(c, "near", "1", "t", NULL);
    cache_forget_tag(c, STR("t"));
    assert_int_equal(n_far_puts, 1);
    assert_int_equal(n_far_forgets, 1);
    cache_destroy(c);
}

// --- memory, threads

static void test_no_memory(void **state)
{
    (void)state;
    struct cache *c = create(MIB, NULL);
    for (long n = 1; n <= 2; n++) {
        struct cache_value *v = NULL;
        struct cache_item item = {.key = STR("a"), .bytes = STR("1")};
        mem_test_fail_at(n);
        int r = cache_put(c, &item, &v);
        mem_test_fail_at(0);
        assert_int_equal(r, n == 1 ? ERR_NOMEM : 0);
        assert_true((v != NULL) == (r == 0));
        cache_value_unref(&v);
        expect(c, "a", NULL);
    }
    mem_test_fail_at(1);
    struct cache *none;
    assert_int_equal(cache_create(&(struct cache_opts){.name = "x", .max_bytes = 1}, &none),
                     ERR_NOMEM);
    mem_test_fail_at(0);
    cache_destroy(c);
}

static struct cache *shared;
static atomic_int version; // what the "database" says

// A reader that keeps what it read; a value older than the last forgetting must never be found.
static void read_and_keep(void *arg)
{
    (void)arg;
    struct str tag = STR("row");
    for (int i = 0; i < 5000; i++) {
        char text[16];
        uint64_t ticket = cache_ticket(shared);
        int n = snprintf(text, sizeof(text), "%d", atomic_load(&version));
        struct cache_item item = {.key = STR("k"),
                                  .bytes = {text, (size_t)n},
                                  .ticket = ticket,
                                  .tags = &tag,
                                  .n_tags = 1};
        IGNORE(cache_put(shared, &item, NULL)); // kept or not
    }
}

static void test_no_stale_values(void **state)
{
    (void)state;
    struct thread threads[2] = {0};
    shared = create(MIB, NULL);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(thread_start(&threads[i], "read", read_and_keep, NULL), 0);
    for (int i = 1; i <= 2000; i++) {
        int64_t found = i;
        atomic_store(&version, i);
        cache_forget_tag(shared, STR("row"));
        struct cache_value *v = cache_find(shared, STR("k"));
        if (v)
            assert_int_equal(str_to_i64(v->bytes, &found), 0);
        assert_int_equal(found, i);
        cache_value_unref(&v);
    }
    for (size_t i = 0; i < 2; i++)
        thread_join(&threads[i]);
    cache_destroy(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_lifetimes),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_no_stale_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
