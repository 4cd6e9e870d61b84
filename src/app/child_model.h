// SPDX-License-Identifier: Apache-2.0
// child_model.h - the first look into an uploaded model, in a confined child: opened, recognised,
// loaded and run once on an empty picture.
#pragma once

#include "base/attr.h"
#include "base/child.h"

struct str_buf;

// Appends the JSON of `model inspect`. ERR_MODEL ... as model_open() and detector_create(); a child
// that crashed or took too long is ERR_MODEL too. *program* NULL: this program.
int child_model_inspect(const char *program, const char *path, struct str_buf *out) MUST_CHECK;

extern const struct child_kind child_model_kind;
