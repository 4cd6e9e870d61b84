// SPDX-License-Identifier: Apache-2.0
// test_mistakes.c - likely truth mistakes: single cases by hand, and how many of the first N are
// right where the test itself has spoilt a truth.

#include "given.h"

#include <math.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/mistakes.h"

enum {
    N_TRACKS = 30,
    N_FRAMES = 200,
    N_EACH = 6, // planted mistakes of a kind
    MAX_TEXT = 16 * 1024 * 1024,
};

static uint64_t random_state;

static uint32_t random_next(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static double random_between(double from, double to)
{
    return from + (to - from) * (double)random_next() / 2147483648.;
}

struct box {
    double x, y, w, h;
};

struct planted {
    enum mistake_kind kind;
    int track, first, n; // frames
};

// Things on a grid that walk to and fro: nobody meets anybody.
static struct box box_of(int track, int frame)
{
    double way = (double)((frame * (1 + track % 3)) % 60);
    return (struct box){.x = 150. * (track % 6) + (way < 30 ? way : 60 - way),
                        .y = 150. * (track / 6),
                        .w = 40 + track,
                        .h = 80};
}

struct files {
    struct str_buf truth, detections;
    int n_truths, n_detections;
};

static void put_truth(struct files *f, int frame, int track, int class_id, struct box b)
{
    str_buf_printf(&f->truth,
                   "%s{\"id\":%d,\"image_id\":%d,\"category_id\":%d,\"track_id\":%d,\"bbox\":[%.3f,"
                   "%.3f,%.3f,%.3f]}",
                   f->n_truths ? "," : "", f->n_truths + 1, frame, class_id, track, b.x, b.y, b.w,
                   b.h);
    f->n_truths++;
}

static void put_detection(struct files *f, int frame, int class_id, struct box b, double confidence)
{
    str_buf_printf(&f->detections,
                   "%s{\"image_id\":%d,\"category_id\":%d,\"bbox\":[%.3f,%.3f,%.3f,%.3f],"
                   "\"score\":%.4f}",
                   f->n_detections ? "," : "", frame, class_id, b.x, b.y, b.w, b.h, confidence);
    f->n_detections++;
}

static const struct planted *planted_at(const struct planted *p, size_t n, int track, int frame)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i].track == track && frame >= p[i].first && frame < p[i].first + p[i].n)
            return &p[i];
    }
    return NULL;
}

// A truth box as the planted mistake leaves it.
static void put_spoilt(struct files *f, const struct planted *p, int frame, int track, struct box b)
{
    int class_id = 1 + track % 2;
    switch (p ? p->kind : MISTAKE_UNSET) {
    case MISTAKE_MISSING:
        return;
    case MISTAKE_DUPLICATE:
        put_truth(f, frame, track, class_id, b);
        b.x += 1;
        put_truth(f, frame, 1000 + track, class_id, b);
        return;
    case MISTAKE_CLASS:
        put_truth(f, frame, track, 3 - class_id, b);
        return;
    case MISTAKE_JUMP:
        b.x += b.w * .8;
        b.y += 20;
        put_truth(f, frame, track, class_id, b);
        return;
    default:
        put_truth(f, frame, track, class_id, b);
    }
}

static void put_seen(struct files *f, int frame, int track, struct box b)
{
    b.x += random_between(-2, 2);
    b.y += random_between(-2, 2);
    b.w += random_between(-2, 2);
    if (random_next() % 20 > 0)
        put_detection(f, frame, 1 + track % 2, b, random_between(.55, .98));
    if (random_next() % 50 == 0) // a weak second opinion
        put_detection(f, frame, 2 - track % 2, b, random_between(.1, .45));
}

static void spoil(struct files *f, const struct planted *p, size_t n)
{
    str_buf_puts(&f->truth, "{\"categories\":[{\"id\":1,\"name\":\"car\"},{\"id\":2,\"name\":"
                            "\"bus\"}],\"images\":[");
    for (int t = 0; t < N_FRAMES; t++)
        str_buf_printf(&f->truth, "%s{\"id\":%d,\"frame\":%d}", t ? "," : "", t, t);
    str_buf_puts(&f->truth, "],\"annotations\":[");
    str_buf_puts(&f->detections, "[");
    for (int t = 0; t < N_FRAMES; t++) {
        for (int k = 0; k < N_TRACKS; k++) {
            put_spoilt(f, planted_at(p, n, k, t), t, k, box_of(k, t));
            put_seen(f, t, k, box_of(k, t));
        }
        for (size_t i = 0; i < n; i++) { // things that are not there
            if (p[i].kind == MISTAKE_UNSEEN && t >= p[i].first && t < p[i].first + p[i].n)
                put_truth(f, t, p[i].track, 1, (struct box){2000 + 100. * (double)i, 50, 60, 90});
        }
        if (random_next() % 4 == 0) // false alarms that do not last
            put_detection(f, t, 1, (struct box){random_between(3000, 4000), 10, 50, 50},
                          random_between(.5, .9));
    }
    str_buf_puts(&f->truth, "]}");
    str_buf_puts(&f->detections, "]");
}

