// SPDX-License-Identifier: Apache-2.0
// janitor.h - what nobody needs any more goes: files without a row, which a crash left, uploads and
// logins that have expired, tasks and lines of the audit log that are old; and a clock that jumped
// is made good.
//
// Ownership: borrows store and blobs until janitor_stop(). Options are copied.
// Threads: one of its own; logs what it removed.
#pragma once

#include <stdint.h>

#include "base/attr.h"

struct blob;
struct janitor;
struct store;

struct janitor_opts {
    struct store *store;
    struct blob *blob;
    const char *directory;  // of both; borrowed, NULL: what died backups left there stays
    double keep_tasks_days; // of tasks that are over and that nothing needs; 0: for ever
    double keep_audit_days; // 0: for ever
    // --- of janitor_start(); 0: unknown
    int64_t started_wall_us, started_ns;
};

struct janitor_found {
    int64_t n_blobs, n_parts, n_uploads, n_bytes; // removed
    int64_t n_tasks, n_lines;                     // likewise, by janitor_prune()
};

// One round, by the caller. Files written less than *min_age_us* ago stay: 0 is for a time in which
// nobody writes, before the server listens. What cannot be removed now is left for the next round.
int janitor_sweep(struct store *s, struct blob *b, int64_t min_age_us,
                  struct janitor_found *ret_found) MUST_CHECK;

// Removes old tasks and lines of the audit log. *found* is added to.
int janitor_prune(const struct janitor_opts *opts, struct janitor_found *found) MUST_CHECK;

// A round now, then one a minute; old rows every hour, not at the start, where the clock may be
// wrong. ERR_NOMEM, ERR_BUSY, and errors of the first
// round.
int janitor_start(const struct janitor_opts *opts, struct janitor **ret_janitor) MUST_CHECK;
void janitor_stop(struct janitor *j); // NULL is a no-op
