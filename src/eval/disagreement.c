// SPDX-License-Identifier: Apache-2.0
// disagreement.c - the search for truth mistakes, run from each model's side.

#include "eval/disagreement.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/match.h"

#define AGREED_OVERLAP .5

const char *const disagreement_kind_names[DISAGREEMENT_N_KINDS] = {"unset", "only_a", "only_b",
                                                                   "label"};

// *d* with the boxes of at least *confidence* alone.
static int keep_confident(const struct dataset *d, double confidence, struct arena *arena,
                          struct dataset *ret)
{
    struct dataset_object *kept = arena_array(arena, struct dataset_object, d->n_objects + 1);
    if (!kept)
        return ERR_NOMEM;
    *ret = *d;
    ret->objects = kept;
    ret->n_objects = 0;
    for (size_t i = 0; i < d->n_objects; i++) {
        if (d->objects[i].confidence >= confidence)
            kept[ret->n_objects++] = d->objects[i];
    }
    return 0;
}

struct list {
    struct disagreement_item *items;
    size_t n;
};

// A label needs no span and no least number of frames; n / (n + 10) makes it comparable.
static double evidence_of(const struct mistake *m)
{
    const double n = (double)m->n_places;
    return m->kind == MISTAKE_CLASS ? m->evidence * (n + 1) / (n + 10) : m->evidence;
}

static int append(struct list *l, const struct mistakes *m, enum mistake_kind from,
                  enum disagreement_kind kind, struct arena *arena)
{
    struct disagreement_item *items = arena_array(arena, struct disagreement_item, l->n + m->n + 1);
    if (!items)
        return ERR_NOMEM;
    for (size_t i = 0; i < l->n; i++)
        items[i] = l->items[i];
    l->items = items;
    for (size_t i = 0; i < m->n; i++) {
        if (m->items[i].kind == from)
            items[l->n++] =
                (struct disagreement_item){kind, evidence_of(&m->items[i]), &m->items[i]};
    }
    return 0;
}

// What *model* says against *other*, whose boxes of at least *confidence* stand for the truth.
static int search(const struct dataset *other, double confidence, const struct dataset *model,
                  enum mistake_kind from, enum disagreement_kind kind, struct arena *arena,
                  struct list *l)
{
    const struct mistakes_opts opts = {.has_confidence = true,
                                       .confidence = DISAGREEMENT_CONFIDENCE};
    struct dataset truth;
    struct mistakes m;
    int r = keep_confident(other, confidence, arena, &truth);
    if (r == 0)
        r = mistakes_find(&truth, &model, 1, &opts, arena, &m);
    return r == 0 ? append(l, &m, from, kind, arena) : r;
}

static int compare_items(const void *a, const void *b)
{
    const struct disagreement_item *x = a;
    const struct disagreement_item *y = b;
    if (x->evidence != y->evidence)
        return x->evidence > y->evidence ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    const int32_t p = x->found->places[0].picture;
    const int32_t q = y->found->places[0].picture;
    if (p != q)
        return p < q ? -1 : 1;
    return (x->found->places[0].x > y->found->places[0].x) -
           (x->found->places[0].x < y->found->places[0].x);
}

static int count_group(const struct match_groups *m, const struct match_group *g,
                       struct arena *arena, struct disagreement_class *c)
{
    bool *no = arena_array(arena, bool, g->n_truths + 1);
    bool *taken = arena_array(arena, bool, g->n_truths + 1);
    struct match_candidate *near = arena_array(arena, struct match_candidate, g->n_truths + 1);
    if (!no || !taken || !near)
        return ERR_NOMEM;
    size_t n_agreed = 0;
    for (size_t i = 0; i < g->n_detections; i++) {
        const struct dataset_object *d =
            &m->detections->objects[m->detection_order[g->first_detection + i]];
        const size_t n = match_candidates(m, g, d, AGREED_OVERLAP, near);
        const int at = match_choose(near, n, AGREED_OVERLAP, no, no, taken);
        if (at >= 0) {
            taken[at] = true;
            n_agreed++;
        }
    }
    c->n_agreed += n_agreed;
    c->n_only_a += g->n_truths - n_agreed;
    c->n_only_b += g->n_detections - n_agreed;
    return 0;
}

static int count(const struct dataset *a, const struct dataset *b, struct arena *arena,
                 struct disagreement *d)
{
    struct dataset x;
    struct dataset y;
    struct match_groups m;
    d->classes = arena_array(arena, struct disagreement_class, a->n_classes + 1);
    int r = d->classes ? keep_confident(a, DISAGREEMENT_CONFIDENCE, arena, &x) : ERR_NOMEM;
    if (r == 0)
        r = keep_confident(b, DISAGREEMENT_CONFIDENCE, arena, &y);
    if (r == 0)
        r = match_groups_build(&x, &y, NULL, arena, &m);
    for (size_t i = 0; r == 0 && i < m.n_groups; i++)
        r = count_group(&m, &m.groups[i], arena, &d->classes[m.groups[i].class_index]);
    return r;
}

int disagreement_find(const struct dataset *a, const struct dataset *b, struct arena *arena,
                      struct disagreement *ret_disagreement)
{
    struct disagreement d = {.pictures = a, .n_pictures = b->judged ? b->n_judged : a->n_pictures};
    struct list l = {0};
    struct dataset same = *a; // looked at where B was
    same.judged = b->judged;
    int r = search(b, DISAGREEMENT_WEAK, &same, MISTAKE_MISSING, DISAGREEMENT_ONLY_A, arena, &l);
    if (r == 0)
        r = search(a, DISAGREEMENT_WEAK, b, MISTAKE_MISSING, DISAGREEMENT_ONLY_B, arena, &l);
    if (r == 0)
        r = search(a, DISAGREEMENT_CONFIDENCE, b, MISTAKE_CLASS, DISAGREEMENT_LABEL, arena, &l);
    if (r == 0)
        r = count(a, b, arena, &d);
    if (r < 0)
        return r;
    if (l.n > 1)
        qsort(l.items, l.n, sizeof(*l.items), compare_items);
    d.items = l.items;
    d.n = l.n;
    *ret_disagreement = d;
    return 0;
}
