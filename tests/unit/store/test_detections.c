// SPDX-License-Identifier: Apache-2.0
// test_detections.c - sets written under a lease, read as pages and streams with every filter;
// tasks that run twice; pieces from outside; outcomes.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/store_detection.h"
#include "store/store_priv.h"
#include "store/store_stats.h"
#include "store_test.h"
#include "vision/detection.h"

enum {
    N_FRAMES = 2000,
    PER_FRAME = 5, // of every frame whose number is no multiple of 10
};

static const char *const labels[] = {"person", "car", "rare"};

// The i-th detection of a frame: a figure that says where it came from, unrounded.
static struct detection made(int64_t frame, int i)
{
    float f = (float)frame;
    return (struct detection){
        .box = {f + 0.1f, (float)i, f + 10.3f, (float)i + 20.7f},
        .confidence = (float)((frame * 7 + i * 13) % 100) / 100.0f,
        .class_id = frame == 1501 && i == 0 ? 2 : i % 2,
        .track_id = i + 1,
    };
}

static int64_t pts_of(int64_t frame)
{
    return frame * 33367 - 5000;
}

static void add_all(struct store_set_writer *w)
{
    for (int64_t f = 0; f < N_FRAMES; f++) {
        struct detection d[PER_FRAME];
        size_t n = f % 10 ? PER_FRAME : 0;
        for (size_t i = 0; i < n; i++)
            d[i] = made(f, (int)i);
        OK(store_set_add_detections(w, f, pts_of(f), d, n, labels, 3));
    }
}

static struct store_lease new_task(struct test *t, char id[ID_BYTES])
{
    const struct store_task x = {.kind = "process", .video_id = t->video};
    OK(store_task_create(t->store, &x, NULL, 0, id));
    return test_claim(t, "process");
}

static void begin(struct test *t, const struct store_lease *lease, struct store_set_writer **w)
{
    const struct store_set_opts opts = {.kind = STORE_SET_DETECTIONS,
                                        .video_id = t->video,
                                        .lease = lease,
                                        .header_json = "{}",
                                        .flags = COLUMNS_TRACKS};
    OK(store_set_begin(t->store, &opts, w));
}

static void write_set(struct test *t, char set_id[ID_BYTES])
{
    char task[ID_BYTES];
    struct store_set_writer *w;
    struct store_lease lease = new_task(t, task);
    begin(t, &lease, &w);
    add_all(w);
    OK(store_set_finish(&w, "{\"decoded\":2000}", set_id));
    OK(store_task_succeed(t->store, &lease, NULL));
}

struct seen {
    int64_t n, last_frame;
    int64_t sum; // of frame * 10 + y: which ones
    const struct store_set_filter *filter;
};

static int look(void *arg, const struct store_detection *d)
{
    struct seen *s = arg;
    const struct columns_detection *v = d->values;
    int i = (int)v->y;
    struct detection want = made(d->frame, i);
    assert_true(v->x == want.box.x1 && v->w == want.box.x2 - want.box.x1);
    assert_true(v->confidence == want.confidence);
    assert_int_equal(v->track_id, want.track_id);
    assert_int_equal(d->class_id, want.class_id);
    assert_string_equal(d->label, labels[want.class_id]);
    assert_true(d->pts_us == pts_of(d->frame));
    assert_true(d->frame >= s->last_frame);
    s->last_frame = d->frame;
    s->sum += d->frame * 10 + i;
    s->n++;
    return 0;
}

// What a filter leaves, counted from the rule.
static struct seen expected(const struct store_set_filter *f)
{
    struct seen s = {0};
    for (int64_t frame = 0; frame < N_FRAMES; frame++) {
        for (int i = 0; i < PER_FRAME && frame % 10; i++) {
            struct detection d = made(frame, i);
            if (d.confidence < f->min_confidence || frame < f->from_frame ||
                (f->has_to_frame && frame > f->to_frame) ||
                (f->label && strcmp(labels[d.class_id], f->label) != 0))
                continue;
            s.n++;
            s.sum += frame * 10 + i;
        }
    }
    return s;
}

static const struct store_set_filter filters[] = {
    {0},
    {.label = "car"},
    {.label = "rare"},
    {.label = "bicycle"},
    {.min_confidence = 0.98f},
    {.label = "person", .min_confidence = 0.5f},
    {.from_frame = 1990},
    {.to_frame = 0, .has_to_frame = true},
    {.from_frame = 700, .to_frame = 900, .has_to_frame = true, .label = "car"},
    {.from_frame = 5000},
};

