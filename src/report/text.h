// SPDX-License-Identifier: Apache-2.0
// text.h - the table that `evaluate` and `validate` print.
//
// Threads: none; pure functions.
#pragma once

#include "base/attr.h"

struct evaluation;
struct events_result;
struct report_about;
struct str_buf;

// Appends the table. Labels and paths are escaped: control characters never reach a terminal. The
// buffer's sticky error is returned: ERR_TOO_BIG, ERR_NOMEM.
int text_write(const struct evaluation *e, const struct report_about *about,
               struct str_buf *out) MUST_CHECK;
// Likewise for events matched by time alone.
int text_write_events(const struct events_result *r, struct str_buf *out) MUST_CHECK;
