// SPDX-License-Identifier: Apache-2.0
// answer_check.h - whether what a child of ours says can be: it read outside bytes and may be
// anybody's by now.
//
// Each function is true for all that an honest child says, and what passes may be computed with:
// two times apart, a distance added to that, and no sum overflows. Threads: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_counts;

// Ends within its *n_bytes*. It may hold anything: printable_make() before it is kept.
bool answer_text_holds(const char *text, size_t n_bytes);
// Likewise, and can be shown (printable_is()), as the names of formats can.
bool answer_name_holds(const char *name, size_t n_bytes);
// Is true or false: other bytes in a bool are undefined behaviour once they are looked at.
bool answer_bool_holds(const bool *b);
bool answer_time_holds(int64_t us);
bool answer_distance_holds(int64_t us); // of two times
bool answer_ordinal_holds(int64_t n);   // or a number of frames
bool answer_side_holds(int n);          // or 0, which is not known
bool answer_rotation_holds(int degrees);
bool answer_counts_hold(const struct source_counts *c);
// Counts that hold, for keeping: their texts can be shown.
void answer_counts_clean(struct source_counts *c);
