// SPDX-License-Identifier: Apache-2.0
// mistakes_kinds.c - the boxes that speak for a mistake of the truth, kind by kind.
//
// Values of hits (docs/TIME.md says what becomes of them):
//   missing    sum of the confidences of the models that see it / number of models
//   unseen     part of the class's truth that is seen * side / (side + 32) * (1 - part of its track
//              that is seen / 2), side: square root of the area
//   duplicate  IoU of the two
//   class      mean over models of confidence * IoU * (1 - own / confidence), own: the confidence
//              of the truth's own class there
//   jump       (1 - IoU with where its neighbours say) * IoU of the neighbours * (1 + models that
//              see it there - models that see it where it is) / 2

#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/mistakes_priv.h"

enum {
    MAX_JUMP = 10,     // boxes off their track, one after another
    MAX_JUMP_STEP = 2, // positions from one box of a track to the next
};
#define SEEN_CONFIDENCE    .1
#define SEEN_OVERLAP       .3
#define FREE_OVERLAP       .3 // a detection without truth overlaps all truth less
#define FREE_INSIDE        .7 // and lies less inside any
#define SAME_OVERLAP       .5
#define DUPLICATE_OVERLAP  .9
#define CLASS_OVERLAP      .7
#define CLASS_RATIO        2. // the other class is so many times as confident as the own one
#define JUMP_DEVIATION     .5
#define NEIGHBOURS_OVERLAP .4
#define SIDE               32.

static bool counts(const struct dataset_object *o)
{
    return !o->ignore && o->w > 0 && o->h > 0;
}

static int check_pairs(const struct mistakes_search *s, size_t p)
{
    size_t n = mistakes_n(&s->truths, p) + mistakes_n(&s->others, p);
    size_t m = 0;
    for (size_t k = 0; k < s->n_models; k++)
        m += mistakes_n(&s->detections[k], p);
    size_t most = MAX(n, m);
    if (most > 0 && most > MISTAKES_MAX_PICTURE_PAIRS / most)
        return err_set(ERR_TOO_BIG, "a picture has %zu boxes: too many to look for mistakes", most);
    return 0;
}

static struct mistakes_hit hit_of(enum mistake_kind kind, size_t position,
                                  const struct dataset_object *o)
{
    return (struct mistakes_hit){.kind = kind,
                                 .class_index = o->class_index,
                                 .other_class = -1,
                                 .track_id = o->track_id,
                                 .other_track = -1,
                                 .position = position,
                                 .confidence = (double)NAN,
                                 .x = o->x,
                                 .y = o->y,
                                 .w = o->w,
                                 .h = o->h};
}

// --- detections without truth

// Part of *a* inside *b*, from their overlap.
static double inside(const struct dataset_object *a, const struct dataset_object *b, double iou)
{
    double areas = a->w * a->h + b->w * b->h;
    return iou * areas / (1 + iou) / (a->w * a->h);
}

static bool is_free_of(const struct mistakes_grouped *g, size_t p, const struct dataset_object *d)
{
    for (size_t i = 0; i < mistakes_n(g, p); i++) {
        const struct dataset_object *t = mistakes_object(g, p, i);
        double iou = mistakes_overlap(d, t);
        if (iou >= FREE_OVERLAP || inside(d, t, iou) >= FREE_INSIDE)
            return false;
    }
    return true;
}

// Another model's box on the same thing adds to its hit.
static bool join(struct mistakes_search *s, size_t first, const struct dataset_object *d, size_t k)
{
    for (size_t i = first; i < s->n_hits; i++) {
        struct mistakes_hit *h = &s->hits[i];
        const struct dataset_object at = {.x = h->x, .y = h->y, .w = h->w, .h = h->h};
        if (h->class_index != d->class_index || mistakes_overlap(&at, d) < SAME_OVERLAP)
            continue;
        if (h->last_model == k) // a second box
            return true;
        h->last_model = k;
        h->n_models++;
        h->value += d->confidence / (double)s->n_models;
        h->confidence += (d->confidence - h->confidence) / (double)h->n_models;
        return true;
    }
    return false;
}

