// SPDX-License-Identifier: Apache-2.0
// amx_model.h - the AMX tile instructions in C, for the loops around them (kernel_amx_priv.h with
// KERNEL_AMX_MODEL) and for the instructions themselves where the CPU has none (amx_trap.h).
//
// Threads: one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if !defined(KERNEL_AMX_MODEL)
#define KERNEL_AMX_MODEL
#endif
#include "nn/kernel_amx_priv.h"

enum {
    AMX_MODEL_TILES = 8,
};
