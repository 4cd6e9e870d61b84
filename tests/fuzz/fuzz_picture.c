// SPDX-License-Identifier: Apache-2.0
// fuzz_picture.c - bytes as a still picture: recognised, turned by EXIF, decoded, or refused.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "media/exif.h"
#include "media/media_cause.h"
#include "media/picture_file.h"
#include "vision/picture.h"

enum {
    MAX_PIXELS = 1 << 20,
};

static volatile uint64_t sink; // what was read is used

// Every sample that the picture claims to have is there.
static uint64_t read_all(const struct picture *p)
{
    uint64_t sum = 0;
    size_t sample = p->bit_depth > 8 ? 2 : 1;
    for (int i = 0; i < 3 && p->planes[i]; i++) {
        bool is_chroma = i > 0;
        size_t w = (size_t)p->width;
        int h = p->height;
        if (is_chroma) {
            w = (w + (1u << p->chroma_shift_x) - 1) >> p->chroma_shift_x;
            h = (h + (1 << p->chroma_shift_y) - 1) >> p->chroma_shift_y;
        }
        size_t n = w * (p->layout == PICTURE_RGB ? 3 : sample);
        for (int y = 0; y < h; y++) {
            for (size_t x = 0; x < n; x++)
                sum += p->planes[i][y * p->strides[i] + (ptrdiff_t)x];
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct picture_decoder *d;
    struct picture *p = NULL;
    int orientation = exif_orientation_of_jpeg(bytes, n);
    if (orientation < 1 || orientation > 8)
        abort();
    sink = media_cause_of_bytes(bytes, n) != NULL;
    if (picture_decoder_create(MAX_PIXELS, &d) < 0)
        return 0;
    int r = picture_decode(d, "input", bytes, n, &p, NULL);
    if (r == 0 && ((int64_t)p->width * p->height > MAX_PIXELS || !p->file))
        abort();
    if (r == 0)
        sink = read_all(p);
    if (r < 0 && r != ERR_MEDIA && r != ERR_TOO_BIG && r != ERR_UNSUPPORTED)
        abort();
    picture_unref(&p);
    picture_decoder_destroy(d);
    return 0;
}
