// SPDX-License-Identifier: Apache-2.0
// comparison_changes.c - objects that changed sides, joined over neighbouring frames.
//
// Items are walked in the order of side, class and time. An item goes on with an open change of its
// side and class if that ended at most MAX_GAP frames ago and has the same track, or, where
// tracks are unknown, a box that overlaps.

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/comparison_priv.h"
#include "eval/match.h"

#define SAME_IOU  0.5 // a false detection that the other run has too
#define CHAIN_IOU 0.3 // of boxes in neighbouring frames

enum {
    MAX_GAP = 5, // frames
};

struct item {
    enum comparison_side side;
    size_t place;
    const struct dataset_object *object;
    double evidence;
};

struct items {
    struct item *items;
    size_t n;
};

static void collect_truths(const struct weighed *a, const struct weighed *b,
                           const struct comparison_time *time, struct items *list)
{
    for (size_t i = 0; i < a->truth->n_objects; i++) {
        const struct dataset_object *t = &a->truth->objects[i];
        const bool by_a = a->found_by[i] != WEIGHED_NONE;
        const bool by_b = b->found_by[i] != WEIGHED_NONE;
        if (t->ignore || by_a == by_b)
            continue;
        const struct weighed *finder = by_a ? a : b;
        list->items[list->n++] =
            (struct item){.side = by_a ? COMPARISON_LOST : COMPARISON_FOUND,
                          .place = time->places[t->picture],
                          .object = t,
                          .evidence = finder->detections->objects[finder->found_by[i]].confidence};
    }
}

// Indices of the false detections of *o*, by place and class.
struct by_place {
    const struct comparison_time *time;
    uint32_t *objects;
    size_t *first; // [place], and the end
};

static int by_place_init(const struct weighed *o, const struct comparison_time *time,
                         struct arena *arena, struct by_place *ret)
{
    struct by_place b = {.time = time};
    b.objects = arena_array(arena, uint32_t, o->detections->n_objects);
    b.first = arena_array(arena, size_t, time->n + 2);
    if (!b.objects || !b.first)
        return ERR_NOMEM;
    const struct dataset_object *objects = o->detections->objects;
    for (size_t i = 0; i < o->detections->n_objects; i++) {
        if (o->verdicts[i] == WEIGHED_FALSE)
            b.first[time->places[objects[i].picture] + 2]++;
    }
    for (size_t p = 1; p < time->n + 2; p++)
        b.first[p] += b.first[p - 1];
    for (size_t i = 0; i < o->detections->n_objects; i++) {
        if (o->verdicts[i] == WEIGHED_FALSE)
            b.objects[b.first[time->places[objects[i].picture] + 1]++] = (uint32_t)i;
    }
    *ret = b;
    return 0;
}

static bool has_like(const struct weighed *o, const struct by_place *b,
                     const struct dataset_object *d)
{
    const size_t place = b->time->places[d->picture];
    for (size_t i = b->first[place]; i < b->first[place + 1]; i++) {
        const struct dataset_object *other = &o->detections->objects[b->objects[i]];
        if (other->class_index == d->class_index && match_overlap(d, other) >= SAME_IOU)
            return true;
    }
    return false;
}

static int collect_false(const struct weighed *mine, const struct weighed *theirs,
                         enum comparison_side side, const struct comparison_time *time,
                         struct arena *arena, struct items *list)
{
    struct by_place b;
    int r = by_place_init(theirs, time, arena, &b);
    for (size_t i = 0; i < mine->detections->n_objects && r == 0; i++) {
        const struct dataset_object *d = &mine->detections->objects[i];
        if (mine->verdicts[i] != WEIGHED_FALSE || has_like(theirs, &b, d))
            continue;
        list->items[list->n++] = (struct item){.side = side,
                                               .place = time->places[d->picture],
                                               .object = d,
                                               .evidence = d->confidence};
    }
    return r;
}

static int compare_items(const void *x, const void *y)
{
    const struct item *a = x;
    const struct item *b = y;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    if (a->object->class_index != b->object->class_index)
        return a->object->class_index < b->object->class_index ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return (a->object > b->object) - (a->object < b->object);
}

