// SPDX-License-Identifier: Apache-2.0
// outcome_sets.c - outcomes and confusions, picture by picture, into one set of each a video.

#include "task/outcome_sets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/outcome.h"
#include "store/store_detection.h"
#include "store/store_session.h"
#include "task/kind.h"
#include "task/session_files.h"

enum {
    MAX_PAIR_LABEL = COLUMNS_MAX_LABEL, // longer ones are cut: none would be found by its name
};

void confusion_pairs_note(void *arg, enum confusion_kind kind, uint32_t truth, uint32_t detection)
{
    struct confusion_pairs *p = (struct confusion_pairs *)arg;
    if (kind != CONFUSION_SUPERVISION || p->error < 0)
        return;
    p->error = MEM_GROW(p->items, p->cap, p->n);
    if (p->error == 0)
        p->items[p->n++] = (struct confusion_pair){truth, detection};
}

static void fill_box(const struct dataset_object *o, float *x, float *y, float *w, float *h)
{
    *x = (float)o->x;
    *y = (float)o->y;
    *w = (float)o->w;
    *h = (float)o->h;
}

static double overlap(const struct columns_detection *d)
{
    double w = fmin(d->x + d->w, d->truth_x + d->truth_w) - fmax(d->x, d->truth_x);
    double h = fmin(d->y + d->h, d->truth_y + d->truth_h) - fmax(d->y, d->truth_y);
    double both = w > 0 && h > 0 ? w * h : 0;
    double all = (double)d->w * d->h + (double)d->truth_w * d->truth_h - both;
    return all > 0 ? both / all : 0;
}

static void fill_truth(const struct dataset_object *t, struct columns_detection *v)
{
    fill_box(t, &v->truth_x, &v->truth_y, &v->truth_w, &v->truth_h);
}

static void fill_detection(const struct dataset_object *d, struct columns_detection *v)
{
    fill_box(d, &v->x, &v->y, &v->w, &v->h);
    v->confidence = (float)d->confidence;
    v->track_id = d->track_id > 0 ? (int32_t)d->track_id : 0;
}

// ---- outcomes

static struct store_object object_of(const struct outcome_sets *j, const struct outcome_object *o)
{
    struct store_object s = {.class_id = o->class_index,
                             .label = j->truth->classes[o->class_index].name};
    struct columns_detection *v = &s.values;
    if (o->detection != OUTCOME_NONE) {
        fill_detection(&j->detections->objects[o->detection], v);
    }
    if (o->truth != OUTCOME_NONE) {
        const struct dataset_object *t = &j->truth->objects[o->truth];
        fill_truth(t, v);
        if (o->detection == OUTCOME_NONE)
            v->track_id = t->track_id > 0 ? (int32_t)t->track_id : 0;
    }
    v->outcome = o->kind == OUTCOME_FOUND    ? COLUMNS_TP
                 : o->kind == OUTCOME_MISSED ? COLUMNS_FN
                                             : COLUMNS_FP;
    v->iou = o->kind == OUTCOME_FOUND ? (float)overlap(v) : 0;
    return s;
}

static int64_t pts_of(const struct outcome_sets *s, const struct outcome_picture *p)
{
    int64_t pts_us = s->detections->pts_us ? s->detections->pts_us[p->picture] : p->pts_us;
    return pts_us == INT64_MIN ? 0 : pts_us;
}

static int add_outcomes(struct outcome_sets *s, const struct outcome_picture *p,
                        struct store_set_writer *w)
{
    struct arena *a = task_run_arena(s->run);
    size_t mark = arena_mark(a);
    struct store_object *objects = arena_array(a, struct store_object, p->n + 1);
    if (!objects)
        return ERR_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct outcome_object *o = &s->outcome->objects[p->first + i];
        if (o->kind != OUTCOME_IGNORED)
            objects[n++] = object_of(s, o);
    }
    int r = store_set_add(w, p->frame, pts_of(s, p), INT64_MIN, objects, n);
    arena_rewind(a, mark);
    return r;
}

// ---- confusions

// Pairs of picture p are order[first[p]] .. order[first[p + 1] - 1].
struct sorted {
    size_t *first;
    uint32_t *order;
};

static int32_t picture_of(const struct outcome_sets *s, const struct confusion_pair *p)
{
    return p->truth != CONFUSION_NONE ? s->truth->objects[p->truth].picture
                                      : s->detections->objects[p->detection].picture;
}

static int sort_pairs(const struct outcome_sets *s, struct sorted *ret)
{
    struct arena *a = task_run_arena(s->run);
    const struct confusion_pairs *pairs = s->pairs;
    ret->first = arena_array(a, size_t, s->truth->n_pictures + 2);
    ret->order = arena_array(a, uint32_t, pairs->n + 1);
    if (!ret->first || !ret->order)
        return ERR_NOMEM;
    for (size_t i = 0; i < pairs->n; i++)
        ret->first[picture_of(s, &pairs->items[i]) + 2]++;
    for (size_t p = 0; p < s->truth->n_pictures; p++)
        ret->first[p + 2] += ret->first[p + 1];
    for (size_t i = 0; i < pairs->n; i++)
        ret->order[ret->first[picture_of(s, &pairs->items[i]) + 1]++] = (uint32_t)i;
    return 0;
}

