// SPDX-License-Identifier: Apache-2.0
// secret.h - passwords, tokens and their hashes, over libsodium.
//
// Threads: any. secret_password_hash() and _check() take 64 MiB and tens of milliseconds each:
// callers bound how many run side by side.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

enum {
    SECRET_TOKEN_BYTES = 44,          // 256 random bits in 43 characters of base64url, and a zero
    SECRET_HASH_BYTES = 65,           // SHA-256 in hex, and a zero
    SECRET_PASSWORD_HASH_BYTES = 128, // an Argon2id string, and a zero
    SECRET_PASSWORD_MIN = 8,          // bytes
    SECRET_PASSWORD_MAX = 1024,
};

// A new token for a cookie, an API key, a CSRF field.
void secret_token(char ret_token[SECRET_TOKEN_BYTES]);
// What is stored in its place: tokens have 256 random bits, so a plain SHA-256 is enough.
void secret_token_hash(struct str token, char ret_hash[SECRET_HASH_BYTES]);
// In a time that does not depend on where they differ.
bool secret_equal(struct str a, struct str b);

// ERR_INVALID (too short, too long), ERR_NOMEM.
int secret_password_hash(struct str password, char ret_hash[SECRET_PASSWORD_HASH_BYTES]) MUST_CHECK;
// 0: it is the password. ERR_DENIED: it is not. ERR_NOMEM. *ret_stale* (may be NULL): true where
// the hash should be made anew, as its cost is no longer today's. With *hash* NULL (no such user)
// as much time passes and the answer is ERR_DENIED.
int secret_password_check(struct str password, const char *hash, bool *ret_stale) MUST_CHECK;
