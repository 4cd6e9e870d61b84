// SPDX-License-Identifier: Apache-2.0
// attr.h - the compiler attributes and small macros that all rooms share.
#pragma once

#include <stddef.h>

// The result must be looked at; IGNORE(f()) with a reason is the way not to.
#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED            __attribute__((unused))
// Runs before main(), while there is one thread only.
#define AT_START __attribute__((constructor))
#define IGNORE(call) \
    do {             \
        if (call) {  \
        }            \
    } while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)       (1u << (n))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
