// SPDX-License-Identifier: Apache-2.0
// test_synth.c - the truth is what the pixels say, and the same everywhere.

#include "synth/synth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "synth/numbers.h"
#include "vision/picture.h"

static struct synth *make(struct synth_opts o)
{
    struct synth *s;
    assert_int_equal(synth_create(&o, &s), 0);
    return s;
}

struct found {
    int x0, y0, x1, y1;
    int64_t n;
};

// Every pixel of the frame, without trust in where the object should be.
static struct found find(const uint16_t *mask, int width, int height, uint16_t id)
{
    struct found f = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN, 0};
    for (int i = 0; i < width * height; i++) {
        if (mask[i] != id)
            continue;
        int x = i % width, y = i / width;
        f.x0 = MIN(f.x0, x), f.x1 = MAX(f.x1, x + 1);
        f.y0 = MIN(f.y0, y), f.y1 = MAX(f.y1, y + 1);
        f.n++;
    }
    return f;
}

static void check_visible(const struct synth *s, const struct synth_object *o)
{
    const struct synth_opts *opts = synth_settings(s);
    struct found f = find(synth_mask(s), opts->width, opts->height, o->mask_id);
    assert_int_equal(o->x, f.x0);
    assert_int_equal(o->y, f.y0);
    assert_int_equal(o->width, f.x1 - f.x0);
    assert_int_equal(o->height, f.y1 - f.y0);
    assert_int_equal(o->n_visible, f.n);
    assert_true(o->n_visible <= o->n_full);
}

// The object drawn alone: its whole box, cut by the frame, is where its pixels are; what was
// visible of it is among them.
static void check_alone(struct synth *s, int64_t n, const struct synth_object *o,
                        const uint16_t *mask)
{
    const struct synth_opts *opts = synth_settings(s);
    struct synth_frame alone;
    assert_int_equal(synth_draw_alone(s, n, o->mask_id, &alone), 0);
    assert_int_equal(alone.n_objects, 1);
    const struct synth_object *a = &alone.objects[0];
    struct found f = find(synth_mask(s), opts->width, opts->height, o->mask_id);
    bool is_cut = o->n_full > f.n; // then its widest part may be outside
    assert_true(is_cut ? f.x0 >= o->full_x : f.x0 == o->full_x);
    assert_true(is_cut ? f.y0 >= o->full_y : f.y0 == o->full_y);
    assert_true(is_cut ? f.x1 <= o->full_x + o->full_width : f.x1 == o->full_x + o->full_width);
    assert_true(is_cut ? f.y1 <= o->full_y + o->full_height : f.y1 == o->full_y + o->full_height);
    assert_true(is_cut || (o->full_x >= 0 && o->full_y >= 0));
    assert_int_equal(a->track_id, o->track_id);
    assert_int_equal(a->n_full, o->n_full);
    assert_true(a->occlusion == 0);
    int64_t hidden = f.n - o->n_visible, outside = o->n_full - f.n;
    assert_true(o->occlusion == (double)(hidden * 10000 / f.n) / 10000);
    assert_true(o->truncation == (double)(outside * 10000 / o->n_full) / 10000);
    for (int i = 0; i < opts->width * opts->height; i++)
        assert_true(mask[i] != o->mask_id || synth_mask(s)[i] == o->mask_id);
}

