// SPDX-License-Identifier: Apache-2.0
// picture_body.h - a small file that comes as a body, raw or as the "file" of a form, collected in
// memory: a picture to look at.
//
// All such bodies of the server together are bounded (INFERENCE_MAX_INSIDE); who comes when that
// is reached gets ERR_BUSY.
#pragma once

#include "base/attr.h"
#include "base/str.h"

struct request;
struct route_sink;

enum {
    INFERENCE_MAX_BODY = 64 * 1024 * 1024,    // of one request
    INFERENCE_MAX_INSIDE = 768 * 1024 * 1024, // of all together
};

extern const struct route_sink picture_body_sink;

// In the handler: the file's bytes, until the request ends. ERR_INVALID: there is none; ERR_DATA:
// the form is malformed.
int picture_body(struct request *q, struct str *ret_bytes) MUST_CHECK;
// Counts *n* bytes that this request takes beside its body, until it ends. ERR_BUSY.
int picture_body_hold(struct request *q, size_t n) MUST_CHECK;
// A field of the form, or of the query; NULL: absent.
const char *picture_body_field(struct request *q, const char *name);
// Calls for each field of the form, then of the query; an error ends it.
int picture_body_each(struct request *q,
                      int (*call)(void *arg, const char *name, const char *value),
                      void *arg) MUST_CHECK;
