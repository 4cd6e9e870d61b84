// SPDX-License-Identifier: Apache-2.0
// store_video.h - videos of a project: what was uploaded, what the probe found, what was made of
// it.
//
//   uploaded --a probe found what it is------------> ready
//     ^  '-----it is no video, or the last probe of it failed for good or was cancelled--> failed
//     '------- the probe is tried again, another one is asked for, or its bytes were fetched
//
// A video is `uploaded` while something is still to look at it, and no longer: whatever ends its
// last open probe moves it on, in the same transaction. Bytes that were fetched are always looked
// at: a video that is failed because its probe was cancelled during the fetch is probed after all.
#pragma once

#include "store/store.h"

struct store_blob;
struct store_dropped;

enum store_video_status {
    STORE_VIDEO_UNSET,
    STORE_VIDEO_UPLOADED, // the bytes are there, not probed yet
    STORE_VIDEO_READY,
    STORE_VIDEO_FAILED, // *error* says why
    STORE_VIDEO_N_STATUSES,
};
const char *store_video_status_name(int status); // "uploaded"; NULL: no such status
int store_video_status_parse(const char *name);  // STORE_VIDEO_UNSET: no such name

struct store_video {
    const char *id;
    const char *project_id;
    const char *name; // of the file, as it was uploaded
    enum store_video_status status;
    const char *content_type;
    const char *source_url; // NULL: uploaded
    const char *blob_key;   // NULL: a URL
    const char *sha256;
    int64_t n_bytes;
    const char *preview_key; // H.264 proxy; NULL: none needed, or not made yet
    const char *thumbnail_key;
    const char *error;
    const char *created_by; // user id; NULL: no accounts
    int64_t created_at_us, updated_at_us;
    // --- of the probe; 0 and NULL before
    const char *container, *codec;
    int width, height; // upright
    int rotation;      // 0, 90, 180, 270
    int64_t n_frames;  // by counting
    int64_t duration_us;
    double frame_rate; // 0: unknown
    bool is_variable;
    bool is_playable; // by a browser as it is
    const char *probe_json;
};

// *blob* (NULL: none) becomes this video's; blob_key, sha256 and n_bytes are taken from it. With
// *upload_id* (may be NULL) that upload is done and its row goes, in the same transaction: a repeat
// gets ERR_CONFLICT. ERR_CONFLICT: no such project.
int store_video_create(struct store *s, const struct store_video *v, const struct store_blob *blob,
                       const char *upload_id, char ret_id[ID_BYTES]) MUST_CHECK;
int store_video_get(struct store *s, const char *id, struct arena *a,
                    struct store_video *ret) MUST_CHECK;
int store_video_delete(struct store *s, const char *id, struct store_dropped *dropped) MUST_CHECK;

struct store_video_filter {
    const char *project_id;         // NULL: all
    const char *user_id;            // not NULL: of projects in which that user has a role
    enum store_video_status status; // UNSET: all
};
int store_video_list(struct store *s, const struct store_video_filter *filter,
                     const struct store_page *page,
                     int (*row)(void *arg, const struct store_video *v), void *arg,
                     struct store_next *ret_next) MUST_CHECK;

struct store_lease;
// What the probe found: writes the probe's fields, status and error. *lease* (store_task.h; NULL:
// none) must hold: ERR_CONFLICT.
int store_video_set_probe(struct store *s, const struct store_lease *lease,
                          const struct store_video *v) MUST_CHECK;
// Before another probe is queued: one that failed is `uploaded` again, without its error.
// ERR_CONFLICT: it is ready.
int store_video_look_again(struct store *s, const char *video_id) MUST_CHECK;
// The bytes of a video that was a URL only. *content_type* NULL: as it is. ERR_CONFLICT: it has
// bytes.
int store_video_set_content(struct store *s, const struct store_lease *lease, const char *video_id,
                            const struct store_blob *blob, const char *content_type) MUST_CHECK;
// A preview or thumbnail; one that was there falls free.
enum store_video_blob {
    STORE_VIDEO_BLOB_UNSET,
    STORE_VIDEO_BLOB_PREVIEW,
    STORE_VIDEO_BLOB_THUMBNAIL,
};
int store_video_set_blob(struct store *s, const struct store_lease *lease, const char *video_id,
                         enum store_video_blob which, const struct store_blob *blob,
                         struct store_dropped *dropped) MUST_CHECK;
