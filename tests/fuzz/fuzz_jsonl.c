// SPDX-License-Identifier: Apache-2.0
// fuzz_jsonl.c - our own detections.

#include "eval_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    eval_judge_detections(dataset_read_jsonl, bytes, n);
    return 0;
}
