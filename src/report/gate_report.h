// SPDX-License-Identifier: Apache-2.0
// gate_report.h - what a gate found, as text, JUnit XML and Markdown. Outside text is escaped.
//
// Threads: none; pure functions.
#pragma once

#include <stddef.h>

#include "base/attr.h"

struct gate_list;
struct str_buf;

struct gate_about {
    const char *run, *baseline, *truth; // paths as given; NULL: none
    const char *const *notices;
    size_t n_notices;
};

// Sticky errors of the buffer are returned: ERR_TOO_BIG, ERR_NOMEM.
int gate_text(const struct gate_list *list, const struct gate_about *about,
              struct str_buf *out) MUST_CHECK;
int gate_junit(const struct gate_list *list, const struct gate_about *about,
               struct str_buf *out) MUST_CHECK;
int gate_markdown(const struct gate_list *list, const struct gate_about *about,
                  struct str_buf *out) MUST_CHECK;
