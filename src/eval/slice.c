// SPDX-License-Identifier: Apache-2.0
// slice.c - which value each picture or truth has, and one evaluation a value.
//
// A view is a copy of a dataset's struct with another judged[] or another objects[]; everything
// else is shared.

#include "eval/slice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/coco.h"
#include "eval/match.h"

#define SLICE_IOU 0.5

enum {
    MAX_LISTED = 512, // bytes of names in an error message
};

static const char none[] = "(none)";

struct value {
    const char *text;
    int64_t rank; // what texts do not sort by
};

struct slicing {
    const struct dataset *truth, *detections;
    const struct slice_opts *opts;
    struct arena *arena;
    struct slice_part *slices;
    size_t n, cap;
};

static const struct {
    const char *name;
    enum dataset_mark bit;
} marks[] = {
    {"occluded", DATASET_OCCLUDED},
    {"truncated", DATASET_TRUNCATED},
    {"difficult", DATASET_DIFFICULT},
};

// ---- one value

static bool is_judged(const struct dataset *d, size_t picture)
{
    return !d->judged || d->judged[picture];
}

static void count(const struct match_groups *m, const struct dataset *detections,
                  struct slice_part *slice)
{
    for (size_t i = 0; i < m->n_truths; i++)
        slice->n_truths += !m->truth->objects[m->truth_order[i]].ignore;
    slice->n_detections = m->n_detections;
    for (size_t i = 0; i < detections->n_pictures; i++)
        slice->n_pictures += is_judged(detections, i);
}

// Judges the views. *area* NULL: any size.
static int judge(struct slicing *s, const struct dataset *truth, const struct dataset *detections,
                 const struct match_filter *filter, const struct coco_area *area,
                 struct slice_part *slice)
{
    const size_t mark = arena_mark(s->arena);
    struct match_groups groups;
    struct coco coco;
    struct operating operating;
    struct coco_opts opts = *s->opts->coco;
    opts.n_areas = 1;
    if (area)
        opts.areas[0] = *area;
    int r = match_groups_build(truth, detections, filter, s->arena, &groups);
    if (r == 0)
        r = coco_run(&groups, &opts, s->arena, &coco);
    if (r == 0)
        r = operating_run(&groups, SLICE_IOU, s->arena, &operating);
    if (r < 0)
        return r;
    const int at50 = coco_find_iou(&coco, .5);
    count(&groups, detections, slice);
    slice->ap = coco_ap(&coco, COCO_ANY, 0, COCO_ANY);
    slice->ap50 = at50 >= 0 ? coco_ap(&coco, at50, 0, COCO_ANY) : NAN;
    slice->ar = coco_ar(&coco, COCO_ANY, 0, opts.n_cuts - 1, COCO_ANY);
    slice->at = operating_at(&operating.overall, s->opts->at_confidence);
    if (slice->of_truths) {
        slice->at.precision = slice->at.f1 = NAN;
        slice->at.false_positives = 0;
        if (!area)
            slice->ap = slice->ap50 = NAN;
    }
    arena_rewind(s->arena, mark);
    return 0;
}

static int add(struct slicing *s, const struct slice_part *slice)
{
    int r = MEM_GROW(s->slices, s->cap, s->n);
    if (r == 0)
        s->slices[s->n++] = *slice;
    return r;
}

// ---- parts of the truths

// Truths of which keep() is false are ignored.
static int judge_truths(struct slicing *s, struct slice_part *slice, const struct coco_area *area,
                        const char *const *values)
{
    const struct dataset *t = s->truth;
    struct dataset view = *t;
    view.objects = mem_array(struct dataset_object, t->n_objects + 1);
    if (!view.objects)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n_objects; i++) {
        struct dataset_object *o = &view.objects[i];
        *o = t->objects[i];
        if (area)
            o->ignore |= o->area < area->min || o->area > area->max;
        else
            o->ignore |= strcmp(values[i], slice->value) != 0;
    }
    slice->of_truths = true;
    int r = judge(s, &view, s->detections, s->opts->filter, area, slice);
    mem_free(view.objects);
    return r < 0 ? r : add(s, slice);
}

