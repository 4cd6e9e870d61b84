// SPDX-License-Identifier: Apache-2.0
// test_columns.c - blocks written and read back, the documented layout byte by byte, and every byte
// of a block damaged in turn.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/columns.h"

static void fill(struct columns *c, uint32_t flags, int n_frames, int per_frame)
{
    uint16_t label;
    c->flags = flags;
    for (int f = 0; f < n_frames; f++) {
        assert_int_equal(columns_add_frame(c, 7 + f * 3, -100 + f * INT64_C(40000), f - 1), 0);
        for (int i = 0; i < per_frame; i++) {
            assert_int_equal(columns_label(c, i % 3, i % 3 ? "Fußgänger" : "car", &label), 0);
            struct columns_detection d = {.x = 0.1f * (float)i,
                                          .y = -3.5f,
                                          .w = 1e-30f,
                                          .h = 3e30f,
                                          .confidence = 0.5f,
                                          .label = label,
                                          .track_id = flags & COLUMNS_TRACKS ? i - 1 : 0};
            if (flags & COLUMNS_OUTCOMES) {
                d.outcome = (uint8_t)(1 + i % 3);
                d.truth_x = 5;
                d.iou = 0.5f;
            }
            assert_int_equal(columns_add(c, &d), 0);
        }
    }
}

static bool same_detection(const struct columns_detection *a, const struct columns_detection *b)
{
    return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h &&
           a->confidence == b->confidence && a->label == b->label && a->outcome == b->outcome &&
           a->track_id == b->track_id && a->truth_x == b->truth_x && a->iou == b->iou;
}

static void test_read_back(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        int n_frames, per_frame;
    } rows[] = {
        {0, 0, 0},
        {0, 1, 0},
        {0, 1, 1},
        {COLUMNS_TRACKS, 3, 7},
        {COLUMNS_OUTCOMES, 5, 3},
        {COLUMNS_LATENCIES, 4, 2},
        {COLUMNS_ALL_FLAGS, 100, 40},
        {COLUMNS_ALL_FLAGS, 5000, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct columns in = {0};
        struct columns out = {0};
        struct str_buf bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES);
        fill(&in, rows[i].flags, rows[i].n_frames, rows[i].per_frame);
        str_buf_puts(&bytes, "before"); // it is appended
        assert_int_equal(columns_encode(&in, &bytes), 0);
        assert_int_equal((bytes.n - 6) % 8, 0);
        assert_int_equal(columns_decode(bytes.p + 6, bytes.n - 6, &out), 0);
        assert_int_equal(out.flags, in.flags);
        assert_int_equal(out.n_frames, in.n_frames);
        assert_int_equal(out.n_detections, in.n_detections);
        assert_int_equal(out.n_labels, in.n_labels);
        for (size_t k = 0; k < in.n_frames; k++) {
            assert_int_equal(out.frames[k].frame, in.frames[k].frame);
            assert_true(out.frames[k].pts_us == in.frames[k].pts_us);
            assert_int_equal(out.frames[k].first, in.frames[k].first);
            assert_int_equal(out.frames[k].n, in.frames[k].n);
            if (in.flags & COLUMNS_LATENCIES)
                assert_true(out.frames[k].latency_us == in.frames[k].latency_us);
        }
        for (size_t k = 0; k < in.n_detections; k++)
            assert_true(same_detection(&out.detections[k], &in.detections[k]));
        for (size_t k = 0; k < in.n_labels; k++)
            assert_string_equal(out.labels[k].text, in.labels[k].text);
        columns_finish(&in);
        columns_finish(&out);
        str_buf_finish(&bytes);
    }
}

// docs/FILES.md, read as somebody else would.
static void test_layout_is_as_documented(void **state)
{
    (void)state;
    struct columns c = {0};
    struct str_buf out = STR_BUF_INIT(COLUMNS_MAX_BYTES);
    uint16_t label;
    assert_int_equal(columns_label(&c, 258, "car", &label), 0);
    assert_int_equal(columns_add_frame(&c, 300, 1000, 0), 0);
    const struct columns_detection d = {.x = 1, .y = 2, .w = 3, .h = 4, .confidence = 0.5f};
    assert_int_equal(columns_add(&c, &d), 0);
    assert_int_equal(columns_add_frame(&c, 301, 999, 0), 0);
    assert_int_equal(columns_encode(&c, &out), 0);
    static const unsigned char want[] = {
        'A', 'B', 'C', '1', 128, 0,   0, 0,
        0,   0,   0,   0,   2,   0,   0, 0, // magic, bytes, flags, frames
        1,   0,   0,   0,   1,   0,   0, 0,
        6,   0,   0,   0,   8,   0,   0, 0, // counts, lengths
        44,  1,   0,   0,   0,   0,   0, 0,
        232, 3,   0,   0,   0,   0,   0, 0, // first frame, first pts
        45,  1,   0,   0,   0,   0,   0, 0,
        0,   0,   0,   63,  0,   0,   0, 0, // last, max confidence, zero
        0,   0,   128, 63,  0,   0,   0, 0,
        0,   0,   0,   64,  0,   0,   0, 0, // x, y
        0,   0,   64,  64,  0,   0,   0, 0,
        0,   0,   128, 64,  0,   0,   0, 0, // w, h
        0,   0,   0,   63,  0,   0,   0, 0,
        0,   0,   0,   0,   0,   0,   0, 0, // confidence, label
        0,   0,   1,   1,   1,   0,   2, 1,
        0,   0,   3,   'c', 'a', 'r', 0, 0, // frames, labels
    };
    assert_int_equal(out.n, sizeof(want));
    assert_memory_equal(out.p, want, sizeof(want));
    str_buf_reset(&out);
    assert_int_equal(columns_encode_end(3, 77, &out), 0);
    assert_int_equal(out.n, COLUMNS_END_BYTES);
    assert_memory_equal(out.p, "ABCE\3\0\0\0\115\0\0\0\0\0\0\0", 16);
    str_buf_finish(&out);
    columns_finish(&c);
}

