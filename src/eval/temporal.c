// SPDX-License-Identifier: Apache-2.0
// temporal.c - boxes in order of time, scene by scene, and what their figures add up to.
//
// INVARIANTS
// (1) Boxes of one class and video stand together, by time, then picture, then file order.
// (2) Figures are sums until temporal_complete() makes means of them; what is pooled is the sums
//     and the latencies themselves.

#include "eval/temporal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "dataset/label_map.h"
#include "eval/temporal_priv.h"

enum {
    MAX_NOTICES = 4,
    MAX_TOLERANCE_MS = 60 * 1000,
};
#define MAX_TIME_US ((int64_t)1 << 52) // 142 years: what lies beyond is no time

const char *const temporal_bin_names[TEMPORAL_N_BINS] = {"0-50", "51-100", "101-200", "201-500",
                                                         "over 500"};
static const double bin_ends[TEMPORAL_N_BINS - 1] = {50, 100, 200, 500};
const char *const temporal_run_names[TEMPORAL_N_RUNS] = {"1",    "2",     "3-5",
                                                         "6-10", "11-30", "over 30"};
static const size_t run_ends[TEMPORAL_N_RUNS - 1] = {1, 2, 5, 10, 30};

// A detected track.
struct seen {
    int32_t video, class_index;
    double latency_ms;
};

struct run {
    const struct dataset *truth, *detections;
    const struct temporal_opts *opts;
    struct arena *arena;
    struct temporal_result *res;
    int64_t *times;     // [picture]; INT64_MIN: none
    int32_t *class_row; // [class of the truth]: index in res->classes; -1: not judged
    bool has_visibility;
    struct temporal_box *truths, *boxes; // of everything
    size_t n_truths, n_boxes;
    struct seen *seen;
    size_t n_seen, cap_seen;
    int64_t tolerance_us;
};

// --- options

int temporal_opts_complete(struct temporal_opts *o)
{
    if (!o->has_tolerance)
        o->tolerance_ms = TEMPORAL_TOLERANCE_MS;
    if (!o->has_latency_threshold)
        o->latency_threshold_ms = TEMPORAL_LATENCY_THRESHOLD_MS;
    if (!o->has_at_confidence)
        o->at_confidence = TEMPORAL_AT_CONFIDENCE;
    o->has_tolerance = o->has_latency_threshold = o->has_at_confidence = true;
    o->iou = o->iou == 0 ? .5 : o->iou;
    if (!(o->tolerance_ms >= 0 && o->tolerance_ms <= MAX_TOLERANCE_MS))
        return err_set(ERR_INVALID, "the tolerance of time is not 0 to %d ms", MAX_TOLERANCE_MS);
    if (!(o->latency_threshold_ms >= 0 && isfinite(o->latency_threshold_ms)))
        return err_set(ERR_INVALID, "the threshold of latency is not a number from 0");
    if (!(o->iou > 0 && o->iou <= 1))
        return err_set(ERR_INVALID, "the IoU is not above 0 and up to 1");
    if (!isfinite(o->at_confidence))
        return err_set(ERR_INVALID, "the confidence of the operating point is not a finite number");
    if (!(o->frame_rate >= 0 && o->frame_rate <= 1e6))
        return err_set(ERR_INVALID, "the frame rate is not 0 to 1000000");
    if (!(o->min_height >= 0 && o->min_visibility >= 0 && o->min_visibility <= 1))
        return err_set(ERR_INVALID, "the least height or visibility is out of range");
    return 0;
}

// ret_selected: [class of the truth].
static int select_labels(const struct run *u, bool *ret_selected)
{
    const struct temporal_opts *o = u->opts;
    struct label_map *labels;
    int r = label_map_create(u->truth, &labels);
    if (r < 0)
        return r;
    for (size_t k = 0; k < u->truth->n_classes; k++)
        ret_selected[k] = o->n_classes == 0;
    for (size_t i = 0; r == 0 && i < o->n_classes; i++) {
        bool found = false;
        for (size_t k = 0; k < u->truth->n_classes; k++) {
            if (strcmp(u->truth->classes[k].name, o->classes[i]) == 0)
                ret_selected[k] = found = true;
        }
        int32_t alias = label_map_find(labels, str_of(o->classes[i]));
        if (!found && alias >= 0)
            ret_selected[alias] = found = true;
        if (!found)
            r = err_set(ERR_INVALID, "class '%s' is not in the truth", o->classes[i]);
    }
    label_map_destroy(labels);
    return r;
}

