// SPDX-License-Identifier: Apache-2.0
// detection_reply.h - the objects of a set as a reply: a page, one streamed document (?stream=1),
// or binary columns (Accept: application/vnd.assay.columns).
#pragma once

#include "base/attr.h"

struct json_writer;
struct request;
struct store_set_filter;

void put_box(struct json_writer *w, const char *key, float x, float y, float width, float height);

// Fills in what the query asks for: label, min_confidence, from_frame, to_frame, result.
int detections_filter(struct request *q, struct store_set_filter *f) MUST_CHECK;
int detections_reply(struct request *q, const struct store_set_filter *f) MUST_CHECK;
