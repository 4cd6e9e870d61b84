// SPDX-License-Identifier: Apache-2.0
// pack.h - letterboxed pixels become a model's input tensor: layout, colour order, scale, mean and
// std, number type.
//
// Threads: any; the tables are the caller's and constant.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "infer/model.h"

enum pack_isa {
    PACK_ISA_BEST, // what the CPU has, or ASSAY_ISA (c, avx2) allows
    PACK_ISA_C,
    PACK_ISA_AVX2, // only where pack_has_avx2()
};

bool pack_has_avx2(void);

struct pack;

// What a pixel value becomes, for all 256 of them and each channel. ERR_UNSUPPORTED: a number type
// that no picture can be given in. ERR_NOMEM.
int pack_create(const struct model_input *input, enum tensor_type type, enum pack_isa isa,
                struct pack **ret_pack) MUST_CHECK;
void pack_destroy(struct pack *p); // NULL is a no-op
// Bytes of one number of the tensor.
size_t pack_element_bytes(const struct pack *p);
// *rgb* (n_pixels, 3) R G B -> *ret_tensor* (3, n_pixels) or (n_pixels, 3), n_pixels * 3 numbers.
void pack_run(const struct pack *p, const uint8_t *rgb, size_t n_pixels, void *ret_tensor);
// Fills a whole picture's tensor with one pixel value.
void pack_fill(const struct pack *p, uint8_t value, size_t n_pixels, void *ret_tensor);

// IEEE half precision, round to nearest even.
uint16_t pack_half(float value);
