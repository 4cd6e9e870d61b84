// SPDX-License-Identifier: Apache-2.0
// range.h - byte ranges (RFC 9110, 14) of something whose size is known.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct range {
    int64_t first;
    int64_t n; // > 0
};

enum range_outcome {
    RANGE_UNSET,
    RANGE_WHOLE,         // no ranges, another unit, malformed, or too many: send everything
    RANGE_SOME,          // one or more satisfiable ranges
    RANGE_UNSATISFIABLE, // 416
};

// *text* is the Range header's value. Ranges that overlap or touch are joined (in ascending order
// then); those beyond the end are left out. At most *max* go to *ret_ranges*.
enum range_outcome range_parse(struct str text, int64_t size, struct range *ret_ranges, size_t max,
                               size_t *ret_n);
