// SPDX-License-Identifier: Apache-2.0
// amx_trap.h - runs AMX instructions on x86-64 CPUs that have none: each is an invalid instruction
// there, whose signal's handler does in C what it would have done (amx_model.h).
//
// So the code that the compiler made for the AMX kernels runs as it is: encodings, order of
// operands, the bytes of the configuration, addresses and strides. Only its speed is not AMX's.
//
// Threads: one at a time may use tiles. The handler stays until the process ends.
#pragma once

#include <stdbool.h>

// False: not on this machine (it has AMX, or is no x86-64).
bool amx_trap_install(void);
// Instructions done by the handler so far.
long amx_trap_count(void);
