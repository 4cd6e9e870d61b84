// SPDX-License-Identifier: Apache-2.0
// set_write.c - writing a set of detections: frames gather in a block, full blocks become rows.
//
// INVARIANTS
// (1) A block's row, its labels' rows and the set's counts are one transaction, in which the lease
// is
//     checked: a worker that lost its task adds nothing.
// (2) seq is taken from the set's row in that transaction, so pieces posted side by side do not
//     meet.

#include <assert.h>
#include <math.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/detection_priv.h"
#include "store/store_task.h"
#include "vision/detection.h"

struct store_set_writer {
    struct store *store;
    enum store_set_kind kind;
    char id[ID_BYTES];
    char project_id[ID_BYTES], video_id[ID_BYTES], session_id[ID_BYTES];
    bool has_session;
    bool has_lease;
    struct store_lease lease;
    int64_t last_frame; // -1: none yet
    struct columns block;
    struct str_buf bytes;
};

enum {
    FRAMES_AT_ONCE = 16384, // of a block without detections
};

// ---- beginning

static int check_takes(struct store_set_writer *w)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_TAKES], &run)); // sticky
    run_text(&run, 1, w->session_id);
    run_text(&run, 2, w->video_id);
    if (!run_step(&run) && run.r == 0)
        r = err_set(ERR_CONFLICT,
                    "session '%s' is not external and open, or video '%s' is none of its",
                    w->session_id, w->video_id);
    return run_end(&run, r);
}

// That this writer may still write. Inside a write.
static int check_right(struct store_set_writer *w)
{
    return w->has_lease ? store_task_check(w->store, &w->lease) : check_takes(w);
}

static int find_project(struct store_set_writer *w)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_PROJECT_OF_VIDEO], &run)); // sticky
    run_text(&run, 1, w->video_id);
    if (run_step(&run))
        snprintf(w->project_id, ID_BYTES, "%s", run_get_text(&run, 0));
    else if (run.r == 0)
        r = err_set(ERR_NOT_FOUND, "video '%s' does not exist", w->video_id);
    return run_end(&run, r);
}

static int drop_old(struct store_set_writer *w)
{
    bool of_task = w->kind == STORE_SET_DETECTIONS;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[of_task ? SET_DROP_TASK : SET_DROP_SESSION],
                    &run)); // sticky
    run_text(&run, 1, of_task ? w->lease.task_id : w->session_id);
    run_text(&run, 2, w->video_id);
    run_text(&run, 3, store_set_kind_name((int)w->kind));
    return run_done(&run, NULL);
}

static int create(struct store_set_writer *w, const char *header_json)
{
    id_make(w->id);
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_CREATE], &run)); // sticky
    run_text(&run, 1, w->id);
    run_text(&run, 2, store_set_kind_name((int)w->kind));
    run_text(&run, 3, w->project_id);
    run_text(&run, 4, w->video_id);
    run_text(&run, 5, w->has_lease ? w->lease.task_id : NULL);
    run_text(&run, 6, w->has_session ? w->session_id : NULL);
    run_int(&run, 7, w->lease.fence);
    run_int(&run, 8, store_now_us(w->store));
    run_text(&run, 9, header_json);
    return run_done(&run, NULL);
}

static int name_in_session(struct store_set_writer *w)
{
    if (!w->has_session || w->kind == STORE_SET_OUTCOMES || w->kind == STORE_SET_CONFUSIONS)
        return 0;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_OF_SESSION_VIDEO], &run)); // sticky
    run_text(&run, 1, w->session_id);
    run_text(&run, 2, w->video_id);
    run_text(&run, 3, w->id);
    return run_done(&run, NULL);
}

// The set of the pieces before this one, where there is one.
static int find_external(struct store_set_writer *w, bool *ret_found)
{
    struct arena *a = NULL;
    struct store_set old = {0};
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_set_of_session(w->store, w->session_id, w->video_id, STORE_SET_EXTERNAL, a, &old);
    *ret_found = r == 0 && !old.is_complete;
    if (*ret_found)
        snprintf(w->id, ID_BYTES, "%s", old.id);
    arena_destroy(a);
    return r == ERR_NOT_FOUND ? 0 : r;
}

static int begin(struct store_set_writer *w, const char *header_json)
{
    bool found = false;
    int r = check_right(w);
    if (r == 0)
        r = find_project(w);
    if (r == 0 && w->kind == STORE_SET_EXTERNAL)
        r = find_external(w, &found);
    if (r < 0 || found)
        return r;
    r = w->kind == STORE_SET_EXTERNAL ? 0 : drop_old(w);
    if (r == 0)
        r = create(w, header_json);
    if (r == 0 && w->kind == STORE_SET_EXTERNAL)
        r = name_in_session(w);
    return r;
}

static void free_writer(struct store_set_writer *w)
{
    columns_finish(&w->block);
    str_buf_finish(&w->bytes);
    mem_free(w);
}

