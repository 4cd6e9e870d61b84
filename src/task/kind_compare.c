// SPDX-License-Identifier: Apache-2.0
// kind_compare.c - "compare": what differs between two sessions over the videos that both judged by
// the same truth, as `compare` says of two files.
//
// The task's session is A; its settings name B: {"with": ID}.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "eval/evaluation.h"
#include "report/comparison_report.h"
#include "store/store_comparison.h"
#include "store/store_session.h"
#include "task/compare_events.h"
#include "task/kinds.h"
#include "task/session_events.h"
#include "task/session_files.h"

enum {
    TIMEOUT_MS = 3600 * 1000,
    MAX_NOTICES = 8,
    MAX_VIDEOS = 1000, // of a session
};
#define MAX_JSON ((size_t)STORE_JSON_MAX)

struct left_out {
    const char *video_id;
    enum store_common why;
};

struct comparing {
    struct task_run *run;
    struct store_session a, b;
    struct left_out *left_out;
    const char **ids; // of the videos that are compared
    size_t n_ids, n_left_out;
    struct session_files files_a, files_b;
    bool by_events; // else by boxes
    struct dataset *truth, *of_a, *of_b;
    struct comparison c;
    const char **notices;
    size_t n_notices;
    struct str_buf json;
};

static int read_other(const char *settings, struct arena *a, const char **ret_id)
{
    struct json_reader *json;
    struct json_event e;
    const struct json_reader_opts opts = {.text = str_of(settings ? settings : ""),
                                          .name = "settings"};
    int r = json_reader_create(&opts, &json);
    *ret_id = NULL;
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_END) {
        if (e.type != JSON_KEY || !str_is(e.text, "with"))
            continue;
        r = json_next(json, &e);
        if (r == 0 && e.type == JSON_STRING)
            *ret_id = arena_strndup(a, e.text.p, e.text.n);
    }
    json_reader_destroy(json);
    return r == 0 && !*ret_id ? err_set(ERR_INVALID, "the task names no other session") : r;
}

static int find_sessions(struct comparing *x)
{
    const struct task_tools *t = task_run_tools(x->run);
    const struct store_task *row = task_run_row(x->run);
    struct arena *a = task_run_arena(x->run);
    const char *other = NULL;
    int r = read_other(row->settings_json, a, &other);
    if (r == 0 && !row->session_id)
        r = err_set(ERR_INVALID, "the task names no session");
    if (r == 0)
        r = store_session_get(t->store, row->session_id, a, &x->a);
    return r == 0 ? store_session_get(t->store, other, a, &x->b) : r;
}

static int note_video(void *arg, const struct store_common_video *v)
{
    struct comparing *x = (struct comparing *)arg;
    const char *id = arena_strndup(task_run_arena(x->run), v->video_id, strlen(v->video_id));
    if (!id)
        return ERR_NOMEM;
    if (x->n_ids + x->n_left_out == 2 * MAX_VIDEOS)
        return err_set(ERR_TOO_BIG, "more than %d videos", MAX_VIDEOS);
    if (v->common == STORE_COMMON_BOTH)
        x->ids[x->n_ids++] = id;
    else
        x->left_out[x->n_left_out++] = (struct left_out){id, v->common};
    return 0;
}

static int find_videos(struct comparing *x)
{
    struct arena *a = task_run_arena(x->run);
    x->ids = arena_array(a, const char *, 2 * MAX_VIDEOS);
    x->left_out = arena_array(a, struct left_out, 2 * MAX_VIDEOS);
    if (!x->ids || !x->left_out)
        return ERR_NOMEM;
    int r = store_comparison_videos(task_run_tools(x->run)->store, x->a.id, x->b.id, note_video, x);
    return r == 0 && x->n_ids == 0
               ? err_set(ERR_CONFLICT, "the sessions have no video that both judged by one truth")
               : r;
}

