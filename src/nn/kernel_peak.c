// SPDX-License-Identifier: Apache-2.0
// kernel_peak.c - how fast one core multiplies and adds at most: the inner block of the
// convolutions, over and over the same data in the first cache.

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/kernel.h"
#include "nn/kernel_priv.h"

enum {
    N_UNITS = 64, // of a pixel: with the weights of three panels 16 KB at most
    MAX_PANELS = 3,
    SLICE_NS = 500 * 1000, // the best of many short slices: another program may run in some
    N_SLICES = 40,
};

struct bench {
    const struct kernel_conv_impl *impl;
    struct kernel_block block;
    const uint8_t *pixels[KERNEL_MAX_PIXELS];
    union kernel_sums sums;
};

static void run_once(struct bench *b)
{
    const struct kernel_block *k = &b->block;
    if (b->impl->any_block)
        b->impl->any_block(k, &b->sums);
    else
        b->impl->blocks[k->n_panels][k->n_pixels](k, &b->sums);
}

static double runs_a_second(struct bench *b)
{
    int64_t begun = clock_now_ns();
    int64_t end = begun;
    int64_t n = 0;
    for (; end - begun < SLICE_NS; end = clock_now_ns()) {
        for (int i = 0; i < 16; i++, n++)
            run_once(b);
    }
    return (double)n * 1e9 / (double)(end - begun);
}

static double measure(struct bench *b, enum kernel_type type)
{
    double best = 0;
    if (b->impl->begin)
        b->impl->begin(b->block.n_pixels, N_UNITS);
    for (int i = 0; i < N_SLICES; i++) {
        double rate = runs_a_second(b);
        best = rate > best ? rate : best;
    }
    if (b->impl->end)
        b->impl->end();
    size_t element = b->impl->widen ? sizeof(int16_t) : kernel_type_bytes(type);
    double elements = (double)KERNEL_UNIT_BYTES / (double)element;
    return best * 2 * elements * N_UNITS * KERNEL_LANES * b->block.n_panels * b->block.n_pixels;
}

double kernel_peak(enum kernel_type type)
{
    enum cpu_isa isa = CPU_ISA_UNSET;
    if (cpu_isa_choose(CPU_ISA_UNSET, &isa) < 0) {
        err_clear();
        return 0;
    }
    struct bench *b = mem_new(struct bench);
    size_t weights = (size_t)N_UNITS * MAX_PANELS * KERNEL_LANES * KERNEL_UNIT_BYTES;
    size_t pixels = (size_t)KERNEL_MAX_PIXELS * N_UNITS * KERNEL_UNIT_BYTES;
    uint8_t *room = mem_aligned(weights + pixels);
    double peak = 0;
    if (b && room) {
        memset(room, 0, weights + pixels); // zeros are as fast as other numbers
        b->impl = kernel_conv_impl_for(type, isa);
        int n_panels = MIN(b->impl->max_panels, MAX_PANELS);
        b->block = (struct kernel_block){.pixels = b->pixels,
                                         .weights = room,
                                         .n_taps = 1,
                                         .n_units = N_UNITS,
                                         .n_pixels = b->impl->max_pixels[n_panels],
                                         .n_panels = n_panels,
                                         .most_pixels = b->impl->max_pixels[n_panels],
                                         .pixel_step = N_UNITS * KERNEL_UNIT_BYTES};
        for (int i = 0; i < KERNEL_MAX_PIXELS; i++)
            b->pixels[i] = room + weights + (size_t)i * N_UNITS * KERNEL_UNIT_BYTES;
        peak = measure(b, type);
    }
    mem_free(room);
    mem_free(b);
    return peak;
}
