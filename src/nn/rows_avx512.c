// SPDX-License-Identifier: Apache-2.0
// rows_avx512.c - rows.h for one instruction set, which the build names.

#define ROWS rows_avx512
#include "nn/rows_impl.h"
