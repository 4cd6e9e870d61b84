// SPDX-License-Identifier: Apache-2.0
// csv_priv.h - one line of CSV as cells, for the readers of this room.
//
// RFC 4180 in lines: a quoted cell may hold commas and doubled quotes, not line ends.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

enum {
    CSV_MAX_COLUMNS = 64,
};

struct csv_row {
    char *bytes; // of the cells, unquoted: DATASET_MAX_LINE
    struct str cells[CSV_MAX_COLUMNS];
    size_t n;
};

int csv_row_init(struct csv_row *r) MUST_CHECK; // ERR_NOMEM
void csv_row_finish(struct csv_row *r);         // zeroed is a no-op
// Cells until the next line. ERR_DATA, ERR_TOO_BIG: without the place, which the caller puts
// before.
int csv_row_split(struct csv_row *r, struct str line) MUST_CHECK;
int csv_row_find(const struct csv_row *r, const char *name); // the last column of that name; -1
// Trimmed; empty where *column* is -1 or the line is shorter.
struct str csv_row_cell(const struct csv_row *r, int column);
