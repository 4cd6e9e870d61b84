// SPDX-License-Identifier: Apache-2.0
// model_bench.h - what `assay model bench` measures, for who wants it as JSON.
#pragma once

#include <stdint.h>

#include "base/attr.h"

struct str_buf;

// Every engine and precision that there is for the model at *path*, told of as *name*, *repeat*
// pictures a worker. One at a time in a process. Errors of model_open() and detector_create().
int model_bench_json(const char *path, const char *name, int64_t repeat,
                     struct str_buf *out) MUST_CHECK;