int mistakes_find_missing(struct mistakes_search *s)
{
    int r = 0;
    for (size_t p = 0; r == 0 && p < s->n_positions; p++) {
        size_t first = s->n_hits;
        r = check_pairs(s, p);
        for (size_t k = 0; k < s->n_models; k++) {
            for (size_t i = 0; r == 0 && i < mistakes_n(&s->detections[k], p); i++) {
                const struct dataset_object *d = mistakes_object(&s->detections[k], p, i);
                if (d->confidence < s->opts.confidence || !(d->w > 0 && d->h > 0) ||
                    !is_free_of(&s->truths, p, d) || !is_free_of(&s->others, p, d) ||
                    join(s, first, d, k))
                    continue;
                struct mistakes_hit h = hit_of(MISTAKE_MISSING, p, d);
                h.track_id = -1; // the tracker's, not the truth's
                h.n_models = 1;
                h.last_model = k;
                h.confidence = d->confidence;
                h.value = MIN(d->confidence, 1) / (double)s->n_models;
                r = mistakes_add(s, &h);
            }
        }
    }
    return r;
}

// --- truth that no model sees

static bool is_seen(const struct mistakes_search *s, size_t p, const struct dataset_object *t)
{
    for (size_t k = 0; k < s->n_models; k++) {
        for (size_t i = 0; i < mistakes_n(&s->detections[k], p); i++) {
            const struct dataset_object *d = mistakes_object(&s->detections[k], p, i);
            if (d->confidence >= SEEN_CONFIDENCE && mistakes_overlap(d, t) >= SEEN_OVERLAP)
                return true;
        }
    }
    return false;
}

static bool same_track(const struct mistakes_search *s, size_t a, size_t b)
{
    const struct dataset_object *x = &s->truth->objects[s->by_track[a]];
    const struct dataset_object *y = &s->truth->objects[s->by_track[b]];
    return x->track_id == y->track_id && x->class_index == y->class_index &&
           s->truth->pictures[x->picture].video == s->truth->pictures[y->picture].video;
}

static size_t track_end(const struct mistakes_search *s, size_t i)
{
    size_t end = i;
    while (end < s->n_tracked && same_track(s, i, end))
        end++;
    return end;
}

static void look_at_tracks(struct mistakes_search *s)
{
    for (size_t i = 0; i < s->n_tracked;) {
        size_t end = track_end(s, i);
        size_t n_seen = 0;
        for (size_t k = i; k < end; k++)
            n_seen += s->seen[s->by_track[k]];
        for (size_t k = i; k < end; k++)
            s->boxes_of_track[s->by_track[k]] = (uint32_t)(end - i);
        for (size_t k = i; k < end; k++)
            s->seen_of_track[s->by_track[k]] = (double)n_seen / (double)(end - i);
        i = end;
    }
}

struct class_count {
    size_t n, n_seen;
};

static int look(struct mistakes_search *s, struct class_count *counted)
{
    int r = 0;
    for (size_t p = 0; r == 0 && p < s->n_positions; p++) {
        r = check_pairs(s, p);
        for (size_t i = 0; r == 0 && i < mistakes_n(&s->truths, p); i++) {
            const struct dataset_object *t = mistakes_object(&s->truths, p, i);
            size_t at = (size_t)(t - s->truth->objects);
            if (!counts(t))
                continue;
            s->seen[at] = is_seen(s, p, t);
            counted[t->class_index].n++;
            counted[t->class_index].n_seen += s->seen[at];
        }
    }
    look_at_tracks(s);
    return r;
}

static double unseen_value(const struct mistakes_search *s, const struct dataset_object *t,
                           const struct class_count *c)
{
    double side = sqrt(t->w * t->h);
    double of_track = s->seen_of_track[t - s->truth->objects];
    return (double)c->n_seen / (double)c->n * side / (side + SIDE) * (1 - of_track / 2);
}

int mistakes_find_unseen(struct mistakes_search *s)
{
    struct class_count *counted = mem_array(struct class_count, s->truth->n_classes + 1);
    int r = counted ? look(s, counted) : ERR_NOMEM;
    for (size_t p = 0; r == 0 && p < s->n_positions; p++) {
        for (size_t i = 0; r == 0 && i < mistakes_n(&s->truths, p); i++) {
            const struct dataset_object *t = mistakes_object(&s->truths, p, i);
            if (!counts(t) || s->seen[t - s->truth->objects])
                continue;
            struct mistakes_hit h = hit_of(MISTAKE_UNSEEN, p, t);
            h.n_models = s->n_models;
            h.value = unseen_value(s, t, &counted[t->class_index]);
            r = mistakes_add(s, &h);
        }
    }
    mem_free(counted);
    return r;
}

