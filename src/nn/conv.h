// SPDX-License-Identifier: Apache-2.0
// conv.h - one convolution of a plan: by our own kernels or by oneDNN, whichever is faster for its
// shape and types on this CPU.
//
// Ownership: destroy what was created. Threads: constant after create; runs side by side need a
// scratch each.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "nn/kernel.h"
#include "nn/prim.h"

struct conv;

struct conv_opts {
    struct prim_conv_opts shape; // its types are not looked at
    enum kernel_type in_type, out_type;
    float in_scale, out_scale; // U8
    int in_zero_point, out_zero_point;
    // U8: means of the inputs' channels, or NULL: biases make up for the rounding of weights
    const float *in_means;
    // What is added after the activation, of the output's type. Stride 0: nothing.
    int64_t add_stride;
    float add_scale; // U8
    int add_zero_point;
};

// Whether kernels of ours take it: U8 and an addition inside need them.
bool conv_is_ours(const struct conv_opts *opts);
// ERR_UNSUPPORTED, ERR_UNAVAILABLE (no oneDNN for what is not ours), ERR_NOMEM.
int conv_create(const struct conv_opts *opts, struct conv **ret_conv) MUST_CHECK;
void conv_destroy(struct conv *c); // NULL is a no-op
size_t conv_scratch(const struct conv *c);
size_t conv_bytes(const struct conv *c);
const char *conv_describe(const struct conv *c); // "own:avx512", "brgconv:avx512_core"
// *add*: NULL, or where opts.add_stride was given.
int conv_run(const struct conv *c, const void *in, const void *add, void *out,
             void *scratch) MUST_CHECK;
