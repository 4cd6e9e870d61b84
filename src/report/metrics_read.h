// SPDX-License-Identifier: Apache-2.0
// metrics_read.h - the figures of a metrics file (report/metrics_json.h), read back by name.
//
// Ownership: everything lives in the arena handed in.
// Threads: none.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"
#include "eval/effects.h"

struct arena;

struct metrics_row {
    const char *name;  // "AP50", "recall", "HOTA"
    const char *label; // of the class; NULL: overall
    double value;      // NaN: null in the file
};

struct metrics_table {
    struct metrics_row *rows;
    size_t n;
    struct effects blocks; // n 0: the file has none
};

enum {
    METRICS_MAX_BYTES = 256 * 1024 * 1024,
    METRICS_MAX_ROWS = 1000 * 1000,
};

// Whether the file begins as a metrics file does; false also where it cannot be read.
bool metrics_is_file(const char *path);
// The figures of "coco", "operating_point", "tracking" and of the classes under their names; those
// of "best_f1", "temporal" and "mot17det" with that before them ("temporal_latency_ms_p95").
// ERR_NOT_FOUND, ERR_DATA (no metrics file), ERR_TOO_BIG, ERR_NOMEM.
int metrics_read(const char *path, struct arena *a, struct metrics_table *ret_table) MUST_CHECK;
// Likewise; *name* is what messages call it.
int metrics_read_text(struct str text, const char *name, struct arena *a,
                      struct metrics_table *ret_table) MUST_CHECK;
// *label* NULL: overall. Names without regard to case, the first of equal ones; NULL: none.
const struct metrics_row *metrics_find(const struct metrics_table *t, const char *name,
                                       const char *label);
