// SPDX-License-Identifier: Apache-2.0
// plan_memory.c - blocks that are not in use at the same time share memory.
//
// The largest block goes first, to the lowest offset that is free while it lives; the rest follows
// in order of size. For networks of this kind that is within a few per cent of the least.

#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/plan_priv.h"

enum {
    ALIGN = 64,
    SLACK = 64, // behind each block: kernels may read, never use, what follows a last pixel
};

static void touch(struct compiler *c, const struct place *p, int step)
{
    if (p->kind != BLOCK_ARENA)
        return;
    struct block *b = &c->blocks[p->block];
    if (b->first < 0)
        b->first = step;
    b->last = MAX(b->last, step);
}

static void find_lives(struct compiler *c)
{
    for (int i = 0; i < c->plan->n_steps; i++) {
        const struct step *s = &c->plan->steps[i];
        for (int k = 0; k < s->n_in; k++)
            touch(c, &s->in[k], i);
        for (int k = 0; k < s->n_out; k++)
            touch(c, &s->out[k], i);
    }
}

struct sorted {
    size_t n_bytes;
    int block;
};

static int by_size(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;
    if (x->n_bytes != y->n_bytes)
        return x->n_bytes < y->n_bytes ? 1 : -1;
    return (x->block > y->block) - (x->block < y->block);
}

static int by_offset(const void *a, const void *b)
{
    const struct block *const *x = a;
    const struct block *const *y = b;
    return ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

// *placed* are the blocks that have an offset.
static size_t lowest_gap(const struct block *b, const struct block **placed, int n_placed,
                         const struct block **scratch, size_t n_bytes)
{
    int n = 0;
    for (int i = 0; i < n_placed; i++) {
        if (placed[i]->first <= b->last && placed[i]->last >= b->first)
            scratch[n++] = placed[i];
    }
    qsort(scratch, (size_t)n, sizeof(const struct block *), by_offset);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (scratch[i]->offset >= at + n_bytes)
            break;
        size_t end =
            scratch[i]->offset + ((scratch[i]->n_bytes + SLACK + ALIGN - 1) & ~(size_t)(ALIGN - 1));
        at = MAX(at, end);
    }
    return at;
}

static int place_blocks(struct compiler *c)
{
    struct sorted *order = mem_array(struct sorted, (size_t)c->n_blocks + 1);
    const struct block **placed = mem_array(const struct block *, (size_t)c->n_blocks + 1);
    const struct block **scratch = mem_array(const struct block *, (size_t)c->n_blocks + 1);
    int r = order && placed && scratch ? 0 : ERR_NOMEM;
    int n = 0;
    for (int i = 0; i < c->n_blocks && r == 0; i++)
        order[i] = (struct sorted){c->blocks[i].n_bytes, i};
    if (r == 0)
        qsort(order, (size_t)c->n_blocks, sizeof(*order), by_size);
    for (int i = 0; i < c->n_blocks && r == 0; i++) {
        struct block *b = &c->blocks[order[i].block];
        if (b->first < 0)
            continue;
        size_t bytes = (b->n_bytes + SLACK + ALIGN - 1) & ~(size_t)(ALIGN - 1);
        b->offset = lowest_gap(b, placed, n, scratch, bytes);
        placed[n++] = b;
        c->plan->n_arena = MAX(c->plan->n_arena, b->offset + bytes);
        if (c->plan->n_arena > PLAN_MAX_ARENA)
            r = err_set(ERR_TOO_BIG, "the network needs more than %d MiB for one picture",
                        (int)(PLAN_MAX_ARENA / (int)MIB));
    }
    mem_free(order);
    mem_free(placed);
    mem_free(scratch);
    return r;
}

static struct operand resolve(const struct compiler *c, const struct place *p)
{
    struct operand o = {.kind = p->kind, .input = p->block};
    o.offset = (size_t)p->view.offset * element_size(p->element);
    if (p->kind == BLOCK_ARENA)
        o.offset += c->blocks[p->block].offset;
    return o;
}

