// SPDX-License-Identifier: Apache-2.0
// kernel_quick.c - SiLU into bytes by 64 lines: the tables.

#include <math.h>

#include "nn/kernel_priv.h"

enum {
    HALF_PARTS = KERNEL_QUICK_PARTS / 2,
    N_SAMPLES = 32, // of a part, looked at for its worst places
    BYTE_STEPS = 256,
    MAX_SHIFT = 6,
};

#define LEAST_SCALE (1.0 / 128) // below, the lines are more than 0.4 of a step off
#define TAIL        8.0         // -TAIL and all below have a SILU of nearly 0
#define STEEPEST    1.1         // SILU's slope at most

static double silu(double v)
{
    return v / (1 + exp(-v));
}

// The line between the curve's ends of [from, from + width), moved so that it is as far above
// as below at worst. Values times *unit* are numbers, results times *high* what bytes are made of.
static void fit(double from, double width, double unit, double high, double *ret_base,
                double *ret_slope)
{
    double first = silu(from * unit) * high;
    double slope = (silu((from + width) * unit) * high - first) / width;
    double least = 0;
    double most = 0;
    for (int i = 1; i < N_SAMPLES; i++) {
        double x = (double)i * width / N_SAMPLES;
        double off = silu((from + x) * unit) * high - (first + slope * x);
        least = fmin(least, off);
        most = fmax(most, off);
    }
    *ret_slope = slope;
    *ret_base = first - slope * from + (least + most) / 2;
}

// As many bits as the steepest slope leaves below 1.
static int shift_for(double scale, double range)
{
    int shift = MAX_SHIFT;
    while (shift > 0 && STEEPEST * range / KERNEL_QUICK_ONE / scale * (1 << shift) >= 1)
        shift--;
    return shift;
}

bool kernel_quick_fill(float scale, int zero_point, bool adds, struct kernel_quick *ret_quick)
{
    if (!(scale >= LEAST_SCALE) || !isfinite(scale))
        return false;
    double range = fmax((adds ? 2 : 1) * BYTE_STEPS * (double)scale, TAIL);
    int shift = shift_for((double)scale, range);
    double unit = range / KERNEL_QUICK_ONE;
    double high = (1 << shift) / (double)scale;
    int part_shift = KERNEL_QUICK_PART_SHIFT; // as narrow as reaches from -TAIL to TAIL
    while (part_shift > 0 && HALF_PARTS * (1 << (part_shift - 1)) * unit >= TAIL)
        part_shift--;
    double width = 1 << part_shift;
    for (int i = 0; i < KERNEL_QUICK_PARTS; i++) {
        int part = i < KERNEL_QUICK_PARTS / 2 ? i : i - KERNEL_QUICK_PARTS; // of signed numbers
        double base = 0;
        double slope = 0;
        bool goes_on = part_shift < KERNEL_QUICK_PART_SHIFT;
        if (goes_on && part == HALF_PARTS - 1)
            slope = high * unit;
        else if (!goes_on || part > -HALF_PARTS)
            fit(part * width, width, unit, high, &base, &slope);
        // + 1/2 of a step: what follows rounds down
        base += (zero_point + 0.5) * (1 << shift);
        ret_quick->base[i] = (int16_t)lrint(fmin(fmax(base, INT16_MIN), INT16_MAX));
        ret_quick->slope[i] = (int16_t)lrint(slope * KERNEL_QUICK_ONE);
    }
    ret_quick->range = (float)range;
    ret_quick->shift = shift;
    ret_quick->part_shift = part_shift;
    return true;
}
