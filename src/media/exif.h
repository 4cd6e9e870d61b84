// SPDX-License-Identifier: Apache-2.0
// exif.h - the orientation that a camera wrote into a JPEG.
#pragma once

#include <stddef.h>

// 1..8 of EXIF tag 0x0112; 1 where there is none, or it makes no sense.
int exif_orientation_of_jpeg(const void *bytes, size_t n);
