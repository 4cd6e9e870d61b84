// SPDX-License-Identifier: Apache-2.0
// base64.h - bytes as text (RFC 4648, the ordinary alphabet, padded).
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

// The characters that *n* bytes take, with the zero behind.
#define BASE64_BYTES(n) (((n) + 2) / 3 * 4 + 1)

void base64_encode(const void *bytes, size_t n, char *ret_text); // BASE64_BYTES(n)
// False: the text is none, or more than *max* bytes. What could be written in several ways (bits
// behind the last byte) is refused.
bool base64_decode(struct str text, void *ret_bytes, size_t max, size_t *ret_n);
