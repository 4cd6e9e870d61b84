// SPDX-License-Identifier: Apache-2.0
// demo_model.h - the demo model's bytes. They are part of the program, so that `assay demo` needs
// one file and no installed data; it writes them beside its clip, where every other command can use
// them too.
//
// Threads: constant.
#pragma once

#include <stddef.h>

struct demo_model {
    const void *bytes;
    size_t n; // 0: this build has none
};

struct demo_model demo_model_get(void);

// What scripts/embed makes of the file; only demo_model.c looks at them.
extern const unsigned char demo_model_begin[], demo_model_end[];
