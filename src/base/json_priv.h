// SPDX-License-Identifier: Apache-2.0
// json_priv.h - what json_read.c and json_number.c share.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct json_event;

// True for the bytes a number is made of: digits, sign, point, exponent.
bool json_number_is_part(char c);
// Reads the number at the start of *text*; what follows it is no part of a number. Fills text,
// is_integer, integer and number of *ev*, and how many bytes it has. *wide* is
// json_number_is_wide(). ERR_DATA: against the grammar, or beyond the range of double. ERR_TOO_BIG.
int json_number_parse(struct str text, bool wide, struct json_event *ev,
                      size_t *ret_used) MUST_CHECK;
// True where long double has a mantissa of 64 bits: not on every machine, and not under valgrind.
bool json_number_is_wide(void);
