// SPDX-License-Identifier: Apache-2.0
// commands.c - every command, sorted by name.

#include "app/app.h"

extern const struct command command_options;

const struct command *const app_commands[] = {
    &command_options,
    NULL,
};
