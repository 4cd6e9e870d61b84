// SPDX-License-Identifier: Apache-2.0
// comparison_report.h - a comparison of two runs as text, Markdown and JSON.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

#include "base/attr.h"

struct comparison;
struct comparison_figure;
struct dataset;
struct json_writer;
struct str_buf;

struct comparison_about {
    const char *truth, *a, *b;      // paths as given
    const struct dataset *pictures; // the truth: names of frames and labels
    const char *const *notices;
    size_t n_notices;
    size_t n_listed; // changes that text and Markdown show
};

// Sticky errors of the buffer are returned: ERR_TOO_BIG, ERR_NOMEM.
int comparison_text(const struct comparison *c, const struct comparison_about *about,
                    struct str_buf *out) MUST_CHECK;
int comparison_markdown(const struct comparison *c, const struct comparison_about *about,
                        struct str_buf *out) MUST_CHECK;
int comparison_json(const struct comparison *c, const struct comparison_about *about,
                    struct str_buf *out) MUST_CHECK;

// How blocks were chosen, in words: "blocks of 36 frames (3.6 s), 23 of them".
void comparison_put_blocks(const struct comparison *c, struct str_buf *out);