static int slice_sizes(struct slicing *s)
{
    const struct coco_opts *o = s->opts->coco;
    int r = 0;
    for (size_t i = 1; i < o->n_areas && r == 0; i++) {
        struct slice_part slice = {.by = "size", .value = o->areas[i].name};
        r = judge_truths(s, &slice, &o->areas[i], NULL);
    }
    return r;
}

// ---- parts of the pictures

static int judge_pictures(struct slicing *s, struct slice_part *slice, const char *const *values)
{
    struct dataset view = *s->detections;
    view.judged = mem_array(bool, view.n_pictures + 1);
    if (!view.judged)
        return ERR_NOMEM;
    view.n_judged = 0;
    for (size_t i = 0; i < view.n_pictures; i++) {
        view.judged[i] = is_judged(s->detections, i) && strcmp(values[i], slice->value) == 0;
        view.n_judged += view.judged[i];
    }
    int r = judge(s, s->truth, &view, s->opts->filter, NULL, slice);
    mem_free(view.judged);
    return r < 0 ? r : add(s, slice);
}

static int slice_classes(struct slicing *s)
{
    const size_t n = s->truth->n_classes;
    bool *only = mem_array(bool, n + 1);
    int r = only ? 0 : ERR_NOMEM;
    for (size_t k = 0; k < n && r == 0; k++) {
        if (s->opts->filter->classes && !s->opts->filter->classes[k])
            continue;
        struct match_filter filter = *s->opts->filter;
        struct slice_part slice = {.by = "class", .value = s->truth->classes[k].name};
        only[k] = true;
        filter.classes = only;
        r = judge(s, s->truth, s->detections, &filter, NULL, &slice);
        only[k] = false;
        if (r == 0 && (slice.n_truths > 0 || slice.n_detections > 0))
            r = add(s, &slice);
    }
    mem_free(only);
    return r;
}

// ---- values

static int compare_values(const void *a, const void *b)
{
    const struct value *x = a;
    const struct value *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return strcmp(x->text, y->text);
}

// Judges each distinct one of *values*, of pictures or of truths.
static int judge_each(struct slicing *s, const char *by, const struct value *values, size_t n,
                      bool of_truths)
{
    struct value *sorted = mem_array(struct value, n + 1);
    const char **texts = mem_array(const char *, n + 1);
    int r = sorted && texts ? 0 : ERR_NOMEM;
    size_t n_distinct = 0;
    if (r == 0 && n > 0) {
        memcpy(sorted, values, n * sizeof(*values));
        qsort(sorted, n, sizeof(*sorted), compare_values);
    }
    for (size_t i = 0; r == 0 && i < n; i++) {
        texts[i] = values[i].text;
        if (n_distinct == 0 || strcmp(sorted[n_distinct - 1].text, sorted[i].text) != 0)
            sorted[n_distinct++] = sorted[i];
    }
    if (r == 0 && n_distinct > SLICE_MAX_VALUES)
        r = err_set(ERR_TOO_BIG, "'%s' has %zu values: at most %d can be told apart", by,
                    n_distinct, SLICE_MAX_VALUES);
    for (size_t i = 0; i < n_distinct && r == 0; i++) {
        struct slice_part slice = {.by = by, .value = sorted[i].text};
        r = of_truths ? judge_truths(s, &slice, NULL, texts) : judge_pictures(s, &slice, texts);
    }
    mem_free(texts);
    mem_free(sorted);
    return r;
}

static int slice_videos(struct slicing *s, struct value *values)
{
    const struct dataset *t = s->truth;
    for (size_t i = 0; i < t->n_pictures; i++) {
        const size_t v = (size_t)t->pictures[i].video;
        values[i] = (struct value){.text = v < t->n_videos ? t->videos[v] : none};
    }
    return judge_each(s, "video", values, t->n_pictures, false);
}

static int64_t time_of(const struct slicing *s, size_t picture)
{
    const int64_t *own = s->detections->pts_us;
    if (own && own[picture] != INT64_MIN)
        return own[picture];
    return s->truth->pictures[picture].pts_us;
}

