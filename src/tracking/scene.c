// SPDX-License-Identifier: Apache-2.0
// scene.c - what of a video is judged for one class: the rules of the benchmarks.
//
// Rules work frame by frame, before track ids are looked at: results that a rule takes away leave
// no trace, and a track of which nothing is left does not exist.

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "tracking/tracking_priv.h"

#define RULE_IOU .5 // of the rules' own assignments and regions

// A side being collected.
struct gather {
    struct tracking_box *boxes;
    int64_t *ids;
    size_t n, boxes_cap, ids_cap;
};

void tracking_scene_finish(struct tracking_scene *s)
{
    struct tracking_side *sides[] = {&s->truth, &s->results};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
        mem_free(sides[i]->at);
        mem_free(sides[i]->boxes);
        mem_free(sides[i]->tracks);
    }
    *s = (struct tracking_scene){0};
}

struct tracking_frame tracking_scene_frame(const struct tracking_scene *s, size_t t)
{
    return (struct tracking_frame){
        .n = s->truth.at[t + 1] - s->truth.at[t],
        .m = s->results.at[t + 1] - s->results.at[t],
        .truth = s->truth.boxes + s->truth.at[t],
        .results = s->results.boxes + s->results.at[t],
        .truth_tracks = s->truth.tracks + s->truth.at[t],
        .result_tracks = s->results.tracks + s->results.at[t],
    };
}

static struct tracking_box box_of(const struct dataset_object *o)
{
    return (struct tracking_box){o->x, o->y, o->x + o->w, o->y + o->h};
}

static int refuse(const struct tracking_video *v, size_t t, const char *what, int64_t id)
{
    const struct dataset_picture *p = &v->truth->pictures[v->pictures[t]];
    const char *before = v->name[0] ? "video '" : "";
    const char *after = v->name[0] ? "', " : "";
    if (v->truth->n_videos > 1 && p->frame >= 0) // ids of pictures may be ours
        return err_set(ERR_DATA, "%s%s%sframe %" PRId64 " (counted from 0): %s %" PRId64, before,
                       v->name, after, p->frame, what, id);
    if (p->text_id)
        return err_set(ERR_DATA, "%s%s%spicture '%s': %s %" PRId64, before, v->name, after,
                       p->text_id, what, id);
    return err_set(ERR_DATA, "%s%s%spicture %" PRId64 ": %s %" PRId64, before, v->name, after,
                   p->id, what, id);
}

static int gather_add(struct gather *g, const struct tracking_video *v, size_t t,
                      const struct dataset_object *o)
{
    struct tracking_box box = box_of(o);
    if (!isfinite(box.x1) || !isfinite(box.y1) || !isfinite(box.x2) || !isfinite(box.y2))
        return refuse(v, t, "a box is not finite, track id", o->track_id);
    int r = MEM_GROW(g->boxes, g->boxes_cap, g->n);
    if (r == 0)
        r = MEM_GROW(g->ids, g->ids_cap, g->n);
    if (r < 0)
        return r;
    g->boxes[g->n] = box;
    g->ids[g->n++] = o->track_id;
    return 0;
}

static void gather_finish(struct gather *g)
{
    mem_free(g->boxes);
    mem_free(g->ids);
}

// A frame of a video under a rule: objects of one picture.
struct look {
    const struct tracking_video *v;
    int32_t judged;
    const uint32_t *truths, *others, *results; // indices of objects
    size_t n_truths, n_others, n_results;
};

static const struct dataset_object *truth_of(const struct look *k, size_t i)
{
    return &k->v->truth->objects[k->truths[i]];
}

static const struct dataset_object *result_of(const struct look *k, size_t j)
{
    return &k->v->results->objects[k->results[j]];
}

static int32_t truth_class(const struct look *k, const struct dataset_object *o)
{
    if (k->v->opts->rules == TRACKING_RULES_MOT17 && o->mot_class)
        return tracking_classes_mot17(o->mot_class);
    return k->v->truth_class_of[o->class_index];
}

static bool is_judged_truth(const struct look *k, const struct dataset_object *o)
{
    return truth_class(k, o) == k->judged && !o->ignore && !o->crowd;
}

static bool is_judged_result(const struct look *k, size_t j)
{
    const struct dataset_object *o = result_of(k, j);
    const struct tracking_opts *opts = k->v->opts;
    return k->v->result_class_of[o->class_index] == k->judged && o->track_id >= 0 &&
           (!opts->has_min_confidence || o->confidence >= opts->min_confidence);
}

