// SPDX-License-Identifier: Apache-2.0
// tracking.c - tracking metrics of every class and video, and what they add up to.

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "dataset/order.h"
#include "tracking/tracking_priv.h"

#define DEFAULT_IOU .5

// Frees and makes anew: what was there is scratch.
static int renew(void **pp, size_t n, size_t size)
{
    mem_free(*pp);
    *pp = mem_calloc(n, size);
    return *pp ? 0 : ERR_NOMEM;
}
#define RENEW(array, n) renew((void **)&(array), (n), sizeof(*(array)))

int tracking_work_reserve(struct tracking_work *w, size_t n, size_t m)
{
    if (m > 0 && n > TRACKING_MAX_FRAME_PAIRS / m)
        return err_set(ERR_TOO_BIG, "a frame has %zu truth objects and %zu detections of one class",
                       n, m);
    size_t rows = MAX(n, w->max_rows);
    size_t columns = MAX(m, w->max_columns);
    int r = assign_reserve(&w->assign, n, m);
    if (r == 0 && n * m > w->max_cells) {
        size_t cells = MAX(n * m, w->max_cells);
        w->max_cells = 0;
        r = RENEW(w->similarity, cells);
        if (r == 0)
            r = RENEW(w->score, cells);
        if (r == 0)
            w->max_cells = cells;
    }
    if (r == 0 && n > w->max_rows) {
        w->max_rows = 0;
        r = RENEW(w->row_sums, rows);
        if (r == 0)
            r = RENEW(w->column, rows);
        if (r == 0)
            w->max_rows = rows;
    }
    if (r == 0 && m > w->max_columns) {
        w->max_columns = 0;
        r = RENEW(w->column_sums, columns);
        if (r == 0)
            w->max_columns = columns;
    }
    return r;
}

int tracking_work_reserve_rule(struct tracking_work *w, size_t n, size_t m)
{
    int r = 0;
    if (n > w->max_rule_truths) {
        w->max_rule_truths = 0;
        r = RENEW(w->rule_truth, 2 * n);
        if (r == 0)
            r = RENEW(w->rule_rows, 2 * n);
        if (r == 0)
            w->max_rule_truths = 2 * n;
    }
    if (r == 0 && m > w->max_rule_results) {
        w->max_rule_results = 0;
        r = RENEW(w->rule_results, 2 * m);
        if (r == 0)
            r = RENEW(w->rule_columns, 2 * m);
        if (r == 0)
            r = RENEW(w->row_of, 2 * m);
        if (r == 0)
            w->max_rule_results = 2 * m;
    }
    return r;
}

static void work_end_scene(struct tracking_work *w)
{
    tracking_pairs_finish(&w->pairs);
    tracking_clear_destroy(w->clear);
    w->clear = NULL;
    mem_free(w->truth_frames);
    mem_free(w->result_frames);
    w->truth_frames = w->result_frames = NULL;
}

void tracking_work_finish(struct tracking_work *w)
{
    work_end_scene(w);
    assign_finish(&w->assign);
    mem_free(w->similarity);
    mem_free(w->score);
    mem_free(w->row_sums);
    mem_free(w->column_sums);
    mem_free(w->column);
    mem_free(w->rule_truth);
    mem_free(w->rule_results);
    mem_free(w->rule_rows);
    mem_free(w->rule_columns);
    mem_free(w->row_of);
    *w = (struct tracking_work){0};
}

// --- one scene

// Without truth or without results there is nothing to assign; the ratios stay the reference's.
static void judge_empty(struct tracking_figures *out)
{
    out->fn = out->idfn = out->n_truths;
    out->fp = out->idfp = out->n_results;
    out->ml = out->n_results == 0 ? out->n_truth_tracks : 0;
    out->mlr = 1;
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        out->alphas.fn[a] = (double)out->n_truths;
        out->alphas.fp[a] = (double)out->n_results;
        out->alphas.loc_a[a] = 1;
    }
    tracking_figures_means(out);
}

static int first_pass(struct tracking_work *w, const struct tracking_scene *s,
                      struct tracking_figures *out)
{
    for (size_t t = 0; t < s->n_frames; t++) {
        struct tracking_frame f = tracking_scene_frame(s, t);
        tracking_similarity(&f, w->similarity);
        tracking_clear_frame(w, &f, out);
        int r = tracking_hota_first(w, &f);
        if (r < 0)
            return r;
    }
    return 0;
}