static int select_classes(struct run *u)
{
    const struct dataset *t = u->truth;
    struct temporal_result *res = u->res;
    bool *selected = arena_array(u->arena, bool, t->n_classes + 1);
    u->class_row = arena_array(u->arena, int32_t, t->n_classes + 1);
    res->classes = arena_array(u->arena, struct temporal_class, t->n_classes + 1);
    if (!selected || !u->class_row || !res->classes)
        return ERR_NOMEM;
    int r = select_labels(u, selected);
    for (size_t k = 0; r == 0 && k < t->n_classes; k++) {
        u->class_row[k] = -1;
        if (!selected[k])
            continue;
        u->class_row[k] = (int32_t)res->n_classes;
        res->classes[res->n_classes++] =
            (struct temporal_class){.label = t->classes[k].name, .id = t->classes[k].id};
    }
    return r;
}

// --- times

static bool is_judged(const struct run *u, size_t picture)
{
    return !u->detections->judged || u->detections->judged[picture];
}

static bool is_time(int64_t us)
{
    return us > -MAX_TIME_US && us < MAX_TIME_US;
}

// Of each video: whose clock is complete, or nearly so. Two clocks are never mixed.
struct clock_votes {
    size_t n_truth, n_detections;
};

static int64_t time_by_frame(const struct run *u, size_t picture, int64_t ordinal)
{
    int64_t frame = u->truth->pictures[picture].frame;
    double us = (double)(frame >= 0 ? frame : ordinal) * 1e6 / u->opts->frame_rate;
    return us < (double)MAX_TIME_US ? llround(us) : INT64_MIN;
}

static void give_times(struct run *u, const struct clock_votes *votes, int64_t *ordinals)
{
    const struct dataset *t = u->truth;
    for (size_t p = 0; p < t->n_pictures; p++) {
        const struct clock_votes *v = &votes[t->pictures[p].video];
        int64_t ordinal = ordinals[t->pictures[p].video]++;
        int64_t us = INT64_MIN;
        if (v->n_truth + v->n_detections == 0)
            us = u->opts->frame_rate > 0 ? time_by_frame(u, p, ordinal) : INT64_MIN;
        else
            us = v->n_truth >= v->n_detections ? t->pictures[p].pts_us : u->detections->pts_us[p];
        u->times[p] = is_time(us) ? us : INT64_MIN;
        if (!is_judged(u, p))
            continue;
        u->res->has_times = u->res->has_times || u->times[p] != INT64_MIN;
        u->res->n_without_time += u->times[p] == INT64_MIN;
    }
}

static int find_times(struct run *u)
{
    const struct dataset *t = u->truth;
    const size_t n_videos = MAX(t->n_videos, 1);
    u->times = arena_array(u->arena, int64_t, t->n_pictures + 1);
    struct clock_votes *votes = arena_array(u->arena, struct clock_votes, n_videos);
    int64_t *ordinals = arena_array(u->arena, int64_t, n_videos);
    if (!u->times || !votes || !ordinals)
        return ERR_NOMEM;
    for (size_t p = 0; p < t->n_pictures; p++) {
        if (!is_judged(u, p))
            continue;
        struct clock_votes *v = &votes[t->pictures[p].video];
        v->n_truth += is_time(t->pictures[p].pts_us);
        v->n_detections += u->detections->pts_us && is_time(u->detections->pts_us[p]);
    }
    give_times(u, votes, ordinals);
    return 0;
}

// --- boxes

