// SPDX-License-Identifier: Apache-2.0
// model_tools.h - what tasks have done with models, each in a confined child: measured, calibrated.
#pragma once

#include "base/child.h"
#include "task/kind.h"

extern const struct task_model_tools model_tools;
extern const struct child_kind child_bench_kind, child_quantize_kind;
