// SPDX-License-Identifier: Apache-2.0
// digest.h - SHA-256, over libsodium.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_BYTES = 32,
    DIGEST_HEX_BYTES = 65, // with the zero
};

struct digest {
    _Alignas(16) unsigned char state[128]; // crypto_hash_sha256_state
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *bytes, size_t n);
void digest_end(struct digest *d, unsigned char ret_bytes[DIGEST_BYTES]); // the digest is over
void digest_hex(struct digest *d, char ret_hex[DIGEST_HEX_BYTES]); // lower case; the digest is over
