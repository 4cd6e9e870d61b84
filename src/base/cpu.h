// SPDX-License-Identifier: Apache-2.0
// cpu.h - which instruction sets this CPU has, and which of them may be used: one cap for every
// room's kernels, so that each path is tested on one machine.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

// Each holds all those above it (of the CPUs that have it, none lacks an earlier one), but that
// NEON is arm64's, and every one of those has it; the others are x86-64's.
enum cpu_isa {
    CPU_ISA_UNSET,      // the best the CPU has, at most what ASSAY_ISA allows
    CPU_ISA_C,          // no SIMD of ours
    CPU_ISA_NEON,       // 4 floats
    CPU_ISA_AVX2,       // with FMA and F16C
    CPU_ISA_AVX512,     // F, BW, DQ, VL
    CPU_ISA_AVX512VNNI, // and VBMI: 8-bit dot products, byte permutations
    CPU_ISA_AVX512BF16, // bf16 dot products
    CPU_ISA_AMX,        // int8 and bf16 tiles, granted to this process by the kernel
    CPU_N_ISAS,
};

// "c", "neon", "avx2", "avx512", "avx512vnni", "avx512bf16", "amx": the words of ASSAY_ISA and of
// messages.
const char *cpu_isa_name(enum cpu_isa isa);
// Asks the CPU (and, for tiles, the operating system). Any thread; the answer never changes.
bool cpu_has(enum cpu_isa isa);
// UNSET becomes the best the CPU has, at most what the environment's ASSAY_ISA names; another one
// is itself. ERR_INVALID (ASSAY_ISA is none of the words), ERR_UNAVAILABLE (the CPU lacks *isa*).
int cpu_isa_choose(enum cpu_isa isa, enum cpu_isa *ret_isa) MUST_CHECK;
