// SPDX-License-Identifier: Apache-2.0
// demo_model.c - where scripts/embed put the demo model.

#include "app/demo_model.h"

#ifdef ASSAY_HAS_DEMO_MODEL
struct demo_model demo_model_get(void)
{
    return (struct demo_model){.bytes = demo_model_begin,
                               .n = (size_t)(demo_model_end - demo_model_begin)};
}
#else
struct demo_model demo_model_get(void)
{
    return (struct demo_model){0};
}
#endif
