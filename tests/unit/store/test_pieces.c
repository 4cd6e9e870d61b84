// SPDX-License-Identifier: Apache-2.0
// test_pieces.c - what systems under test post, piece by piece; comparisons of two sessions.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/store_comparison.h"
#include "store/store_piece.h"
#include "store/store_truth.h"
#include "store_test.h"

static void create(struct test *t, enum store_session_source source, const char *truth,
                   char id[ID_BYTES])
{
    const struct store_session x = {.project_id = t->project, .source = source};
    const struct store_session_video v = {.video_id = t->video, .truth_id = truth};
    OK(store_session_create(t->store, &x, &v, 1, id));
}

static struct store_piece piece(const struct test *t, const char *session, int64_t seq,
                                const char *text)
{
    return (struct store_piece){.session_id = session,
                                .video_id = t->video,
                                .seq = seq,
                                .format = "jsonl",
                                .sha256 = text, // as good as a digest here
                                .n_bytes = (int64_t)strlen(text),
                                .n_items = 1,
                                .last_us = INT64_MIN,
                                .bytes = text};
}

struct joined {
    char text[256];
    size_t n;
    int64_t last_seq;
};

static int join(void *arg, const struct store_piece *p)
{
    struct joined *j = (struct joined *)arg;
    j->n += (size_t)snprintf(j->text + j->n, sizeof(j->text) - j->n, "%.*s;", (int)p->n_bytes,
                             p->bytes ? (const char *)p->bytes : "");
    j->last_seq = p->seq;
    return 0;
}

static int keep_video(void *arg, const struct store_session_video *v)
{
    struct store_session_video *kept = (struct store_session_video *)arg;
    *kept = *v;
    kept->piece_format = v->piece_format ? "some" : NULL;
    return 0;
}

static struct store_session_video video_of(struct test *t, const char *session)
{
    struct store_session_video v = {0};
    struct store_next next;
    OK(store_session_videos(t->store, session, NULL, keep_video, &v, &next));
    return v;
}

