// SPDX-License-Identifier: Apache-2.0
// letterbox_axis.c - which source samples make which model sample, along one axis.
//
// Centres are aligned: model sample i lies at (i + 1/2) n_src / n_dst - 1/2 in luma samples, and at
// (i + 1/2) n_src / (n_dst 2^shift) - 1/2 in a subsampled plane; places before the first and behind
// the last sample take these. Everything is a fraction of integers, so every machine agrees.

#include <assert.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/letterbox_priv.h"

struct place {
    int index;
    int weight; // of index + 1
};

static struct place place_of(int i, int n_src, int n_dst, int shift, int one)
{
    int64_t below = ((int64_t)2 * n_dst) << shift;
    int64_t above = (int64_t)(2 * (int64_t)i + 1) * n_src - ((int64_t)n_dst << shift);
    int last = ((n_src + (int)BIT(shift) - 1) >> shift) - 1;
    if (above < 0)
        return (struct place){0};
    int64_t index = above / below;
    if (index >= last)
        return (struct place){.index = last};
    int64_t weight = ((above % below) * one + below / 2) / below;
    return (struct place){(int)index, (int)weight};
}

int letterbox_rows_init(struct letterbox_rows *rows, int n_src, int n_dst, int shift)
{
    assert(n_src > 0 && n_dst > 0);
    *rows = (struct letterbox_rows){
        .index = mem_array(int32_t, (size_t)n_dst),
        .weight = mem_array(int16_t, (size_t)n_dst),
    };
    if (!rows->index || !rows->weight) {
        letterbox_rows_finish(rows);
        return ERR_NOMEM;
    }
    for (int i = 0; i < n_dst; i++) {
        struct place p = place_of(i, n_src, n_dst, shift, LETTERBOX_ROW_ONE);
        bool whole = p.weight == LETTERBOX_ROW_ONE; // does not fit int16_t
        rows->index[i] = p.index + whole;
        rows->weight[i] = (int16_t)(whole ? 0 : p.weight);
    }
    return 0;
}

void letterbox_rows_finish(struct letterbox_rows *rows)
{
    mem_free(rows->index);
    mem_free(rows->weight);
    *rows = (struct letterbox_rows){0};
}

// Columns up to the next multiple repeat the last one, so that kernels may make whole vectors.
static int padded(int n)
{
    return (n + LETTERBOX_COLUMN_MULTIPLE - 1) / LETTERBOX_COLUMN_MULTIPLE *
           LETTERBOX_COLUMN_MULTIPLE;
}

static void cut_into_blocks(struct letterbox_columns *c, int n_all)
{
    int reach = 0;
    for (int k = 0; k < n_all / LETTERBOX_BLOCK; k++) {
        const int32_t *index = c->index + k * LETTERBOX_BLOCK;
        int16_t *lanes = c->lanes + 2 * k * LETTERBOX_BLOCK;
        c->block_base[k] = index[0];
        for (int i = 0; i < LETTERBOX_BLOCK; i++) {
            int lane = MIN(index[i] - index[0], INT16_MAX - 1);
            lanes[2 * i] = (int16_t)lane;
            lanes[2 * i + 1] = (int16_t)(lane + 1);
            reach = MAX(reach, lane + 2);
        }
    }
    c->n_windows = reach <= LETTERBOX_WINDOW ? 1 : reach <= 2 * LETTERBOX_WINDOW ? 2 : 0;
}

int letterbox_columns_init(struct letterbox_columns *columns, int n_src, int n_dst, int shift)
{
    assert(n_src > 0 && n_dst > 0);
    int n_all = padded(n_dst);
    size_t n = (size_t)n_all;
    struct letterbox_columns c = {
        .n = n_dst,
        .index = (int32_t *)mem_aligned(n * sizeof(int32_t)),
        .weights = (int16_t *)mem_aligned(n * 2 * sizeof(int16_t)),
        .block_base = (int32_t *)mem_aligned(n / LETTERBOX_BLOCK * sizeof(int32_t)),
        .lanes = (int16_t *)mem_aligned(n * 2 * sizeof(int16_t)),
    };
    if (!c.index || !c.weights || !c.block_base || !c.lanes) {
        letterbox_columns_finish(&c);
        return ERR_NOMEM;
    }
    for (int i = 0; i < n_all; i++) {
        struct place p = place_of(MIN(i, n_dst - 1), n_src, n_dst, shift, LETTERBOX_COLUMN_ONE);
        c.index[i] = p.index;
        c.weights[2 * i] = (int16_t)(LETTERBOX_COLUMN_ONE - p.weight);
        c.weights[2 * i + 1] = (int16_t)p.weight;
    }
    cut_into_blocks(&c, n_all);
    *columns = c;
    return 0;
}

void letterbox_columns_finish(struct letterbox_columns *columns)
{
    mem_free(columns->index);
    mem_free(columns->weights);
    mem_free(columns->block_base);
    mem_free(columns->lanes);
    *columns = (struct letterbox_columns){0};
}
