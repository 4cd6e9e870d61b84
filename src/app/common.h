// SPDX-License-Identifier: Apache-2.0
// common.h - the options that every command has beside its own.
#pragma once

#include <stdbool.h>

#include "base/opt.h"

struct app_common {
    bool is_quiet;
    int log_level;  // index in the choices of --log-level
    int log_format; // likewise
};

// Rows for --quiet, --log-level, --log-format; target struct app_common.
extern const struct opt app_common_options[];
// Sets up the log as asked.
void app_common_apply(const struct app_common *c);
