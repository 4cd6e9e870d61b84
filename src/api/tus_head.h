// SPDX-License-Identifier: Apache-2.0
// tus_head.h - the header fields of tus 1.0: versions, numbers, metadata, checksums.
//
// Ownership: texts live in the request's arena.
// Threads: the request's own.
#pragma once

#include "api/api_priv.h"
#include "base/digest.h"
#include "base/sha1.h"

#define TUS_VERSION   "1.0.0"
#define TUS_TYPE      "application/offset+octet-stream"
#define TUS_CHECKSUMS "sha1,sha256"

// Says on every reply which version is spoken; a request that speaks another one, or does not say,
// is answered with 412.
int tus_check_version(struct request *q) MUST_CHECK;
// A header that is a whole number: ERR_INVALID where it is absent or none.
int tus_number(struct request *q, const char *name, int64_t *ret_value) MUST_CHECK;
// The reply's Upload-Expires.
void tus_expires(struct request *q, int64_t expires_at_us);

// Upload-Metadata, *text* (NULL: none): what is known of its keys; absent ones are NULL.
struct tus_metadata {
    const char *text; // as it came; NULL: none
    const char *kind, *project_id, *video_id, *name, *file_name, *content_type, *format;
};
// ERR_INVALID: malformed, a key twice, a value that is no text; ERR_TOO_BIG.
int tus_metadata(struct request *q, const char *text, struct tus_metadata *ret) MUST_CHECK;

// Upload-Checksum, and what is to equal it.
struct tus_checksum {
    enum { TUS_SUM_NONE, TUS_SUM_SHA1, TUS_SUM_SHA256 } kind;
    unsigned char wanted[DIGEST_BYTES];
    struct sha1 sha1;
    struct digest sha256;
};
// TUS_SUM_NONE where the header is absent. ERR_INVALID.
int tus_checksum_begin(struct request *q, struct tus_checksum *ret) MUST_CHECK;
void tus_checksum_add(struct tus_checksum *c, const void *bytes, size_t n);
bool tus_checksum_holds(struct tus_checksum *c); // also where there is none; the sum is over
