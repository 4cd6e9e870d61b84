// SPDX-License-Identifier: Apache-2.0
// digest.c - SHA-256 and SipHash over libsodium.

#include "base/digest.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(((struct digest *)0)->state),
               "state fits");

static crypto_hash_sha256_state *state_of(struct digest *d)
{
    return (crypto_hash_sha256_state *)(void *)d->state;
}

void digest_init(struct digest *d)
{
    crypto_hash_sha256_init(state_of(d));
}

void digest_add(struct digest *d, const void *bytes, size_t n)
{
    crypto_hash_sha256_update(state_of(d), (const unsigned char *)bytes, n);
}

void digest_end(struct digest *d, unsigned char ret_bytes[DIGEST_BYTES])
{
    crypto_hash_sha256_final(state_of(d), ret_bytes);
}

void digest_hex(struct digest *d, char ret_hex[DIGEST_HEX_BYTES])
{
    unsigned char sum[DIGEST_BYTES];
    digest_end(d, sum);
    sodium_bin2hex(ret_hex, DIGEST_HEX_BYTES, sum, sizeof(sum));
}

// --- keyed

static unsigned char key[crypto_shorthash_siphashx24_KEYBYTES];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
    int r = sodium_init();
    assert(r >= 0); // it cannot but for a machine without random numbers
    randombytes_buf(key, sizeof(key));
}

void digest_keyed(const void *bytes, size_t n, unsigned char ret_digest[DIGEST_KEYED_BYTES])
{
    _Static_assert(DIGEST_KEYED_BYTES == crypto_shorthash_siphashx24_BYTES, "128 bits");
    (void)pthread_once(&key_once, make_key);
    (void)crypto_shorthash_siphashx24(ret_digest, bytes, n, key);
}
