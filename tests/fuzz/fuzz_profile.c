// SPDX-License-Identifier: Apache-2.0
// fuzz_profile.c - a verdict's profile as a file, and the verdict by it.

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "eval/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

// Every third figure has no data.
static void figure(void *arg, const char *metric, struct verdict_finding *f)
{
    int *n = (int *)arg;
    assert(verdict_metric_is_known(metric));
    f->value = ++*n % 3 ? .5 : (double)NAN;
    f->interval = (struct bootstrap_interval){.4, .6};
}

static void judge(const struct verdict_profile *p, struct arena *a)
{
    struct verdict v;
    int n = 0;
    assert(p->name && p->name[0] && p->n > 0 && p->n <= VERDICT_MAX_CRITERIA);
    assert(verdict_make(p, figure, &n, a, &v) == 0);
    assert(v.n == p->n && v.n_met + v.n_no_data <= v.n);
    assert(v.outcome != VERDICT_OUTCOME_UNSET);
    for (size_t i = 0; i < v.n; i++)
        assert(isfinite(v.findings[i].criterion.limit));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena *a;
    struct verdict_profile p;
    char *text = mem_strndup((const char *)bytes, n); // its own, so that reading past the end shows
    assert(text && arena_create(0, &a) == 0);
    int r = verdict_profile_read((struct str){text, n}, "input", a, &p);
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    mem_free(text);
    if (r == 0)
        judge(&p, a);
    arena_destroy(a);
    err_clear();
    return 0;
}
