// SPDX-License-Identifier: Apache-2.0
// onnx_pb.h - the protobuf wire format: one field after another out of bounded bytes.
//
// A message is a view; a field that does not fit into it ends the walk with *bad* set. Groups,
// which ONNX never uses, are bad. https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct pb {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

struct pb_field {
    uint32_t number;
    uint32_t wire;    // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
    uint64_t value;   // of 0, 1 and 5
    struct str bytes; // of 2
};

static inline struct pb pb_of(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;
    return (struct pb){.p = p, .end = s.n ? p + s.n : p};
}

static inline bool pb_varint(struct pb *m, uint64_t *ret_value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (m->p == m->end)
            break;
        uint8_t byte = *m->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret_value = v;
            return true;
        }
    }
    m->bad = true;
    return false;
}

static inline bool pb_fixed(struct pb *m, size_t n, uint64_t *ret_value)
{
    if ((size_t)(m->end - m->p) < n) {
        m->bad = true;
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)m->p[i] << (8 * i);
    m->p += n;
    *ret_value = v;
    return true;
}

// False at the end and at malformed bytes (m->bad tells which).
static inline bool pb_next(struct pb *m, struct pb_field *ret_field)
{
    uint64_t key;
    if (m->bad || m->p == m->end || !pb_varint(m, &key))
        return false;
    struct pb_field f = {.number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7)};
    bool ok = (key >> 3) != 0 && (key >> 3) < (1u << 29);
    uint64_t n;
    switch (f.wire) {
    case 0:
        ok = ok && pb_varint(m, &f.value);
        break;
    case 1:
        ok = ok && pb_fixed(m, 8, &f.value);
        break;
    case 5:
        ok = ok && pb_fixed(m, 4, &f.value);
        break;
    case 2:
        ok = ok && pb_varint(m, &n) && n <= (uint64_t)(m->end - m->p);
        if (ok) {
            f.bytes = (struct str){(const char *)m->p, (size_t)n};
            m->p += n;
        }
        break;
    default:
        ok = false;
    }
    if (!ok) {
        m->bad = true;
        return false;
    }
    *ret_field = f;
    return true;
}

static inline float pb_float(uint64_t bits)
{
    uint32_t b = (uint32_t)bits;
    float v;
    memcpy(&v, &b, sizeof(v));
    return v;
}