// --- duplicates

int mistakes_find_duplicates(struct mistakes_search *s)
{
    int r = 0;
    for (size_t p = 0; r == 0 && p < s->n_positions; p++) {
        size_t n = mistakes_n(&s->truths, p);
        r = check_pairs(s, p);
        for (size_t i = 0; r == 0 && i < n; i++) {
            const struct dataset_object *a = mistakes_object(&s->truths, p, i);
            for (size_t j = i + 1; r == 0 && counts(a) && j < n; j++) {
                const struct dataset_object *b = mistakes_object(&s->truths, p, j);
                if (!counts(b) || a->class_index != b->class_index)
                    continue;
                double iou = mistakes_overlap(a, b);
                if (iou <= DUPLICATE_OVERLAP)
                    continue;
                struct mistakes_hit h = hit_of(MISTAKE_DUPLICATE, p, a);
                h.track_id = MIN(a->track_id, b->track_id);
                h.other_track = MAX(a->track_id, b->track_id);
                h.value = iou;
                h.track_boxes = MIN(s->boxes_of_track[a - s->truth->objects],
                                    s->boxes_of_track[b - s->truth->objects]);
                r = mistakes_add(s, &h);
            }
        }
    }
    return r;
}

// --- another class

// What one model says of a truth: the most confident box of another class on it, and of its own.
struct opinion {
    double confidence, overlap, own;
    int32_t class_index;
};

static struct opinion ask(const struct mistakes_grouped *g, size_t p,
                          const struct dataset_object *t)
{
    struct opinion o = {.class_index = -1};
    for (size_t i = 0; i < mistakes_n(g, p); i++) {
        const struct dataset_object *d = mistakes_object(g, p, i);
        double iou = mistakes_overlap(d, t);
        if (d->class_index == t->class_index && iou >= SAME_OVERLAP)
            o.own = MAX(o.own, d->confidence);
        if (d->class_index != t->class_index && iou > CLASS_OVERLAP &&
            d->confidence > o.confidence) {
            o.confidence = d->confidence;
            o.overlap = iou;
            o.class_index = d->class_index;
        }
    }
    return o;
}

// Whether another truth of the other class stands at the same place: then nothing is swapped.
static bool has_other(const struct mistakes_search *s, size_t p, const struct dataset_object *t,
                      int32_t class_index)
{
    for (size_t i = 0; i < mistakes_n(&s->truths, p); i++) {
        const struct dataset_object *o = mistakes_object(&s->truths, p, i);
        if (o->class_index == class_index && mistakes_overlap(o, t) >= SAME_OVERLAP)
            return true;
    }
    return false;
}

// n_models 0: nobody says so.
static struct mistakes_hit judge_class(const struct mistakes_search *s, size_t p,
                                       const struct dataset_object *t)
{
    struct mistakes_hit h = hit_of(MISTAKE_CLASS, p, t);
    double sum = 0;
    double best = 0;
    for (size_t k = 0; k < s->n_models; k++) {
        struct opinion o = ask(&s->detections[k], p, t);
        if (o.class_index < 0 || o.confidence < s->opts.confidence ||
            o.confidence < CLASS_RATIO * o.own)
            continue;
        h.n_models++;
        sum += o.confidence;
        h.value += o.overlap * (o.confidence - o.own) / (double)s->n_models;
        if (o.confidence > best) {
            best = o.confidence;
            h.other_class = o.class_index;
        }
    }
    h.confidence = h.n_models > 0 ? sum / (double)h.n_models : (double)NAN;
    h.value = MIN(h.value, 1);
    return h;
}

int mistakes_find_classes(struct mistakes_search *s)
{
    int r = 0;
    for (size_t p = 0; r == 0 && p < s->n_positions; p++) {
        r = check_pairs(s, p);
        for (size_t i = 0; r == 0 && i < mistakes_n(&s->truths, p); i++) {
            const struct dataset_object *t = mistakes_object(&s->truths, p, i);
            if (!counts(t))
                continue;
            struct mistakes_hit h = judge_class(s, p, t);
            if (h.n_models > 0 && !has_other(s, p, t, h.other_class))
                r = mistakes_add(s, &h);
        }
    }
    return r;
}

// --- jumps

