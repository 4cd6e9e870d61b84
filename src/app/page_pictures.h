// SPDX-License-Identifier: Apache-2.0
// page_pictures.h - the frames that a page shows, read once more from the source.
//
// Ownership: the caller's struct; page_pictures_finish() frees the JPEGs.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/html.h"

struct picture;
struct source_opts;

// A frame that is wanted.
struct page_frame {
    int32_t picture; // of the truth
    int64_t frame;   // ordinal
    int64_t pts_us;  // INT64_MIN: unknown
    const char *file_name;
    const char *video; // where the truth has several: the source is one of them. NULL: one
};

// Whether *p* is that frame: by the name of its file where the source is pictures (*is_files*),
// else by its time where that is known, else by its place. *source*: the base name of the source.
bool page_frame_is_picture(const struct page_frame *f, const struct picture *p, const char *source,
                           bool is_files);

struct page_pictures {
    struct html_picture items[HTML_MAX_PICTURES];
    uint8_t *jpegs[HTML_MAX_PICTURES]; // owned: what the items show
    size_t n;
};

// Up to HTML_MAX_PICTURES. Returns why pictures lack, as a sentence; NULL: they are all there.
// What goes wrong with the source is a warning. *source* NULL: there is none.
const char *page_pictures_read(const struct source_opts *source, const struct page_frame *frames,
                               size_t n, struct page_pictures *ret_pictures);
void page_pictures_finish(struct page_pictures *p);
