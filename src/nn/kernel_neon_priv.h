// SPDX-License-Identifier: Apache-2.0
// kernel_neon_priv.h - activations, loads and stores of 4 floats, for the NEON kernels.
#pragma once

#if defined(__aarch64__)
#include <arm_neon.h>
#endif
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nn/kernel_priv.h"

#define NEON_INLINE __attribute__((always_inline)) static inline

enum {
    NEON_LANES = 4,
};

#if defined(__aarch64__)
// 2^t to 8e-8 of it for t in -126..127; what is beyond counts as the nearer end.
NEON_INLINE float32x4_t neon_exp2(float32x4_t t)
{
    t = vmaxq_f32(vminq_f32(t, vdupq_n_f32(127)), vdupq_n_f32(-126));
    float32x4_t n = vrndnq_f32(t);
    float32x4_t f = vsubq_f32(t, n);
    float32x4_t p = vdupq_n_f32(0.00132764722f);
    p = vfmaq_f32(vdupq_n_f32(0.00967554133f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.0555071327f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.240221197f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0.693146967f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
    int32x4_t exponent = vshlq_n_s32(vcvtnq_s32_f32(n), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
}

// *numerator* / (1 + exp(-v)).
NEON_INLINE float32x4_t neon_logistic(float32x4_t numerator, float32x4_t v)
{
    float32x4_t e = neon_exp2(vmulq_n_f32(v, -1.44269504f));
    return vdivq_f32(numerator, vaddq_f32(vdupq_n_f32(1.0f), e));
}

NEON_INLINE float32x4_t neon_clip(float32x4_t v, float low, float high)
{
    return vminq_f32(vmaxq_f32(v, vdupq_n_f32(low)), vdupq_n_f32(high));
}

NEON_INLINE float32x4_t neon_activate(float32x4_t v, enum kernel_activation activation, float alpha)
{
    const float32x4_t zero = vdupq_n_f32(0);
    const float32x4_t half = vdupq_n_f32(0.5f);
    switch (activation) {
    case KERNEL_RELU:
        return vmaxq_f32(v, zero);
    case KERNEL_RELU6:
        return neon_clip(v, 0, 6);
    case KERNEL_LEAKY:
        return vbslq_f32(vcltq_f32(v, zero), vmulq_n_f32(v, alpha), v);
    case KERNEL_SILU:
        return neon_logistic(v, v);
    case KERNEL_SIGMOID:
        return neon_logistic(vdupq_n_f32(1.0f), v);
    case KERNEL_HARD_SWISH:
        return vmulq_f32(v, neon_clip(vfmaq_n_f32(half, v, 1.0f / 6), 0, 1));
    case KERNEL_HARD_SIGMOID:
        return neon_clip(vfmaq_n_f32(half, v, alpha != 0 ? alpha : 1.0f / 6), 0, 1);
    default:
        return v;
    }
}

// *n* of 4; the others are 0.
NEON_INLINE float32x4_t neon_load_some(const float *p, size_t n)
{
    if (n >= NEON_LANES)
        return vld1q_f32(p);
    float room[NEON_LANES] = {0};
    memcpy(room, p, n * sizeof(float));
    return vld1q_f32(room);
}

NEON_INLINE void neon_store_some(float *p, float32x4_t v, size_t n)
{
    if (n >= NEON_LANES) {
        vst1q_f32(p, v);
        return;
    }
    float room[NEON_LANES];
    vst1q_f32(room, v);
    memcpy(p, room, n * sizeof(float));
}
#endif
