// SPDX-License-Identifier: Apache-2.0
// match.c - grouping by two counting sorts, overlaps, and the greedy choice.
//
// INVARIANTS
// (1) Objects are sorted by picture, then stably by class: within a group they keep file order.
// (2) Groups exist only where there is something, so memory follows the objects, not
//     classes x pictures.

#include "eval/match.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"

// Objects that count, sorted by class, then picture, then file order.
struct sorted {
    uint32_t *indices;
    size_t n;
    size_t n_below;
};

static bool is_judged(const struct dataset *detections, int32_t picture)
{
    return !detections->judged || detections->judged[picture];
}

static bool is_wanted(const struct match_filter *f, const struct dataset_object *o)
{
    return !f->classes || f->classes[o->class_index];
}

// Puts from[] into to[] in the order of key(); stable.
static void count_sort(const struct dataset_object *objects, const uint32_t *from, size_t n,
                       uint32_t *to, size_t *counts, size_t n_keys, bool by_class)
{
    memset(counts, 0, (n_keys + 1) * sizeof(*counts));
    for (size_t i = 0; i < n; i++) {
        const struct dataset_object *o = &objects[from[i]];
        counts[(by_class ? o->class_index : o->picture) + 1]++;
    }
    for (size_t k = 0; k < n_keys; k++)
        counts[k + 1] += counts[k];
    for (size_t i = 0; i < n; i++) {
        const struct dataset_object *o = &objects[from[i]];
        to[counts[by_class ? o->class_index : o->picture]++] = from[i];
    }
}

static int sort_objects(const struct dataset *d, const struct dataset *detections,
                        const struct match_filter *f, struct arena *a, struct sorted *ret)
{
    if (d->n_objects > UINT32_MAX)
        return err_set(ERR_TOO_BIG, "%zu objects: at most %u can be judged", d->n_objects,
                       UINT32_MAX);
    const size_t n_keys = MAX(d->n_classes, d->n_pictures);
    uint32_t *indices = arena_array(a, uint32_t, d->n_objects);
    if (!indices)
        return ERR_NOMEM;
    const size_t mark = arena_mark(a);
    uint32_t *other = arena_array(a, uint32_t, d->n_objects);
    size_t *counts = arena_array(a, size_t, n_keys + 1);
    if (!other || !counts)
        return ERR_NOMEM;
    struct sorted s = {.indices = indices};
    const bool floor = f->has_min_confidence && d == detections;
    for (size_t i = 0; i < d->n_objects; i++) {
        const struct dataset_object *o = &d->objects[i];
        if (!is_judged(detections, o->picture) || !is_wanted(f, o))
            continue;
        if (floor && o->confidence < f->min_confidence)
            s.n_below++;
        else
            s.indices[s.n++] = (uint32_t)i;
    }
    count_sort(d->objects, s.indices, s.n, other, counts, d->n_pictures, false);
    count_sort(d->objects, other, s.n, s.indices, counts, d->n_classes, true);
    arena_rewind(a, mark);
    *ret = s;
    return 0;
}

// Where the run of the same class and picture that begins at *i* ends.
static size_t run_end(const struct dataset *d, const struct sorted *s, size_t i)
{
    const struct dataset_object *first = &d->objects[s->indices[i]];
    while (i < s->n && d->objects[s->indices[i]].class_index == first->class_index &&
           d->objects[s->indices[i]].picture == first->picture)
        i++;
    return i;
}

// < 0: the object of *x* comes before that of *y*; an ended list comes last.
static int compare_next(const struct dataset *xd, const struct sorted *x, size_t i,
                        const struct dataset *yd, const struct sorted *y, size_t j)
{
    if (i == x->n || j == y->n)
        return (i == x->n) - (j == y->n);
    const struct dataset_object *a = &xd->objects[x->indices[i]];
    const struct dataset_object *b = &yd->objects[y->indices[j]];
    if (a->class_index != b->class_index)
        return a->class_index < b->class_index ? -1 : 1;
    return (a->picture > b->picture) - (a->picture < b->picture);
}

// Walks both lists side by side. With *groups* NULL it only counts.
static size_t merge_groups(const struct match_groups *m, const struct sorted *t,
                           const struct sorted *d, struct match_group *groups)
{
    size_t n = 0;
    size_t i = 0;
    size_t j = 0;
    while (i < t->n || j < d->n) {
        int order = compare_next(m->truth, t, i, m->detections, d, j);
        size_t i_end = order <= 0 ? run_end(m->truth, t, i) : i;
        size_t j_end = order >= 0 ? run_end(m->detections, d, j) : j;
        if (groups) {
            const struct dataset_object *o = order <= 0 ? &m->truth->objects[t->indices[i]]
                                                        : &m->detections->objects[d->indices[j]];
            groups[n] = (struct match_group){.class_index = o->class_index,
                                             .picture = o->picture,
                                             .first_truth = i,
                                             .n_truths = i_end - i,
                                             .first_detection = j,
                                             .n_detections = j_end - j};
        }
        n++;
        i = i_end;
        j = j_end;
    }
    return n;
}

