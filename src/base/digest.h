// SPDX-License-Identifier: Apache-2.0
// digest.h - SHA-256, and a quick keyed digest for this process alone; over libsodium.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    DIGEST_BYTES = 32,
    DIGEST_HEX_BYTES = 65, // with the zero
    DIGEST_KEYED_BYTES = 16,
};

struct digest {
    _Alignas(16) unsigned char state[128]; // crypto_hash_sha256_state
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *bytes, size_t n);
void digest_end(struct digest *d, unsigned char ret_bytes[DIGEST_BYTES]); // the digest is over
void digest_hex(struct digest *d, char ret_hex[DIGEST_HEX_BYTES]); // lower case; the digest is over

// SipHash-2-4 of 128 bits under a random key of this process: tells within one run whether bytes
// are the same, eight times as fast as SHA-256, and nobody outside can make two that agree. Never
// stored, never shown. Threads: any.
void digest_keyed(const void *bytes, size_t n, unsigned char ret_digest[DIGEST_KEYED_BYTES]);