// ---- joining

struct chain {
    struct comparison_change change;
    size_t last_place;
    const struct dataset_object *last;
};

static bool goes_on(const struct dataset *truth, const struct chain *c, const struct item *item)
{
    const struct dataset_picture *pictures = truth->pictures;
    if (pictures[c->last->picture].video != pictures[item->object->picture].video)
        return false;
    if (item->place == c->last_place || item->place > c->last_place + MAX_GAP)
        return false;
    if (c->last->track_id >= 0 || item->object->track_id >= 0)
        return c->last->track_id == item->object->track_id;
    return match_overlap(item->object, c->last) >= CHAIN_IOU;
}

static void extend(struct chain *c, const struct item *item)
{
    if (c->change.n == 0)
        c->change = (struct comparison_change){.side = item->side,
                                               .class_index = item->object->class_index,
                                               .track_id = item->object->track_id,
                                               .first = item->object->picture,
                                               .at_first = item->place,
                                               .example = item->object};
    c->change.n++;
    c->change.last = item->object->picture;
    c->change.evidence += item->evidence;
    c->last_place = item->place;
    c->last = item->object;
}

// Closed chains are moved before *first_open. Returns how many chains there are.
static size_t join(const struct dataset *truth, const struct items *list, struct chain *chains)
{
    size_t n = 0;
    size_t first_open = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct item *item = &list->items[i];
        if (i > 0 && (item->side != item[-1].side ||
                      item->object->class_index != item[-1].object->class_index))
            first_open = n;
        size_t found = n;
        for (size_t k = first_open; k < n; k++) {
            if (item->place > chains[k].last_place + MAX_GAP) {
                struct chain closed = chains[k];
                if (found == first_open)
                    found = k;
                chains[k] = chains[first_open];
                chains[first_open++] = closed;
            } else if (found == n && goes_on(truth, &chains[k], item)) {
                found = k;
            }
        }
        if (found == n)
            chains[n++] = (struct chain){0};
        extend(&chains[found], item);
    }
    return n;
}

static int compare_changes(const void *x, const void *y)
{
    const struct comparison_change *a = x;
    const struct comparison_change *b = y;
    if (a->evidence != b->evidence)
        return a->evidence > b->evidence ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    return (a->at_first > b->at_first) - (a->at_first < b->at_first);
}

int comparison_find_changes(const struct weighed *a, const struct weighed *b,
                            const struct comparison_time *time, struct arena *arena,
                            struct comparison *c)
{
    struct items list = {0};
    list.items =
        arena_array(arena, struct item,
                    a->truth->n_objects + a->detections->n_objects + b->detections->n_objects);
    if (!list.items)
        return ERR_NOMEM;
    collect_truths(a, b, time, &list);
    int r = collect_false(b, a, COMPARISON_FALSE_NEW, time, arena, &list);
    if (r == 0)
        r = collect_false(a, b, COMPARISON_FALSE_GONE, time, arena, &list);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n; i++)
        c->n_objects[list.items[i].side]++;
    if (list.n > 0)
        qsort(list.items, list.n, sizeof(*list.items), compare_items);
    struct chain *chains = arena_array(arena, struct chain, list.n);
    c->changes = arena_array(arena, struct comparison_change, list.n);
    if (!chains || !c->changes)
        return ERR_NOMEM;
    c->n_changes = join(a->truth, &list, chains);
    for (size_t i = 0; i < c->n_changes; i++)
        c->changes[i] = chains[i].change;
    if (c->n_changes > 0)
        qsort(c->changes, c->n_changes, sizeof(*c->changes), compare_changes);
    return 0;
}

const char *const comparison_side_names[COMPARISON_N_SIDES] = {
    [COMPARISON_LOST] = "lost",
    [COMPARISON_FOUND] = "found",
    [COMPARISON_FALSE_NEW] = "false_new",
    [COMPARISON_FALSE_GONE] = "false_gone",
};
