// SPDX-License-Identifier: Apache-2.0
// probe_json.h - what a probe found, as the JSON of a video's row (docs/FILES.md), and the part of
// it that finds single frames.
//
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

struct frame_times_check;
struct probe_result;
struct source_mark;
struct str_buf;

void probe_json_put(const struct probe_result *p, struct str_buf *out);
// What the times of its frames must agree with, the count aside. False: *json* (may be NULL) does
// not say.
bool probe_json_times(const char *json, struct frame_times_check *ret_check);
// The last mark at or before *ordinal*. False: *json* (may be NULL) has none.
bool probe_json_mark(const char *json, int64_t ordinal, struct source_mark *ret_mark);
