// SPDX-License-Identifier: Apache-2.0
// multipart.h - multipart/form-data (RFC 7578) as it comes in, in pieces of any size.
//
// Part bodies are not collected: they go to a callback as they arrive. Strict: parts need a
// Content-Disposition with a name; no nested multipart, no Content-Transfer-Encoding but binary,
// 7bit and 8bit.
//
// Ownership: views given to callbacks are valid during the call.
// Threads: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct multipart;

enum {
    MULTIPART_MAX_BOUNDARY = 70,   // RFC 2046
    MULTIPART_MAX_HEAD = 8 * 1024, // header bytes of one part
    MULTIPART_MAX_PARTS = 64,
    MULTIPART_MAX_NAME = 1024, // bytes of a field's or file's name
};

struct multipart_part {
    struct str name;
    struct str file_name; // {NULL, 0}: no file. Without directories: what stands behind / and
                          // backslash
    struct str type;      // Content-Type; {NULL, 0}: none
    size_t index;         // from 0
};

// An error of a callback ends the parse and is returned.
struct multipart_calls {
    int (*part)(void *arg, const struct multipart_part *p); // a part begins
    int (*data)(void *arg, const void *bytes, size_t n);    // n > 0
    int (*part_end)(void *arg);
};

// ERR_INVALID (boundary), ERR_NOMEM.
int multipart_create(struct str boundary, const struct multipart_calls *calls, void *arg,
                     struct multipart **ret_multipart) MUST_CHECK;
void multipart_destroy(struct multipart *m); // NULL is a no-op
// ERR_DATA: malformed; ERR_TOO_BIG: a limit. After an error the same error again.
int multipart_add(struct multipart *m, const void *bytes, size_t n) MUST_CHECK;
// The body is over. ERR_DATA: it was cut before the last boundary.
int multipart_finish(struct multipart *m) MUST_CHECK;
