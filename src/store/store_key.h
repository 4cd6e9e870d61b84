// SPDX-License-Identifier: Apache-2.0
// store_key.h - API keys: the hash of a token, a role, and who answers for it.
#pragma once

#include "store/store.h"
#include "store/store_user.h"

struct store_key {
    const char *id;
    const char *name;
    const char *hash;       // secret_token_hash(); never given out by the API
    const char *user_id;    // NULL: of a server without accounts
    const char *project_id; // NULL: everywhere its user may
    enum store_role role;   // at most this, and at most its user's
    int64_t created_at_us, last_used_us, expires_at_us; // 0: never
};

int store_key_create(struct store *s, const struct store_key *k, char ret_id[ID_BYTES]) MUST_CHECK;
// ERR_NOT_FOUND: no such key, revoked, expired, or its user is disabled.
int store_key_find(struct store *s, const char *hash, struct arena *a,
                   struct store_key *ret) MUST_CHECK;
int store_key_get(struct store *s, const char *id, struct arena *a,
                  struct store_key *ret) MUST_CHECK;
// At once.
int store_key_revoke(struct store *s, const char *id) MUST_CHECK;
// Not more than once a minute for each key, by the caller's care.
int store_key_used(struct store *s, const char *id) MUST_CHECK;
// *user_id* NULL: all.
int store_key_list(struct store *s, const char *user_id, const struct store_page *page,
                   int (*row)(void *arg, const struct store_key *k), void *arg,
                   struct store_next *ret_next) MUST_CHECK;