static void test_pages_and_filters(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    write_set(t, id);
    static const int limits[] = {1000, 997, 50};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct store_set_filter f = filters[i];
        f.set_id = id;
        struct seen want = expected(&f);
        for (size_t k = 0; k < ARRAY_LEN(limits); k++) {
            struct seen s = {0};
            struct store_next next = {""};
            do {
                const struct store_page page = {limits[k], next.cursor};
                struct store_next after;
                int64_t before = s.n;
                OK(store_set_page(t->store, &f, &page, look, &s, &after));
                assert_true(s.n - before <= limits[k]);
                next = after;
            } while (*next.cursor);
            assert_int_equal(s.n, want.n);
            assert_int_equal(s.sum, want.sum);
        }
    }
    static const char *const bad[] = {"x", "1", "1:x", ":", "-1:0", "0:-1", "0:1:2"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct seen s = {0};
        const struct store_page page = {0, bad[i]};
        const struct store_set_filter f = {.set_id = id};
        FAILS(ERR_INVALID, store_set_page(t->store, &f, &page, look, &s, NULL));
    }
    const struct store_set_filter none = {.set_id = t->video};
    struct seen s = {0};
    FAILS(ERR_NOT_FOUND, store_set_page(t->store, &none, NULL, look, &s, NULL));
    struct store_set set;
    struct store_stats stats;
    OK(store_set_get(t->store, id, t->arena, &set));
    OK(store_stats_get(t->store, t->project, NULL, &stats));
    assert_int_equal(stats.n_detections, set.n_detections);
    assert_int_equal(stats.n_frames, set.n_frames);
}

static void look_at_block(const struct columns *c, struct seen *s)
{
    for (size_t i = 0; i < c->n_frames; i++) {
        const struct columns_frame *f = &c->frames[i];
        for (uint32_t k = f->first; k < f->first + f->n; k++) {
            const struct columns_detection *v = &c->detections[k];
            const struct store_detection d = {.frame = f->frame,
                                              .pts_us = f->pts_us,
                                              .class_id = c->labels[v->label].class_id,
                                              .label = c->labels[v->label].text,
                                              .values = v};
            look(s, &d);
        }
    }
}

static void test_streams_and_filters(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct columns c = {0};
    write_set(t, id);
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        struct store_set_filter f = filters[i];
        f.set_id = id;
        struct seen want = expected(&f);
        struct seen blocks = {0};
        struct seen bytes = {0};
        struct store_set_stream *x;
        const struct columns *block;
        const void *p;
        size_t n;
        int64_t n_frames = 0;
        int r;
        OK(store_set_stream_open(t->store, &f, &x));
        while ((r = store_set_stream_next(x, &block)) == 0) {
            look_at_block(block, &blocks);
            n_frames += (int64_t)block->n_frames;
        }
        assert_int_equal(r, ERR_EOF);
        store_set_stream_close(x);
        assert_int_equal(blocks.n, want.n);
        assert_int_equal(blocks.sum, want.sum);
        if (i == 0)
            assert_int_equal(n_frames, N_FRAMES); // those without detections too
        OK(store_set_stream_open(t->store, &f, &x));
        uint32_t magic = 0;
        uint64_t total = 0;
        while ((r = store_set_stream_bytes(x, &p, &n)) == 0) {
            memcpy(&magic, p, 4);
            if (magic == COLUMNS_END_MAGIC) {
                assert_int_equal(n, COLUMNS_END_BYTES);
                memcpy(&total, (const char *)p + 8, 8);
                continue;
            }
            OK(columns_decode(p, n, &c));
            look_at_block(&c, &bytes);
        }
        assert_int_equal(r, ERR_EOF);
        assert_int_equal(magic, COLUMNS_END_MAGIC);
        assert_int_equal(total, want.n);
        assert_int_equal(bytes.sum, want.sum);
        store_set_stream_close(x);
    }
    columns_finish(&c);
}

static void test_size_on_disk(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct store_set set;
    write_set(t, id);
    OK(store_set_get(t->store, id, t->arena, &set));
    assert_int_equal(set.n_frames, N_FRAMES);
    assert_int_equal(set.n_detections, N_FRAMES * PER_FRAME * 9 / 10);
    assert_true(set.is_complete && set.n_blocks == 3);
    assert_string_equal(set.summary_json, "{\"decoded\":2000}");
    assert_true(set.n_bytes < set.n_detections * 32);
    OK(store_set_latest(t->store, t->video, t->arena, &set));
    assert_string_equal(set.id, id);
}