// Which results of the class lie by more than half in a region that is not judged.
static bool is_in_region(const struct look *k, size_t j)
{
    struct tracking_box box = box_of(result_of(k, j));
    for (size_t i = 0; i < k->n_truths; i++) {
        const struct dataset_object *o = truth_of(k, i);
        if (!o->crowd && !o->ignore && truth_class(k, o) != TRACKING_AWAY)
            continue;
        struct tracking_box region = box_of(o);
        if (tracking_inside(&box, &region) > RULE_IOU + TRACKING_EPS)
            return true;
    }
    return false;
}

// The truths that take part in the rule's assignment, in the file's order: of MOT17 all rows, of
// BDD100K those that are judged. Returns how many.
static size_t list_rows(const struct look *k, struct tracking_work *w)
{
    size_t n = 0;
    size_t other = 0;
    for (size_t i = 0; i < k->n_truths; i++) {
        const struct dataset_object *o = truth_of(k, i);
        if (k->v->opts->rules == TRACKING_RULES_MOT17) {
            while (other < k->n_others && k->v->truth->others[k->others[other]].id < o->id)
                w->rule_rows[n++] = &k->v->truth->others[k->others[other++]];
        } else if (!is_judged_truth(k, o)) {
            continue;
        }
        w->rule_rows[n++] = o;
    }
    while (k->v->opts->rules == TRACKING_RULES_MOT17 && other < k->n_others)
        w->rule_rows[n++] = &k->v->truth->others[k->others[other++]];
    return n;
}

// Assigns the rule's rows to the results of the class by IoU; w->row_of[j] becomes 1 + the row that
// result j was assigned to, 0 for none.
static int assign_rule(const struct look *k, struct tracking_work *w)
{
    struct tracking_frame f = {.truth = w->rule_truth, .results = w->rule_results};
    f.n = list_rows(k, w);
    for (size_t i = 0; i < f.n; i++)
        w->rule_truth[i] = box_of(w->rule_rows[i]);
    for (size_t j = 0; j < k->n_results; j++) {
        w->row_of[j] = 0;
        if (!is_judged_result(k, j))
            continue;
        w->rule_columns[f.m] = (int32_t)j;
        w->rule_results[f.m++] = box_of(result_of(k, j));
    }
    if (f.n == 0 || f.m == 0)
        return 0;
    int r = tracking_work_reserve(w, f.n, f.m);
    if (r < 0)
        return r;
    tracking_similarity(&f, w->score);
    for (size_t c = 0; c < f.n * f.m; c++)
        w->score[c] = w->score[c] < RULE_IOU - TRACKING_EPS ? 0 : w->score[c];
    assign_max_score(&w->assign, w->score, f.n, f.m, w->column);
    for (size_t i = 0; i < f.n; i++) {
        if (w->column[i] >= 0 && w->score[i * f.m + (size_t)w->column[i]] > TRACKING_EPS)
            w->row_of[w->rule_columns[w->column[i]]] = (int32_t)i + 1;
    }
    return 0;
}

static bool is_taken_away(const struct look *k, size_t j, const struct tracking_work *w)
{
    switch (k->v->opts->rules) {
    case TRACKING_RULES_MOT17:
        return w->row_of[j] && truth_class(k, w->rule_rows[w->row_of[j] - 1]) == TRACKING_AWAY;
    case TRACKING_RULES_BDD100K:
        return !w->row_of[j] && is_in_region(k, j);
    default:
        return false;
    }
}

static int gather_frame(const struct look *k, size_t t, struct tracking_work *w,
                        struct gather *truth, struct gather *results)
{
    int r = 0;
    if (k->v->opts->rules == TRACKING_RULES_MOT17 || k->v->opts->rules == TRACKING_RULES_BDD100K) {
        r = tracking_work_reserve_rule(w, k->n_truths + k->n_others, k->n_results);
        if (r == 0)
            r = assign_rule(k, w);
    }
    for (size_t i = 0; r == 0 && i < k->n_truths; i++) {
        if (is_judged_truth(k, truth_of(k, i)))
            r = gather_add(truth, k->v, t, truth_of(k, i));
    }
    for (size_t j = 0; r == 0 && j < k->n_results; j++) {
        if (is_judged_result(k, j) && !is_taken_away(k, j, w))
            r = gather_add(results, k->v, t, result_of(k, j));
    }
    return r;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The different ids among *ids*, ascending. Returns owned (mem_free()).
static int64_t *different_ids(const int64_t *ids, size_t n, size_t *ret_n)
{
    int64_t *all = mem_array(int64_t, n + 1);
    if (!all)
        return NULL;
    size_t kept = 0;
    if (n > 0) {
        memcpy(all, ids, n * sizeof(*all));
        qsort(all, n, sizeof(*all), compare_ids);
    }
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || all[kept - 1] != all[i])
            all[kept++] = all[i];
    }
    *ret_n = kept;
    return all;
}

