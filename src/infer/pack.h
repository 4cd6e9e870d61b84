// SPDX-License-Identifier: Apache-2.0
// pack.h - letterboxed pixels become a model's input tensor: layout, colour order, scale, mean and
// std, number type.
//
// Threads: any; the tables are the caller's and constant.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cpu.h"
#include "infer/model.h"

struct pack;

// What a pixel value becomes, for all 256 of them and each channel. ERR_UNSUPPORTED: a number type
// that no picture can be given in. ERR_NOMEM, and the errors of cpu_isa_choose(*isa*).
int pack_create(const struct model_input *input, enum tensor_type type, enum cpu_isa isa,
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
