// SPDX-License-Identifier: Apache-2.0
// store_user.h - people and what they may do. Hashes are made by base/secret.h; none of these
// functions sees a password or a token.
#pragma once

#include "store/store.h"

enum store_role {
    STORE_ROLE_UNSET,   // none
    STORE_ROLE_METRICS, // keys only: may read /metrics
    STORE_ROLE_VIEWER,
    STORE_ROLE_EDITOR,
    STORE_ROLE_ADMIN,
    STORE_ROLE_N,
};
const char *store_role_name(int role);
int store_role_parse(const char *name);

struct store_user {
    const char *id;
    const char *name; // unique
    const char *password_hash;
    enum store_role role; // everywhere; UNSET: only in projects
    bool is_disabled;
    int64_t created_at_us, updated_at_us, last_login_us; // 0: never
};

// ERR_EXISTS (the name).
int store_user_create(struct store *s, const struct store_user *u,
                      char ret_id[ID_BYTES]) MUST_CHECK;
int store_user_get(struct store *s, const char *id, struct arena *a,
                   struct store_user *ret) MUST_CHECK;
int store_user_find_by_name(struct store *s, const char *name, struct arena *a,
                            struct store_user *ret) MUST_CHECK; // ERR_NOT_FOUND
// Name, role, is_disabled. ERR_EXISTS; ERR_CONFLICT: it is the last admin that is not disabled. A
// user that is disabled loses logins and keys.
int store_user_update(struct store *s, const struct store_user *u) MUST_CHECK;
// *end_logins*: all logins of the user end.
int store_user_set_password(struct store *s, const char *id, const char *password_hash,
                            bool end_logins) MUST_CHECK;
int store_user_delete(struct store *s, const char *id) MUST_CHECK; // ERR_CONFLICT as above
int store_user_list(struct store *s, const struct store_page *page,
                    int (*row)(void *arg, const struct store_user *u), void *arg,
                    struct store_next *ret_next) MUST_CHECK;
// Users that are not disabled: 0 means a server without accounts.
int store_user_count(struct store *s, int64_t *ret_n, int64_t *ret_n_admins) MUST_CHECK;

// ---- roles per project

// UNSET takes the role away. ERR_CONFLICT: no such project or user.
int store_user_set_role(struct store *s, const char *project_id, const char *user_id,
                        enum store_role role) MUST_CHECK;
// The higher of the user's role everywhere and in the project; UNSET: none, or disabled.
int store_user_role_in(struct store *s, const char *user_id, const char *project_id,
                       enum store_role *ret_role) MUST_CHECK;
// The projects in which a user has a role of their own, up to STORE_PAGE_MAX.
int store_user_projects(struct store *s, const char *user_id,
                        int (*row)(void *arg, const char *project_id, enum store_role role),
                        void *arg) MUST_CHECK;
// Members of a project: user id, name, role there.
int store_user_members(struct store *s, const char *project_id, const struct store_page *page,
                       int (*row)(void *arg, const struct store_user *u), void *arg,
                       struct store_next *ret_next) MUST_CHECK;