// Both by boxes, or both by timed events.
static int check_kinds(struct comparing *x)
{
    const bool a = x->files_a.n_events > 0;
    const bool b = x->files_b.n_events > 0;
    int r = a ? session_events_check(&x->files_a) : 0;
    if (r == 0 && b)
        r = session_events_check(&x->files_b);
    if (r == 0 && a != b)
        r = err_set(ERR_UNSUPPORTED,
                    "%s is judged by timed events and %s by boxes: sessions that are judged in the "
                    "same way are compared",
                    a ? "A" : "B", a ? "B" : "A");
    x->by_events = a && b;
    return r;
}

static int make_files(struct comparing *x)
{
    int r = find_videos(x);
    if (r == 0)
        r = session_files_make(x->run, &x->a, x->ids, x->n_ids, &x->files_a);
    if (r == 0)
        r = session_files_make(x->run, &x->b, x->ids, x->n_ids, &x->files_b);
    if (r == 0 && (x->files_a.n_videos != x->n_ids || x->files_b.n_videos != x->n_ids))
        r = err_set(ERR_CONFLICT, "a video of the sessions has no detections");
    return r == 0 ? check_kinds(x) : r;
}

// A page finds a frame by its number: pictures that have none are numbered as they are matched.
static int number_pictures(struct dataset *d)
{
    int64_t next = 0;
    for (size_t i = 0; i < d->n_pictures; i++) {
        struct dataset_picture *p = &d->pictures[i];
        if (i == 0 || p->video != d->pictures[i - 1].video)
            next = 0;
        if (p->frame < 0)
            p->frame = next;
        next++;
    }
    return 0;
}

static int add_notices(struct comparing *x)
{
    const struct dataset *const sets[] = {x->truth, x->of_a, x->of_b};
    const char *const whose[] = {"truth", "A", "B"};
    struct arena *a = task_run_arena(x->run);
    size_t n = MAX_NOTICES;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        n += sets[i]->n_notices;
    x->notices = arena_array(a, const char *, n);
    if (!x->notices)
        return ERR_NOMEM;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        for (size_t k = 0; k < sets[i]->n_notices; k++)
            x->notices[x->n_notices++] = arena_printf(a, "%s: %s", whose[i], sets[i]->notices[k]);
    if (x->c.n_left_out > 0)
        x->notices[x->n_notices++] = arena_printf(
            a, "%zu pictures were looked at by one run only: left out", x->c.n_left_out);
    if (isnan(x->c.overall[WEIGHED_RECALL].a))
        x->notices[x->n_notices++] =
            "no ground truth in the judged pictures: what needs it has no figure";
    else if (isnan(x->c.overall[WEIGHED_RECALL].interval.low))
        x->notices[x->n_notices++] =
            arena_printf(a, "%zu blocks are too few for intervals: differences may be chance",
                         x->c.plan.n_blocks);
    for (size_t i = 0; i < x->n_notices; i++)
        if (!x->notices[i])
            return ERR_NOMEM;
    return 0;
}

static int compare(struct comparing *x)
{
    const struct comparison_opts opts = {.at_confidence = EVALUATION_AT_CONFIDENCE};
    int r = dataset_read(x->files_a.truth, DATASET_TRUTH, DATASET_FORMAT_UNSET, NULL, &x->truth);
    if (r == 0)
        r = dataset_read(x->files_a.detections, DATASET_DETECTIONS, DATASET_FORMAT_UNSET, x->truth,
                         &x->of_a);
    if (r == 0)
        r = dataset_read(x->files_b.detections, DATASET_DETECTIONS, DATASET_FORMAT_UNSET, x->truth,
                         &x->of_b);
    if (r == 0)
        r = comparison_run(x->truth, x->of_a, x->of_b, &opts, task_run_arena(x->run), &x->c);
    if (r == 0)
        r = number_pictures(x->truth);
    return r == 0 ? add_notices(x) : r;
}

// ---- the document

