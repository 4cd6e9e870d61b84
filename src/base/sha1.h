// SPDX-License-Identifier: Apache-2.0
// sha1.h - SHA-1 (RFC 3174), where a protocol asks for it: the WebSocket handshake, checksums of
// uploads. No secret hangs on it.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    SHA1_BYTES = 20,
};

struct sha1 {
    uint32_t h[5];
    uint64_t n; // bytes so far
    unsigned char block[64];
};

void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *bytes, size_t n);
void sha1_end(struct sha1 *s, unsigned char ret_digest[SHA1_BYTES]);
