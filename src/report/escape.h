// SPDX-License-Identifier: Apache-2.0
// escape.h - outside text (labels, file names) in Markdown: shown as it is, never obeyed.
//
// Control characters become '?', bytes that are not UTF-8 U+FFFD.
//
// Threads: none; pure functions.
#pragma once

#include "base/str.h"

void escape_markdown(struct str_buf *out, struct str s); // also in cells of tables