static int second_pass(struct tracking_work *w, const struct tracking_scene *s,
                       struct tracking_figures *out)
{
    for (size_t t = 0; t < s->n_frames; t++) {
        struct tracking_frame f = tracking_scene_frame(s, t);
        tracking_similarity(&f, w->similarity);
        int r = tracking_hota_frame(w, &f, out);
        if (r < 0)
            return r;
    }
    return 0;
}

static int judge_filled(struct tracking_work *w, const struct tracking_scene *s,
                        struct tracking_figures *out)
{
    int r = tracking_work_reserve(w, s->max_truths, s->max_results);
    if (r == 0)
        r = RENEW(w->truth_frames, s->truth.n_tracks);
    if (r == 0)
        r = RENEW(w->result_frames, s->results.n_tracks);
    if (r == 0)
        r = tracking_clear_create(s->truth.n_tracks, &w->clear);
    if (r == 0)
        r = first_pass(w, s, out);
    if (r == 0)
        r = second_pass(w, s, out);
    if (r < 0)
        return r;
    tracking_pairs_sort(&w->pairs);
    tracking_clear_end(w->clear, s->n_frames, out);
    r = tracking_identity_end(w, s->truth.n_tracks, s->results.n_tracks, out);
    if (r < 0)
        return r;
    tracking_hota_end(w, out);
    tracking_figures_complete(out);
    return 0;
}

static int judge(struct tracking_work *w, const struct tracking_scene *s,
                 struct tracking_figures *ret_figures)
{
    struct tracking_figures out = {
        .n_frames = (int64_t)s->n_frames,
        .n_truths = (int64_t)tracking_side_n(&s->truth, s->n_frames),
        .n_results = (int64_t)tracking_side_n(&s->results, s->n_frames),
        .n_truth_tracks = (int64_t)s->truth.n_tracks,
        .n_result_tracks = (int64_t)s->results.n_tracks,
    };
    int r = 0;
    if (out.n_truths == 0 || out.n_results == 0)
        judge_empty(&out);
    else
        r = judge_filled(w, s, &out);
    work_end_scene(w);
    if (r == 0)
        *ret_figures = out;
    return r;
}

// --- files, videos, classes

// A pair made ready: scratch for its videos.
struct opened {
    const struct tracking_pair *pair;
    struct dataset_grouped truth, others, results;
    int32_t *pictures; // judged ones, by video and time
    size_t n_pictures;
    int32_t *truth_class_of, *result_class_of;
};

static void opened_finish(struct opened *o)
{
    dataset_grouped_finish(&o->truth);
    dataset_grouped_finish(&o->others);
    dataset_grouped_finish(&o->results);
    mem_free(o->pictures);
    mem_free(o->truth_class_of);
    mem_free(o->result_class_of);
}

static int order_pictures(struct opened *o)
{
    const struct dataset *d = o->pair->truth;
    const bool *judged = o->pair->results->judged;
    o->pictures = mem_array(int32_t, d->n_pictures + 1);
    if (!o->pictures)
        return ERR_NOMEM;
    for (size_t p = 0; p < d->n_pictures; p++) {
        if (!judged || judged[p])
            o->pictures[o->n_pictures++] = (int32_t)p;
    }
    return dataset_sort_pictures(d, o->pictures, o->n_pictures);
}

// A tracker does not follow all that a detector sees; but it follows something.
static int count_untracked(const struct dataset *results, size_t *n_untracked)
{
    size_t n = 0;
    for (size_t i = 0; i < results->n_objects; i++)
        n += results->objects[i].track_id < 0;
    if (n > 0 && n == results->n_objects)
        return err_set(ERR_DATA, "the detections have no track ids (detect --track gives them)");
    *n_untracked += n;
    return 0;
}

static int open_pair(struct opened *o, const struct tracking_result *res)
{
    const struct dataset *truth = o->pair->truth;
    const struct dataset *results = o->pair->results;
    if (results->n_pictures != truth->n_pictures || results->n_classes != truth->n_classes)
        return err_set(ERR_INVALID, "the detections were not read for this truth");
    size_t n = truth->n_pictures;
    int r = dataset_group(truth->objects, truth->n_objects, NULL, n, &o->truth);
    if (r == 0)
        r = dataset_group(truth->others, truth->n_others, NULL, n, &o->others);
    if (r == 0)
        r = dataset_group(results->objects, results->n_objects, NULL, n, &o->results);
    if (r == 0)
        r = order_pictures(o);
    if (r < 0)
        return r;
    o->truth_class_of = mem_array(int32_t, truth->n_classes + 1);
    o->result_class_of = mem_array(int32_t, truth->n_classes + 1);
    if (!o->truth_class_of || !o->result_class_of)
        return ERR_NOMEM;
    tracking_classes_map(res, truth, o->truth_class_of, o->result_class_of);
    return 0;
}

