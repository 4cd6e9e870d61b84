// SPDX-License-Identifier: Apache-2.0
// time_json.h - the "temporal" and "truth_mistakes" members of the metrics file.
//
// Threads: none; pure functions.
#pragma once

struct events_result;
struct json_writer;
struct mistakes;
struct temporal_result;

enum {
    TIME_JSON_MAX_PLACES = 100, // of one mistake; evenly chosen among more
};

// Write the key and its object (list). Figures without data are null; without times all of them.
void time_json_put_temporal(struct json_writer *w, const struct temporal_result *r);
void time_json_put_events(struct json_writer *w, const struct events_result *r);
void time_json_put_mistakes(struct json_writer *w, const struct mistakes *m);
