// SPDX-License-Identifier: Apache-2.0
// mistakes.c - from boxes that speak for a mistake to a ranked list.
//
// Evidence of a mistake of n boxes with the mean value v (mistakes_kinds.c):
//   missing          v * n / (n + 10) * n / pictures from first to last, from min_frames boxes on
//   unseen           v * n / (n + 10), likewise
//   duplicate        v * n / (n + 1/4) * (1 + 2 * part of the shorter track)/3: two things that
//                    stand behind one another for a while are no duplicate
//   class            v * n / (n + 1)
//   jump             v

#include "eval/mistakes.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/mistakes_priv.h"

enum {
    DEFAULT_MIN_FRAMES = 5,
    MAX_GAP = 2,          // positions from one box of a mistake to the next
    MAX_MISSING_GAP = 10, // likewise of detections: a detector flickers
};
#define DEFAULT_CONFIDENCE .5
#define LINK_OVERLAP       .5

const char *mistake_kind_name(enum mistake_kind kind)
{
    static const char *const names[MISTAKE_N_KINDS] = {
        "unset", "missing_truth", "unseen_truth", "duplicate_truth", "wrong_class", "box_jumps"};
    return names[kind];
}

// --- shared

const struct dataset_object *mistakes_object(const struct mistakes_grouped *g, size_t position,
                                             size_t i)
{
    return &g->all[g->by.objects[g->by.at[position] + i]];
}

int32_t mistakes_video(const struct mistakes_search *s, size_t position)
{
    return s->truth->pictures[s->pictures[position]].video;
}

double mistakes_overlap(const struct dataset_object *a, const struct dataset_object *b)
{
    double w = MIN(a->x + a->w, b->x + b->w) - MAX(a->x, b->x);
    double h = MIN(a->y + a->h, b->y + b->h) - MAX(a->y, b->y);
    if (!(w > 0) || !(h > 0))
        return 0;
    return w * h / (a->w * a->h + b->w * b->h - w * h);
}

int mistakes_add(struct mistakes_search *s, const struct mistakes_hit *hit)
{
    int r = MEM_GROW(s->hits, s->cap_hits, s->n_hits);
    if (r == 0)
        s->hits[s->n_hits++] = *hit;
    return r;
}

// --- making ready

static bool all_judged(const struct mistakes_search *s, size_t picture)
{
    for (size_t k = 0; k < s->n_models; k++) {
        if (s->models[k]->judged && !s->models[k]->judged[picture])
            return false;
    }
    return true;
}

static int order_pictures(struct mistakes_search *s)
{
    const struct dataset *t = s->truth;
    s->pictures = mem_array(int32_t, t->n_pictures + 1);
    s->position = mem_array(int32_t, t->n_pictures + 1);
    if (!s->pictures || !s->position)
        return ERR_NOMEM;
    for (size_t p = 0; p < t->n_pictures; p++) {
        s->position[p] = -1;
        if (all_judged(s, p))
            s->pictures[s->n_positions++] = (int32_t)p;
    }
    int r = dataset_sort_pictures(t, s->pictures, s->n_positions);
    for (size_t i = 0; i < s->n_positions; i++)
        s->position[s->pictures[i]] = (int32_t)i;
    return r;
}

static int group(const struct mistakes_search *s, const struct dataset_object *objects, size_t n,
                 struct mistakes_grouped *g)
{
    g->all = objects;
    return dataset_group(objects, n, s->position, s->n_positions, &g->by);
}

struct track_key {
    int64_t track_id;
    int32_t video, class_index, position;
    uint32_t object;
};

static int compare_tracks(const void *a, const void *b)
{
    const struct track_key *x = a;
    const struct track_key *y = b;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    if (x->class_index != y->class_index)
        return x->class_index < y->class_index ? -1 : 1;
    if (x->track_id != y->track_id)
        return x->track_id < y->track_id ? -1 : 1;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->object > y->object) - (x->object < y->object);
}