static void test_boxes_are_the_pixels(void **state)
{
    (void)state;
    enum { WIDTH = 640, HEIGHT = 360 };
    uint16_t *mask = mem_array(uint16_t, WIDTH * HEIGHT);
    assert_non_null(mask);
    int n_objects = 0, n_hidden = 0, n_cut = 0, n_ignored = 0, n_of[SYNTH_N_CLASSES] = {0};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct synth *s = make((struct synth_opts){
            .seed = seed, .width = WIDTH, .height = HEIGHT, .mask_only = seed % 3 != 0});
        int64_t n = numbers_pick(seed, 1, (int)synth_n_frames(s));
        struct synth_frame f;
        assert_int_equal(synth_draw(s, n, &f), 0);
        struct synth_object objects[SYNTH_MAX_OBJECTS];
        memcpy(objects, f.objects, f.n_objects * sizeof(*objects));
        memcpy(mask, synth_mask(s), WIDTH * HEIGHT * sizeof(*mask));
        for (size_t i = 0; i < f.n_objects; i++)
            check_visible(s, &objects[i]);
        for (size_t i = 0; i < f.n_objects; i++) {
            const struct synth_object *o = &objects[i];
            check_alone(s, n, o, mask);
            n_of[o->class_id]++;
            n_objects++;
            n_hidden += o->occlusion > 0;
            n_cut += o->truncation > 0;
            n_ignored += o->ignore;
        }
        synth_destroy(s);
    }
    mem_free(mask);
    assert_true(n_objects > 150 && n_hidden > 30 && n_cut > 2 && n_ignored > 5);
    for (int c = 0; c < SYNTH_N_CLASSES; c++)
        assert_true(n_of[c] > 5);
}

// ---- the picture itself, not the mask that the truth was counted from

// Where two pictures differ clearly, in the rows y0 <= y < y1.
static struct found differ(const struct picture *p, const uint8_t *other, int y0, int y1)
{
    struct found f = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN, 0};
    for (int y = y0; y < y1; y++) {
        for (int x = 0; x < p->width; x++) {
            const uint8_t *a = p->planes[0] + (ptrdiff_t)y * p->strides[0] + (ptrdiff_t)3 * x;
            const uint8_t *b = other + ((ptrdiff_t)y * p->width + x) * 3;
            int most = 0;
            for (int c = 0; c < 3; c++)
                most = MAX(most, a[c] > b[c] ? a[c] - b[c] : b[c] - a[c]);
            if (most < 24)
                continue;
            f.x0 = MIN(f.x0, x), f.x1 = MAX(f.x1, x + 1);
            f.y0 = MIN(f.y0, y), f.y1 = MAX(f.y1, y + 1);
            f.n++;
        }
    }
    return f;
}

static int64_t count_rows(const uint16_t *mask, int width, int y0, int y1, uint16_t id)
{
    int64_t n = 0;
    for (int i = y0 * width; i < y1 * width; i++)
        n += mask[i] == id;
    return n;
}

// Nobody but one object against nobody at all: what differs is the object, within the edges'
// softness. The lower half is left out, where its shadow lies; a colour may happen to be that of
// the wall behind.
static void check_picture(struct synth *s, int64_t n, const struct synth_object *o,
                          const uint8_t *empty)
{
    enum { SOFT = 2 };
    const struct synth_opts *opts = synth_settings(s);
    struct synth_frame alone;
    assert_int_equal(synth_draw_alone(s, n, o->mask_id, &alone), 0);
    const struct synth_object *a = &alone.objects[0];
    int middle = a->y + a->height / 2;
    struct found f = differ(alone.picture, empty, 0, middle);
    int64_t n_rows = count_rows(synth_mask(s), opts->width, a->y, middle, o->mask_id);
    assert_true(f.x0 >= a->x - SOFT && f.x1 <= a->x + a->width + SOFT);
    assert_true(f.y0 >= a->y - SOFT && f.y0 <= a->y + a->height / 4);
    assert_true(f.n * 10 > n_rows * 7 && f.n < n_rows * 2);
}