static int compare_boxes(const void *a, const void *b)
{
    const struct temporal_box *x = a;
    const struct temporal_box *y = b;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    if (x->class_index != y->class_index)
        return x->class_index < y->class_index ? -1 : 1;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    if (x->picture != y->picture)
        return x->picture < y->picture ? -1 : 1;
    return (x->object > y->object) - (x->object < y->object);
}

static bool counts(const struct run *u, const struct dataset_object *o, bool is_truth)
{
    if (u->class_row[o->class_index] < 0 || !is_judged(u, (size_t)o->picture) ||
        u->times[o->picture] == INT64_MIN)
        return false;
    if (!is_truth)
        return o->confidence >= u->opts->at_confidence;
    return !o->ignore && o->h >= u->opts->min_height &&
           (!u->has_visibility || (double)o->visibility >= u->opts->min_visibility);
}

static int gather(const struct run *u, const struct dataset *d, struct temporal_box **ret_boxes,
                  size_t *ret_n)
{
    const bool is_truth = d == u->truth;
    if (d->n_objects >= INT32_MAX)
        return err_set(ERR_TOO_BIG, "%zu objects: at most %d can be judged in time", d->n_objects,
                       INT32_MAX);
    size_t n = 0;
    for (size_t i = 0; i < d->n_objects; i++)
        n += counts(u, &d->objects[i], is_truth);
    struct temporal_box *boxes = mem_array(struct temporal_box, n + 1);
    if (!boxes)
        return ERR_NOMEM;
    n = 0;
    for (size_t i = 0; i < d->n_objects; i++) {
        const struct dataset_object *o = &d->objects[i];
        if (counts(u, o, is_truth))
            boxes[n++] = (struct temporal_box){.object = o,
                                               .time_us = u->times[o->picture],
                                               .video = u->truth->pictures[o->picture].video,
                                               .class_index = o->class_index,
                                               .picture = o->picture,
                                               .same = -1,
                                               .found = -1};
    }
    if (n > 1)
        qsort(boxes, n, sizeof(*boxes), compare_boxes);
    *ret_boxes = boxes;
    *ret_n = n;
    return 0;
}

// --- a track

static void count_run(struct temporal_figures *f, size_t n, int64_t us)
{
    size_t bin = 0;
    while (bin < ARRAY_LEN(run_ends) && n > run_ends[bin])
        bin++;
    f->runs[bin]++;
    f->n_runs++;
    f->longest_run = MAX(f->longest_run, n);
    f->longest_run_ms = MAX(f->longest_run_ms, (double)us / 1e3);
}

static void count_misses(const struct temporal_scene *s, const uint32_t *track, size_t n,
                         struct temporal_figures *f)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->truths[track[i]].same < 0) {
            length++;
            continue;
        }
        if (length > 0)
            count_run(f, length,
                      s->truths[track[i]].time_us - s->truths[track[i - length]].time_us);
        length = 0;
    }
    if (length > 0)
        count_run(f, length,
                  s->truths[track[n - 1]].time_us - s->truths[track[n - length]].time_us);
}

static size_t count_covered(const struct temporal_scene *s, const uint32_t *track, size_t n,
                            int64_t tolerance_us)
{
    size_t n_covered = 0;
    size_t before = SIZE_MAX; // the last box with a detection up to i
    size_t after = 0;         // the first one from i on
    for (size_t i = 0; i < n; i++) {
        int64_t now = s->truths[track[i]].time_us;
        if (s->truths[track[i]].same >= 0)
            before = i;
        after = MAX(after, i);
        while (after < n && s->truths[track[after]].same < 0)
            after++;
        bool is_covered =
            (before != SIZE_MAX && now - s->truths[track[before]].time_us <= tolerance_us) ||
            (after < n && s->truths[track[after]].time_us - now <= tolerance_us);
        n_covered += is_covered;
    }
    return n_covered;
}

