// SPDX-License-Identifier: Apache-2.0
// prepare.h - a posted picture becomes a model's input: JPEGs here, decoded no larger than the
// model needs; everything else in a confined child.
//
// Ownership: the caller's pixels are written to. Threads: a preparer one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/source.h"
#include "vision/letterbox.h"

struct preparer;

int preparer_create(struct preparer **ret_preparer) MUST_CHECK; // ERR_NOMEM
void preparer_destroy(struct preparer *p);                      // NULL is a no-op

struct prepare_wanted {
    const char *program; // of the child; NULL: this one
    const char *name;    // for messages
    const void *bytes;
    size_t n;
    struct source_prepare model;
    bool whole;       // JPEGs at their full size too
    uint8_t *ret_rgb; // (height, width, 3) of *model*
};

struct prepared {
    struct letterbox letterbox; // of the whole picture: boxes come out in its pixels
    int decoded_width, decoded_height;
    bool in_child;
    int64_t decode_ns; // with the child's life, and its letterboxing, where there was one
    int64_t letterbox_ns;
};

// ERR_MEDIA (the message names the cause), ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_NOMEM, ERR_BUSY (no
// more processes).
int prepare_picture(struct preparer *p, const struct prepare_wanted *w,
                    struct prepared *ret_prepared) MUST_CHECK;
