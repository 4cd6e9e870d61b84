// SPDX-License-Identifier: Apache-2.0
// truncation.h - is a media file shorter than its own outermost sizes say?
#pragma once

#include <stdbool.h>

// Looks at the outermost structure of AVI, Matroska and fragmented MP4 files with pread(). False
// for everything that states no size, and for MP4 with an index (whose frames tell by themselves).
bool truncation_find(int fd);