static int order_tracks(struct mistakes_search *s)
{
    const struct dataset *t = s->truth;
    struct track_key *keys = mem_array(struct track_key, t->n_objects + 1);
    s->by_track = mem_array(uint32_t, t->n_objects + 1);
    s->seen = mem_array(bool, t->n_objects + 1);
    s->seen_of_track = mem_array(double, t->n_objects + 1);
    s->boxes_of_track = mem_array(uint32_t, t->n_objects + 1);
    if (!keys || !s->by_track || !s->seen || !s->seen_of_track || !s->boxes_of_track) {
        mem_free(keys);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < t->n_objects; i++) {
        const struct dataset_object *o = &t->objects[i];
        int32_t position = s->position[o->picture];
        if (position < 0 || o->ignore || o->track_id < 0 || !(o->w > 0 && o->h > 0))
            continue;
        keys[s->n_tracked++] = (struct track_key){o->track_id, t->pictures[o->picture].video,
                                                  o->class_index, position, (uint32_t)i};
    }
    if (s->n_tracked > 1)
        qsort(keys, s->n_tracked, sizeof(*keys), compare_tracks);
    for (size_t k = 0; k < s->n_tracked; k++)
        s->by_track[k] = keys[k].object;
    mem_free(keys);
    return 0;
}

static int make_ready(struct mistakes_search *s)
{
    int r = order_pictures(s);
    if (r == 0)
        r = group(s, s->truth->objects, s->truth->n_objects, &s->truths);
    if (r == 0)
        r = group(s, s->truth->others, s->truth->n_others, &s->others);
    for (size_t k = 0; r == 0 && k < s->n_models; k++)
        r = group(s, s->models[k]->objects, s->models[k]->n_objects, &s->detections[k]);
    return r == 0 ? order_tracks(s) : r;
}

static void search_finish(struct mistakes_search *s)
{
    mem_free(s->pictures);
    mem_free(s->position);
    dataset_grouped_finish(&s->truths.by);
    dataset_grouped_finish(&s->others.by);
    for (size_t k = 0; k < s->n_models; k++)
        dataset_grouped_finish(&s->detections[k].by);
    mem_free(s->by_track);
    mem_free(s->seen);
    mem_free(s->seen_of_track);
    mem_free(s->boxes_of_track);
    mem_free(s->hits);
}

// --- chains: hits that follow one another

struct chain {
    size_t first, last; // hits
    size_t n;
    double value, confidence; // sums
    size_t n_confident, n_models;
};

struct chains {
    struct chain *items;
    size_t n, cap;
    size_t *of_hit;
    size_t *open; // chains that may go on
    size_t n_open;
};

static int compare_hits(const void *a, const void *b)
{
    const struct mistakes_hit *x = a;
    const struct mistakes_hit *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    if (x->class_index != y->class_index)
        return x->class_index < y->class_index ? -1 : 1;
    if (x->track_id != y->track_id)
        return x->track_id < y->track_id ? -1 : 1;
    if (x->x != y->x)
        return x->x < y->x ? -1 : 1;
    return (x->y > y->y) - (x->y < y->y);
}

static size_t max_gap(enum mistake_kind kind)
{
    return kind == MISTAKE_MISSING ? MAX_MISSING_GAP : MAX_GAP;
}

// How well *h* goes on after *last*; below 0: not at all.
static double continues(const struct mistakes_search *s, const struct mistakes_hit *last,
                        const struct mistakes_hit *h)
{
    if (last->kind != h->kind || last->class_index != h->class_index ||
        last->other_class != h->other_class || last->track_id != h->track_id ||
        last->other_track != h->other_track || h->position == last->position ||
        h->position - last->position > max_gap(h->kind) ||
        mistakes_video(s, h->position) != mistakes_video(s, last->position))
        return -1;
    const struct dataset_object a = {.x = last->x, .y = last->y, .w = last->w, .h = last->h};
    const struct dataset_object b = {.x = h->x, .y = h->y, .w = h->w, .h = h->h};
    double iou = mistakes_overlap(&a, &b);
    return h->track_id >= 0 || iou >= LINK_OVERLAP ? iou : -1;
}