static size_t count_videos(const struct tracking_pair *pair)
{
    return MAX(pair->truth->n_videos, 1);
}

static const char *video_name(const struct tracking_pair *pair, size_t i)
{
    if (pair->truth->n_videos > 1 || (pair->truth->n_videos == 1 && !pair->name))
        return pair->truth->videos[i];
    return pair->name ? pair->name : "";
}

// Which classes have an object in the video.
static void mark_classes(const struct tracking_video *v, bool *ret_present)
{
    for (size_t t = 0; t < v->n_frames; t++) {
        size_t p = (size_t)v->pictures[t];
        for (size_t k = v->truths.at[p]; k < v->truths.at[p + 1]; k++) {
            const struct dataset_object *o = &v->truth->objects[v->truths.objects[k]];
            int32_t c = v->truth_class_of[o->class_index];
            if (v->opts->rules == TRACKING_RULES_MOT17 && o->mot_class)
                c = tracking_classes_mot17(o->mot_class);
            if (c >= 0)
                ret_present[c] = true;
        }
        for (size_t k = v->results_by.at[p]; k < v->results_by.at[p + 1]; k++) {
            const struct dataset_object *o = &v->results->objects[v->results_by.objects[k]];
            int32_t c = v->result_class_of[o->class_index];
            if (c >= 0)
                ret_present[c] = true;
        }
    }
}

static int judge_class(struct tracking_work *w, const struct tracking_video *v, size_t c,
                       struct arena *a, struct tracking_figures **ret_figures)
{
    struct tracking_figures *f = arena_new(a, struct tracking_figures);
    if (!f)
        return ERR_NOMEM;
    struct tracking_scene s;
    int r = tracking_scene_init(&s, v, (int32_t)c, w);
    if (r < 0)
        return r;
    r = judge(w, &s, f);
    tracking_scene_finish(&s);
    if (r == 0)
        *ret_figures = f;
    return r;
}

static int judge_video(struct tracking_work *w, const struct tracking_video *v,
                       const struct tracking_result *res, struct arena *a,
                       struct tracking_sequence *ret_sequence)
{
    struct tracking_sequence out = {0};
    out.name = arena_strndup(a, v->name, strlen(v->name));
    out.classes = arena_array(a, struct tracking_figures *, res->n_classes + 1);
    bool *present = mem_array(bool, res->n_classes + 1);
    const struct tracking_figures **list =
        mem_array(const struct tracking_figures *, res->n_classes + 1);
    int r = out.name && out.classes && present && list ? 0 : ERR_NOMEM;
    if (r == 0)
        mark_classes(v, present);
    size_t n = 0;
    for (size_t c = 0; r == 0 && c < res->n_classes; c++) {
        if (!present[c])
            continue;
        r = judge_class(w, v, c, a, &out.classes[c]);
        list[n++] = out.classes[c];
    }
    if (r == 0) {
        tracking_pool(list, n, &out.overall);
        out.overall.n_frames = (int64_t)v->n_frames; // frames are not per class
        *ret_sequence = out;
    }
    mem_free(present);
    mem_free(list);
    return r;
}

static int judge_pair(struct tracking_work *w, const struct tracking_pair *pair, struct arena *a,
                      struct tracking_result *res)
{
    struct opened o = {.pair = pair};
    int r = count_untracked(pair->results, &res->n_untracked);
    if (r == 0)
        r = open_pair(&o, res);
    size_t k = 0;
    for (size_t i = 0; r == 0 && i < count_videos(pair); i++) {
        size_t first = k;
        while (k < o.n_pictures && (size_t)pair->truth->pictures[o.pictures[k]].video == i)
            k++;
        struct tracking_video v = {
            .name = video_name(pair, i),
            .truth = pair->truth,
            .results = pair->results,
            .n_frames = k - first,
            .pictures = o.pictures + first,
            .truths = o.truth,
            .others = o.others,
            .results_by = o.results,
            .truth_class_of = o.truth_class_of,
            .result_class_of = o.result_class_of,
            .opts = &res->opts,
        };
        r = judge_video(w, &v, res, a, &res->sequences[res->n_sequences]);
        res->n_sequences += r == 0;
    }
    opened_finish(&o);
    return r;
}

// --- what it adds up to

