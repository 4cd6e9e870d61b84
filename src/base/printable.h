// SPDX-License-Identifier: Apache-2.0
// printable.h - what of a text may go to a terminal, a log or the store: well-formed UTF-8 without
// control characters, ends of lines, what turns the direction of what follows it, and what is no
// character.
//
// Threads: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

// Bytes of the character that *s* (not empty) begins with, if it may be shown; else 0, and *ret_n*
// are those that may not.
size_t printable_length(struct str s, size_t *ret_n);
// Each byte that may not be shown becomes '?'. See str_buf_add_printable() for a buffer.
void printable_make(char *s);
bool printable_is(const char *s); // all of it may be shown