// Numbers the tracks of frames at[0..n_frames]; *seen* [n_ids] is scratch.
static int number_tracks(struct tracking_side *s, const struct tracking_video *v,
                         const struct gather *g, const int64_t *ids, size_t *seen,
                         const char *twice)
{
    for (size_t t = 0; t < v->n_frames; t++) {
        for (size_t i = s->at[t]; i < s->at[t + 1]; i++) {
            const int64_t *id = bsearch(&g->ids[i], ids, s->n_tracks, sizeof(*ids), compare_ids);
            size_t track = (size_t)(id - ids);
            if (seen[track] == t + 1)
                return refuse(v, t, twice, *id);
            seen[track] = t + 1;
            s->tracks[i] = (int32_t)track;
        }
    }
    return 0;
}

// Takes the boxes of *g*.
static int side_fill(struct tracking_side *s, const struct tracking_video *v, struct gather *g,
                     const char *twice)
{
    int64_t *ids = different_ids(g->ids, g->n, &s->n_tracks);
    s->tracks = mem_array(int32_t, g->n + 1);
    size_t *seen = ids ? mem_array(size_t, s->n_tracks + 1) : NULL;
    int r = ids && s->tracks && seen ? 0 : ERR_NOMEM;
    if (r == 0)
        r = number_tracks(s, v, g, ids, seen, twice);
    mem_free(ids);
    mem_free(seen);
    s->boxes = g->boxes;
    g->boxes = NULL;
    return r;
}

static int check_ids(const struct tracking_video *v, const struct gather *truth)
{
    for (size_t i = 0; i < truth->n; i++) {
        if (truth->ids[i] < 0)
            return err_set(ERR_DATA, "video '%s': truth objects have no track ids", v->name);
    }
    return 0;
}

static int gather_scene(struct tracking_scene *s, const struct tracking_video *v, int32_t judged,
                        struct tracking_work *w, struct gather *truth, struct gather *results)
{
    for (size_t t = 0; t < v->n_frames; t++) {
        size_t p = (size_t)v->pictures[t];
        struct look k = {
            .v = v,
            .judged = judged,
            .truths = v->truths.objects + v->truths.at[p],
            .others = v->others.objects + v->others.at[p],
            .results = v->results_by.objects + v->results_by.at[p],
            .n_truths = v->truths.at[p + 1] - v->truths.at[p],
            .n_others = v->others.at[p + 1] - v->others.at[p],
            .n_results = v->results_by.at[p + 1] - v->results_by.at[p],
        };
        int r = gather_frame(&k, t, w, truth, results);
        if (r < 0)
            return r;
        s->truth.at[t + 1] = truth->n;
        s->results.at[t + 1] = results->n;
        s->max_truths = MAX(s->max_truths, truth->n - s->truth.at[t]);
        s->max_results = MAX(s->max_results, results->n - s->results.at[t]);
    }
    return 0;
}

int tracking_scene_init(struct tracking_scene *s, const struct tracking_video *v, int32_t judged,
                        struct tracking_work *w)
{
    struct gather truth = {0};
    struct gather results = {0};
    *s = (struct tracking_scene){.n_frames = v->n_frames};
    s->truth.at = mem_array(size_t, v->n_frames + 1);
    s->results.at = mem_array(size_t, v->n_frames + 1);
    int r = s->truth.at && s->results.at ? 0 : ERR_NOMEM;
    if (r == 0)
        r = gather_scene(s, v, judged, w, &truth, &results);
    if (r == 0)
        r = check_ids(v, &truth);
    if (r == 0)
        r = side_fill(&s->truth, v, &truth, "the truth has two objects of track id");
    if (r == 0)
        r = side_fill(&s->results, v, &results, "there are two detections of track id");
    gather_finish(&truth);
    gather_finish(&results);
    if (r < 0)
        tracking_scene_finish(s);
    return r;
}
