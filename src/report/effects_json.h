// SPDX-License-Identifier: Apache-2.0
// effects_json.h - "blocks" of the metrics file: what gate and compare of such files need for
// intervals (docs/COMPARING.md).
//
// Threads: none.
#pragma once

#include "base/attr.h"

struct arena;
struct effects;
struct json_reader;
struct json_writer;

// The member with its key; nothing where there are no parts.
void effects_json_put(struct json_writer *w, const struct effects *e);
// Behind its '{', to its end. Labels and numbers are the arena's. ERR_DATA, ERR_TOO_BIG, ERR_NOMEM.
int effects_json_read(struct json_reader *r, struct arena *a,
                      struct effects *ret_effects) MUST_CHECK;
