// SPDX-License-Identifier: Apache-2.0
// report_html.h - `--report FILE.html`: the worst moments are read once more from the source, and
// the page is written.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct dataset;
struct evaluation;
struct outcome_picture;
struct picture;
struct report_about;
struct source_opts;

struct app_html {
    const char *path; // of the page
    const struct dataset *truth, *detections;
    const struct evaluation *evaluation; // of these two
    const struct report_about *about;
    const struct source_opts *source; // where the pictures are, with its path; NULL: nowhere
};

// ERR_INVALID: *path* does not end in .html (or .htm).
int app_html_check(const char *path) MUST_CHECK;
// Pictures that cannot be had are missing in the page, which says so, with a warning. ERR_IO,
// ERR_NOSPACE, ERR_TOO_BIG, ERR_NOMEM.
int app_html_write(const struct app_html *r) MUST_CHECK;
// Whether *p* of the source is the judged picture *o*: the presentation time decides where the
// detector saw one, else the file's name (*is_files*: the source is pictures), else the place.
bool app_html_is_picture(const struct dataset *truth, const struct dataset *detections,
                         const struct outcome_picture *o, const struct picture *p, bool is_files);
