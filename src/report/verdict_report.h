// SPDX-License-Identifier: Apache-2.0
// verdict_report.h - a verdict as text and as the "verdict" member of the metrics file.
//
// Threads: none; pure functions.
#pragma once

struct json_writer;
struct str_buf;
struct verdict;

void verdict_text_put(struct str_buf *out, const struct verdict *v);
// Key and object.
void verdict_json_put(struct json_writer *w, const struct verdict *v);