static void close_old(const struct mistakes_search *s, struct chains *c,
                      const struct mistakes_hit *h)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_open; i++) {
        const struct mistakes_hit *last = &s->hits[c->items[c->open[i]].last];
        if (last->kind == h->kind && h->position - last->position <= max_gap(h->kind))
            c->open[n++] = c->open[i];
    }
    c->n_open = n;
}

static int link_hit(const struct mistakes_search *s, struct chains *c, size_t i)
{
    const struct mistakes_hit *h = &s->hits[i];
    if (i == 0 || s->hits[i - 1].kind != h->kind || s->hits[i - 1].position != h->position)
        close_old(s, c, h);
    double best = -1;
    size_t at = SIZE_MAX;
    for (size_t k = 0; k < c->n_open; k++) {
        double fit = continues(s, &s->hits[c->items[c->open[k]].last], h);
        if (fit > best) {
            best = fit;
            at = c->open[k];
        }
    }
    if (at == SIZE_MAX) {
        int r = MEM_GROW(c->items, c->cap, c->n);
        if (r < 0)
            return r;
        c->items[c->n] = (struct chain){.first = i};
        c->open[c->n_open++] = at = c->n++;
    }
    struct chain *chain = &c->items[at];
    chain->last = i;
    chain->n++;
    chain->value += h->value;
    chain->confidence += isnan(h->confidence) ? 0 : h->confidence;
    chain->n_confident += !isnan(h->confidence);
    chain->n_models = MAX(chain->n_models, h->n_models);
    c->of_hit[i] = at;
    return 0;
}

static int link_hits(const struct mistakes_search *s, struct chains *c)
{
    if (s->n_hits > 1)
        qsort(s->hits, s->n_hits, sizeof(*s->hits), compare_hits);
    c->of_hit = mem_array(size_t, s->n_hits + 1);
    c->open = mem_array(size_t, s->n_hits + 1);
    int r = c->of_hit && c->open ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < s->n_hits; i++)
        r = link_hit(s, c, i);
    return r;
}

// --- the list

// Below 0: too little to be said.
static double evidence(const struct mistakes_search *s, const struct chain *c)
{
    double n = (double)c->n;
    double value = c->value / n;
    double span;
    double share;
    const struct mistakes_hit *h = &s->hits[c->last];
    switch (h->kind) {
    case MISTAKE_MISSING:
        span = (double)(h->position - s->hits[c->first].position + 1);
        return c->n < s->opts.min_frames ? -1 : value * n / (n + 10) * n / span;
    case MISTAKE_UNSEEN:
        return c->n < s->opts.min_frames ? -1 : value * n / (n + 10);
    case MISTAKE_DUPLICATE:
        share = h->track_boxes > 0 ? MIN(n / (double)h->track_boxes, 1) : 1;
        return value * n / (n + .25) * (1 + 2 * share) / 3;
    case MISTAKE_CLASS:
        return value * n / (n + 1);
    default:
        return value;
    }
}

struct ranked {
    double evidence;
    size_t chain, item;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->evidence != y->evidence)
        return x->evidence > y->evidence ? -1 : 1;
    return (x->chain > y->chain) - (x->chain < y->chain);
}

static int make_item(const struct mistakes_search *s, const struct chain *c, struct arena *a,
                     struct mistake *m)
{
    const struct mistakes_hit *h = &s->hits[c->last];
    *m = (struct mistake){.kind = h->kind,
                          .evidence = evidence(s, c),
                          .video = mistakes_video(s, h->position),
                          .class_index = h->class_index,
                          .other_class = h->other_class,
                          .track_id = h->track_id,
                          .other_track = h->other_track,
                          .n_models = c->n_models,
                          .confidence = c->n_confident > 0 ? c->confidence / (double)c->n_confident
                                                           : (double)NAN};
    m->places = arena_array(a, struct mistake_place, c->n);
    return m->places ? 0 : ERR_NOMEM;
}

