// SPDX-License-Identifier: Apache-2.0
// commands.h - the row of every command; commands.c lists them.
#pragma once

#include "app/app.h"

extern const struct command command_convert;
extern const struct command command_demo;
extern const struct command command_detect;
extern const struct command command_backup;
extern const struct command command_bench;
extern const struct command command_compare;
extern const struct command command_doctor;
extern const struct command command_evaluate;
extern const struct command command_gate;
extern const struct command command_model_bench;
extern const struct command command_model_inspect;
extern const struct command command_model_quantize;
extern const struct command command_options;
extern const struct command command_probe;
extern const struct command command_restore;
extern const struct command command_serve;
extern const struct command command_synth;
extern const struct command command_user_add;
extern const struct command command_user_password;
extern const struct command command_validate;
extern const struct command command_worker;
