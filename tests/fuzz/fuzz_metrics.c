// SPDX-License-Identifier: Apache-2.0
// fuzz_metrics.c - a metrics file as a baseline: every figure that is read is found by its
// name, and the file does not differ from itself.

#include <assert.h>
#include <math.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "report/metrics_compare.h"
#include "report/metrics_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum {
    N_RESAMPLES = 100,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena *a;
    struct metrics_table t;
    char *text = mem_strndup((const char *)bytes, n); // its own, so that reading past the end shows
    assert(text && arena_create(0, &a) == 0);
    int r = metrics_read_text((struct str){text, n}, "input", a, &t);
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    mem_free(text);
    for (size_t i = 0; r == 0 && i < t.n && i < 50; i++) {
        assert(t.rows[i].name && !isinf(t.rows[i].value));
        assert(metrics_find(&t, t.rows[i].name, t.rows[i].label));
    }
    struct metrics_comparison c;
    if (r == 0 && metrics_compare(&t, &t, 1, N_RESAMPLES, a, &c) == 0) {
        for (size_t i = 0; i < c.n; i++)
            assert(!(c.rows[i].difference > 0) && !(c.rows[i].difference < 0));
    }
    arena_destroy(a);
    err_clear();
    return 0;
}