// Gives each place to the item of its chain. *item_of*: [chain], SIZE_MAX for none.
static void give_places(const struct mistakes_search *s, const struct chains *c,
                        const size_t *item_of, struct mistake *items)
{
    for (size_t i = 0; i < s->n_hits; i++) {
        const struct mistakes_hit *h = &s->hits[i];
        size_t at = item_of[c->of_hit[i]];
        if (at == SIZE_MAX)
            continue;
        struct mistake *m = &items[at];
        m->places[m->n_places++] = (struct mistake_place){
            .picture = s->pictures[h->position], .x = h->x, .y = h->y, .w = h->w, .h = h->h};
    }
}

static int fill(const struct mistakes_search *s, const struct chains *c, const struct ranked *list,
                size_t *item_of, struct arena *a, struct mistakes *m)
{
    m->items = arena_array(a, struct mistake, m->n + 1);
    if (!m->items)
        return ERR_NOMEM;
    for (size_t k = 0; k < c->n; k++)
        item_of[k] = SIZE_MAX;
    for (size_t i = 0; i < m->n; i++) {
        int r = make_item(s, &c->items[list[i].chain], a, &m->items[i]);
        if (r < 0)
            return r;
        item_of[list[i].chain] = i;
    }
    give_places(s, c, item_of, m->items);
    return 0;
}

static int rank(const struct mistakes_search *s, const struct chains *c, struct arena *a,
                struct mistakes *m)
{
    struct ranked *list = mem_array(struct ranked, c->n + 1);
    size_t *item_of = mem_array(size_t, c->n + 1);
    int r = list && item_of ? 0 : ERR_NOMEM;
    for (size_t k = 0; r == 0 && k < c->n; k++) {
        double e = evidence(s, &c->items[k]);
        if (e > 0)
            list[m->n_found++] = (struct ranked){.evidence = e, .chain = k};
    }
    if (r == 0) {
        if (m->n_found > 1)
            qsort(list, m->n_found, sizeof(*list), compare_ranked);
        m->n = s->opts.n_most > 0 ? MIN(s->opts.n_most, m->n_found) : m->n_found;
        r = fill(s, c, list, item_of, a, m);
    }
    mem_free(list);
    mem_free(item_of);
    return r;
}

static int search(struct mistakes_search *s, struct arena *a, struct mistakes *m)
{
    static int (*const finders[])(struct mistakes_search *) = {
        mistakes_find_missing, mistakes_find_unseen, mistakes_find_duplicates,
        mistakes_find_classes, mistakes_find_jumps};
    struct chains c = {0};
    int r = make_ready(s);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(finders); i++)
        r = finders[i](s);
    if (r == 0)
        r = link_hits(s, &c);
    if (r == 0)
        r = rank(s, &c, a, m);
    mem_free(c.items);
    mem_free(c.of_hit);
    mem_free(c.open);
    return r;
}

int mistakes_find(const struct dataset *truth, const struct dataset *const *models, size_t n_models,
                  const struct mistakes_opts *opts, struct arena *a, struct mistakes *ret_mistakes)
{
    if (n_models == 0 || n_models > MISTAKES_MAX_MODELS)
        return err_set(ERR_INVALID, "truth is searched with 1 to %d models, not %zu",
                       MISTAKES_MAX_MODELS, n_models);
    struct mistakes_search s = {.truth = truth, .models = models, .n_models = n_models};
    for (size_t k = 0; k < n_models; k++) {
        if (models[k]->n_pictures != truth->n_pictures || models[k]->n_classes != truth->n_classes)
            return err_set(ERR_INVALID, "the detections were not read for this truth");
    }
    if (opts)
        s.opts = *opts;
    if (!s.opts.has_confidence)
        s.opts.confidence = DEFAULT_CONFIDENCE;
    s.opts.has_confidence = true;
    if (!isfinite(s.opts.confidence))
        return err_set(ERR_INVALID, "the confidence is not a finite number");
    if (s.opts.min_frames == 0)
        s.opts.min_frames = DEFAULT_MIN_FRAMES;
    struct mistakes m = {.opts = s.opts, .truth = truth};
    int r = search(&s, a, &m);
    search_finish(&s);
    if (r == 0)
        *ret_mistakes = m;
    return r;
}