static int see_label(void *arg, int32_t class_id, const char *label, int64_t n, float most)
{
    int64_t *counts = arg;
    assert_string_equal(label, labels[class_id]);
    assert_true(most > 0.9f || class_id == 2);
    counts[class_id] = n;
    return 0;
}

static void test_labels_from_the_index(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    int64_t counts[3] = {0};
    write_set(t, id);
    OK(store_set_labels(t->store, id, see_label, counts));
    for (int i = 0; i < 3; i++) {
        struct store_set_filter f = {.label = labels[i]};
        assert_int_equal(counts[i], expected(&f).n);
    }
}

static int count_set(void *arg, const struct store_set *x)
{
    (void)x;
    ++*(int *)arg;
    return 0;
}

static int n_sets(struct test *t)
{
    int n = 0;
    OK(store_set_list(t->store, t->video, NULL, count_set, &n, NULL));
    return n;
}

static void test_runs_twice_leaves_one(void **state)
{
    struct test *t = *state;
    char task[ID_BYTES];
    struct store_set_writer *first;
    struct store_set_writer *second;
    struct store_set set;
    struct store_lease old = new_task(t, task);
    const struct detection d = made(1, 0);
    begin(t, &old, &first);
    for (int64_t f = 0; f < 10; f++)
        OK(store_set_add_detections(first, f, f, &d, 1, labels, 3));
    OK(store_set_flush(first));
    OK(store_set_of_task(t->store, task, t->arena, &set));
    assert_int_equal(set.n_frames, 10);
    assert_false(set.is_complete);
    FAILS(ERR_NOT_FOUND, store_set_latest(t->store, t->video, t->arena, &set));
    // the lease lapses, another takes over while the first one goes on writing
    OK(store_task_give_back(t->store, &old));
    struct store_lease lease = test_claim(t, "process");
    OK(store_set_add_detections(first, 10, 10, &d, 1, labels, 3));
    FAILS(ERR_CONFLICT, store_set_flush(first));
    begin(t, &lease, &second);
    add_all(second);
    FAILS(ERR_CONFLICT, store_set_finish(&first, NULL, NULL));
    assert_null(first);
    assert_int_equal(n_sets(t), 1);
    // set and task end together
    OK(store_begin(t->store));
    int r = store_set_finish(&second, "{}", NULL);
    if (r == 0)
        r = store_task_succeed(t->store, &lease, NULL);
    OK(store_end(t->store, r));
    assert_int_equal(n_sets(t), 1);
    OK(store_set_latest(t->store, t->video, t->arena, &set));
    assert_string_equal(set.task_id, task);
    // run again by hand: the new set takes the old one's place
    struct store_set_opts opts = {
        .kind = STORE_SET_DETECTIONS, .video_id = t->video, .lease = &lease};
    FAILS(ERR_CONFLICT, store_set_begin(t->store, &opts, &first));
    OK(store_check(t->store));
}

static void test_what_is_over_leaves_nothing_unfinished(void **state)
{
    struct test *t = *state;
    char task[ID_BYTES];
    struct store_set_writer *w;
    struct store_lease lease = new_task(t, task);
    const struct detection d = made(1, 0);
    begin(t, &lease, &w);
    OK(store_set_add_detections(w, 1, 1, &d, 1, labels, 3));
    OK(store_set_flush(w));
    assert_int_equal(n_sets(t), 1);
    OK(store_task_fail(t->store, &lease, "MEDIA: broken", false, NULL));
    assert_int_equal(n_sets(t), 0);
    store_set_abort(&w);
    store_set_abort(&w);
    // nor does a process that died
    lease = new_task(t, task);
    begin(t, &lease, &w);
    OK(store_set_add_detections(w, 1, 1, &d, 1, labels, 3));
    OK(store_set_flush(w));
    store_set_abort(&w);
    store_close(t->store);
    t->store = test_open(t->directory);
    assert_int_equal(n_sets(t), 0);
}