static void test_boxes_are_the_picture(void **state)
{
    (void)state;
    enum { WIDTH = 640, HEIGHT = 360 };
    uint8_t *empty = mem_array(uint8_t, WIDTH * HEIGHT * 3);
    assert_non_null(empty);
    int n_checked = 0;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct synth *s = make((struct synth_opts){
            .seed = seed, .width = WIDTH, .height = HEIGHT, .conditions = BIT(SYNTH_DAY)});
        int64_t n = numbers_pick(seed, 2, (int)synth_n_frames(s));
        struct synth_frame f;
        struct synth_object objects[SYNTH_MAX_OBJECTS];
        assert_int_equal(synth_draw(s, n, &f), 0);
        size_t n_objects = f.n_objects;
        memcpy(objects, f.objects, n_objects * sizeof(*objects));
        assert_int_equal(synth_draw_alone(s, n, 1023, &f), 0); // there are not so many things
        assert_int_equal(f.n_objects, 0);
        for (int y = 0; y < HEIGHT; y++)
            memcpy(empty + (ptrdiff_t)y * WIDTH * 3,
                   f.picture->planes[0] + (ptrdiff_t)y * f.picture->strides[0], WIDTH * 3);
        for (size_t i = 0; i < n_objects; i++) {
            const struct synth_object *o = &objects[i];
            bool is_slow = o->class_id == SYNTH_PEDESTRIAN || o->class_id == SYNTH_WHEELCHAIR_USER;
            if (!is_slow || o->truncation > 0 || o->full_height < 24)
                continue; // the shutter smears who is fast
            check_picture(s, n, o, empty);
            n_checked++;
        }
        synth_destroy(s);
    }
    mem_free(empty);
    assert_true(n_checked > 12);
}

// ---- the same everywhere

static void add_picture(struct digest *d, const struct picture *p)
{
    for (int y = 0; y < p->height; y++)
        digest_add(d, p->planes[0] + (ptrdiff_t)y * p->strides[0], (size_t)p->width * 3);
}

static void digest_clip(struct synth_opts o, char ret_pictures[DIGEST_HEX_BYTES],
                        char ret_truth[DIGEST_HEX_BYTES])
{
    struct synth *s = make(o);
    struct synth_truth t;
    struct digest pictures, truth;
    struct str_buf text = STR_BUF_INIT(64 * MIB);
    synth_truth_init(&t);
    digest_init(&pictures);
    digest_init(&truth);
    for (int64_t n = 0; n < synth_n_frames(s); n++) {
        struct synth_frame f;
        assert_int_equal(synth_draw(s, n, &f), 0);
        if (f.picture)
            add_picture(&pictures, f.picture);
        synth_truth_add(&t, s, &f);
    }
    assert_int_equal(synth_truth_coco(&t, s, &text), 0);
    assert_int_equal(synth_truth_mot(&t, &text), 0);
    digest_add(&truth, text.p, text.n);
    digest_hex(&pictures, ret_pictures);
    digest_hex(&truth, ret_truth);
    str_buf_finish(&text);
    synth_truth_finish(&t);
    synth_destroy(s);
}

// The digests stand here so that another compiler, build type or machine is held to them. A change
// of the drawing changes them: then look at the pictures, and write the new ones down.
static const char expected_pictures[] =
    "9efea031636395c34c6a9c8e2d48b913691aad6770a821667014cd8114636ddb";
static const char expected_truth[] =
    "f8f71b7a7733a5f137e5ba7306f7cced40b09103123aa9c72269e7149a382777";

static void test_same_seed_same_clip(void **state)
{
    (void)state;
    const struct synth_opts o = {.seed = 42, .seconds = 3, .fps = 10, .width = 320, .height = 180};
    char pictures[2][DIGEST_HEX_BYTES], truth[2][DIGEST_HEX_BYTES];
    digest_clip(o, pictures[0], truth[0]);
    digest_clip(o, pictures[1], truth[1]);
    assert_string_equal(pictures[0], pictures[1]);
    assert_string_equal(truth[0], truth[1]);
    if (strcmp(truth[0], expected_truth) != 0 || strcmp(pictures[0], expected_pictures) != 0)
        print_error("pictures %s, truth %s\n", pictures[0], truth[0]);
    assert_string_equal(truth[0], expected_truth);
    assert_string_equal(pictures[0], expected_pictures);
    struct synth_opts other = o;
    other.seed = 43;
    digest_clip(other, pictures[1], truth[1]);
    assert_string_not_equal(truth[0], truth[1]);
    assert_string_not_equal(pictures[0], pictures[1]);
}

