// SPDX-License-Identifier: Apache-2.0
// tracking_json.h - the "tracking" member of the metrics file (CONTRACTS, "Metrics").
//
// Threads: none; pure functions.
#pragma once

struct json_writer;
struct tracking_result;

// Writes the key and its object. A figure without data is null. Lists by alpha hold the benchmark's
// numbers, which its means are made of: 0 (LocA: 1) at an alpha that no match reaches.
void tracking_json_put(struct json_writer *w, const struct tracking_result *r);
