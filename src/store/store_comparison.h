// SPDX-License-Identifier: Apache-2.0
// store_comparison.h - comparisons of two sessions, kept by their ids until one of them goes or is
// judged anew.
#pragma once

#include "store/store.h"

struct store_lease;

struct store_comparison {
    const char *a, *b; // sessions
    int64_t created_at_us;
    const char *json;
};

// In place of the one that is there. *lease* may be NULL. ERR_CONFLICT: a session does not exist,
// or the lease is lost. ERR_INVALID: the text is too long.
int store_comparison_put(struct store *s, const struct store_lease *lease,
                         const struct store_comparison *x) MUST_CHECK;
// ERR_NOT_FOUND: not made yet.
int store_comparison_get(struct store *s, const char *a, const char *b, struct arena *arena,
                         struct store_comparison *ret) MUST_CHECK;

// What a video of either session is to their comparison.
enum store_common {
    STORE_COMMON_UNSET,
    STORE_COMMON_BOTH,        // judged by both, by one truth (or two with the same content)
    STORE_COMMON_ONLY_A,      // of A only
    STORE_COMMON_ONLY_B,      // of B only
    STORE_COMMON_NO_TRUTH,    // of both; one of them has no truth for it
    STORE_COMMON_OTHER_TRUTH, // of both, by different truths
    STORE_COMMON_N,
};
const char *store_common_name(int common); // "both", "only_in_a", ...
int store_common_parse(const char *name);

struct store_common_video {
    const char *video_id;
    enum store_common common;
    int version_a, version_b; // of the truths; 0: none
};
// The videos of A in their order, then those of B alone.
int store_comparison_videos(struct store *s, const char *a, const char *b,
                            int (*each)(void *arg, const struct store_common_video *v),
                            void *arg) MUST_CHECK;
