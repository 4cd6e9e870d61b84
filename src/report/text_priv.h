// SPDX-License-Identifier: Apache-2.0
// text_priv.h - cells that the tables of plain text share.
#pragma once

struct evaluation;
struct str_buf;
struct mistakes;
struct temporal_result;
struct tracking_result;

// "-" for NaN, else four digits, right-aligned.
void text_put_value(struct str_buf *out, int width, double value);
// Left-aligned and cut to the width of labels, counted in characters, not bytes; escaped.
void text_put_label(struct str_buf *out, const char *label);

// Conventions, confusions and slices, as far as they were asked for.
void text_put_detection(struct str_buf *out, const struct evaluation *e);
// The tracking tables.
void text_put_tracking(struct str_buf *out, const struct tracking_result *r);
void text_put_temporal(struct str_buf *out, const struct temporal_result *r);
// The list of likely truth mistakes.
void text_put_mistakes(struct str_buf *out, const struct mistakes *m);

enum {
    TEXT_LABEL_WIDTH = 20,
};