static void test_any_order(void **state)
{
    (void)state;
    const struct synth_opts o = {.seed = 5, .seconds = 2, .fps = 5, .width = 160, .height = 90};
    struct synth *forth = make(o), *back = make(o);
    char hex[10][DIGEST_HEX_BYTES], again[DIGEST_HEX_BYTES];
    struct synth_frame f;
    struct digest d;
    for (int64_t n = 0; n < 10; n++) {
        assert_int_equal(synth_draw(forth, n, &f), 0);
        digest_init(&d);
        add_picture(&d, f.picture);
        digest_hex(&d, hex[n]);
    }
    for (int64_t n = 9; n >= 0; n--) {
        assert_int_equal(synth_draw(back, n, &f), 0);
        digest_init(&d);
        add_picture(&d, f.picture);
        digest_hex(&d, again);
        assert_string_equal(again, hex[n]);
    }
    synth_destroy(forth);
    synth_destroy(back);
}

static void test_times(void **state)
{
    (void)state;
    struct synth_opts o = {
        .fps = 29.97, .seconds = 4, .width = 64, .height = 64, .mask_only = true};
    struct synth *s = make(o);
    struct synth_frame f;
    assert_int_equal(synth_n_frames(s), 120);
    assert_int_equal(synth_draw(s, 119, &f), 0);
    assert_int_equal(f.pts_us, 3970637); // 119 / 29.97 s
    synth_destroy(s);
    o.variable_rate = true;
    s = make(o);
    int64_t before = -1, shortest = INT64_MAX, longest = 0;
    for (int64_t n = 0; n < 120; n++) {
        assert_int_equal(synth_draw(s, n, &f), 0);
        assert_true(f.pts_us > before && (n > 0 || f.pts_us == 0));
        if (n > 0) {
            shortest = MIN(shortest, f.pts_us - before);
            longest = MAX(longest, f.pts_us - before);
        }
        before = f.pts_us;
    }
    assert_true(shortest < 25000 && longest > 45000);
    synth_destroy(s);
}

// An id is one object: one class, and it moves no further than people do.
static void test_tracks(void **state)
{
    (void)state;
    enum { N = 200, MAX_IDS = 400 };
    struct synth *s = make((struct synth_opts){.seed = 3,
                                               .seconds = 8,
                                               .fps = 25,
                                               .width = 320,
                                               .height = 180,
                                               .conditions = BIT(SYNTH_DAY),
                                               .mask_only = true});
    struct {
        int64_t id, frame;
        enum synth_class class_id;
        int middle;
    } seen[MAX_IDS];
    int n_seen = 0, n_met = 0;
    for (int64_t n = 0; n < N; n++) {
        struct synth_frame f;
        assert_int_equal(synth_draw(s, n, &f), 0);
        for (size_t i = 0; i < f.n_objects; i++) {
            const struct synth_object *o = &f.objects[i];
            int k = 0;
            while (k < n_seen && seen[k].id != o->track_id)
                k++;
            int middle = o->full_x + o->full_width / 2;
            if (k < n_seen) {
                assert_int_equal(seen[k].class_id, o->class_id);
                assert_true(seen[k].frame < n); // once a frame
                int moved = middle - seen[k].middle;
                assert_true(seen[k].frame + 1 != n || (moved < 40 && moved > -40));
                n_met++;
            } else {
                assert_true(n_seen < MAX_IDS);
                n_seen++;
            }
            seen[k].id = o->track_id, seen[k].frame = n;
            seen[k].class_id = o->class_id, seen[k].middle = middle;
        }
    }
    assert_true(n_seen > 10 && n_met > 500);
    synth_destroy(s);
}

