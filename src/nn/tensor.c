// SPDX-License-Identifier: Apache-2.0
// tensor.c - element types: their sizes, names, and half precision.

#include "nn/tensor.h"

#include <string.h>

size_t tensor_type_bytes(enum tensor_type type)
{
    switch (type) {
    case TENSOR_FLOAT64:
    case TENSOR_INT64:
        return 8;
    case TENSOR_FLOAT32:
    case TENSOR_INT32:
        return 4;
    case TENSOR_FLOAT16:
        return 2;
    case TENSOR_UINT8:
    case TENSOR_INT8:
    case TENSOR_BOOL:
        return 1;
    case TENSOR_TYPE_UNSET:
    case TENSOR_OTHER:
        break;
    }
    return 0;
}

const char *tensor_type_name(enum tensor_type type)
{
    static const char *const names[] = {"unset", "float32", "float16", "uint8",   "int8",
                                        "int32", "int64",   "bool",    "float64", "other"};
    return (size_t)type < ARRAY_LEN(names) ? names[type] : "other";
}

float tensor_from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 31;
    uint32_t mantissa = half & 1023;
    uint32_t bits = sign;
    if (exponent == 31) {
        bits |= 0x7f800000u | mantissa << 13;
    } else if (exponent) {
        bits |= (exponent + 112) << 23 | mantissa << 13;
    } else if (mantissa) { // 2^-24 times the mantissa
        int shift = __builtin_clz(mantissa) - 21;
        bits |= (uint32_t)(113 - shift) << 23 | (mantissa << shift & 1023) << 13;
    }
    float v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

uint16_t tensor_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x7f800000)
        return sign | (uint16_t)(magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
    if (magnitude >= 0x477ff000) // rounds to 65536 and beyond
        return sign | 0x7c00;
    if (magnitude < 0x38800000) { // below the smallest normal half, 2^-14
        if (magnitude < 0x33000000)
            return sign;
        uint32_t exponent = magnitude >> 23;
        uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
        uint32_t shift = 126 - exponent;
        uint32_t kept = mantissa >> shift;
        uint32_t rest = mantissa & ((1u << shift) - 1);
        uint32_t half = 1u << (shift - 1);
        kept += rest > half || (rest == half && (kept & 1));
        return sign | (uint16_t)kept;
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return sign | (uint16_t)((rounded >> 13) - (112u << 10));
}
