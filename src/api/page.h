// SPDX-License-Identifier: Apache-2.0
// page.h - the files of the web page, as web/embed.mjs builds them into the program.
//
// Threads: constant.
#pragma once

#include <stddef.h>

struct page_place {
    size_t at, n; // within page_bytes; n 0: there is none
};

struct page_file {
    const char *path; // "index.html", "assets/index-BvdRSjCY.js"; NULL ends
    const char *type;
    const char *etag;
    struct page_place bytes, gzip, brotli;
};

extern const char page_bytes[];
extern const struct page_file page_files[];
