// SPDX-License-Identifier: Apache-2.0
// base64.c - bytes as text.

#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *bytes, size_t n, char *ret_text)
{
    const unsigned char *p = bytes;
    char *to = ret_text;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
        *to++ = left > 2 ? alphabet[v & 63] : '=';
    }
    *to = '\0';
}

bool base64_decode(struct str text, void *ret_bytes, size_t max, size_t *ret_n)
{
    unsigned char *to = ret_bytes;
    size_t n_padding = 0;
    while (n_padding < 2 && n_padding < text.n && text.p[text.n - 1 - n_padding] == '=')
        n_padding++;
    size_t n = text.n / 4 * 3 - n_padding;
    if (text.n % 4 != 0 || n > max)
        return false;
    uint32_t bits = 0;
    for (size_t i = 0, done = 0; i < text.n - n_padding; i++) {
        const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;
        if (!at)
            return false;
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffffff;
        if (i % 4 == 0)
            continue;
        to[done++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
        if (i + 1 == text.n - n_padding && i % 4 != 3 && bits & ((1u << (6 - 2 * (i % 4))) - 1))
            return false;
    }
    *ret_n = n;
    return true;
}
