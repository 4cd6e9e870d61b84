// SPDX-License-Identifier: Apache-2.0
// secret.c - Argon2id for passwords, random tokens, and comparison in constant time.

#include "base/secret.h"

#include <sodium.h>

#include "base/digest.h"
#include "base/err.h"

_Static_assert(SECRET_PASSWORD_HASH_BYTES >= crypto_pwhash_STRBYTES, "an Argon2id string fits");
_Static_assert((int)SECRET_HASH_BYTES == (int)DIGEST_HEX_BYTES, "a SHA-256 in hex");

// The cost of a check where there is no hash to check against must be that of a real one.
static const unsigned long long ops_limit = crypto_pwhash_OPSLIMIT_INTERACTIVE;
static const size_t mem_limit = crypto_pwhash_MEMLIMIT_INTERACTIVE;

static AT_START void start(void)
{
    if (sodium_init() < 0)
        abort(); // without random numbers nothing here is safe
}

void secret_token(char ret_token[SECRET_TOKEN_BYTES])
{
    unsigned char bits[32];
    randombytes_buf(bits, sizeof(bits));
    sodium_bin2base64(ret_token, SECRET_TOKEN_BYTES, bits, sizeof(bits),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bits, sizeof(bits));
}

void secret_token_hash(struct str token, char ret_hash[SECRET_HASH_BYTES])
{
    struct digest d;
    digest_init(&d);
    digest_add(&d, token.p, token.n);
    digest_hex(&d, ret_hash);
}

bool secret_equal(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0);
}

static int hash(struct str password, char ret_hash[SECRET_PASSWORD_HASH_BYTES])
{
    char text[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(text, password.p, password.n, ops_limit, mem_limit) != 0)
        return err_set(ERR_NOMEM, "password: no memory for its hash");
    snprintf(ret_hash, SECRET_PASSWORD_HASH_BYTES, "%s", text);
    return 0;
}

int secret_password_hash(struct str password, char ret_hash[SECRET_PASSWORD_HASH_BYTES])
{
    if (password.n < SECRET_PASSWORD_MIN)
        return err_set(ERR_INVALID, "password: shorter than %d bytes", SECRET_PASSWORD_MIN);
    if (password.n > SECRET_PASSWORD_MAX)
        return err_set(ERR_INVALID, "password: longer than %d bytes", SECRET_PASSWORD_MAX);
    return hash(password, ret_hash);
}

int secret_password_check(struct str password, const char *stored, bool *ret_stale)
{
    char unused[SECRET_PASSWORD_HASH_BYTES];
    if (password.n > SECRET_PASSWORD_MAX)
        return err_set(ERR_DENIED, "the name or the password is wrong");
    if (!stored) {
        int r = hash(password, unused);
        return r < 0 ? r : err_set(ERR_DENIED, "the name or the password is wrong");
    }
    // the library wants the string in a buffer of its own length
    char text[crypto_pwhash_STRBYTES] = {0};
    snprintf(text, sizeof(text), "%s", stored);
    if (crypto_pwhash_str_verify(text, password.p, password.n) != 0)
        return err_set(ERR_DENIED, "the name or the password is wrong");
    if (ret_stale)
        *ret_stale = crypto_pwhash_str_needs_rehash(text, ops_limit, mem_limit) != 0;
    return 0;
}
