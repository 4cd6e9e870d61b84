// SPDX-License-Identifier: Apache-2.0
// serve_tools.h - what the api needs of media, dataset and task, as the table it is handed.
#pragma once

#include "api/api.h"
#include "task/kind.h"

struct picture_tool;
struct preload;

// Borrowed.
struct serve_tools {
    const struct task_tools *tasks;
    struct picture_tool *pictures;
    struct preload *preload;
};

// *tools* outlives the table.
struct api_tools serve_tools_table(const struct serve_tools *tools);
