// SPDX-License-Identifier: Apache-2.0
// compared_priv.h - what the reports on two runs share: of a comparison, of disagreements, and of
// two metrics files.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/bootstrap.h"
#include "eval/comparison.h"

struct dataset;
struct json_writer;
struct str_buf;

// "A          path"
void compared_put_line(struct str_buf *out, const char *what, const char *text);
// Markdown: the title, A and B, and the start of a paragraph.
void compared_put_heading(struct str_buf *out, const char *title, const char *a, const char *b);
// "blocks of 36 frames (3.6 s), 23 of them"
void compared_put_blocks(const struct bootstrap_plan *plan, size_t frames, double seconds,
                         struct str_buf *out);
// "clip.mp4 frame 12", or the name of the picture's file.
void compared_put_picture(struct str_buf *out, const struct dataset *d, int32_t picture);
// Notices as text, and as quotes of Markdown.
void compared_put_notices(struct str_buf *out, const char *const *notices, size_t n);
void compared_put_quotes(struct str_buf *out, const char *const *notices, size_t n);

// What changed sides: how many on each, and the first of them by name.
struct compared_change {
    enum comparison_side side;
    double evidence;
};

struct compared_sides {
    const char *heading;  // of the text: "events that changed sides"
    const char *counted;  // of the table in Markdown: "events"
    const size_t *counts; // by enum comparison_side
    size_t n_changes, n_listed;
    // Change i, and its name put into *name*.
    struct compared_change (*describe)(const void *arg, size_t i, struct str_buf *name);
    const void *arg;
};

void compared_put_sides_text(struct str_buf *out, const struct compared_sides *s);
void compared_put_sides_markdown(struct str_buf *out, const struct compared_sides *s);

enum {
    COMPARED_MAX_CHANGES = 10 * 1000, // in JSON
};

// JSON: begins the whole, with the version that wrote it; ends it with "notices", one more where of
// *n_changes* not all are listed.
void compared_begin_json(struct json_writer *w, struct str_buf *out);
int compared_end_json(struct json_writer *w, struct str_buf *out, const char *const *notices,
                      size_t n, size_t n_changes) MUST_CHECK;
// JSON: members of the object that is open. How intervals were made.
void compared_put_settings(struct json_writer *w, const struct bootstrap_plan *plan, size_t frames,
                           double seconds, uint64_t seed, size_t resamples);
void compared_put_figure(struct json_writer *w, double a, double b, double difference,
                         struct bootstrap_interval interval, bool is_beyond_noise);
// Which picture.
void compared_put_place(struct json_writer *w, const struct dataset *d, int32_t picture);
void compared_put_box(struct json_writer *w, double x, double y, double width, double height);