static void test_refused_frames(void **state)
{
    struct test *t = *state;
    char task[ID_BYTES];
    char id[ID_BYTES];
    struct store_set_writer *w;
    struct store_set set;
    struct store_lease lease = new_task(t, task);
    struct detection d = made(1, 0);
    begin(t, &lease, &w);
    OK(store_set_add_detections(w, 5, 5, &d, 1, labels, 3));
    FAILS(ERR_INVALID, store_set_add_detections(w, 5, 6, &d, 1, labels, 3));
    FAILS(ERR_INVALID, store_set_add_detections(w, 4, 6, &d, 1, labels, 3));
    d.confidence = NAN;
    FAILS(ERR_INVALID, store_set_add_detections(w, 6, 6, &d, 1, labels, 3));
    d = made(1, 0);
    d.box.x1 = INFINITY;
    FAILS(ERR_INVALID, store_set_add_detections(w, 6, 6, &d, 1, labels, 3));
    char longest[COLUMNS_MAX_LABEL + 2] = {0};
    memset(longest, 'x', COLUMNS_MAX_LABEL + 1);
    const char *const long_label[] = {longest};
    d = (struct detection){.class_id = 0};
    FAILS(ERR_TOO_BIG, store_set_add_detections(w, 6, 6, &d, 1, long_label, 1));
    struct detection *many = mem_array(struct detection, COLUMNS_MAX_DETECTIONS);
    FAILS(ERR_TOO_BIG, store_set_add_detections(
                           w, 6, 6, many, COLUMNS_MAX_DETECTIONS - COLUMNS_TARGET + 1, labels, 3));
    OK(store_set_add_detections(w, 6, 6, many, COLUMNS_MAX_DETECTIONS - COLUMNS_TARGET, labels, 3));
    mem_free(many);
    // none of the refused left a trace
    OK(store_set_finish(&w, NULL, id));
    OK(store_set_get(t->store, id, t->arena, &set));
    assert_int_equal(set.n_frames, 2);
    assert_int_equal(set.n_detections, 1 + COLUMNS_MAX_DETECTIONS - COLUMNS_TARGET);
    // a set without a frame is a set
    lease = new_task(t, task);
    begin(t, &lease, &w);
    OK(store_set_finish(&w, NULL, id));
    struct seen s = {0};
    struct store_next next;
    OK(store_set_page(t->store, &(struct store_set_filter){.set_id = id}, NULL, look, &s, &next));
    assert_int_equal(s.n, 0);
    assert_string_equal(next.cursor, "");
}

static void new_session(struct test *t, enum store_session_source source, char id[ID_BYTES])
{
    const struct store_session x = {.project_id = t->project, .source = source};
    const struct store_session_video v = {.video_id = t->video};
    OK(store_session_create(t->store, &x, &v, 1, id));
}

static int count_detection(void *arg, const struct store_detection *d)
{
    (void)d;
    ++*(int *)arg;
    return 0;
}

static void test_pieces_from_outside(void **state)
{
    struct test *t = *state;
    char session[ID_BYTES];
    char own[ID_BYTES];
    struct store_set set;
    struct store_set_writer *w;
    struct store_set_opts opts = {
        .kind = STORE_SET_EXTERNAL, .video_id = t->video, .flags = COLUMNS_LATENCIES};
    const struct store_object o = {.label = "car", .values = {.w = 1, .h = 1, .confidence = 0.5f}};
    new_session(t, STORE_SESSION_OWN, own);
    new_session(t, STORE_SESSION_EXTERNAL, session);
    opts.session_id = own;
    FAILS(ERR_CONFLICT, store_set_begin(t->store, &opts, &w));
    opts.session_id = session;
    for (int piece = 0; piece < 3; piece++) { // they may overlap in time
        OK(store_set_begin(t->store, &opts, &w));
        for (int64_t f = 0; f < 5; f++)
            OK(store_set_add(w, piece + f, (piece + f) * 40000, piece, &o, 1));
        OK(store_set_suspend(&w));
        assert_null(w);
    }
    OK(store_set_of_session(t->store, session, t->video, STORE_SET_EXTERNAL, t->arena, &set));
    assert_int_equal(set.n_detections, 15);
    assert_int_equal(set.n_blocks, 3);
    int n = 0;
    const struct store_set_filter f = {
        .set_id = set.id, .from_frame = 2, .to_frame = 2, .has_to_frame = true};
    OK(store_set_page(t->store, &f, NULL, count_detection, &n, NULL));
    assert_int_equal(n, 3);
    // it outlives the server
    store_close(t->store);
    t->store = test_open(t->directory);
    OK(store_set_begin(t->store, &opts, &w));
    OK(store_set_add(w, 100, 0, 0, &o, 1));
    OK(store_session_set_status(t->store, NULL, session, STORE_SESSION_RUNNING, NULL));
    FAILS(ERR_CONFLICT, store_set_suspend(&w)); // closed meanwhile
}

