// SPDX-License-Identifier: Apache-2.0
// event_list.h - truth that is only a list of timed events, or what a system reported of such.
//
// Ownership: a list owns its texts; event_list_destroy() frees all.
// Threads: constant once read.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct arena;
struct dataset;
struct dataset_input;

enum {
    EVENTS_MAX = 100 * 1000, // of one list
    EVENTS_MAX_LABELS = 1000,
};

struct event {
    const char *label;
    int64_t time_us;
    double confidence; // 1 where the file has none
};

struct event_list {
    struct event *items; // in file order
    size_t n;
    struct arena *arena;
};

// Reads a list: CSV whose first line names the columns label, time_ms (or time_s, time_us) and
// perhaps confidence, or JSON: an array, or an object with an array "events", of objects with these
// members. docs/TIME.md has examples. ERR_NOT_FOUND, ERR_DATA (file, line, cause), ERR_TOO_BIG,
// ERR_NOMEM, ERR_IO.
int event_list_read(const char *path, struct event_list **ret_list) MUST_CHECK;
int event_list_read_from(struct dataset_input *in, struct event_list **ret_list) MUST_CHECK;
// The events that boxes are, of truth or of detections: where there are track ids, the first box of
// each track; else the first box of a label after *gap_us* without one. Boxes below
// *min_confidence* do not count. ERR_DATA: boxes without a time, or several videos. ERR_TOO_BIG,
// ERR_NOMEM.
int event_list_of(const struct dataset *d, double min_confidence, int64_t gap_us,
                  struct event_list **ret_list) MUST_CHECK;
void event_list_destroy(struct event_list *l); // NULL is a no-op