int store_set_begin(struct store *s, const struct store_set_opts *opts,
                    struct store_set_writer **ret_writer)
{
    assert(opts->kind > STORE_SET_UNSET && opts->kind < STORE_SET_N_KINDS && opts->video_id);
    assert(opts->kind == STORE_SET_EXTERNAL ? !opts->lease : opts->lease != NULL);
    assert(opts->session_id || opts->kind == STORE_SET_DETECTIONS);
    int r = check_text("detections: header", opts->header_json, STORE_JSON_MAX);
    if (r < 0)
        return r;
    struct store_set_writer *w = mem_new(struct store_set_writer);
    if (!w)
        return ERR_NOMEM;
    *w = (struct store_set_writer){.store = s,
                                   .kind = opts->kind,
                                   .has_session = opts->session_id,
                                   .has_lease = opts->lease,
                                   .last_frame = -1,
                                   .block.flags = opts->flags,
                                   .bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES + KIB)};
    snprintf(w->video_id, ID_BYTES, "%s", opts->video_id);
    snprintf(w->session_id, ID_BYTES, "%s", opts->session_id ? opts->session_id : "");
    if (opts->lease)
        w->lease = *opts->lease;
    r = write_begin(s);
    if (r == 0)
        r = write_end(s, begin(w, opts->header_json));
    if (r < 0) {
        free_writer(w);
        return r;
    }
    *ret_writer = w;
    return 0;
}

// ---- blocks

struct label_row {
    int64_t n;
    double max_confidence;
};

static double confidence_of(const struct columns_detection *d)
{
    return d->outcome == COLUMNS_FN ? SET_NO_CONFIDENCE : (double)d->confidence;
}

static int add_label(struct store_set_writer *w, int64_t seq, const struct columns_label *l,
                     const struct label_row *row)
{
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_ADD_LABEL], &run)); // sticky
    run_text(&run, 1, w->id);
    run_text(&run, 2, l->text);
    run_int(&run, 3, seq);
    run_int(&run, 4, l->class_id);
    run_int(&run, 5, row->n);
    run_double(&run, 6, row->max_confidence);
    return run_done(&run, NULL);
}

static int add_labels(struct store_set_writer *w, int64_t seq, double *ret_max_confidence)
{
    const struct columns *c = &w->block;
    struct label_row *rows = mem_array(struct label_row, MAX((size_t)1, c->n_labels));
    if (!rows)
        return ERR_NOMEM;
    double most = 0;
    for (size_t i = 0; i < c->n_detections; i++) {
        const struct columns_detection *d = &c->detections[i];
        struct label_row *row = &rows[d->label];
        row->n++;
        row->max_confidence = MAX(row->max_confidence, confidence_of(d));
        most = MAX(most, row->max_confidence);
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_labels; i++)
        r = add_label(w, seq, &c->labels[i], &rows[i]);
    mem_free(rows);
    *ret_max_confidence = most;
    return r;
}

static int grow(struct store_set_writer *w, int64_t *ret_seq)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_GROW], &run)); // sticky
    run_text(&run, 1, w->id);
    run_int(&run, 2, w->lease.fence);
    run_int(&run, 3, (int64_t)w->block.n_frames);
    run_int(&run, 4, (int64_t)w->block.n_detections);
    run_int(&run, 5, (int64_t)w->bytes.n);
    if (run_step(&run)) {
        *ret_seq = run_get_int(&run, 0);
        while (run_step(&run)) {
        }
    } else if (run.r == 0) {
        r = err_set(ERR_CONFLICT, "set of detections '%s' is complete, or another's", w->id);
    }
    return run_end(&run, r);
}

static int add_block(struct store_set_writer *w)
{
    const struct columns *c = &w->block;
    double max_confidence = 0;
    int64_t seq = 0;
    int r = check_right(w);
    if (r == 0)
        r = grow(w, &seq);
    if (r == 0)
        r = add_labels(w, seq, &max_confidence);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_ADD_BLOCK], &run)); // sticky
    run_text(&run, 1, w->id);
    run_int(&run, 2, seq);
    run_int(&run, 3, c->frames[0].frame);
    run_int(&run, 4, c->frames[c->n_frames - 1].frame);
    run_int(&run, 5, (int64_t)c->n_frames);
    run_int(&run, 6, (int64_t)c->n_detections);
    run_double(&run, 7, max_confidence);
    run_bytes(&run, 8, w->bytes.p, w->bytes.n);
    return run_done(&run, NULL);
}

int store_set_flush(struct store_set_writer *w)
{
    if (w->block.n_frames == 0)
        return 0;
    str_buf_reset(&w->bytes);
    int r = columns_encode(&w->block, &w->bytes);
    if (r == 0)
        r = write_begin(w->store);
    if (r < 0)
        return r;
    r = write_end(w->store, add_block(w));
    if (r == 0)
        columns_clear(&w->block);
    return r;
}

// ---- frames

