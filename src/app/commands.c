// SPDX-License-Identifier: Apache-2.0
// commands.c - every command, sorted by name.

#include "app/commands.h"

// clang-format off
const struct command *const app_commands[] = {
    &command_backup,
    &command_bench,
    &command_compare,
    &command_convert,
    &command_demo,
    &command_detect,
    &command_doctor,
    &command_evaluate,
    &command_gate,
    &command_model_bench,
    &command_model_inspect,
    &command_model_quantize,
    &command_options,
    &command_probe,
    &command_restore,
    &command_serve,
    &command_synth,
    &command_user_add,
    &command_user_password,
    &command_validate,
    &command_worker,
    NULL,
};
// clang-format on