static int judge_track(struct run *u, const struct temporal_scene *s, const uint32_t *track,
                       size_t n, struct temporal_figures *f)
{
    const struct temporal_box *first = &s->truths[track[0]];
    f->n_tracks++;
    f->n_tracked += n;
    f->n_covered += count_covered(s, track, n, u->tolerance_us);
    count_misses(s, track, n, f);
    size_t i = 0;
    while (i < n && s->truths[track[i]].same < 0)
        i++;
    if (i == n) {
        f->n_never++;
        return 0;
    }
    int r = MEM_GROW(u->seen, u->cap_seen, u->n_seen);
    if (r < 0)
        return r;
    double ms = (double)(s->truths[track[i]].time_us - first->time_us) / 1e3;
    u->seen[u->n_seen++] =
        (struct seen){.video = first->video, .class_index = first->class_index, .latency_ms = ms};
    f->n_in_time += ms <= u->opts->latency_threshold_ms;
    return 0;
}

// --- a scene

struct track_key {
    int64_t track_id;
    uint32_t truth;
};

static int compare_tracks(const void *a, const void *b)
{
    const struct track_key *x = a;
    const struct track_key *y = b;
    if (x->track_id != y->track_id)
        return x->track_id < y->track_id ? -1 : 1;
    return (x->truth > y->truth) - (x->truth < y->truth);
}

static int order_tracks(struct temporal_scene *s)
{
    struct track_key *keys = mem_array(struct track_key, s->n_truths + 1);
    s->by_track = mem_array(uint32_t, s->n_truths + 1);
    s->place = mem_array(uint32_t, s->n_truths + 1);
    if (!keys || !s->by_track || !s->place) {
        mem_free(keys);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < s->n_truths; i++) {
        s->place[i] = UINT32_MAX;
        if (s->truths[i].object->track_id >= 0)
            keys[s->n_tracked++] = (struct track_key){s->truths[i].object->track_id, (uint32_t)i};
    }
    if (s->n_tracked > 1)
        qsort(keys, s->n_tracked, sizeof(*keys), compare_tracks);
    for (size_t k = 0; k < s->n_tracked; k++) {
        s->by_track[k] = keys[k].truth;
        s->place[keys[k].truth] = (uint32_t)k;
    }
    mem_free(keys);
    return 0;
}

static void count_found(const struct temporal_scene *s, struct temporal_figures *f)
{
    for (size_t i = 0; i < s->n_truths; i++) {
        const struct temporal_box *t = &s->truths[i];
        f->n_same += t->same >= 0;
        if (t->found < 0)
            continue;
        const struct temporal_box *d = &s->detections[t->found];
        double ms = (double)(d->time_us - t->time_us) / 1e3;
        f->n_found++;
        f->n_late += ms > 0;
        f->n_early += ms < 0;
        f->n_on_time += ms == 0;
        f->late_ms += MAX(ms, 0);
        f->early_ms += MAX(-ms, 0);
    }
    f->n_truths = s->n_truths;
    f->n_detections = s->n_detections;
}

static int judge_scene(struct run *u, struct temporal_scene *s, struct temporal_figures *f)
{
    int r = order_tracks(s);
    if (r == 0)
        r = temporal_match_pictures(s, u->opts->iou);
    if (r == 0)
        r = temporal_match_window(s, u->opts->iou, u->tolerance_us);
    if (r == 0)
        count_found(s, f);
    for (size_t i = 0; r == 0 && i < s->n_tracked;) {
        size_t end = i;
        int64_t id = s->truths[s->by_track[i]].object->track_id;
        while (end < s->n_tracked && s->truths[s->by_track[end]].object->track_id == id)
            end++;
        r = judge_track(u, s, &s->by_track[i], end - i, f);
        i = end;
    }
    u->res->n_without_track += s->n_truths - s->n_tracked;
    mem_free(s->by_track);
    mem_free(s->place);
    return r;
}

// --- sums

static void pool(struct temporal_figures *to, const struct temporal_figures *f)
{
    to->n_truths += f->n_truths;
    to->n_detections += f->n_detections;
    to->n_tracks += f->n_tracks;
    to->n_never += f->n_never;
    to->n_in_time += f->n_in_time;
    to->n_same += f->n_same;
    to->n_found += f->n_found;
    to->n_late += f->n_late;
    to->n_early += f->n_early;
    to->n_on_time += f->n_on_time;
    to->late_ms += f->late_ms;
    to->early_ms += f->early_ms;
    to->n_covered += f->n_covered;
    to->n_tracked += f->n_tracked;
    to->n_runs += f->n_runs;
    to->longest_run = MAX(to->longest_run, f->longest_run);
    to->longest_run_ms = MAX(to->longest_run_ms, f->longest_run_ms);
    for (size_t i = 0; i < TEMPORAL_N_RUNS; i++)
        to->runs[i] += f->runs[i];
}

