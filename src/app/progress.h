// SPDX-License-Identifier: Apache-2.0
// progress.h - how far a long command is: a bar on a terminal, a line now and then elsewhere.
//
// Everything goes to standard error. Messages of the log erase the bar and it is drawn again.
//
// Ownership: progress_stop() ends it.
// Threads: one owner; *read* is called from a thread of its own until progress_stop() returned.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct progress;

struct progress_now {
    int64_t done;
    int64_t total; // 0: unknown
};

struct progress_opts {
    bool is_quiet;     // shows nothing
    const char *label; // borrowed: outside text ("clip.mp4", "3 videos"); NULL: none
    const char *unit;  // NULL: "frames"; the speed's unit is "fps" then, else "UNIT/s"
    struct progress_now (*read)(void *arg);
    void *arg;
};

// ERR_NOMEM, ERR_BUSY.
int progress_start(const struct progress_opts *opts, struct progress **ret_progress) MUST_CHECK;
void progress_stop(struct progress **pp); // erases the bar; NULL inside is a no-op

// The text that is drawn, for *columns* columns. Public for tests.
struct str_buf;
struct progress_view {
    const char *label;
    const char *unit;
    struct progress_now now;
    double per_second;
};
void progress_bar(const struct progress_view *v, int columns, struct str_buf *out);
void progress_line(const struct progress_view *v, struct str_buf *out);
