// SPDX-License-Identifier: Apache-2.0
// font.h - printable ASCII as 5 x 7 points.
#pragma once

#include <stdint.h>

enum {
    FONT_WIDTH = 5,
    FONT_HEIGHT = 7,
    FONT_ADVANCE = 6, // with the gap to the next
};

// FONT_HEIGHT rows from the top; bit 4 is the leftmost point. Characters outside ' '..'~' look like
// '?'.
const uint8_t *font_glyph(char c);