// No id is given again in another place of a long clip.
static void test_ids_of_places(void **state)
{
    (void)state;
    enum { MAX_IDS = 20000 };
    struct synth *s = make((struct synth_opts){
        .seconds = 300, .fps = 1, .width = 96, .height = 64, .mask_only = true});
    int64_t *ids = mem_array(int64_t, MAX_IDS);
    int *places = mem_array(int, MAX_IDS);
    assert_true(ids && places);
    int n_ids = 0;
    for (int64_t n = 0; n < synth_n_frames(s); n++) {
        struct synth_frame f;
        assert_int_equal(synth_draw(s, n, &f), 0);
        for (size_t i = 0; i < f.n_objects; i++) {
            int k = 0;
            while (k < n_ids && ids[k] != f.objects[i].track_id)
                k++;
            if (k < n_ids) {
                assert_int_equal(places[k], f.place);
                continue;
            }
            assert_true(n_ids < MAX_IDS);
            ids[n_ids] = f.objects[i].track_id;
            places[n_ids++] = f.place;
        }
    }
    assert_true(n_ids > 500);
    mem_free(ids);
    mem_free(places);
    synth_destroy(s);
}

static void test_conditions_share_the_clip(void **state)
{
    (void)state;
    struct synth *s =
        make((struct synth_opts){.seconds = 2, .width = 64, .height = 64, .mask_only = true});
    int n_of[SYNTH_N_CONDITIONS] = {0};
    for (int64_t n = 0; n < synth_n_frames(s); n++) {
        struct synth_frame f;
        assert_int_equal(synth_draw(s, n, &f), 0);
        n_of[f.condition]++;
    }
    for (int c = 1; c < SYNTH_N_CONDITIONS; c++)
        assert_int_equal(n_of[c], 10);
    synth_destroy(s);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct synth_opts rows[] = {
        {.width = 63},     {.height = 4097},   {.fps = 241},    {.fps = -1},
        {.seconds = -1},   {.seconds = 1e12},  {.density = -1}, {.density = 5.1},
        {.conditions = 1}, {.conditions = 64},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct synth *s = NULL;
        assert_int_equal(synth_create(&rows[i], &s), ERR_INVALID);
        assert_null(s);
    }
}

// The smallest, an odd shape, and the fullest.
static void test_extremes(void **state)
{
    (void)state;
    static const struct synth_opts rows[] = {
        {.width = 64, .height = 64, .seconds = 0.5},
        {.width = 64, .height = 700, .seconds = 0.4},
        {.width = 1000, .height = 66, .seconds = 0.4},
        {.width = 320, .height = 180, .density = 5, .seconds = 0.4},
        {.width = 320, .height = 180, .density = 0.01, .seconds = 0.4},
        {.width = 320, .height = 180, .seconds = 0.01},
        {.seconds = 3600, .width = 128, .height = 72},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            struct synth_opts o = rows[i];
            o.seed = seed;
            struct synth *s = make(o);
            struct synth_frame f;
            int64_t last = synth_n_frames(s) - 1;
            for (int64_t n = MAX(last - 10, 0); n <= last; n++)
                assert_int_equal(synth_draw(s, n, &f), 0);
            synth_destroy(s);
        }
    }
}

static void test_no_memory(void **state)
{
    (void)state;
    const struct synth_opts o = {.width = 64, .height = 64};
    for (long n = 1;; n++) {
        struct synth *s = NULL;
        mem_test_fail_at(n);
        int result = synth_create(&o, &s);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (pending) {
            assert_int_equal(result, 0);
            synth_destroy(s);
            return;
        }
        assert_int_equal(result, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_are_the_pixels),
        cmocka_unit_test(test_boxes_are_the_picture),
        cmocka_unit_test(test_same_seed_same_clip),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_tracks),
        cmocka_unit_test(test_ids_of_places),
        cmocka_unit_test(test_conditions_share_the_clip),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
