// SPDX-License-Identifier: Apache-2.0
// order.c - pictures in the order of time, and objects by picture.

#include "dataset/order.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"

struct key {
    int32_t video, picture;
    int64_t frame;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    if (x->video != y->video)
        return x->video < y->video ? -1 : 1;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

int dataset_sort_pictures(const struct dataset *d, int32_t *pictures, size_t n)
{
    struct key *keys = mem_array(struct key, n + 1);
    if (!keys)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct dataset_picture *p = &d->pictures[pictures[i]];
        keys[i] = (struct key){p->video, pictures[i], p->frame};
    }
    if (n > 1)
        qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < n; i++)
        pictures[i] = keys[i].picture;
    mem_free(keys);
    return 0;
}

void dataset_grouped_finish(struct dataset_grouped *g)
{
    mem_free(g->at);
    mem_free(g->objects);
    *g = (struct dataset_grouped){0};
}

static int32_t place_of(const struct dataset_object *o, const int32_t *places)
{
    return places ? places[o->picture] : o->picture;
}

int dataset_group(const struct dataset_object *objects, size_t n, const int32_t *places,
                  size_t n_places, struct dataset_grouped *ret_grouped)
{
    if (n > UINT32_MAX)
        return err_set(ERR_TOO_BIG, "%zu objects are more than %u", n, UINT32_MAX);
    struct dataset_grouped g = {.at = mem_array(size_t, n_places + 2),
                                .objects = mem_array(uint32_t, n + 1)};
    if (!g.at || !g.objects) {
        dataset_grouped_finish(&g);
        return ERR_NOMEM;
    }
    // at[p + 2] counts, so that filling moves at[p + 1] from the begin of p to its end.
    for (size_t i = 0; i < n; i++) {
        const int32_t p = place_of(&objects[i], places);
        if (p >= 0)
            g.at[(size_t)p + 2]++;
    }
    for (size_t p = 2; p < n_places + 2; p++)
        g.at[p] += g.at[p - 1];
    for (size_t i = 0; i < n; i++) {
        const int32_t p = place_of(&objects[i], places);
        if (p >= 0)
            g.objects[g.at[(size_t)p + 1]++] = (uint32_t)i;
    }
    *ret_grouped = g;
    return 0;
}