static double ratio(double a, size_t n)
{
    return n > 0 ? a / (double)n : (double)NAN;
}

// Makes means of sums. *class_index*, *video*: whose latencies, -1 for all. *values* is scratch.
static void complete(const struct run *u, struct temporal_figures *f, int32_t class_index,
                     int32_t video, double *values)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n_seen; i++) {
        const struct seen *s = &u->seen[i];
        if ((class_index < 0 || s->class_index == class_index) && (video < 0 || s->video == video))
            values[n++] = s->latency_ms;
    }
    f->latency = temporal_latency_of(values, n);
    f->late_ms = ratio(f->late_ms, f->n_late);
    f->early_ms = ratio(f->early_ms, f->n_early);
    f->recall = ratio((double)f->n_found, f->n_truths);
    f->covered = ratio((double)f->n_covered, f->n_tracked);
}

static int complete_all(struct run *u)
{
    struct temporal_result *res = u->res;
    double *values = mem_array(double, u->n_seen + 1);
    if (!values)
        return ERR_NOMEM;
    complete(u, &res->overall, -1, -1, values);
    for (size_t k = 0; k < u->truth->n_classes; k++) {
        if (u->class_row[k] >= 0)
            complete(u, &res->classes[u->class_row[k]].figures, (int32_t)k, -1, values);
    }
    for (size_t v = 0; v < res->n_videos; v++)
        complete(u, &res->videos[v].figures, -1, (int32_t)v, values);
    mem_free(values);
    return 0;
}

// --- everything

static bool same_scene(const struct temporal_box *a, const struct temporal_box *b)
{
    return a->video == b->video && a->class_index == b->class_index;
}

static size_t scene_end(const struct temporal_box *boxes, size_t n, size_t i,
                        const struct temporal_box *of)
{
    while (i < n && same_scene(&boxes[i], of))
        i++;
    return i;
}

static bool is_scene_before(const struct temporal_box *a, const struct temporal_box *b)
{
    return a->video < b->video || (a->video == b->video && a->class_index < b->class_index);
}

static int judge_scenes(struct run *u)
{
    size_t i = 0;
    size_t j = 0;
    int r = 0;
    while (r == 0 && (i < u->n_truths || j < u->n_boxes)) {
        bool truth_first =
            j == u->n_boxes || (i < u->n_truths && !is_scene_before(&u->boxes[j], &u->truths[i]));
        const struct temporal_box *of = truth_first ? &u->truths[i] : &u->boxes[j];
        size_t i_end = scene_end(u->truths, u->n_truths, i, of);
        size_t j_end = scene_end(u->boxes, u->n_boxes, j, of);
        struct temporal_scene s = {.truths = &u->truths[i],
                                   .n_truths = i_end - i,
                                   .detections = &u->boxes[j],
                                   .n_detections = j_end - j};
        struct temporal_figures f = {0};
        r = judge_scene(u, &s, &f);
        pool(&u->res->overall, &f);
        pool(&u->res->classes[u->class_row[of->class_index]].figures, &f);
        pool(&u->res->videos[of->video].figures, &f);
        i = i_end;
        j = j_end;
    }
    return r;
}

static int name_videos(struct run *u)
{
    struct temporal_result *res = u->res;
    res->n_videos = MAX(u->truth->n_videos, 1);
    res->videos = arena_array(u->arena, struct temporal_video, res->n_videos);
    if (!res->videos)
        return ERR_NOMEM;
    for (size_t v = 0; v < res->n_videos; v++)
        res->videos[v].name = v < u->truth->n_videos ? u->truth->videos[v] : "";
    return 0;
}

