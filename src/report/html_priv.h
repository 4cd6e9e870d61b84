// SPDX-License-Identifier: Apache-2.0
// html_priv.h - what the sections of the HTML report share.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dataset;
struct evaluation;
struct html_picture;
struct html_report;
struct mistakes;
struct outcome_picture;
struct str_buf;
struct temporal_result;
struct tracking_result;

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
// The row's name, "(no name)" of ""; cells follow, and </tr>.
void html_begin_row(struct str_buf *out, const char *name);
void html_put_ms_cell(struct str_buf *out, const char *name, double ms); // whole milliseconds
void html_put_signed(struct str_buf *out, double value, int n_digits);   // "+0.012"; "-" for NaN
// Counts by name as a table with bars; nothing where all are 0.
void html_put_bins(struct str_buf *out, const char *caption, const char *first,
                   const char *const *names, const char *unit, const size_t *counts, size_t n);
// An <image> of width x height, the JPEG inside.
void html_put_image(struct str_buf *out, const struct html_picture *p);
// "1:02.40", or "frame 12" where the time is unknown.
void html_put_when(struct str_buf *out, const struct outcome_picture *p);
void html_put_clock(struct str_buf *out, int64_t us, int n_digits); // 1:02.4
// "frame 12", the file's name, or "picture 12".
void html_put_picture(const struct dataset *d, int32_t picture, struct str_buf *out);
void html_begin_section(struct str_buf *out, const char *id, const char *title);
void html_end_section(struct str_buf *out);
void html_put_outcome_legend(struct str_buf *out);
// NULL or "": the video has no name.
const char *html_video_name(const struct html_report *h, int32_t video);

const char *html_base_name(const char *path); // what follows the last slash
// The page around its sections. *title* is escaped here.
void html_begin_page(struct str_buf *out, const char *title);
extern const char html_right_words[];                       // what "right" means on it
void html_end_page(struct str_buf *out, const char *words); // *words* NULL: none

// --- the sections; those that nobody asked for are left out
void html_put_headline(const struct html_report *h, struct str_buf *out);
void html_put_weaker(const struct html_report *h, struct str_buf *out);
void html_put_verdict(const struct html_report *h, struct str_buf *out);
void html_put_curves(const struct html_report *h, struct str_buf *out);
void html_put_slices(const struct html_report *h, struct str_buf *out);
void html_put_timeline(const struct html_report *h, struct str_buf *out);
void html_put_moments(const struct html_report *h, struct str_buf *out);
void html_put_tables(const struct html_report *h, struct str_buf *out);
void html_put_parts(const struct evaluation *e, struct str_buf *out);
void html_put_confusions(const struct evaluation *e, struct str_buf *out);
void html_put_tracks(const struct tracking_result *r, struct str_buf *out);
void html_put_temporal(const struct temporal_result *r, struct str_buf *out);
void html_put_conventions(const struct evaluation *e, struct str_buf *out);
void html_put_motdet(const struct evaluation *e, struct str_buf *out);
void html_put_mistakes(const struct mistakes *m, struct str_buf *out);
