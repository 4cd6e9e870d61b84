// SPDX-License-Identifier: Apache-2.0
// store_access.h - which project an object belongs to, and how much a user may at most: what has to
// be known before a request is let through.
#pragma once

#include "store/store.h"
#include "store/store_user.h"

enum store_noun {
    STORE_NOUN_UNSET,
    STORE_NOUN_PROJECT,
    STORE_NOUN_VIDEO,
    STORE_NOUN_TASK,
    STORE_NOUN_SESSION,
    STORE_NOUN_UPLOAD,
    STORE_N_NOUNS,
};

struct store_home {
    char project_id[ID_BYTES]; // "": of no project
    char created_by[ID_BYTES]; // user id; "": unknown
};

// ERR_NOT_FOUND, worded as the noun's own function does.
int store_home_get(struct store *s, enum store_noun noun, const char *id,
                   struct store_home *ret) MUST_CHECK;
// The highest role that the user has anywhere, in a project or everywhere; UNSET: none, or
// disabled.
int store_user_best_role(struct store *s, const char *user_id, enum store_role *ret) MUST_CHECK;