static const char *class_of(const struct outcome_sets *s, const struct dataset_object *o)
{
    return s->truth->classes[o->class_index].name;
}

static int pair_of(const struct outcome_sets *s, const struct confusion_pair *p,
                   struct store_object *ret)
{
    const struct dataset_object *t =
        p->truth != CONFUSION_NONE ? &s->truth->objects[p->truth] : NULL;
    const struct dataset_object *d =
        p->detection != CONFUSION_NONE ? &s->detections->objects[p->detection] : NULL;
    char label[MAX_PAIR_LABEL + 1];
    snprintf(label, sizeof(label), "%s\x1f%s", t ? class_of(s, t) : OUTCOME_BACKGROUND,
             d ? class_of(s, d) : OUTCOME_BACKGROUND);
    const char *own = arena_strndup(task_run_arena(s->run), label, strlen(label));
    if (!own)
        return ERR_NOMEM;
    *ret = (struct store_object){.class_id = d ? d->class_index : t->class_index, .label = own};
    struct columns_detection *v = &ret->values;
    if (d)
        fill_detection(d, v);
    if (t)
        fill_truth(t, v);
    v->outcome = t && d ? COLUMNS_TP : t ? COLUMNS_FN : COLUMNS_FP;
    v->iou = t && d ? (float)overlap(v) : 0;
    return 0;
}

static int add_confusions(struct outcome_sets *s, const struct sorted *sorted,
                          const struct outcome_picture *p, struct store_set_writer *w)
{
    struct arena *a = task_run_arena(s->run);
    size_t mark = arena_mark(a);
    size_t first = sorted->first[p->picture];
    size_t n = sorted->first[p->picture + 1] - first;
    struct store_object *objects = arena_array(a, struct store_object, n + 1);
    int r = objects ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = pair_of(s, &s->pairs->items[sorted->order[first + i]], &objects[i]);
    if (r == 0)
        r = store_set_add(w, p->frame, pts_of(s, p), INT64_MIN, objects, n);
    arena_rewind(a, mark);
    return r;
}

// ---- sets

// The files' video that a video of the dataset is: datasets of one video do not name it.
static size_t video_of(const struct outcome_sets *s, int32_t video)
{
    if (s->files->n_videos == 1 || s->truth->n_videos == 0)
        return 0;
    for (size_t i = 0; i < s->files->n_videos; i++)
        if (strcmp(s->files->videos[i].id, s->truth->videos[video]) == 0)
            return i;
    return 0;
}

static int begin(struct outcome_sets *s, enum store_set_kind kind, size_t i,
                 struct store_set_writer **ret_writer)
{
    const struct store_set_opts opts = {.kind = kind,
                                        .video_id = s->files->videos[i].id,
                                        .session_id = s->session->id,
                                        .lease = task_run_lease(s->run),
                                        .header_json = "{}",
                                        .flags = COLUMNS_TRACKS | COLUMNS_OUTCOMES};
    return store_set_begin(task_run_tools(s->run)->store, &opts, ret_writer);
}

static int begin_all(struct outcome_sets *s)
{
    struct arena *a = task_run_arena(s->run);
    size_t n = s->files->n_videos;
    s->outcomes = arena_array(a, struct store_set_writer *, n + 1);
    s->confusions = arena_array(a, struct store_set_writer *, n + 1);
    int r = s->outcomes && s->confusions ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = begin(s, STORE_SET_OUTCOMES, i, &s->outcomes[i]);
        if (r == 0)
            r = begin(s, STORE_SET_CONFUSIONS, i, &s->confusions[i]);
    }
    return r;
}

int outcome_sets_write(struct outcome_sets *s)
{
    struct sorted sorted;
    int r = sort_pairs(s, &sorted);
    if (r == 0)
        r = begin_all(s);
    for (size_t i = 0; r == 0 && i < s->outcome->n_pictures; i++) {
        const struct outcome_picture *p = &s->outcome->pictures[i];
        size_t video = video_of(s, p->video);
        r = add_outcomes(s, p, s->outcomes[video]);
        if (r == 0)
            r = add_confusions(s, &sorted, p, s->confusions[video]);
    }
    return r;
}

static int name_set(struct outcome_sets *s, size_t i, const char *set_id)
{
    const struct store_session_video v = {
        .session_id = s->session->id, .video_id = s->files->videos[i].id, .set_id = set_id};
    return s->session->source == STORE_SESSION_EXTERNAL
               ? store_session_set_video(task_run_tools(s->run)->store, task_run_lease(s->run), &v)
               : 0;
}

int outcome_sets_finish(struct outcome_sets *s)
{
    char set_id[ID_BYTES];
    int r = 0;
    for (size_t i = 0; r == 0 && s->outcomes && i < s->files->n_videos; i++) {
        r = store_set_finish(&s->confusions[i], "{}", NULL);
        if (r == 0)
            r = store_set_finish(&s->outcomes[i], "{}", set_id);
        if (r == 0)
            r = name_set(s, i, set_id);
    }
    return r;
}

void outcome_sets_abort(struct outcome_sets *s)
{
    for (size_t i = 0; s->outcomes && s->confusions && i < s->files->n_videos; i++) {
        store_set_abort(&s->outcomes[i]);
        store_set_abort(&s->confusions[i]);
    }
}
