// SPDX-License-Identifier: Apache-2.0
// kinds.c - the list of kinds.

#include "task/kinds.h"

const struct task_kind *const task_kinds[] = {
    &task_kind_fetch,
    &task_kind_probe,
    &task_kind_process,
    &task_kind_evaluate,
    &task_kind_compare,
    &task_kind_preview,
    &task_kind_bench,
    &task_kind_quantize,
    &task_kind_report,
    &task_kind_import,
    NULL,
};
