// SPDX-License-Identifier: Apache-2.0
// janitor.h - what nobody needs any more goes: files without a row, which a crash left, uploads and
// logins that have expired; and a clock that jumped is made good.
//
// Ownership: borrows store and blobs until janitor_stop().
// Threads: one of its own; logs what it removed.
#pragma once

#include <stdint.h>

#include "base/attr.h"

struct blob;
struct janitor;
struct store;

struct janitor_found {
    int64_t n_blobs, n_parts, n_uploads, n_bytes; // removed
};

// One round, by the caller. Files written less than *min_age_us* ago stay: 0 is for a time in which
// nobody writes, before the server listens. What cannot be removed now is left for the next round.
int janitor_sweep(struct store *s, struct blob *b, int64_t min_age_us,
                  struct janitor_found *ret_found) MUST_CHECK;

// A round now, then one a minute. ERR_NOMEM, ERR_BUSY, and errors of the first round.
int janitor_start(struct store *s, struct blob *b, struct janitor **ret_janitor) MUST_CHECK;
void janitor_stop(struct janitor *j); // NULL is a no-op