// Whatever is read from a damaged block, it is refused or within its limits.
static void check_bounds(const struct columns *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_frames; i++) {
        assert_true(c->frames[i].first == n && c->frames[i].frame >= 0);
        assert_true(i == 0 || c->frames[i].frame > c->frames[i - 1].frame);
        n += c->frames[i].n;
    }
    assert_int_equal(n, c->n_detections);
    for (size_t i = 0; i < c->n_detections; i++)
        assert_true(c->detections[i].label < c->n_labels);
}

static void test_damaged_blocks(void **state)
{
    (void)state;
    struct columns in = {0};
    struct columns out = {0};
    struct str_buf bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES);
    fill(&in, COLUMNS_ALL_FLAGS, 9, 3);
    assert_int_equal(columns_encode(&in, &bytes), 0);
    for (size_t n = 0; n < bytes.n; n++) { // cut short, in memory of just that size
        char *cut = mem_array(char, n + 1);
        memcpy(cut, bytes.p, n);
        assert_int_equal(columns_decode(cut, n, &out), ERR_DATA);
        assert_int_equal(out.n_frames, 0);
        mem_free(cut);
    }
    static const unsigned char flips[] = {1, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < bytes.n; i++) {
        for (size_t k = 0; k < sizeof(flips); k++) {
            bytes.p[i] = (char)(bytes.p[i] ^ flips[k]);
            int r = columns_decode(bytes.p, bytes.n, &out);
            assert_true(r == 0 || r == ERR_DATA);
            if (r == 0)
                check_bounds(&out);
            bytes.p[i] = (char)(bytes.p[i] ^ flips[k]);
        }
    }
    assert_int_equal(columns_decode(bytes.p, bytes.n, &out), 0);
    str_buf_finish(&bytes);
    columns_finish(&in);
    columns_finish(&out);
}

static void test_limits(void **state)
{
    (void)state;
    struct columns c = {0};
    uint16_t label;
    char text[COLUMNS_MAX_LABEL + 2] = {0};
    assert_int_equal(columns_add_frame(&c, -1, 0, 0), ERR_INVALID);
    assert_int_equal(columns_add_frame(&c, INT64_MAX, INT64_MAX, INT64_MIN), 0);
    assert_int_equal(columns_add_frame(&c, INT64_MAX, 0, 0), ERR_INVALID);
    memset(text, 'x', COLUMNS_MAX_LABEL);
    assert_int_equal(columns_label(&c, INT32_MIN, text, &label), 0);
    text[COLUMNS_MAX_LABEL] = 'x';
    assert_int_equal(columns_label(&c, 0, text, &label), ERR_TOO_BIG);
    const struct columns_detection d = {.w = 1};
    for (int i = 0; i < COLUMNS_MAX_DETECTIONS; i++)
        assert_int_equal(columns_add(&c, &d), 0);
    assert_int_equal(columns_add(&c, &d), ERR_TOO_BIG);
    // the biggest block there can be is one that is read
    struct str_buf bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES);
    struct columns out = {0};
    c.flags = COLUMNS_ALL_FLAGS;
    for (size_t i = 0; i < c.n_detections; i++)
        c.detections[i].outcome = COLUMNS_TP;
    assert_int_equal(columns_encode(&c, &bytes), 0);
    assert_int_equal(columns_decode(bytes.p, bytes.n, &out), 0);
    assert_true(out.frames[0].pts_us == INT64_MAX && out.frames[0].latency_us == INT64_MIN);
    columns_clear(&c);
    for (int i = 0; i < COLUMNS_MAX_FRAMES; i++)
        assert_int_equal(columns_add_frame(&c, i, 0, 0), 0);
    assert_int_equal(columns_add_frame(&c, COLUMNS_MAX_FRAMES, 0, 0), ERR_TOO_BIG);
    for (int i = 0; i < COLUMNS_MAX_LABELS; i++)
        assert_int_equal(columns_label(&c, i, "x", &label), 0);
    assert_int_equal(columns_label(&c, -1, "x", &label), ERR_TOO_BIG);
    columns_finish(&out);
    columns_finish(&c);
    str_buf_finish(&bytes);
}

static void test_without_memory(void **state)
{
    (void)state;
    struct columns in = {0};
    struct str_buf bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES);
    fill(&in, COLUMNS_ALL_FLAGS, 9, 3);
    assert_int_equal(columns_encode(&in, &bytes), 0);
    for (long i = 1;; i++) {
        struct columns out = {0};
        mem_test_fail_at(i);
        int r = columns_decode(bytes.p, bytes.n, &out);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        columns_finish(&out);
        if (pending) {
            assert_int_equal(r, 0);
            break;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
    str_buf_finish(&bytes);
    columns_finish(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),      cmocka_unit_test(test_layout_is_as_documented),
        cmocka_unit_test(test_damaged_blocks), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
