// SPDX-License-Identifier: Apache-2.0
// test_cpu.c - the choice of an instruction set under the environment's cap.

#include "base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"

static void test_cap(void **state)
{
    enum cpu_isa isa;
    for (int cap = CPU_ISA_C; cap < CPU_N_ISAS; cap++) {
        setenv("ASSAY_ISA", cpu_isa_name((enum cpu_isa)cap), 1);
        assert_int_equal(cpu_isa_choose(CPU_ISA_UNSET, &isa), 0);
        assert_true(isa >= CPU_ISA_C && isa <= (enum cpu_isa)cap && cpu_has(isa));
        if (cpu_has((enum cpu_isa)cap))
            assert_int_equal(isa, cap);
    }
    static const char *const wrong[] = {"sse9", "AVX2", "avx", "avx512vnnix"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        setenv("ASSAY_ISA", wrong[i], 1);
        assert_int_equal(cpu_isa_choose(CPU_ISA_UNSET, &isa), ERR_INVALID);
    }
    setenv("ASSAY_ISA", "", 1); // as if it were not there
    enum cpu_isa best;
    assert_int_equal(cpu_isa_choose(CPU_ISA_UNSET, &isa), 0);
    unsetenv("ASSAY_ISA");
    assert_int_equal(cpu_isa_choose(CPU_ISA_UNSET, &best), 0);
    assert_int_equal(isa, best);
}

static void test_named(void **state)
{
    enum cpu_isa isa;
    setenv("ASSAY_ISA", "c", 1); // caps the choice, not what is asked for by name
    for (int i = CPU_ISA_C; i < CPU_N_ISAS; i++) {
        int r = cpu_isa_choose((enum cpu_isa)i, &isa);
        assert_int_equal(r, cpu_has((enum cpu_isa)i) ? 0 : ERR_UNAVAILABLE);
        if (r == 0)
            assert_int_equal(isa, i);
        // each holds those before it; AVX2 is the first of another kind of CPU than NEON
        if (i > CPU_ISA_C && i != CPU_ISA_AVX2 && cpu_has((enum cpu_isa)i))
            assert_true(cpu_has((enum cpu_isa)(i - 1)));
    }
    unsetenv("ASSAY_ISA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