// Bytes that mean what the caller's mean, three a pixel, without gaps.
static bool makes_bytes(const struct compiler *c, const struct step *s)
{
    const struct place *to = &s->out[0];
    const struct tensor *in = &c->plan->inputs[c->opts->byte_input];
    const float scale = c->opts->byte_scale;
    int64_t stride = 0;
    return s->kind == STEP_PLANES && to->kind == BLOCK_ARENA && to->element == ELEMENT_U8 &&
           fabsf(to->quant.scale - scale) <= 1e-5f * scale && to->quant.zero_point == 0 &&
           to->view.dims[0] == 1 && to->view.dims[1] == 3 && view_is_picture(&to->view, &stride) &&
           to->view.offset == 0 && s->in[0].view.offset == 0 && stride == 3 &&
           to->view.dims[2] == in->dims[2] && to->view.dims[3] == in->dims[3];
}

static bool reads_block(const struct step *s, int k, const struct place *p)
{
    return s->in[k].kind == BLOCK_ARENA && s->in[k].block == p->block;
}

void plan_find_bytes(struct compiler *c)
{
    struct plan *p = c->plan;
    int n_readers = 0;
    int n_writers = 0;
    bool is_whole = true; // no reader begins elsewhere
    int found = -1;
    for (int i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        for (int k = 0; k < s->n_in; k++) {
            if (s->in[k].kind != BLOCK_INPUT || s->in[k].block != c->opts->byte_input)
                continue;
            n_readers++;
            if (c->opts->byte_scale > 0 && makes_bytes(c, s))
                found = i;
        }
    }
    for (int i = 0; i < p->n_steps && found >= 0; i++) {
        for (int k = 0; k < p->steps[i].n_out; k++)
            n_writers += p->steps[i].out[k].kind == BLOCK_ARENA &&
                         p->steps[i].out[k].block == p->steps[found].out[0].block;
        for (int k = 0; k < p->steps[i].n_in; k++)
            is_whole = is_whole && !(reads_block(&p->steps[i], k, &p->steps[found].out[0]) &&
                                     p->steps[i].in[k].view.offset != 0);
    }
    if (found < 0 || n_readers > 1 || n_writers > 1 || !is_whole)
        return;
    p->byte_step = found;
    p->byte_input = c->opts->byte_input;
    for (int i = 0; i < p->n_steps; i++) {
        struct step *s = &p->steps[i];
        for (int k = 0; k < s->n_in; k++) {
            if (reads_block(s, k, &p->steps[found].out[0]))
                s->from[k].kind = BLOCK_BYTES;
        }
    }
}

int memory_plan(struct compiler *c)
{
    find_lives(c);
    struct plan *p = c->plan;
    for (int i = 0; i < p->n_outputs; i++) { // their step is the last that has them: for ever
        for (int k = 0; k < p->n_steps; k++) {
            const struct step *s = &p->steps[k];
            if (s->n_out > 0 && s->out[0].kind == BLOCK_ARENA &&
                s->out[0].block == p->output_at[i].input)
                c->blocks[s->out[0].block].last = p->n_steps;
        }
    }
    struct cut *cut = &p->cut;
    for (int i = 0; i < cut->n_levels * CUT_MAX_MAPS; i++) { // maps: as long as nothing decodes
        const struct cut_map *m = &cut->levels[i / CUT_MAX_MAPS].maps[i % CUT_MAX_MAPS];
        if (m->place.kind == BLOCK_ARENA)
            c->blocks[m->place.block].last = MAX(c->blocks[m->place.block].last, p->n_body);
    }
    int r = place_blocks(c);
    if (r < 0)
        return r;
    for (int i = 0; i < cut->n_levels * CUT_MAX_MAPS; i++) {
        struct cut_map *m = &cut->levels[i / CUT_MAX_MAPS].maps[i % CUT_MAX_MAPS];
        m->at = resolve(c, &m->place);
    }
    for (int i = 0; i < p->n_steps; i++) {
        struct step *s = &p->steps[i];
        for (int k = 0; k < s->n_in; k++)
            s->from[k] = resolve(c, &s->in[k]);
        for (int k = 0; k < s->n_out; k++)
            s->to[k] = resolve(c, &s->out[k]);
    }
    for (int i = 0; i < p->n_outputs; i++)
        p->output_at[i].offset = c->blocks[p->output_at[i].input].offset;
    p->scratch = p->n_arena;
    p->n_arena += p->n_scratch;
    return 0;
}
