// SPDX-License-Identifier: Apache-2.0
// store_login.h - sessions of browsers (cookies), and the lock-out after repeated failures.
#pragma once

#include "store/store.h"
#include "store/store_user.h"

struct store_login {
    const char *hash; // secret_token_hash() of the cookie
    const char *csrf_hash;
    const char *user_id;
    const char *client; // address
    int64_t created_at_us, last_used_us, expires_at_us;
    // --- read only: of the user
    const char *user_name;
    enum store_role role;
};

int store_login_create(struct store *s, const struct store_login *l) MUST_CHECK;
// ERR_NOT_FOUND: none, expired, or the user is disabled.
int store_login_find(struct store *s, const char *hash, struct arena *a,
                     struct store_login *ret) MUST_CHECK;
int store_login_used(struct store *s, const char *hash, int64_t expires_at_us) MUST_CHECK;
int store_login_delete(struct store *s, const char *hash) MUST_CHECK;
int store_login_delete_user(struct store *s, const char *user_id) MUST_CHECK;
// Expired logins and forgotten failures, for the janitor.
int store_login_prune(struct store *s, int64_t *ret_n) MUST_CHECK;

enum {
    STORE_LOGIN_FAILURES = 5,         // in a row, before the first lock-out
    STORE_LOGIN_CLIENT_FAILURES = 30, // of an address, which many may share
    STORE_LOGIN_LOCK_MS = 30 * 1000,  // its length; doubles with each failure more, up to
    STORE_LOGIN_LOCK_MAX_MS = 3600 * 1000,
    STORE_LOGIN_FORGET_MS = 24 * 3600 * 1000, // failures count for this long
};

// *subject* is "user:NAME" or "client:ADDRESS". *ret_wait_ms*: how long it is locked out from now;
// 0: not.
int store_login_locked(struct store *s, const char *subject, int64_t *ret_wait_ms) MUST_CHECK;
// One failure more; *ret_wait_ms* as above.
int store_login_failed(struct store *s, const char *subject, int64_t *ret_wait_ms) MUST_CHECK;
int store_login_succeeded(struct store *s, const char *subject) MUST_CHECK; // forgets the failures
