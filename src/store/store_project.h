// SPDX-License-Identifier: Apache-2.0
// store_project.h - projects: what groups videos, sessions and people.
#pragma once

#include "store/store.h"

struct store_dropped;

struct store_project {
    const char *id;
    const char *name; // unique, 1 .. STORE_NAME_MAX bytes
    const char *description;
    int64_t quota_bytes; // of its blobs; 0: none
    int64_t created_at_us, updated_at_us;
    // read only
    int64_t n_videos, n_sessions;
};

// ERR_EXISTS (the name).
int store_project_create(struct store *s, const struct store_project *p,
                         char ret_id[ID_BYTES]) MUST_CHECK;
int store_project_get(struct store *s, const char *id, struct arena *a,
                      struct store_project *ret) MUST_CHECK;
int store_project_find_by_name(struct store *s, const char *name, struct arena *a,
                               struct store_project *ret) MUST_CHECK; // ERR_NOT_FOUND
// Writes name, description and quota. ERR_EXISTS.
int store_project_update(struct store *s, const struct store_project *p) MUST_CHECK;
// With everything in it; tasks that run for it lose their lease.
int store_project_delete(struct store *s, const char *id, struct store_dropped *dropped) MUST_CHECK;
// *user_id* not NULL: only projects in which that user has a role.
int store_project_list(struct store *s, const char *user_id, const struct store_page *page,
                       int (*row)(void *arg, const struct store_project *p), void *arg,
                       struct store_next *ret_next) MUST_CHECK;
