// SPDX-License-Identifier: Apache-2.0
// sha1.c - SHA-1.

#include "base/sha1.h"

#include <string.h>

#include "base/attr.h"

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void add_block(uint32_t h[5], const unsigned char *p)
{
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (b & c) | (~b & d)
                     : i < 40 ? b ^ c ^ d
                     : i < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t t = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1_init(struct sha1 *s)
{
    *s = (struct sha1){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void sha1_add(struct sha1 *s, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    while (n > 0) {
        size_t at = s->n % sizeof(s->block);
        size_t some = MIN(n, sizeof(s->block) - at);
        memcpy(s->block + at, p, some);
        s->n += some;
        p += some;
        n -= some;
        if (at + some == sizeof(s->block))
            add_block(s->h, s->block);
    }
}

void sha1_end(struct sha1 *s, unsigned char ret_digest[SHA1_BYTES])
{
    static const unsigned char padding[64] = {0x80};
    unsigned char length[8];
    uint64_t n_bits = s->n * 8;
    size_t at = s->n % sizeof(s->block);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(n_bits >> (56 - 8 * i));
    sha1_add(s, padding, at < 56 ? 56 - at : 120 - at);
    sha1_add(s, length, sizeof(length));
    for (int i = 0; i < SHA1_BYTES; i++)
        ret_digest[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}
