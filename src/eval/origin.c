// SPDX-License-Identifier: Apache-2.0
// origin.c - twins of truths among detections.

#include "eval/origin.h"

#include <math.h>

#include "dataset/dataset.h"
#include "eval/match.h"

#define SAME 2e-6 // relative; float32 has 6e-8, sums of two numbers lose a little

static bool is_same(double a, double b)
{
    return fabs(a - b) <= SAME * fmax(1, fmax(fabs(a), fabs(b)));
}

static bool is_twin(const struct dataset_object *a, const struct dataset_object *b)
{
    return is_same(a->x, b->x) && is_same(a->y, b->y) && is_same(a->w, b->w) && is_same(a->h, b->h);
}

static bool has_twin(const struct match_groups *m, const struct match_group *g,
                     const struct dataset_object *truth)
{
    bool found = false;
    for (size_t i = 0; i < g->n_detections && !found; i++)
        found = is_twin(truth, &m->detections->objects[m->detection_order[g->first_detection + i]]);
    return found;
}

size_t origin_count_twins(const struct match_groups *groups)
{
    size_t n = 0;
    for (size_t i = 0; i < groups->n_groups; i++) {
        const struct match_group *g = &groups->groups[i];
        for (size_t j = 0; j < g->n_truths; j++)
            n += has_twin(groups, g,
                          &groups->truth->objects[groups->truth_order[g->first_truth + j]]);
    }
    return n;
}

bool origin_is_suspect(size_t n_twins, size_t n_truths)
{
    return n_truths >= ORIGIN_MIN_TRUTHS && n_twins > n_truths / 2;
}