static void test_pieces_in_their_order(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    int64_t seq;
    bool is_new;
    struct joined j = {.n = 0};
    create(t, STORE_SESSION_EXTERNAL, NULL, id);
    struct store_piece p = piece(t, id, 5, "five");
    OK(store_piece_add(t->store, &p, NULL, 0, &seq, &is_new));
    assert_true(seq == 5 && is_new);
    p = piece(t, id, 2, "two");
    OK(store_piece_add(t->store, &p, NULL, 0, &seq, &is_new));
    p = piece(t, id, -1, "next");
    OK(store_piece_add(t->store, &p, NULL, 0, &seq, &is_new));
    assert_true(seq == 6 && is_new);
    // Again: counted once; with other bytes: refused.
    p = piece(t, id, 2, "two");
    OK(store_piece_add(t->store, &p, NULL, 0, &seq, &is_new));
    assert_true(seq == 2 && !is_new);
    p = piece(t, id, 2, "not two");
    FAILS(ERR_CONFLICT, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    p = piece(t, id, -1, "other");
    p.format = "mot";
    FAILS(ERR_CONFLICT, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    OK(store_piece_each(t->store, id, t->video, join, &j));
    assert_string_equal(j.text, "two;five;next;");
    struct store_session_video v = video_of(t, id);
    assert_true(v.n_pieces == 3 && v.n_piece_bytes == 11 && v.n_piece_items == 3 && v.piece_format);
}

static void test_a_whole_file_replaces(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    char key[ID_BYTES];
    char second[ID_BYTES];
    struct store_dropped dropped = {0};
    struct joined j = {.n = 0};
    id_make(key);
    id_make(second);
    create(t, STORE_SESSION_EXTERNAL, NULL, id);
    struct store_piece p = piece(t, id, -1, "piece");
    OK(store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    p = piece(t, id, 0, "whole");
    p.bytes = NULL;
    p.format = "coco";
    OK(store_piece_replace(t->store, &p, &(struct store_blob){key, "whole", 5}, NULL, 0, &dropped));
    assert_int_equal(dropped.n, 0);
    OK(store_piece_replace(t->store, &p, &(struct store_blob){second, "whole", 5}, NULL, 0,
                           &dropped));
    assert_true(dropped.n == 1 && strcmp(dropped.keys[0], key) == 0);
    OK(store_piece_each(t->store, id, t->video, join, &j));
    assert_true(j.last_seq == 0 && strcmp(j.text, ";") == 0);
    assert_int_equal(video_of(t, id).n_pieces, 1);
    // The file goes with the session.
    OK(store_session_delete(t->store, id, &dropped));
    assert_true(dropped.n == 2 && strcmp(dropped.keys[1], second) == 0);
    store_dropped_finish(&dropped);
}

static int count_event(void *arg, const struct store_event *e)
{
    (void)e;
    ++*(int *)arg;
    return 0;
}

static void test_events_and_limits(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    int n = 0;
    struct store_next next;
    struct store_dropped dropped = {0};
    const struct store_event event = {
        .start_us = 5, .end_us = 5, .label = "brake", .confidence = 1, .latency_us = INT64_MIN};
    create(t, STORE_SESSION_EXTERNAL, NULL, id);
    struct store_piece p = piece(t, id, 0, "e");
    p.format = "events";
    p.bytes = NULL;
    OK(store_piece_add(t->store, &p, &event, 1, NULL, NULL));
    OK(store_piece_add(t->store, &p, &event, 1, NULL, NULL)); // again
    OK(store_session_events(t->store, id, t->video, NULL, count_event, &n, &next));
    assert_int_equal(n, 1);
    struct store_event *many = calloc(STORE_PIECE_EVENTS_MAX, sizeof(*many));
    for (size_t i = 0; i < STORE_PIECE_EVENTS_MAX; i++)
        many[i] = event;
    p = piece(t, id, 1, "many");
    p.format = "events";
    p.bytes = NULL;
    FAILS(ERR_TOO_BIG, store_piece_add(t->store, &p, many, STORE_PIECE_EVENTS_MAX, NULL, NULL));
    free(many);
    p.n_bytes = STORE_PIECE_BYTES + 1;
    FAILS(ERR_TOO_BIG, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    // A file in their place takes the events along.
    p = piece(t, id, 0, "f");
    p.format = "events";
    p.bytes = NULL;
    OK(store_piece_replace(t->store, &p, NULL, NULL, 0, &dropped));
    n = 0;
    OK(store_session_events(t->store, id, t->video, NULL, count_event, &n, &next));
    assert_int_equal(n, 0);
    store_dropped_finish(&dropped);
}

static void test_only_open_external_sessions_take(void **state)
{
    struct test *t = *state;
    char own[ID_BYTES];
    char id[ID_BYTES];
    int64_t at;
    create(t, STORE_SESSION_OWN, NULL, own);
    create(t, STORE_SESSION_EXTERNAL, NULL, id);
    struct store_piece p = piece(t, own, 0, "x");
    FAILS(ERR_CONFLICT, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    FAILS(ERR_CONFLICT, store_piece_play(t->store, own, t->video, 0, &at));
    OK(store_piece_play(t->store, id, t->video, 0, &at));
    assert_true(at > 0 && video_of(t, id).played_at_us == at);
    p = piece(t, id, 0, "x");
    p.video_id = t->project;
    FAILS(ERR_CONFLICT, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
    OK(store_session_set_status(t->store, NULL, id, STORE_SESSION_QUEUED, NULL));
    p = piece(t, id, 0, "x");
    FAILS(ERR_CONFLICT, store_piece_add(t->store, &p, NULL, 0, NULL, NULL));
}

static int note_common(void *arg, const struct store_common_video *v)
{
    *(struct store_common_video *)arg = *v;
    return 0;
}

static enum store_common common(struct test *t, const char *a, const char *b)
{
    struct store_common_video v = {0};
    OK(store_comparison_videos(t->store, a, b, note_common, &v));
    return v.common;
}

static void make_truth(struct test *t, const char *sha256, char id[ID_BYTES])
{
    char key[ID_BYTES];
    id_make(key);
    const struct store_blob coco = {key, sha256, 1};
    OK(store_truth_create(t->store, &(struct store_truth){.video_id = t->video}, NULL, &coco, id,
                          NULL));
}

static void test_what_two_sessions_share(void **state)
{
    struct test *t = *state;
    char truths[3][ID_BYTES];
    char x[5][ID_BYTES];
    make_truth(t, "same", truths[0]);
    make_truth(t, "other", truths[1]);
    make_truth(t, "same", truths[2]);
    create(t, STORE_SESSION_OWN, truths[0], x[0]);
    create(t, STORE_SESSION_OWN, truths[0], x[1]);
    create(t, STORE_SESSION_OWN, truths[1], x[2]);
    create(t, STORE_SESSION_OWN, truths[2], x[3]);
    create(t, STORE_SESSION_OWN, NULL, x[4]);
    assert_int_equal(common(t, x[0], x[1]), STORE_COMMON_BOTH);
    assert_int_equal(common(t, x[0], x[2]), STORE_COMMON_OTHER_TRUTH);
    assert_int_equal(common(t, x[0], x[3]), STORE_COMMON_BOTH); // the same content twice
    assert_int_equal(common(t, x[0], x[4]), STORE_COMMON_NO_TRUTH);
    // Kept by the pair, and gone with a new judgement of either.
    struct store_comparison c = {.a = x[0], .b = x[1], .json = "{}"};
    struct store_dropped dropped = {0};
    const struct store_result result = {.metrics_json = "{}"};
    FAILS(ERR_NOT_FOUND, store_comparison_get(t->store, x[0], x[1], t->arena, &c));
    c = (struct store_comparison){.a = x[0], .b = x[1], .json = "{}"};
    OK(store_comparison_put(t->store, NULL, &c));
    OK(store_comparison_put(t->store, NULL, &c));
    OK(store_comparison_get(t->store, x[0], x[1], t->arena, &c));
    FAILS(ERR_NOT_FOUND, store_comparison_get(t->store, x[1], x[0], t->arena, &c));
    OK(store_session_set_result(t->store, NULL, x[1], &result, NULL, &dropped));
    FAILS(ERR_NOT_FOUND, store_comparison_get(t->store, x[0], x[1], t->arena, &c));
    c = (struct store_comparison){.a = x[0], .b = t->video, .json = "{}"};
    FAILS(ERR_CONFLICT, store_comparison_put(t->store, NULL, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pieces_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_whole_file_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_and_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_open_external_sessions_take, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_two_sessions_share, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
