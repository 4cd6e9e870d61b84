// SPDX-License-Identifier: Apache-2.0
// pairs.c - the pairs of tracks that ever overlapped, found by hash: memory in proportion
// to them, not to truth tracks x result tracks.

#include "base/err.h"
#include "base/mem.h"
#include "tracking/tracking_priv.h"

enum {
    PAIRS_FIRST_SLOTS = 1024, // a power of two
    PAIRS_MAX = 500 * 1000 * 1000,
};

void tracking_pairs_finish(struct tracking_pairs *p)
{
    mem_free(p->items);
    mem_free(p->matches);
    mem_free(p->slots);
    *p = (struct tracking_pairs){0};
}

static size_t first_slot(int32_t truth, int32_t result, size_t n_slots)
{
    uint64_t key = ((uint64_t)(uint32_t)truth << 32) | (uint32_t)result;
    key ^= key >> 31;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(key >> 20) & (n_slots - 1);
}

// The slot of the pair, or the empty one where it belongs.
static size_t find_slot(const struct tracking_pairs *p, int32_t truth, int32_t result)
{
    size_t k = first_slot(truth, result, p->n_slots);
    while (p->slots[k]) {
        const struct tracking_pairing *item = &p->items[p->slots[k] - 1];
        if (item->truth == truth && item->result == result)
            break;
        k = (k + 1) & (p->n_slots - 1);
    }
    return k;
}

static int grow_slots(struct tracking_pairs *p)
{
    size_t n = p->n_slots ? 2 * p->n_slots : PAIRS_FIRST_SLOTS;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    mem_free(p->slots);
    p->slots = slots;
    p->n_slots = n;
    for (size_t i = 0; i < p->n; i++)
        slots[find_slot(p, p->items[i].truth, p->items[i].result)] = (uint32_t)(i + 1);
    return 0;
}

int tracking_pairs_get(struct tracking_pairs *p, int32_t truth, int32_t result,
                       struct tracking_pairing **ret_pairing)
{
    int r = 0;
    if (2 * (p->n + 1) > p->n_slots)
        r = grow_slots(p);
    if (r < 0)
        return r;
    size_t k = find_slot(p, truth, result);
    if (!p->slots[k]) {
        if (p->n >= PAIRS_MAX)
            return err_set(ERR_TOO_BIG, "tracks: more than %d pairs overlap", PAIRS_MAX);
        r = MEM_GROW(p->items, p->cap, p->n);
        if (r < 0)
            return r;
        p->items[p->n++] = (struct tracking_pairing){.truth = truth, .result = result};
        p->slots[k] = (uint32_t)p->n;
    }
    *ret_pairing = &p->items[p->slots[k] - 1];
    return 0;
}

struct tracking_pairing *tracking_pairs_find(const struct tracking_pairs *p, int32_t truth,
                                             int32_t result)
{
    if (!p->n_slots)
        return NULL;
    uint32_t slot = p->slots[find_slot(p, truth, result)];
    return slot ? &p->items[slot - 1] : NULL;
}

int tracking_pairs_match(struct tracking_pairs *p, struct tracking_pairing *pairing, size_t alpha)
{
    if (!pairing->matches) {
        int r = MEM_GROW(p->matches, p->matches_cap, p->n_matches);
        if (r < 0)
            return r;
        p->matches[p->n_matches++] = (struct tracking_matches){0};
        pairing->matches = p->n_matches;
    }
    p->matches[pairing->matches - 1].n[alpha]++;
    return 0;
}

static int compare_pairings(const void *a, const void *b)
{
    const struct tracking_pairing *x = a;
    const struct tracking_pairing *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->result > y->result) - (x->result < y->result);
}

void tracking_pairs_sort(struct tracking_pairs *p)
{
    if (p->n > 1)
        qsort(p->items, p->n, sizeof(*p->items), compare_pairings);
    mem_free(p->slots);
    p->slots = NULL;
    p->n_slots = 0;
}
