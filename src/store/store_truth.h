// SPDX-License-Identifier: Apache-2.0
// store_truth.h - annotated objects of a video, in versions: each upload is a new one, and a
// session names the one it was judged by.
#pragma once

#include <stdbool.h>

#include "store/store.h"

struct store_blob;
struct store_lease;

struct store_truth {
    const char *id;
    const char *video_id;
    int version;              // from 1
    const char *format;       // as recognised: "coco", "mot" ...
    const char *name;         // of the file
    const char *original_key; // as uploaded
    const char *coco_key;     // the same as COCO; NULL: not made yet
    int64_t n_objects, n_frames;
    const char *labels_json;  // ["car","person"]
    const char *notices_json; // what the reader said
    const char *created_by;
    int64_t created_at_us;
    const char *creator; // the name of *created_by*, where that user is still there
    // --- store_truth_create() only
    bool has_after; // the newest version is expected to be *after* (0: there is none yet)
    int after;
};

// The next version; *coco* may be NULL. Writes version into *ret_version* (may be NULL).
// ERR_CONFLICT: another one became the newest meanwhile.
int store_truth_create(struct store *s, const struct store_truth *t,
                       const struct store_blob *original, const struct store_blob *coco,
                       char ret_id[ID_BYTES], int *ret_version) MUST_CHECK;
int store_truth_get(struct store *s, const char *id, struct arena *a,
                    struct store_truth *ret) MUST_CHECK;
// *version* 0: the newest. ERR_NOT_FOUND also where the video has none.
int store_truth_of_video(struct store *s, const char *video_id, int version, struct arena *a,
                         struct store_truth *ret) MUST_CHECK;
// Newest first.
int store_truth_list(struct store *s, const char *video_id, const struct store_page *page,
                     int (*row)(void *arg, const struct store_truth *t), void *arg,
                     struct store_next *ret_next) MUST_CHECK;