static void put_session(struct json_writer *w, const char *key, const struct store_session *s)
{
    json_key(w, key);
    json_object(w);
    json_put_text(w, "session_id", s->id);
    json_put_text(w, "name", s->name);
    json_put_text(w, "model", s->model_name);
    json_put_text(w, "model_sha256", s->model_sha256);
    json_put_text(w, "verdict", s->verdict ? store_verdict_name((int)s->verdict) : NULL);
    json_put_double(w, "AP", s->ap);
    json_put_double(w, "AP50", s->ap50);
    json_put_double(w, "precision", s->precision);
    json_put_double(w, "recall", s->recall);
    json_put_double(w, "f1", s->f1);
    json_end(w);
}

static void put_videos(struct json_writer *w, const struct comparing *x)
{
    json_key(w, "videos");
    json_array(w);
    for (size_t i = 0; i < x->files_a.n_videos; i++) {
        const struct session_file_video *v = &x->files_a.videos[i];
        json_object(w);
        json_put_text(w, "video_id", v->id);
        json_put_text(w, "name", v->name);
        json_put_text(w, "truth_id", v->truth_id);
        json_end(w);
    }
    json_end(w);
    json_key(w, "left_out");
    json_array(w);
    for (size_t i = 0; i < x->n_left_out; i++) {
        json_object(w);
        json_put_text(w, "video_id", x->left_out[i].video_id);
        json_put_text(w, "why", store_common_name((int)x->left_out[i].why));
        json_end(w);
    }
    json_end(w);
}

// The document of `compare --json`.
static int put_comparison(struct comparing *x, struct str_buf *out)
{
    const struct compare_side a = {&x->a, &x->files_a};
    const struct compare_side b = {&x->b, &x->files_b};
    const struct comparison_about about = {.a = x->a.id,
                                           .b = x->b.id,
                                           .pictures = x->truth,
                                           .notices = x->notices,
                                           .n_notices = x->n_notices};
    return x->by_events ? compare_events(x->run, &a, &b, out) : comparison_json(&x->c, &about, out);
}

// That document under "comparison", as it is.
static int write_document(struct comparing *x)
{
    struct str_buf inner = STR_BUF_INIT(MAX_JSON);
    struct json_writer w;
    int r = put_comparison(x, &inner);
    x->json = STR_BUF_INIT(MAX_JSON);
    json_writer_init(&w, &x->json);
    json_object(&w);
    put_session(&w, "a", &x->a);
    put_session(&w, "b", &x->b);
    put_videos(&w, x);
    json_end(&w);
    if (r == 0)
        r = str_buf_check(&x->json);
    if (r == 0) {
        x->json.n--; // the brace: one more member follows
        str_buf_puts(&x->json, ",\"comparison\":");
        str_buf_add(&x->json, inner.p, inner.n);
        str_buf_putc(&x->json, '}');
        r = str_buf_check(&x->json);
    }
    str_buf_finish(&inner);
    return r;
}

static int write_end(void *arg)
{
    struct comparing *x = (struct comparing *)arg;
    const struct store_comparison row = {
        .a = x->a.id, .b = x->b.id, .json = str_buf_text(&x->json)};
    return store_comparison_put(task_run_tools(x->run)->store, task_run_lease(x->run), &row);
}

static int run_compare(struct task_run *run)
{
    struct comparing *x = arena_new(task_run_arena(run), struct comparing);
    if (!x)
        return ERR_NOMEM;
    x->run = run;
    int r = find_sessions(x);
    if (r == 0)
        r = make_files(x);
    if (r == 0 && !x->by_events)
        r = compare(x);
    if (r == 0)
        r = write_document(x);
    if (r == 0)
        r = task_run_commit(run, write_end, x);
    str_buf_finish(&x->json);
    dataset_destroy(x->of_b); // may borrow from a
    dataset_destroy(x->of_a);
    dataset_destroy(x->truth);
    session_files_remove(&x->files_b);
    session_files_remove(&x->files_a);
    return r;
}

const struct task_kind task_kind_compare = {
    .name = "compare", .timeout_ms = TIMEOUT_MS, .run = run_compare};
