// SPDX-License-Identifier: Apache-2.0
// kernel_quick.c - SiLU into bytes by 64 lines: the tables.

#include <math.h>

#include "nn/kernel_priv.h"

enum {
    PART_WIDTH = 65536 / KERNEL_QUICK_PARTS, // in 128ths of an output step
    N_SAMPLES = 32,                          // of a part, looked at for its worst places
    SLOPE_ONE = 32768,
};

static double silu(double v)
{
    return v / (1 + exp(-v));
}

// The line between the curve's ends of [from, from + PART_WIDTH), moved so that it is as far above
// as below at worst. *scale*: the value of an output step. Heights count in 64ths of a step.
static void fit(double from, double scale, double *ret_base, double *ret_slope)
{
    double unit = scale / KERNEL_QUICK_STEPS;
    double high = KERNEL_QUICK_STEPS / 2 / scale;
    double first = silu(from * unit) * high;
    double slope = (silu((from + PART_WIDTH) * unit) * high - first) / PART_WIDTH;
    double least = 0;
    double most = 0;
    for (int i = 1; i < N_SAMPLES; i++) {
        double x = (double)i * PART_WIDTH / N_SAMPLES;
        double off = silu((from + x) * unit) * high - (first + slope * x);
        least = fmin(least, off);
        most = fmax(most, off);
    }
    *ret_slope = slope;
    *ret_base = first - slope * from + (least + most) / 2;
}

void kernel_quick_fill(float scale, int zero_point, struct kernel_quick *ret_quick)
{
    for (int i = 0; i < KERNEL_QUICK_PARTS; i++) {
        int part = i < KERNEL_QUICK_PARTS / 2 ? i : i - KERNEL_QUICK_PARTS; // of signed numbers
        double base = 0;
        double slope = 0;
        fit((double)part * PART_WIDTH, (double)scale, &base, &slope);
        // + 1/2 of a step: what follows rounds down
        base += zero_point * (KERNEL_QUICK_STEPS / 2) + KERNEL_QUICK_STEPS / 4;
        ret_quick->base[i] = (int16_t)lrint(fmin(fmax(base, INT16_MIN), INT16_MAX));
        ret_quick->slope[i] = (int16_t)lrint(slope * SLOPE_ONE);
    }
}
