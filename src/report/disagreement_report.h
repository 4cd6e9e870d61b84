// SPDX-License-Identifier: Apache-2.0
// disagreement_report.h - where two models disagree as text, Markdown and JSON.
//
// Threads: none; pure functions. Sticky errors of the buffer are returned: ERR_TOO_BIG, ERR_NOMEM.
#pragma once

#include "base/attr.h"
#include "report/comparison_report.h"

struct disagreement;
struct str_buf;

int disagreement_text(const struct disagreement *d, const struct comparison_about *about,
                      struct str_buf *out) MUST_CHECK;
int disagreement_markdown(const struct disagreement *d, const struct comparison_about *about,
                          struct str_buf *out) MUST_CHECK;
int disagreement_json(const struct disagreement *d, const struct comparison_about *about,
                      struct str_buf *out) MUST_CHECK;
