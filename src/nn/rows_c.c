// SPDX-License-Identifier: Apache-2.0
// rows_c.c - rows.h for one instruction set, which the build names.

#define ROWS rows_c
#include "nn/rows_impl.h"