static size_t plant(struct planted *p)
{
    static const int lengths[MISTAKE_N_KINDS] = {0, 20, 40, 8, 10, 3};
    size_t n = 0;
    for (int kind = MISTAKE_MISSING; kind < MISTAKE_N_KINDS; kind++) {
        for (int i = 0; i < N_EACH; i++) {
            bool is_extra = kind == MISTAKE_UNSEEN;
            p[n] = (struct planted){.kind = (enum mistake_kind)kind,
                                    .track = is_extra ? 500 + i : (int)n % N_TRACKS,
                                    .first = 20 + (int)(random_next() % 120),
                                    .n = lengths[kind] - (kind == MISTAKE_JUMP ? i % 3 : 0)};
            n++;
        }
    }
    return n;
}

static bool is_right(const struct mistake *m, const struct planted *p)
{
    if (m->kind != p->kind)
        return false;
    if (m->kind != MISTAKE_MISSING && m->track_id != p->track)
        return false;
    size_t n_inside = 0;
    for (size_t i = 0; i < m->n_places; i++) {
        int frame = m->places[i].picture;
        bool is_there = frame >= p->first && frame < p->first + p->n;
        if (m->kind == MISTAKE_MISSING)
            is_there = is_there && fabs(m->places[i].x - box_of(p->track, frame).x) < 10 &&
                       fabs(m->places[i].y - box_of(p->track, frame).y) < 10;
        n_inside += is_there;
    }
    return 2 * n_inside > m->n_places;
}

static void test_precision(void **state)
{
    struct planted planted[MISTAKE_N_KINDS * N_EACH];
    random_state = 4;
    const size_t n = plant(planted);
    struct files f = {.truth = STR_BUF_INIT(MAX_TEXT), .detections = STR_BUF_INIT(MAX_TEXT)};
    spoil(&f, planted, n);
    struct dataset *truth = given_truth(str_buf_text(&f.truth));
    struct dataset *detections = given_detections(str_buf_text(&f.detections), truth);
    const struct dataset *models[] = {detections};
    struct arena *a;
    struct mistakes m;
    assert_int_equal(arena_create(0, &a), 0);
    const struct mistakes_opts opts = {.n_most = n};
    assert_int_equal(mistakes_find(truth, models, 1, &opts, a, &m), 0);
    size_t n_right = 0;
    size_t found[MISTAKE_N_KINDS] = {0};
    for (size_t i = 0; i < m.n; i++) {
        bool right = false;
        for (size_t k = 0; k < n && !right; k++)
            right = is_right(&m.items[i], &planted[k]);
        n_right += right;
        found[m.items[i].kind] += right;
    }
    print_message("the first %zu of %zu: %zu right of %zu planted\n", m.n, m.n_found, n_right, n);
    for (int kind = MISTAKE_MISSING; kind < MISTAKE_N_KINDS; kind++)
        print_message("  %s: %zu of %d\n", mistake_kind_name((enum mistake_kind)kind), found[kind],
                      N_EACH);
    assert_true(n_right * 10 >= m.n * 9); // precision of the list
    assert_true(n_right * 10 >= n * 9);   // and what it finds
    for (size_t i = 1; i < m.n; i++)
        assert_true(m.items[i - 1].evidence >= m.items[i].evidence);
    arena_destroy(a);
    dataset_destroy(detections);
    dataset_destroy(truth);
    str_buf_finish(&f.truth);
    str_buf_finish(&f.detections);
}

// The same, before anything was spoilt.
static void test_nothing_wrong(void **state)
{
    random_state = 5;
    struct files f = {.truth = STR_BUF_INIT(MAX_TEXT), .detections = STR_BUF_INIT(MAX_TEXT)};
    spoil(&f, NULL, 0);
    struct dataset *truth = given_truth(str_buf_text(&f.truth));
    struct dataset *detections = given_detections(str_buf_text(&f.detections), truth);
    const struct dataset *models[] = {detections, detections};
    struct arena *a;
    struct mistakes m;
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(mistakes_find(truth, models, 2, NULL, a, &m), 0);
    assert_int_equal(m.n, 0);
    arena_destroy(a);
    dataset_destroy(detections);
    dataset_destroy(truth);
    str_buf_finish(&f.truth);
    str_buf_finish(&f.detections);
}

// --- by hand

#define SEEN(frame) #frame ",-1,50,50,20,20,0.8\n"
#define FAR                                                                        \
    "1,1,500,500,20,20\n2,1,500,500,20,20\n3,1,500,500,20,20\n4,1,500,500,20,20\n" \
    "5,1,500,500,20,20\n"
#define FAR_SEEN                                                         \
    "1,-1,500,500,20,20,1\n2,-1,500,500,20,20,1\n3,-1,500,500,20,20,1\n" \
    "4,-1,500,500,20,20,1\n5,-1,500,500,20,20,1\n"