// Over classes: all, those of each group, those that the mean is of. *list* is scratch.
static void pool_classes(struct tracking_result *res, const struct tracking_figures **list)
{
    for (size_t g = 0; g < res->n_groups; g++) {
        size_t n = 0;
        for (size_t c = 0; c < res->n_classes; c++) {
            if (strcmp(tracking_classes_group(res->classes[c].label), res->groups[g].label) == 0)
                list[n++] = &res->classes[c].figures;
        }
        tracking_pool(list, n, &res->groups[g].figures);
    }
    size_t n = 0;
    for (size_t c = 0; c < res->n_classes; c++) {
        const struct tracking_figures *f = &res->classes[c].figures;
        if (res->opts.rules == TRACKING_RULES_BDD100K || f->n_truths > 0)
            list[n++] = f;
    }
    tracking_average(list, n, &res->class_average);
    for (size_t c = 0; c < res->n_classes; c++)
        list[c] = &res->classes[c].figures;
    tracking_pool(list, res->n_classes, &res->overall);
}

// Over videos, class by class. What a class is absent from adds nothing but its frames.
static void pool_videos(struct tracking_result *res, const struct tracking_figures **list,
                        int64_t n_frames)
{
    for (size_t c = 0; c < res->n_classes; c++) {
        size_t n = 0;
        for (size_t i = 0; i < res->n_sequences; i++) {
            if (res->sequences[i].classes[c])
                list[n++] = res->sequences[i].classes[c];
        }
        tracking_pool(list, n, &res->classes[c].figures);
        res->classes[c].figures.n_frames = n_frames;
    }
}

static int add_up(struct tracking_result *res)
{
    const struct tracking_figures **list =
        mem_array(const struct tracking_figures *, MAX(res->n_sequences, res->n_classes) + 1);
    if (!list)
        return ERR_NOMEM;
    int64_t n_frames = 0;
    for (size_t i = 0; i < res->n_sequences; i++)
        n_frames += res->sequences[i].overall.n_frames;
    pool_videos(res, list, n_frames);
    pool_classes(res, list);
    mem_free(list);
    // Classes share their frames.
    res->overall.n_frames = res->class_average.n_frames = n_frames;
    for (size_t g = 0; g < res->n_groups; g++)
        res->groups[g].figures.n_frames = n_frames;
    return 0;
}

const struct tracking_figures *tracking_sequence_class(const struct tracking_sequence *s,
                                                       size_t class_index)
{
    static const struct tracking_figures none;
    return s->classes[class_index] ? s->classes[class_index] : &none;
}

static int complete_opts(struct tracking_opts *opts)
{
    if (opts->rules == TRACKING_RULES_UNSET)
        opts->rules = TRACKING_RULES_NONE;
    if (opts->iou_threshold == 0)
        opts->iou_threshold = DEFAULT_IOU;
    if (!(opts->iou_threshold > 0 && opts->iou_threshold <= 1))
        return err_set(ERR_INVALID, "tracking IoU threshold %g: not above 0 and at most 1",
                       opts->iou_threshold);
    return 0;
}

int tracking_evaluate_pairs(const struct tracking_pair *pairs, size_t n_pairs,
                            const struct tracking_opts *opts, struct arena *a,
                            struct tracking_result *ret_result)
{
    struct tracking_result res = {.opts = opts ? *opts : (struct tracking_opts){0}};
    int r = complete_opts(&res.opts);
    if (r == 0)
        r = tracking_classes_list(pairs, n_pairs, a, &res);
    if (r < 0)
        return r;
    size_t n_videos = 0;
    for (size_t p = 0; p < n_pairs; p++)
        n_videos += count_videos(&pairs[p]);
    if (res.n_classes > 0 && n_videos > TRACKING_MAX_SEQUENCE_CLASSES / res.n_classes)
        return err_set(ERR_TOO_BIG, "tracking figures of %zu classes in %zu videos", res.n_classes,
                       n_videos);
    res.sequences = arena_array(a, struct tracking_sequence, n_videos + 1);
    if (!res.sequences)
        return ERR_NOMEM;
    struct tracking_work w = {.threshold = res.opts.iou_threshold};
    for (size_t p = 0; r == 0 && p < n_pairs; p++)
        r = judge_pair(&w, &pairs[p], a, &res);
    if (r == 0)
        r = add_up(&res);
    tracking_work_finish(&w);
    if (r == 0)
        *ret_result = res;
    return r;
}

int tracking_evaluate(const struct dataset *truth, const struct dataset *results,
                      const struct tracking_opts *opts, struct arena *a,
                      struct tracking_result *ret_result)
{
    struct tracking_pair pair = {.truth = truth, .results = results};
    return tracking_evaluate_pairs(&pair, 1, opts, a, ret_result);
}
