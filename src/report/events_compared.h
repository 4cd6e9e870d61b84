// SPDX-License-Identifier: Apache-2.0
// events_compared.h - a comparison of two systems that report timed events as text, Markdown and
// JSON.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

#include "base/attr.h"

struct events_comparison;
struct str_buf;

struct events_compared_about {
    const char *truth, *a, *b; // paths as given; truth may be NULL
    const char *const *videos; // names; NULL: there is one
    const char *const *notices;
    size_t n_notices;
    size_t n_listed; // changes that text and Markdown show
};

// Sticky errors of the buffer are returned: ERR_TOO_BIG, ERR_NOMEM.
int events_compared_text(const struct events_comparison *c,
                         const struct events_compared_about *about, struct str_buf *out) MUST_CHECK;
int events_compared_markdown(const struct events_comparison *c,
                             const struct events_compared_about *about,
                             struct str_buf *out) MUST_CHECK;
int events_compared_json(const struct events_comparison *c,
                         const struct events_compared_about *about, struct str_buf *out) MUST_CHECK;
