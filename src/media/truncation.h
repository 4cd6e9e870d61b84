// SPDX-License-Identifier: Apache-2.0
// truncation.h - is a media file shorter than its own outermost sizes say?
#pragma once

#include <stdbool.h>

enum truncation_scope {
    TRUNCATION_SCOPE_UNSET,
    TRUNCATION_STREAMS, // MP4 only with fragments: an index tells by itself which frames are
                        // missing
    TRUNCATION_ALL,
};

// Looks at the outermost structure of AVI, Matroska and MP4 files with pread(). False for
// everything that states no size.
bool truncation_find(int fd, enum truncation_scope scope);
