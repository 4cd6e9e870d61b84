// SPDX-License-Identifier: Apache-2.0
// truth_import.h - an annotation file in any format becomes the newest truth of a video: kept as it
// came, and as COCO; a list of timed events only as it came (format "events").
//
// Threads: any; each call is on its own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"
#include "blob/blob.h"

struct arena;
struct task_tools;

struct truth_imported {
    char id[ID_BYTES];
    int version;
    const char *format;
    int64_t n_objects, n_frames;
    const char *notices_json; // ["..."]
};

struct truth_wanted {
    const char *video_id;
    const char *name;               // of the file, for messages
    const char *format;             // "coco", ...; NULL: by content
    const struct blob_info *source; // the file's bytes, committed
    const char *created_by;         // user id; NULL: none
    const char *upload_id;          // that is over with it; the truth bears its id. NULL: none
    const char *task_id; // whose blob the source is (store_blob_keep()), and whose id the truth
                         // bears; NULL: none
    bool has_after;      // the newest version is expected to be *after* (0: none)
    int after;
};

// Texts of the result live in *a*. On error the source's blob is still there and is the caller's to
// delete. ERR_DATA, ERR_UNSUPPORTED (no format recognised), ERR_TOO_BIG; ERR_CONFLICT (no such
// video).
int truth_import(const struct task_tools *tools, const struct truth_wanted *wanted, struct arena *a,
                 struct truth_imported *ret_truth) MUST_CHECK;