static int check_object(const struct store_object *o)
{
    const struct columns_detection *v = &o->values;
    if (!o->label)
        return err_set(ERR_INVALID, "a detection has no label");
    if (!isfinite((double)v->x + v->y + v->w + v->h + v->confidence) ||
        !isfinite((double)v->truth_x + v->truth_y + v->truth_w + v->truth_h + v->iou))
        return err_set(ERR_INVALID, "a detection's box or confidence is no number");
    return 0;
}

static int add_object(struct store_set_writer *w, const struct store_object *o)
{
    struct columns_detection d = o->values;
    int r = check_object(o);
    if (r == 0)
        r = columns_label(&w->block, o->class_id, o->label, &d.label);
    if (r == 0 && w->block.flags & COLUMNS_OUTCOMES)
        assert(d.outcome > COLUMNS_OUTCOME_UNSET && d.outcome < COLUMNS_N_OUTCOMES);
    else
        d.outcome = COLUMNS_OUTCOME_UNSET;
    return r < 0 ? r : columns_add(&w->block, &d);
}

static int begin_frame(struct store_set_writer *w, int64_t frame, int64_t pts_us,
                       int64_t latency_us, size_t n)
{
    if (frame <= w->last_frame)
        return err_set(ERR_INVALID, "frame %lld: comes after frame %lld", (long long)frame,
                       (long long)w->last_frame);
    if (n > COLUMNS_MAX_DETECTIONS - COLUMNS_TARGET)
        return err_set(ERR_TOO_BIG, "frame %lld: more than %d detections", (long long)frame,
                       COLUMNS_MAX_DETECTIONS - COLUMNS_TARGET);
    // full, or the frame would not find room: what is held becomes a row first
    bool is_full = w->block.n_detections >= COLUMNS_TARGET || w->block.n_frames >= FRAMES_AT_ONCE;
    int r = is_full ? store_set_flush(w) : 0;
    return r < 0 ? r : columns_add_frame(&w->block, frame, pts_us, latency_us);
}

// Takes the frame begun last away again: an error leaves whole frames only.
static void undo_frame(struct store_set_writer *w)
{
    struct columns *c = &w->block;
    c->n_detections = c->frames[c->n_frames - 1].first;
    c->n_frames--;
}

int store_set_add(struct store_set_writer *w, int64_t frame, int64_t pts_us, int64_t latency_us,
                  const struct store_object *objects, size_t n)
{
    int r = begin_frame(w, frame, pts_us, latency_us, n);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_object(w, &objects[i]);
    if (r < 0)
        undo_frame(w);
    else
        w->last_frame = frame;
    return r;
}

int store_set_add_detections(struct store_set_writer *w, int64_t frame, int64_t pts_us,
                             const struct detection *detections, size_t n,
                             const char *const *labels, size_t n_labels)
{
    int r = begin_frame(w, frame, pts_us, 0, n);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct detection *d = &detections[i];
        assert(d->class_id >= 0 && (size_t)d->class_id < n_labels);
        struct store_object o = {.class_id = d->class_id,
                                 .label = labels[d->class_id],
                                 .values = {.x = d->box.x1,
                                            .y = d->box.y1,
                                            .w = d->box.x2 - d->box.x1,
                                            .h = d->box.y2 - d->box.y1,
                                            .confidence = d->confidence,
                                            .track_id = d->track_id}};
        r = add_object(w, &o);
    }
    if (r < 0)
        undo_frame(w);
    else
        w->last_frame = frame;
    return r;
}

// ---- ending

static int complete(struct store_set_writer *w, const char *summary_json)
{
    int64_t n = 0;
    int r = check_right(w);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(w->store, &queries_detection[SET_FINISH], &run)); // sticky
    run_text(&run, 1, w->id);
    run_int(&run, 2, w->lease.fence);
    run_text(&run, 3, summary_json);
    run_int(&run, 4, store_now_us(w->store));
    r = run_done(&run, &n);
    if (r == 0 && n == 0)
        r = err_set(ERR_CONFLICT, "set of detections '%s' is complete, or another's", w->id);
    return r < 0 ? r : name_in_session(w);
}

int store_set_finish(struct store_set_writer **pw, const char *summary_json, char ret_id[ID_BYTES])
{
    struct store_set_writer *w = *pw;
    *pw = NULL;
    int r = check_text("detections: summary", summary_json, STORE_JSON_MAX);
    if (r == 0)
        r = store_set_flush(w);
    if (r == 0)
        r = write_begin(w->store);
    if (r == 0)
        r = write_end(w->store, complete(w, summary_json));
    if (r == 0 && ret_id)
        memcpy(ret_id, w->id, ID_BYTES);
    free_writer(w);
    return r;
}

int store_set_suspend(struct store_set_writer **pw)
{
    struct store_set_writer *w = *pw;
    *pw = NULL;
    assert(w->kind == STORE_SET_EXTERNAL);
    int r = store_set_flush(w);
    free_writer(w);
    return r;
}

void store_set_abort(struct store_set_writer **pw)
{
    if (*pw)
        free_writer(*pw);
    *pw = NULL;
}

const char *store_set_writer_id(const struct store_set_writer *w)
{
    return w->id;
}
