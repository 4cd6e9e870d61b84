// SPDX-License-Identifier: Apache-2.0
// compared_priv.h - what the reports on two runs share: of a comparison, of disagreements, and of
// two metrics files.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
// "found by A, missed by B"
const char *compared_side_words(enum comparison_side side);

// JSON: members of the object that is open. How intervals were made.
void compared_put_settings(struct json_writer *w, const struct bootstrap_plan *plan, size_t frames,
                           double seconds, uint64_t seed, size_t resamples);
void compared_put_figure(struct json_writer *w, double a, double b, double difference,
                         struct bootstrap_interval interval, bool is_beyond_noise);
// Which picture.
void compared_put_place(struct json_writer *w, const struct dataset *d, int32_t picture);
void compared_put_box(struct json_writer *w, double x, double y, double width, double height);
// "notices": one more where *last* is not NULL.
void compared_put_json_notices(struct json_writer *w, const char *const *notices, size_t n,
                               const char *last);
