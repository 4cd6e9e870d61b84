// SPDX-License-Identifier: Apache-2.0
// arrival.h - what a file that came becomes, whichever way it came (form, body, PUT, tus): a video
// that is probed, a truth of a video, a model; and whether there is room for it.
//
// Ownership: texts are the caller's and outlive the request.
// Threads: the request's own.
#pragma once

#include "api/api_priv.h"

struct blob_info;

enum arrival_kind {
    ARRIVAL_UNSET,
    ARRIVAL_VIDEO,
    ARRIVAL_TRUTH,
    ARRIVAL_MODEL,
    ARRIVAL_N_KINDS,
};
const char *arrival_kind_name(int kind); // "video"; NULL: no such kind
// NULL or "" is a video. ERR_INVALID.
int arrival_kind_parse(const char *name, enum arrival_kind *ret) MUST_CHECK;

struct arrival {
    enum arrival_kind kind;
    const char *project_id;   // a video's; of a truth filled in by arrival_check()
    const char *video_id;     // a truth's
    const char *name;         // NULL or "": the file's
    const char *file_name;    // likewise: none
    const char *content_type; // a video's; NULL: none
    const char *format;       // a truth's; NULL: by content
    bool has_after;           // a truth's: the newest version is expected to be *after*
    int after;
    const char *upload_id; // is over with it; what is made bears its id. NULL: none
    const struct blob_info *blob;
};

// Before a byte of it is taken: that what it is to belong to exists, and that *n_bytes* (-1:
// unknown) fit. ERR_INVALID (a field is needed), ERR_NOT_FOUND, ERR_EXISTS (a model's name),
// ERR_TOO_BIG, ERR_NOSPACE.
int arrival_check(struct request *q, struct arrival *a, int64_t n_bytes) MUST_CHECK;

// Makes the rows, announces what is to be done, and gives the new thing's id. The blob is the
// caller's to delete on error. ERR_DATA, ERR_MODEL ... where the file is not what it should be.
int arrival_take(struct request *q, const struct arrival *a, char ret_id[ID_BYTES]) MUST_CHECK;
// 202 or 201, Location and the object.
int arrival_reply(struct request *q, const struct arrival *a, const char *id) MUST_CHECK;
// "/api/v1/videos/ID" into the header "Location".
void arrival_location(struct request *q, const struct arrival *a, const char *id);

// Whether *n_bytes* more (-1: unknown) may be stored: ERR_TOO_BIG (--max-upload), ERR_NOSPACE (the
// project's quota, that of all, the disk's reserve). *project_id* NULL: of no project.
int quota_check(struct request *q, const char *project_id, int64_t n_bytes) MUST_CHECK;
// Whether *n_bytes* that have come, and have their place on the disk, may be kept. As above, but
// for the disk's reserve.
int quota_check_come(struct request *q, const char *project_id, int64_t n_bytes) MUST_CHECK;
