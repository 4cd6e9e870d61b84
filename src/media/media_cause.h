// SPDX-License-Identifier: Apache-2.0
// media_cause.h - why bytes are not media, in plain words.
#pragma once

#include <stddef.h>

enum {
    MEDIA_CAUSE_BYTES = 512, // of the file's beginning are looked at
};

// What a file that begins with *bytes* is instead of media: "is empty", "is a Git-LFS pointer ...".
// NULL: nothing known is wrong. The text is constant.
const char *media_cause_of_bytes(const void *bytes, size_t n);
// The same for a message of libav's: "moov atom not found" and friends. NULL: not known.
const char *media_cause_of_log(const char *line);
