// SPDX-License-Identifier: Apache-2.0
// rows.c - which version of the rows runs here.

#include "nn/rows.h"

#include "base/cpu.h"
#include "base/err.h"

const struct rows *rows_get(void)
{
#if defined(__x86_64__)
    enum cpu_isa isa = CPU_ISA_C;
    IGNORE(cpu_isa_choose(CPU_ISA_UNSET, &isa)); // a wrong ASSAY_ISA is said elsewhere
    if (isa >= CPU_ISA_AVX512)
        return &rows_avx512;
    if (isa >= CPU_ISA_AVX2)
        return &rows_avx2;
#endif
    return &rows_c;
}
