// SPDX-License-Identifier: Apache-2.0
// html_priv.h - what the sections of the HTML report share.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct html_report;
struct outcome_picture;
struct str_buf;

extern const char html_style[];

// Outside text: markup is escaped, control characters and broken UTF-8 become U+FFFD.
void html_put_text(struct str_buf *out, const char *text);
// Two or three digits behind the point; "no data" for NaN.
void html_put_value(struct str_buf *out, double value, int n_digits);
void html_put_count(struct str_buf *out, int64_t n);                   // 12,345
void html_put_share(struct str_buf *out, int64_t part, int64_t whole); // "61 %"; "no data" of 0
// A table cell; *name* is shown where the columns do not fit side by side.
void html_put_count_cell(struct str_buf *out, const char *name, int64_t n);
void html_put_value_cell(struct str_buf *out, const char *name, double value);
// "1:02.40", or "frame 12" where the time is unknown.
void html_put_when(struct str_buf *out, const struct outcome_picture *p);
void html_put_clock(struct str_buf *out, int64_t us, int n_digits); // 1:02.4
void html_begin_section(struct str_buf *out, const char *id, const char *title);
void html_end_section(struct str_buf *out);
void html_put_outcome_legend(struct str_buf *out);
// NULL or "": the video has no name.
const char *html_video_name(const struct html_report *h, int32_t video);

// --- the sections
void html_put_headline(const struct html_report *h, struct str_buf *out);
void html_put_curves(const struct html_report *h, struct str_buf *out);   // html_curves.c
void html_put_slices(const struct html_report *h, struct str_buf *out);   // html_slices.c
void html_put_timeline(const struct html_report *h, struct str_buf *out); // html_timeline.c
void html_put_moments(const struct html_report *h, struct str_buf *out);  // html_moments.c
void html_put_tables(const struct html_report *h, struct str_buf *out);   // html_tables.c
void html_put_more(const struct html_report *h, struct str_buf *out);     // html_more.c
void html_put_verdict(const struct html_report *h, struct str_buf *out);  // html_more.c
