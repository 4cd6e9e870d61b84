// SPDX-License-Identifier: Apache-2.0
// reply_cache.h - answers that cost are made once: until what they show changes, or their time is
// over.
//
// Whoever asks was let through before (access looks at the path); where an answer differs by who
// asks, the key says so. An answer names the kinds of rows that it shows, or the one video or
// session: the bus tells of their changes, and what was told by then is heard before anything is
// looked up. So nobody gets an answer from before a change that they could know of: not whoever
// made it, and not whoever read of it elsewhere.
//
// Ownership: of the api; the bus outlives it.
// Threads: any.
#pragma once

#include "api/api_priv.h"

struct arena;
struct reply_cache;

enum {
    REPLY_CACHE_ANSWER_MS = 2 * 60 * 1000,
    REPLY_CACHE_VIDEO_MS = 15 * 60 * 1000, // what is known of a video, its pictures
};

struct cached_reply {
    const char *key;  // "dashboard/PROJECT/USER"
    const char *type; // "application/json"
    unsigned shows;   // enum store_change; 0: it never changes
    const char *id; // NULL: any of those; else it shows of one kind, and only this video or session
    const char *other_id; // NULL: none; and this one
    int lifetime_ms;
    bool is_picture;     // kept apart, so that pictures do not push answers out
    const char *etag;    // NULL: of the bytes
    const char *caching; // Cache-Control; NULL: "private, no-cache"
    // Appends the answer. Texts in *a* live until the call is over.
    int (*make)(void *arg, struct api *api, struct arena *a, struct str_buf *out);
    void *arg;
    size_t max_bytes; // of the answer; 0: API_MAX_JSON
};

// *n_bytes* of memory; 0: nothing is kept. ERR_NOMEM, ERR_IO.
int reply_cache_create(struct store *s, struct bus *b, size_t n_bytes,
                       struct reply_cache **ret_cache) MUST_CHECK;
void reply_cache_destroy(struct reply_cache *c); // NULL is a no-op

// Replies: 200, 304, or what make() says.
int reply_cached(struct request *q, const struct cached_reply *r) MUST_CHECK;
// Makes it, where it is not there: for the start.
int reply_cache_warm(struct api *a, const struct cached_reply *r) MUST_CHECK;
// How many wait for what somebody else makes.
size_t reply_cache_n_waiting(struct reply_cache *c);