static int add_notice(const char **notices, struct temporal_result *res, const char *text)
{
    if (!text)
        return ERR_NOMEM;
    assert(res->n_notices < MAX_NOTICES);
    notices[res->n_notices++] = text;
    return 0;
}

static int tell(struct run *u)
{
    struct temporal_result *res = u->res;
    const char **notices = arena_array(u->arena, const char *, MAX_NOTICES);
    if (!notices)
        return ERR_NOMEM;
    res->notices = notices;
    int r = 0;
    if (!res->has_times)
        return add_notice(notices, res,
                          "in time: no data, since neither truth nor detections say when a picture "
                          "was shown (pts_us)");
    if (res->n_without_time > 0)
        r = add_notice(notices, res,
                       arena_printf(u->arena,
                                    "in time: %zu judged pictures without a time are "
                                    "left out",
                                    res->n_without_time));
    if (r == 0 && res->n_without_track > 0)
        r = add_notice(notices, res,
                       arena_printf(u->arena,
                                    "in time: %zu truth objects have no track id: they "
                                    "have no latency and no misses in a row",
                                    res->n_without_track));
    return r;
}

static int evaluate(struct run *u)
{
    int r = select_classes(u);
    if (r == 0)
        r = find_times(u);
    if (r == 0)
        r = name_videos(u);
    if (r < 0 || !u->res->has_times)
        return r;
    for (size_t i = 0; i < u->truth->n_objects && !u->has_visibility; i++)
        u->has_visibility = u->truth->objects[i].visibility > 0;
    r = gather(u, u->truth, &u->truths, &u->n_truths);
    if (r == 0)
        r = gather(u, u->detections, &u->boxes, &u->n_boxes);
    if (r == 0)
        r = judge_scenes(u);
    return r;
}

int temporal_evaluate(const struct dataset *truth, const struct dataset *detections,
                      const struct temporal_opts *opts, struct arena *a,
                      struct temporal_result *ret_result)
{
    struct temporal_result res = {.opts = opts ? *opts : (struct temporal_opts){0}};
    if (detections->n_pictures != truth->n_pictures || detections->n_classes != truth->n_classes)
        return err_set(ERR_INVALID, "the detections were not read for this truth");
    int r = temporal_opts_complete(&res.opts);
    if (r < 0)
        return r;
    struct run u = {.truth = truth,
                    .detections = detections,
                    .opts = &res.opts,
                    .arena = a,
                    .res = &res,
                    .tolerance_us = llround(res.opts.tolerance_ms * 1e3)};
    r = evaluate(&u);
    if (r == 0)
        r = complete_all(&u);
    if (r == 0)
        r = tell(&u);
    mem_free(u.truths);
    mem_free(u.boxes);
    mem_free(u.seen);
    if (r == 0)
        *ret_result = res;
    return r;
}

// --- latencies

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

// The smallest value that at least *part* of them do not exceed.
static double percentile(const double *v, size_t n, size_t percent)
{
    size_t rank = (n * percent + 99) / 100;
    return v[MAX(rank, 1) - 1];
}

struct temporal_latency temporal_latency_of(double *v, size_t n)
{
    const double none = (double)NAN;
    struct temporal_latency l = {.n = n,
                                 .mean = none,
                                 .median = none,
                                 .deviation = none,
                                 .min = none,
                                 .max = none,
                                 .p50 = none,
                                 .p95 = none,
                                 .p99 = none};
    if (n == 0)
        return l;
    qsort(v, n, sizeof(*v), compare_doubles);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bin = 0;
        while (bin < ARRAY_LEN(bin_ends) && v[i] > bin_ends[bin])
            bin++;
        l.bins[bin]++;
        sum += v[i];
    }
    l.mean = sum / (double)n;
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (v[i] - l.mean) * (v[i] - l.mean);
    l.deviation = sqrt(squares / (double)n);
    l.median = n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
    l.min = v[0];
    l.max = v[n - 1];
    l.p50 = percentile(v, n, 50);
    l.p95 = percentile(v, n, 95);
    l.p99 = percentile(v, n, 99);
    return l;
}