static void index_classes(struct match_groups *m)
{
    size_t g = 0;
    for (size_t k = 0; k <= m->n_classes; k++) {
        while (g < m->n_groups && (size_t)m->groups[g].class_index < k)
            g++;
        m->first_group[k] = g;
    }
}

int match_groups_build(const struct dataset *truth, const struct dataset *detections,
                       const struct match_filter *filter, struct arena *a,
                       struct match_groups *ret_groups)
{
    static const struct match_filter nothing = {0};
    const struct match_filter *f = filter ? filter : &nothing;
    assert(detections->n_classes == truth->n_classes);
    assert(detections->n_pictures == truth->n_pictures);
    struct sorted t;
    int r = sort_objects(truth, detections, f, a, &t);
    if (r < 0)
        return r;
    struct sorted d;
    r = sort_objects(detections, detections, f, a, &d);
    if (r < 0)
        return r;
    struct match_groups m = {.truth = truth,
                             .detections = detections,
                             .truth_order = t.indices,
                             .detection_order = d.indices,
                             .n_truths = t.n,
                             .n_detections = d.n,
                             .n_classes = truth->n_classes,
                             .n_below = d.n_below};
    m.n_groups = merge_groups(&m, &t, &d, NULL);
    m.groups = arena_array(a, struct match_group, m.n_groups);
    m.first_group = arena_array(a, size_t, m.n_classes + 1);
    uint32_t *scratch = arena_array(a, uint32_t, d.n);
    if (!m.groups || !m.first_group || !scratch)
        return ERR_NOMEM;
    merge_groups(&m, &t, &d, m.groups);
    index_classes(&m);
    for (size_t i = 0; i < m.n_groups; i++) {
        const struct match_group *g = &m.groups[i];
        m.largest_truths = MAX(m.largest_truths, g->n_truths);
        match_sort(detections->objects, m.detection_order + g->first_detection, g->n_detections,
                   scratch);
    }
    *ret_groups = m;
    return 0;
}

// Merges from[lo..mid) and from[mid..hi) into to[lo..hi).
static void merge_runs(const struct dataset_object *objects, const uint32_t *from, uint32_t *to,
                       size_t lo, size_t mid, size_t hi)
{
    size_t i = lo;
    size_t j = mid;
    for (size_t k = lo; k < hi; k++) {
        bool left =
            j == hi || (i < mid && objects[from[i]].confidence >= objects[from[j]].confidence);
        to[k] = left ? from[i++] : from[j++];
    }
}

void match_sort(const struct dataset_object *objects, uint32_t *indices, size_t n,
                uint32_t *scratch)
{
    uint32_t *from = indices;
    uint32_t *to = scratch;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width)
            merge_runs(objects, from, to, lo, MIN(lo + width, n), MIN(lo + 2 * width, n));
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != indices)
        memcpy(indices, from, n * sizeof(*indices));
}

double match_overlap(const struct dataset_object *d, const struct dataset_object *t)
{
    double w = MIN(d->x + d->w, t->x + t->w) - MAX(d->x, t->x);
    if (!(w > 0))
        return 0;
    double h = MIN(d->y + d->h, t->y + t->h) - MAX(d->y, t->y);
    if (!(h > 0))
        return 0;
    double both = w * h;
    double detection_area = d->w * d->h;
    double whole = t->crowd ? detection_area : detection_area + t->w * t->h - both;
    return both / whole;
}

size_t match_candidates(const struct match_groups *m, const struct match_group *g,
                        const struct dataset_object *detection, double min_overlap,
                        struct match_candidate *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_truths; i++) {
        double overlap =
            match_overlap(detection, &m->truth->objects[m->truth_order[g->first_truth + i]]);
        if (overlap >= min_overlap)
            ret[n++] = (struct match_candidate){.truth = (uint32_t)i, .overlap = overlap};
    }
    return n;
}

int match_choose(const struct match_candidate *c, size_t n, double min_overlap, const bool *ignored,
                 const bool *crowd, const bool *taken)
{
    for (int pass = 0; pass < 2; pass++) { // truths that count first
        double best = min_overlap;
        int chosen = -1;
        for (size_t i = 0; i < n; i++) {
            uint32_t t = c[i].truth;
            if (ignored[t] != (pass == 1) || (taken[t] && !crowd[t]) || !(c[i].overlap >= best))
                continue;
            best = c[i].overlap;
            chosen = (int)t;
        }
        if (chosen >= 0)
            return chosen;
    }
    return -1;
}
