// SPDX-License-Identifier: Apache-2.0
// html_comparison.h - a comparison of two runs as one HTML page, and two runs without truth as
// another.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct comparison;
struct comparison_about;
struct dataset;
struct disagreement;
struct html_picture;
struct str_buf;

enum {
    HTML_COMPARISON_CHANGES = 12, // shown with their boxes, and pictures where there are any
};

// Borrows everything.
struct html_comparison {
    const struct comparison *comparison;
    const struct comparison_about *about;
    const struct html_picture *pictures; // of first frames of changes, as far as there are any
    size_t n_pictures;
    const char *no_pictures; // why there are none, as a sentence; NULL: nothing to say
};

// Appends the whole page. The buffer's sticky error is returned: ERR_TOO_BIG, ERR_NOMEM.
int html_comparison_write(const struct html_comparison *h, struct str_buf *out) MUST_CHECK;
int html_disagreement_write(const struct disagreement *d, const struct comparison_about *about,
                            struct str_buf *out) MUST_CHECK;
