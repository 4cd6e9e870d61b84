// SPDX-License-Identifier: Apache-2.0
// opt_priv.h - what opt_json.c needs of opt.c.
#pragma once

#include "base/opt.h"

// The row of that name, or NULL.
const struct opt *opt_find(const struct opt_set *sets, size_t n_sets, struct str name);
// Sets the row's field; messages call it *origin*. Errors as opt_parse().
int opt_apply(const struct opt_set *sets, size_t n_sets, const struct opt *row,
              const char *const *values, size_t n_values, const char *origin,
              struct arena *a) MUST_CHECK;
