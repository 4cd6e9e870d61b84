// SPDX-License-Identifier: Apache-2.0
// id.h - names of rows: 26 characters of Crockford's base32, 48 bits of milliseconds since 1970 and
// 80 random bits, so that sorting by text sorts by time.
//
// Threads: any. Ids of one process are all different and strictly rising, also when several are
// made within a millisecond and when the clock goes backwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum {
    ID_LENGTH = 26,
    ID_BYTES = 27, // with the zero
};

void id_make(char ret_id[ID_BYTES]);
// 26 digits of the alphabet (0-9, A-Z without I, L, O, U; upper case only), the first at most 7.
bool id_is_valid(struct str s);
// When it was made: milliseconds since 1970. *id* is valid.
int64_t id_time_ms(const char *id);
// The least id that can be made at *time_ms* (0 .. 2^48 - 1): for "since" in lists.
void id_first_at(int64_t time_ms, char ret_id[ID_BYTES]);
