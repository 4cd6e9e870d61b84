// SPDX-License-Identifier: Apache-2.0
// test_nms.c - suppression against the textbook's loop.

#include "vision/nms.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"

static struct detection det(float x1, float y1, float x2, float y2, float confidence, int class_id)
{
    return (struct detection){{x1, y1, x2, y2}, confidence, class_id, 0};
}

static void test_rows(void **state)
{
    (void)state;
    // Boxes of the same height: sharing s of length 10 each gives IoU s / (20 - s).
    static const struct {
        const char *what;
        struct {
            float x, confidence;
            int class_id;
        } in[4];
        size_t n;
        float iou_limit;
        enum nms_scope scope;
        size_t max_kept;
        size_t n_kept;
        float kept[4]; // x, in order
    } rows[] = {
        // clang-format off
        {"none", {{0}}, 0, 0.5f, NMS_ALL, 0, 0, {0}},
        {"one", {{3, 0.5f, 1}}, 1, 0.5f, NMS_ALL, 0, 1, {3}},
        {"equal boxes", {{0, 0.5f, 1}, {0, 0.6f, 1}}, 2, 0.5f, NMS_ALL, 0, 1, {0}},
        {"apart, sorted", {{0, 0.5f, 1}, {50, 0.9f, 1}}, 2, 0.5f, NMS_ALL, 0, 2, {50, 0}},
        {"exactly at the limit stays", {{0, 0.9f, 1}, {5, 0.8f, 1}}, 2, 5 / 15.0f, NMS_ALL, 0, 2, {0, 5}},
        {"just above goes", {{0, 0.9f, 1}, {5, 0.8f, 1}}, 2, 0.333f, NMS_ALL, 0, 1, {0}},
        {"classes apart", {{0, 0.9f, 1}, {0, 0.8f, 2}}, 2, 0.5f, NMS_PER_CLASS, 0, 2, {0, 0}},
        {"classes together", {{0, 0.9f, 1}, {0, 0.8f, 2}}, 2, 0.5f, NMS_ALL, 0, 1, {0}},
        {"classes in one bucket", {{0, 0.9f, 1}, {0, 0.8f, 257}}, 2, 0.5f, NMS_PER_CLASS, 0, 2, {0, 0}},
        {"unset is per class", {{0, 0.9f, 1}, {0, 0.8f, 2}}, 2, 0.5f, NMS_SCOPE_UNSET, 0, 2, {0, 0}},
        {"what goes suppresses nothing", {{0, 0.9f, 1}, {4, 0.8f, 1}, {8, 0.7f, 1}}, 3, 0.3f, NMS_ALL, 0, 2, {0, 8}},
        {"ties keep their order", {{30, 0.5f, 2}, {20, 0.5f, 1}, {60, 0.5f, 3}, {10, 0.5f, 1}}, 4, 0.9f, NMS_PER_CLASS, 0, 4, {30, 20, 60, 10}},
        {"first of a tie wins", {{2, 0.5f, 1}, {0, 0.5f, 1}, {1, 0.5f, 1}}, 3, 0.5f, NMS_ALL, 0, 1, {2}},
        {"at most two", {{0, 0.1f, 1}, {20, 0.3f, 2}, {40, 0.2f, 1}}, 3, 0.5f, NMS_PER_CLASS, 2, 2, {20, 40}},
        {"limit 1 keeps all", {{0, 0.9f, 1}, {0, 0.8f, 1}}, 2, 1.0f, NMS_ALL, 0, 2, {0, 0}},
        {"limit 0 drops any overlap", {{0, 0.9f, 1}, {9, 0.8f, 1}, {20, 0.7f, 1}}, 3, 0.0f, NMS_ALL, 0, 2, {0, 20}},
        {"not a number comes last", {{0, NAN, 1}, {20, 0.8f, 1}, {40, 0.9f, 1}}, 3, 0.5f, NMS_ALL, 0, 3, {40, 20, 0}},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct detection d[4];
        for (size_t k = 0; k < rows[i].n; k++)
            d[k] = det(rows[i].in[k].x, 0, rows[i].in[k].x + 10, 10, rows[i].in[k].confidence,
                       rows[i].in[k].class_id);
        size_t n = nms_run(d, rows[i].n, rows[i].iou_limit, rows[i].scope, rows[i].max_kept);
        if (n != rows[i].n_kept)
            print_error("%s: %zu kept\n", rows[i].what, n);
        assert_int_equal(n, rows[i].n_kept);
        for (size_t k = 0; k < n; k++) {
            assert_float_equal(d[k].box.x1, rows[i].kept[k], 0);
            assert_int_equal(d[k].track_id, 0);
        }
    }
}

static uint32_t seed = 1;

static float random_unit(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (float)(1 << 24);
}

static void random_detections(struct detection *d, size_t n, int n_classes)
{
    for (size_t i = 0; i < n; i++) {
        float x = 600 * random_unit();
        float y = 600 * random_unit();
        float confidence = floorf(random_unit() * 1000) / 1000; // many ties
        d[i] = det(x, y, x + 10 + 80 * random_unit(), y + 10 + 80 * random_unit(), confidence,
                   (int)(random_unit() * (float)n_classes));
    }
}

// The definition: again and again the best of what is left, the first of equals.
static size_t plain_nms(struct detection *d, size_t n, float limit, struct detection *ret_kept)
{
    size_t n_kept = 0;
    bool *gone = mem_array(bool, n);
    assert_non_null(gone);
    for (;;) {
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            if (!gone[i] && (best == n || d[i].confidence > d[best].confidence))
                best = i;
        }
        if (best == n)
            break;
        ret_kept[n_kept++] = d[best];
        gone[best] = true;
        for (size_t i = 0; i < n; i++) {
            if (d[i].class_id == d[best].class_id && box_iou(d[i].box, d[best].box) > limit)
                gone[i] = true;
        }
    }
    mem_free(gone);
    return n_kept;
}

static void test_against_definition(void **state)
{
    (void)state;
    enum { N = 700 };
    struct detection d[N];
    struct detection want[N];
    for (int round = 0; round < 12; round++) {
        random_detections(d, N, 1 + round);
        size_t n_want = plain_nms(d, N, 0.3f + 0.05f * (float)round, want);
        size_t n = nms_run(d, N, 0.3f + 0.05f * (float)round, NMS_PER_CLASS, 0);
        assert_int_equal(n, n_want);
        assert_memory_equal(d, want, n * sizeof(d[0]));
    }
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 8400 };
    static struct detection d[N];
    static const int n_classes[] = {1, 80};
    for (size_t i = 0; i < ARRAY_LEN(n_classes); i++) {
        random_detections(d, N, n_classes[i]);
        int64_t start = clock_now_ns();
        size_t n = nms_run(d, N, 0.7f, NMS_PER_CLASS, 300);
        print_message("%d candidates of %d classes: %zu kept, %.2f ms\n", N, n_classes[i], n,
                      (double)(clock_now_ns() - start) / 1e6);
        assert_int_equal(n, 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
