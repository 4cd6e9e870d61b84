// SPDX-License-Identifier: Apache-2.0
// piece_read.h - what a system under test posts, looked at as it comes: its format, how much it
// holds, and whether it can be judged at all; a piece that cannot is refused with its line and
// cause.
//
// Threads: any; each call is on its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct store_event;

struct piece_wanted {
    const char *path;   // of a file with its bytes, or of one to be made and removed for *text*
    struct str text;    // {NULL, 0}: the file is there
    const char *format; // "jsonl", "coco", "mot", "events"; NULL: by content
    const char *name;   // what messages call it
};

struct piece_read {
    const char *format;         // static
    int64_t n_items;            // detections or events
    int64_t last_us;            // latest presentation time; INT64_MIN: none is said
    struct store_event *events; // in the arena; NULL: detections
    size_t n_events;
};

enum {
    PIECE_MAX_BYTES = 256 * 1024 * 1024, // of COCO results that are looked at
};

// ERR_DATA, ERR_UNSUPPORTED (none of the four formats), ERR_INVALID (no such format), ERR_TOO_BIG.
int piece_read(const struct piece_wanted *w, struct arena *a, struct piece_read *ret) MUST_CHECK;
// The entries of an array of COCO results. ERR_DATA names line and member.
int piece_check_coco(struct str text, const char *name, int64_t *ret_n) MUST_CHECK;
