// SPDX-License-Identifier: Apache-2.0
// kernel.c - what all versions of the kernels share.

#include "nn/kernel.h"

#include <assert.h>
#include <math.h>

#include "nn/kernel_priv.h"

size_t kernel_type_bytes(enum kernel_type type)
{
    assert(type > KERNEL_TYPE_UNSET && type < KERNEL_N_TYPES);
    return type == KERNEL_F32 ? 4 : type == KERNEL_BF16 ? 2 : 1;
}

static float clip(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

float kernel_activate_one(float v, enum kernel_activation activation, float alpha)
{
    switch (activation) {
    case KERNEL_RELU:
        return v < 0 ? 0 : v;
    case KERNEL_RELU6:
        return clip(v, 0, 6);
    case KERNEL_LEAKY:
        return v < 0 ? alpha * v : v;
    case KERNEL_SILU:
        return v / (1 + expf(-v));
    case KERNEL_SIGMOID:
        return 1 / (1 + expf(-v));
    case KERNEL_HARD_SWISH:
        return v * clip(fmaf(v, 1.0f / 6, 0.5f), 0, 1);
    case KERNEL_HARD_SIGMOID:
        return clip(fmaf(v, alpha != 0 ? alpha : 1.0f / 6, 0.5f), 0, 1);
    default:
        return v;
    }
}
