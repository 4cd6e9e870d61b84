// SPDX-License-Identifier: Apache-2.0
// cpu.c - what CPUID and the operating system say, and the cap of ASSAY_ISA.

#include "base/cpu.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/err.h"

static const char *const names[CPU_N_ISAS] = {
    [CPU_ISA_C] = "c",
    [CPU_ISA_NEON] = "neon",
    [CPU_ISA_AVX2] = "avx2",
    [CPU_ISA_AVX512] = "avx512",
    [CPU_ISA_AVX512VNNI] = "avx512vnni",
    [CPU_ISA_AVX512BF16] = "avx512bf16",
    [CPU_ISA_AMX] = "amx",
};

const char *cpu_isa_name(enum cpu_isa isa)
{
    assert(isa > CPU_ISA_UNSET && isa < CPU_N_ISAS);
    return names[isa];
}

#if defined(__x86_64__)
enum {
    LEAF_BASIC = 1,
    LEAF_FEATURES = 7,
    F16C_ECX = 1u << 29,      // leaf 1
    AMX_BF16_EDX = 1u << 22,  // leaf 7, part 0
    AMX_TILE_EDX = 1u << 24,  // leaf 7, part 0
    AMX_INT8_EDX = 1u << 25,  // leaf 7, part 0
    ASK_PERMISSION = 0x1023,  // ARCH_REQ_XCOMP_PERM of arch_prctl(2)
    TILE_DATA_COMPONENT = 18, // XFEATURE_XTILEDATA
};

static bool has_f16c(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(LEAF_BASIC, &a, &b, &c, &d) && (c & F16C_ECX);
}

// Tiles are switched on for a process on its first request (Linux 5.16); asking again is harmless.
static bool has_tiles(void)
{
    enum { NEEDED = AMX_BF16_EDX | AMX_TILE_EDX | AMX_INT8_EDX };
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (!__get_cpuid_count(LEAF_FEATURES, 0, &a, &b, &c, &d) || (d & NEEDED) != NEEDED)
        return false;
    return syscall(SYS_arch_prctl, ASK_PERMISSION, TILE_DATA_COMPONENT) == 0;
}
#endif

static bool ask(enum cpu_isa isa)
{
#if defined(__x86_64__)
    switch (isa) {
    case CPU_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case CPU_ISA_AVX512:
        return ask(CPU_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    case CPU_ISA_AVX512VNNI:
        return ask(CPU_ISA_AVX512) && __builtin_cpu_supports("avx512vnni") &&
               __builtin_cpu_supports("avx512vbmi");
    case CPU_ISA_AVX512BF16:
        return ask(CPU_ISA_AVX512VNNI) && __builtin_cpu_supports("avx512bf16");
    case CPU_ISA_AMX:
        return ask(CPU_ISA_AVX512BF16) && has_tiles();
    default:
        break;
    }
#elif defined(__aarch64__)
    if (isa == CPU_ISA_NEON)
        return true;
#endif
    return isa == CPU_ISA_C;
}

// In a virtual machine each CPUID costs tens of microseconds, so the CPU is asked once.
bool cpu_has(enum cpu_isa isa)
{
    static atomic_uint known; // a bit each, and bit 0 once they are right
    unsigned bits = atomic_load_explicit(&known, memory_order_relaxed);
    if (!bits) {
        bits = BIT(CPU_ISA_UNSET);
        for (int i = CPU_ISA_C; i < CPU_N_ISAS; i++)
            bits |= ask((enum cpu_isa)i) ? BIT(i) : 0;
        atomic_store_explicit(&known, bits, memory_order_relaxed);
    }
    return isa > CPU_ISA_UNSET && isa < CPU_N_ISAS && (bits & BIT(isa));
}

static int allowed(enum cpu_isa *ret_isa)
{
    const char *word = getenv("ASSAY_ISA");
    *ret_isa = CPU_N_ISAS - 1;
    if (!word || !*word)
        return 0;
    for (int i = CPU_ISA_C; i < CPU_N_ISAS; i++) {
        if (strcmp(word, names[i]) == 0) {
            *ret_isa = (enum cpu_isa)i;
            return 0;
        }
    }
    return err_set(ERR_INVALID,
                   "ASSAY_ISA: '%s' is not c, neon, avx2, avx512, avx512vnni, avx512bf16 or amx",
                   word);
}

int cpu_isa_choose(enum cpu_isa isa, enum cpu_isa *ret_isa)
{
    if (isa == CPU_ISA_UNSET) {
        int r = allowed(&isa);
        if (r < 0)
            return r;
        while (!cpu_has(isa))
            isa--;
    }
    if (!cpu_has(isa))
        return err_set(ERR_UNAVAILABLE, "this CPU has no %s", cpu_isa_name(isa));
    *ret_isa = isa;
    return 0;
}