static void test_outcomes(void **state)
{
    struct test *t = *state;
    char session[ID_BYTES];
    char task[ID_BYTES];
    char set_id[ID_BYTES];
    struct store_set_writer *w;
    new_session(t, STORE_SESSION_OWN, session);
    struct store_lease lease = new_task(t, task);
    const struct store_set_opts opts = {.kind = STORE_SET_OUTCOMES,
                                        .video_id = t->video,
                                        .session_id = session,
                                        .lease = &lease,
                                        .flags = COLUMNS_OUTCOMES};
    const struct store_object o[] = {
        {.label = "car",
         .values = {.w = 5,
                    .h = 5,
                    .confidence = 0.9f,
                    .outcome = COLUMNS_TP,
                    .truth_w = 6,
                    .truth_h = 6,
                    .iou = 0.75f}},
        {.label = "car", .values = {.w = 5, .h = 5, .confidence = 0.3f, .outcome = COLUMNS_FP}},
        {.label = "bus", .values = {.outcome = COLUMNS_FN, .truth_w = 3, .truth_h = 3}},
    };
    for (int round = 0; round < 2; round++) { // judged again: one set
        OK(store_set_begin(t->store, &opts, &w));
        for (int64_t f = 0; f < 10; f++)
            OK(store_set_add(w, f, f, 0, o, 3));
        OK(store_set_finish(&w, NULL, set_id));
    }
    static const struct {
        struct store_set_filter filter;
        int n;
    } rows[] = {
        {{.outcome = COLUMNS_TP}, 10},
        {{.outcome = COLUMNS_FP}, 10},
        {{.outcome = COLUMNS_FN}, 10},
        {{.outcome = COLUMNS_FN, .label = "bus", .min_confidence = 0.99f}, 10},
        {{.outcome = COLUMNS_FP, .min_confidence = 0.5f}, 0},
        {{.min_confidence = 0.5f}, 20},
        {{0}, 30},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int n = 0;
        struct store_set_filter f = rows[i].filter;
        f.set_id = set_id;
        OK(store_set_page(t->store, &f, NULL, count_detection, &n, NULL));
        assert_int_equal(n, rows[i].n);
    }
    struct store_dropped dropped = {0};
    OK(store_session_delete(t->store, session, &dropped));
    struct store_set set;
    FAILS(ERR_NOT_FOUND, store_set_get(t->store, set_id, t->arena, &set));
}

static void test_damaged_block_is_said(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct seen s = {0};
    struct store_set_stream *x;
    const struct columns *block;
    write_set(t, id);
    OK(write_begin(t->store));
    OK(write_end(t->store, conn_exec(&t->store->writer,
                                     "UPDATE detection_blocks SET bytes = substr(bytes, 1, "
                                     "length(bytes) - 8) WHERE seq = 1")));
    const struct store_set_filter f = {.set_id = id};
    OK(store_set_stream_open(t->store, &f, &x));
    OK(store_set_stream_next(x, &block));
    FAILS(ERR_DATA, store_set_stream_next(x, &block));
    assert_non_null(strstr(err_message(ERR_DATA), "block 1"));
    store_set_stream_close(x);
    const struct store_page page = {STORE_PAGE_MAX, "1:0"};
    FAILS(ERR_DATA, store_set_page(t->store, &f, &page, look, &s, NULL));
}

static void test_set_deleted_under_a_stream(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    struct store_set_stream *x;
    const struct columns *block;
    struct store_dropped dropped = {0};
    write_set(t, id);
    const struct store_set_filter f = {.set_id = id};
    OK(store_set_stream_open(t->store, &f, &x));
    OK(store_set_stream_next(x, &block));
    OK(store_video_delete(t->store, t->video, &dropped));
    store_dropped_finish(&dropped);
    FAILS(ERR_NOT_FOUND, store_set_stream_next(x, &block));
    store_set_stream_close(x);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_pages_and_filters),
        ROW(test_streams_and_filters),
        ROW(test_size_on_disk),
        ROW(test_labels_from_the_index),
        ROW(test_runs_twice_leaves_one),
        ROW(test_what_is_over_leaves_nothing_unfinished),
        ROW(test_refused_frames),
        ROW(test_pieces_from_outside),
        ROW(test_outcomes),
        ROW(test_damaged_block_is_said),
        ROW(test_set_deleted_under_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
