// SPDX-License-Identifier: Apache-2.0
// fuzz_pieces.c - COCO results as systems under test post them.

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "task/piece_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t n = -1;
    int r = piece_check_coco((struct str){(const char *)data, size}, "body", &n);
    if ((r == 0) != (n >= 0) || n > (int64_t)size)
        __builtin_trap();
    err_clear();
    return 0;
}
