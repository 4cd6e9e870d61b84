// SPDX-License-Identifier: Apache-2.0
// prim.h - the seam to oneDNN: convolutions and products. The only file behind it is prim_dnnl.c
// (2.6 and 3.x), or prim_absent.c where the build found no oneDNN.
//
// Ownership: destroy what was created. Threads: a primitive is constant after create; runs side by
// side need a scratch each. Each run works in its caller's thread alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "nn/graph.h"

struct prim_conv;
struct prim_matmul;

enum prim_type {
    PRIM_F32,
    PRIM_BF16,
};

// Pictures are nhwc, pixels *stride* elements apart.
struct prim_conv_opts {
    enum prim_type in_type, out_type;
    int64_t in_channels, in_height, in_width, in_stride;
    int64_t out_channels, out_height, out_width, out_stride;
    int64_t kernel_height, kernel_width;
    const struct graph_conv *conv; // strides, pads, groups, activation
    const float *weights;          // (out, in / groups, height, width)
    const float *bias;             // NULL: none
};

const char *prim_library(void); // "oneDNN 2.6.3"; NULL: none
// ERR_UNSUPPORTED, ERR_UNAVAILABLE (no oneDNN), ERR_NOMEM.
int prim_conv_create(const struct prim_conv_opts *opts, struct prim_conv **ret_conv) MUST_CHECK;
void prim_conv_destroy(struct prim_conv *c);
size_t prim_conv_scratch(const struct prim_conv *c);       // bytes
size_t prim_conv_bytes(const struct prim_conv *c);         // of weights
const char *prim_conv_describe(const struct prim_conv *c); // "brgconv:avx512_core"
int prim_conv_run(const struct prim_conv *c, const void *in, void *out, void *scratch) MUST_CHECK;

// *batch* products (m, k) by (k, n), rows without gaps, float32.
int prim_matmul_create(int64_t batch, int64_t m, int64_t k, int64_t n,
                       struct prim_matmul **ret_matmul) MUST_CHECK;
void prim_matmul_destroy(struct prim_matmul *p);
size_t prim_matmul_scratch(const struct prim_matmul *p);
int prim_matmul_run(const struct prim_matmul *p, const float *x, const float *y, float *out,
                    void *scratch) MUST_CHECK;

// The calling thread works alone in all runs from now on: oneDNN's threads are OpenMP's.
void prim_one_thread(void);
bool prim_has_bf16(void); // this CPU computes in bf16 at all
bool prim_has_amx(void);