static int slice_times(struct slicing *s, struct value *values)
{
    const double seconds = s->opts->seconds > 0 ? s->opts->seconds : SLICE_SECONDS;
    const size_t n = s->truth->n_pictures;
    bool any = false;
    int64_t last = INT64_MIN;
    const char *text = NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t pts = time_of(s, i);
        values[i] = (struct value){.text = none, .rank = INT64_MAX};
        if (pts == INT64_MIN)
            continue;
        int64_t nth = (int64_t)floor((double)pts / (seconds * 1e6));
        if (!text || nth != last)
            text = arena_printf(s->arena, "%.10g-%.10g s", (double)nth * seconds,
                                (double)(nth + 1) * seconds);
        if (!text)
            return ERR_NOMEM;
        last = nth;
        any = true;
        values[i] = (struct value){.text = text, .rank = nth};
    }
    if (!any)
        return err_set(ERR_INVALID, "slices by time: neither truth nor detections say when their "
                                    "pictures were taken");
    return judge_each(s, "time", values, n, false);
}

static int unknown(const struct slicing *s, const char *by)
{
    const struct dataset *t = s->truth;
    struct str_buf known = STR_BUF_INIT(MAX_LISTED);
    for (size_t i = 1; i < t->n_attributes; i++) {
        bool seen = false;
        for (size_t j = 1; j < i && !seen; j++)
            seen = t->attributes[j].key == t->attributes[i].key;
        if (!seen)
            str_buf_printf(&known, ", '%s'", t->attributes[i].key);
        if (known.failed)
            break;
    }
    err_set(ERR_INVALID,
            "nothing in the truth has an attribute '%s': there are class, size, "
            "video, time%s%s",
            by, known.p ? str_buf_text(&known) : "", known.failed ? ", ..." : "");
    str_buf_finish(&known);
    return ERR_INVALID;
}

// Of truths: the attribute of that name, else the mark.
static const char *value_of(const struct dataset *t, const struct dataset_object *o, const char *by,
                            bool *any)
{
    const char *value = dataset_attribute(t, o->attributes, by);
    if (value) {
        *any = true;
        return value;
    }
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (strcmp(by, marks[i].name) != 0)
            continue;
        bool is_set = o->marks & marks[i].bit;
        *any |= is_set;
        return is_set ? "true" : "false";
    }
    return none;
}

static int slice_attribute(struct slicing *s, const char *by, struct value *values)
{
    const struct dataset *t = s->truth;
    bool any = false;
    for (size_t i = 0; i < t->n_pictures; i++) {
        const char *value = dataset_attribute(t, t->pictures[i].attributes, by);
        any |= value != NULL;
        values[i] = (struct value){.text = value ? value : none};
    }
    bool found = any;
    int r = any ? judge_each(s, by, values, t->n_pictures, false) : 0;
    any = false;
    for (size_t i = 0; i < t->n_objects && r == 0; i++)
        values[i] = (struct value){.text = value_of(t, &t->objects[i], by, &any)};
    if (r == 0 && any)
        r = judge_each(s, by, values, t->n_objects, true);
    return r == 0 && !found && !any ? unknown(s, by) : r;
}

static int slice_by(struct slicing *s, const char *by, struct value *values)
{
    if (strcmp(by, "class") == 0)
        return slice_classes(s);
    if (strcmp(by, "size") == 0)
        return slice_sizes(s);
    if (strcmp(by, "video") == 0)
        return slice_videos(s, values);
    if (strcmp(by, "time") == 0)
        return slice_times(s, values);
    return slice_attribute(s, by, values);
}

int slice_run(const struct dataset *truth, const struct dataset *detections,
              const struct slice_opts *opts, struct arena *a, struct slice_part **ret_slices,
              size_t *ret_n)
{
    struct slicing s = {.truth = truth, .detections = detections, .opts = opts, .arena = a};
    struct value *values = mem_array(struct value, MAX(truth->n_pictures, truth->n_objects) + 1);
    int r = values ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < opts->n_by && r == 0; i++)
        r = slice_by(&s, opts->by[i], values);
    struct slice_part *slices = r == 0 ? arena_array(a, struct slice_part, s.n) : NULL;
    if (r == 0 && !slices)
        r = ERR_NOMEM;
    if (r == 0 && s.n > 0)
        memcpy(slices, s.slices, s.n * sizeof(*slices));
    mem_free(values);
    mem_free(s.slices);
    if (r < 0)
        return r;
    *ret_slices = slices;
    *ret_n = s.n;
    return 0;
}
