// SPDX-License-Identifier: Apache-2.0
// fuzz_bdd.c - BDD100K JSON, as truth and as results.

#include "eval_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    eval_judge_truth(dataset_read_bdd, bytes, n);
    eval_judge_detections(dataset_read_bdd, bytes, n);
    return 0;
}
