// SPDX-License-Identifier: Apache-2.0
// picture_file.h - one still picture (JPEG, PNG, BMP, WebP, TIFF, PNM) becomes an upright picture.
//
// JPEGs go through libjpeg-turbo straight to the planes they are stored in; EXIF orientation is
// applied. The others go through libav's decoders.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct picture;
struct picture_decoder;
struct source_prepare;

enum {
    PICTURE_FILE_MAX_BYTES = 512 * 1024 * 1024,
};

// True where the bytes begin like a still picture that can be decoded here.
bool picture_file_is_picture(const void *bytes, size_t n);

// Handles kept between pictures. Threads: one at a time. *max_pixels*: larger ones are refused.
// ERR_NOMEM.
int picture_decoder_create(int64_t max_pixels, struct picture_decoder **ret_decoder) MUST_CHECK;
void picture_decoder_destroy(struct picture_decoder *d); // NULL is a no-op

struct picture_facts {
    const char *codec;        // constant texts
    const char *pixel_format; // as decoded
    int coded_width, coded_height;
    int rotation; // degrees clockwise that were applied
};

// An owned picture with *file* set to a copy of *name* (pts_us and ordinal 0: the caller's to set
// before sharing it). *ret_facts* may be NULL. ERR_MEDIA (the message names the cause),
// ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_NOMEM.
int picture_decode(struct picture_decoder *d, const char *name, const void *bytes, size_t n,
                   struct picture **ret_picture, struct picture_facts *ret_facts) MUST_CHECK;
// The same for a file's bytes. ERR_NOT_FOUND and ERR_IO too.
int picture_decode_file(struct picture_decoder *d, const char *path, struct picture **ret_picture,
                        struct picture_facts *ret_facts) MUST_CHECK;

// A JPEG for a model, at the smallest of the sizes 1/1, 1/2, 1/4 and 1/8 that libjpeg-turbo decodes
// to directly and that is no smaller than what *prepare* will make of it (NULL: as it is). A JPEG
// of libav's (CMYK, rare samplings), and whatever is no JPEG: ERR_UNSUPPORTED.
struct picture_reduced {
    struct picture *picture; // owned, upright; *file* is NULL
    int width, height;       // of the whole upright picture
};
int picture_decode_reduced(struct picture_decoder *d, const char *name, const void *bytes, size_t n,
                           const struct source_prepare *prepare,
                           struct picture_reduced *ret_reduced) MUST_CHECK;
