// SPDX-License-Identifier: Apache-2.0
// detection_json.h - the members "conventions", "confusion_matrix" and "slices" of the metrics
// file.
//
// Threads: none; pure functions.
#pragma once

struct evaluation;
struct json_writer;

// Writes the keys and values of what was asked for.
void detection_json_put(struct json_writer *w, const struct evaluation *e);
