// SPDX-License-Identifier: Apache-2.0
// remote.h - a video that is given as a URL: POST /videos with {"project_id", "url", "name"} in
// place of its bytes.
#pragma once

#include "api/api_priv.h"

// Whether the request's body is such a wish.
bool remote_is_wish(const struct request *q);
// As a sink's and a handler's functions, where it is.
int remote_begin(struct request *q) MUST_CHECK;
int remote_data(struct request *q, const void *bytes, size_t n) MUST_CHECK;
int remote_create(struct request *q) MUST_CHECK;