static const struct {
    const char *what, *truth, *detections;
    enum mistake_kind kind; // MISTAKE_UNSET: none
    size_t n_places;
    double evidence;
} rows[] = {
    {"nothing at all", "", "", MISTAKE_UNSET, 0, 0},
    {"no detections", FAR, "", MISTAKE_UNSET, 0, 0}, // no class is ever seen: nothing follows
    {"all right", FAR, FAR_SEEN, MISTAKE_UNSET, 0, 0},
    {"missing in five frames", FAR, FAR_SEEN SEEN(1) SEEN(2) SEEN(3) SEEN(4) SEEN(5),
     MISTAKE_MISSING, 5, .8 * 5 / 15},
    {"missing in four frames", FAR, FAR_SEEN SEEN(1) SEEN(2) SEEN(3) SEEN(4), MISTAKE_UNSET, 0, 0},
    {"two boxes on one thing", FAR "2,2,500,500,20,20\n", FAR_SEEN, MISTAKE_DUPLICATE, 1, 1 / 1.25},
    // Half of the class is seen, never this track; side 32: a half.
    {"never seen",
     FAR "1,2,50,50,32,32\n2,2,50,50,32,32\n3,2,50,50,32,32\n4,2,50,50,32,32\n"
         "5,2,50,50,32,32\n",
     FAR_SEEN, MISTAKE_UNSEEN, 5, .5 * .5 * 5 / 15},
    // Off by all its width; the neighbours agree, and the model says the same.
    {"one box jumps",
     "1,1,500,500,20,20\n2,1,500,500,20,20\n3,1,520,500,20,20\n4,1,500,500,20,20\n"
     "5,1,500,500,20,20\n",
     FAR_SEEN, MISTAKE_JUMP, 1, 1},
    {"one frame", "1,1,0,0,10,10\n", "1,-1,0,0,10,10,1\n", MISTAKE_UNSET, 0, 0},
    {"an ignored region is no missing truth",
     FAR "1,2,40,40,40,40,0\n2,2,40,40,40,40,0\n3,2,40,40,40,40,0\n4,2,40,40,40,40,0\n"
         "5,2,40,40,40,40,0\n",
     FAR_SEEN SEEN(1) SEEN(2) SEEN(3) SEEN(4) SEEN(5), MISTAKE_UNSET, 0, 0},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dataset *truth = NULL;
        struct dataset *detections = NULL;
        struct arena *a;
        struct mistakes m;
        assert_int_equal(given_read_as(rows[i].truth, DATASET_MOT, NULL, &truth), 0);
        assert_int_equal(given_read_as(rows[i].detections, DATASET_MOT, truth, &detections), 0);
        const struct dataset *models[] = {detections};
        assert_int_equal(arena_create(0, &a), 0);
        assert_int_equal(mistakes_find(truth, models, 1, NULL, a, &m), 0);
        if (m.n != (rows[i].kind != MISTAKE_UNSET))
            fail_msg("%s: %zu mistakes", rows[i].what, m.n);
        if (m.n > 0) {
            assert_int_equal(m.items[0].kind, rows[i].kind);
            assert_int_equal(m.items[0].n_places, rows[i].n_places);
            if (!(fabs(m.items[0].evidence - rows[i].evidence) < 1e-9))
                fail_msg("%s: evidence %.17g, not %.17g", rows[i].what, m.items[0].evidence,
                         rows[i].evidence);
        }
        arena_destroy(a);
        dataset_destroy(detections);
        dataset_destroy(truth);
    }
}

static void test_refusals(void **state)
{
    struct dataset *truth = given_truth(FAR);
    struct dataset *detections = given_detections(FAR_SEEN, truth);
    const struct dataset *models[] = {detections};
    struct arena *a;
    struct mistakes m;
    const struct mistakes_opts bad = {.has_confidence = true, .confidence = NAN};
    assert_int_equal(arena_create(0, &a), 0);
    assert_int_equal(mistakes_find(truth, models, 0, NULL, a, &m), ERR_INVALID);
    assert_int_equal(mistakes_find(truth, models, MISTAKES_MAX_MODELS + 1, NULL, a, &m),
                     ERR_INVALID);
    assert_int_equal(mistakes_find(truth, models, 1, &bad, a, &m), ERR_INVALID);
    arena_destroy(a);
    dataset_destroy(detections);
    dataset_destroy(truth);
}

static void test_memory(void **state)
{
    struct dataset *truth = given_truth(FAR "2,2,500,500,20,20\n");
    struct dataset *detections = given_detections(FAR_SEEN SEEN(1) SEEN(2), truth);
    const struct dataset *models[] = {detections};
    for (long n = 1;; n++) {
        struct arena *a;
        struct mistakes m;
        assert_int_equal(arena_create(0, &a), 0);
        mem_test_fail_at(n);
        int r = mistakes_find(truth, models, 1, NULL, a, &m);
        bool done = mem_test_fail_pending();
        mem_test_fail_at(0);
        arena_destroy(a);
        assert_int_equal(r, done ? 0 : ERR_NOMEM);
        if (done)
            break;
    }
    dataset_destroy(detections);
    dataset_destroy(truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precision), cmocka_unit_test(test_nothing_wrong),
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