static const struct dataset_object *on_track(const struct mistakes_search *s, size_t i)
{
    return &s->truth->objects[s->by_track[i]];
}

static double between(double from, double to, double part)
{
    return from + (to - from) * part;
}

// Where the boxes *a* and *b* of a track put it at *position*.
static struct dataset_object interpolate(const struct mistakes_search *s,
                                         const struct dataset_object *a,
                                         const struct dataset_object *b, size_t position)
{
    double from = s->position[a->picture];
    double to = s->position[b->picture];
    double part = ((double)position - from) / (to - from);
    return (struct dataset_object){.class_index = a->class_index,
                                   .x = between(a->x, b->x, part),
                                   .y = between(a->y, b->y, part),
                                   .w = between(a->w, b->w, part),
                                   .h = between(a->h, b->h, part)};
}

// How many more models have a box of the class at *there* than at *here*, as a part of all.
static double prefer(const struct mistakes_search *s, size_t p, const struct dataset_object *there,
                     const struct dataset_object *here)
{
    double votes = 0;
    for (size_t k = 0; k < s->n_models; k++) {
        bool at_there = false;
        bool at_here = false;
        for (size_t i = 0; i < mistakes_n(&s->detections[k], p); i++) {
            const struct dataset_object *d = mistakes_object(&s->detections[k], p, i);
            if (d->class_index != here->class_index || d->confidence < SEEN_CONFIDENCE)
                continue;
            at_there = at_there || mistakes_overlap(d, there) >= SAME_OVERLAP;
            at_here = at_here || mistakes_overlap(d, here) >= SAME_OVERLAP;
        }
        votes += (double)at_there - (double)at_here;
    }
    return votes / (double)s->n_models;
}

static double jump_value(const struct mistakes_search *s, const struct dataset_object *a,
                         const struct dataset_object *b, const struct dataset_object *o,
                         double *ret_deviation)
{
    size_t p = (size_t)s->position[o->picture];
    struct dataset_object there = interpolate(s, a, b, p);
    double deviation = 1 - mistakes_overlap(o, &there);
    *ret_deviation = deviation;
    return deviation * mistakes_overlap(a, b) * (1 + prefer(s, p, &there, o)) / 2;
}

static bool is_next(const struct mistakes_search *s, size_t i)
{
    int32_t step = s->position[on_track(s, i)->picture] - s->position[on_track(s, i - 1)->picture];
    return step > 0 && step <= MAX_JUMP_STEP;
}

// Whether the *n* boxes from *i* on all lie off what the boxes before and after them say.
static bool is_jump(const struct mistakes_search *s, size_t i, size_t n)
{
    const struct dataset_object *a = on_track(s, i - 1);
    const struct dataset_object *b = on_track(s, i + n);
    if (mistakes_overlap(a, b) < NEIGHBOURS_OVERLAP)
        return false;
    for (size_t k = i; k < i + n; k++) {
        double deviation;
        jump_value(s, a, b, on_track(s, k), &deviation);
        if (deviation < JUMP_DEVIATION)
            return false;
    }
    return true;
}

// How many boxes from *i* on are off their track; 0: none.
static size_t jump_length(const struct mistakes_search *s, size_t i, size_t end)
{
    for (size_t n = 1; n <= MAX_JUMP && i + n < end; n++) {
        if (!is_next(s, i + n - 1) || !is_next(s, i + n))
            return 0;
        if (is_jump(s, i, n))
            return n;
    }
    return 0;
}

static int find_jumps_of(struct mistakes_search *s, size_t begin, size_t end)
{
    int r = 0;
    for (size_t i = begin + 1; r == 0 && i + 1 < end;) {
        size_t n = jump_length(s, i, end);
        for (size_t k = i; r == 0 && k < i + n; k++) {
            const struct dataset_object *o = on_track(s, k);
            struct mistakes_hit h = hit_of(MISTAKE_JUMP, (size_t)s->position[o->picture], o);
            double deviation;
            h.value = jump_value(s, on_track(s, i - 1), on_track(s, i + n), o, &deviation);
            r = mistakes_add(s, &h);
        }
        i += MAX(n, 1);
    }
    return r;
}

int mistakes_find_jumps(struct mistakes_search *s)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->n_tracked;) {
        size_t end = track_end(s, i);
        r = find_jumps_of(s, i, end);
        i = end;
    }
    return r;
}
