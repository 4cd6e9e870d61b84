// SPDX-License-Identifier: Apache-2.0
// fuzz_columns.c - blocks of packed detections as they might lie in a damaged database: what is
// read is within its limits, and written again it reads the same.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "store/columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct columns c = {0};
    struct columns again = {0};
    struct str_buf out = STR_BUF_INIT(COLUMNS_MAX_BYTES);
    if (columns_decode(bytes, n, &c) == 0) {
        size_t total = 0;
        for (size_t i = 0; i < c.n_frames; i++) {
            assert(c.frames[i].first == total);
            total += c.frames[i].n;
        }
        assert(total == c.n_detections);
        for (size_t i = 0; i < c.n_detections; i++)
            assert(c.detections[i].label < c.n_labels);
        if (columns_encode(&c, &out) == 0) {
            assert(columns_decode(out.p, out.n, &again) == 0);
            assert(again.n_frames == c.n_frames && again.n_detections == c.n_detections);
        }
    }
    columns_finish(&c);
    columns_finish(&again);
    str_buf_finish(&out);
    return 0;
}
