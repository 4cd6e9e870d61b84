// SPDX-License-Identifier: Apache-2.0
// about.h - which media libraries the program found, for `assay doctor`. Threads: any.
#pragma once

#include <stdbool.h>

struct str_buf;

// "libavformat 59.27.100, libavcodec 59.37.100, ..." as found at run time.
void media_about_versions(struct str_buf *out);
const char *media_about_license(void);          // of the libav build
bool media_about_has_decoder(const char *name); // libav's name of it, or of the codec
bool media_about_has_encoder(const char *name);
