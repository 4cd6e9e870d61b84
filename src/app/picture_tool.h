// SPDX-License-Identifier: Apache-2.0
// picture_tool.h - posted pictures become models' inputs: decoders that are kept between requests.
//
// Threads: any.
#pragma once

#include "api/api.h"
#include "base/attr.h"

struct picture_tool;

// *program* is what runs as the child; NULL: this one. ERR_NOMEM.
int picture_tool_create(const char *program, struct picture_tool **ret_tool) MUST_CHECK;
void picture_tool_destroy(struct picture_tool *t); // NULL is a no-op; nobody may be in it
// See api_tools.prepare_picture.
int picture_tool_prepare(struct picture_tool *t, const struct api_picture_wanted *w,
                         struct api_picture_made *ret) MUST_CHECK;
