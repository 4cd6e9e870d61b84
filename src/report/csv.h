// SPDX-License-Identifier: Apache-2.0
// csv.h - figures by class, and what became of every object, as CSV for spreadsheets and scripts.
//
// A figure without data is an empty cell. Texts are defused (base/str.h, str_buf_add_csv()).
//
// Threads: none.
#pragma once

#include "base/attr.h"

struct dataset;
struct evaluation;
struct file_out;
struct outcome;
struct report_about;
struct str_buf;

// A row for all, one a class, and one a part that --slice-by asked for; a column a figure, under
// the metrics file's names. The buffer's sticky error is returned: ERR_TOO_BIG, ERR_NOMEM.
int csv_classes_write(const struct evaluation *e, const struct report_about *about,
                      struct str_buf *out) MUST_CHECK;
// A row an object at the operating point: a truth, with the detection that found it, or a detection
// without truth. *o* is of the same datasets. Errors of file_out_write(); ERR_NOMEM.
int csv_objects_write(const struct dataset *truth, const struct dataset *detections,
                      const struct outcome *o, struct file_out *file) MUST_CHECK;
