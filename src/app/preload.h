// SPDX-License-Identifier: Apache-2.0
// preload.h - models that are loaded and warmed before the server calls itself ready.
//
// Ownership: preload_destroy() joins its thread; before the model cache.
// Threads: preload_check() any; the rest the owner's.
#pragma once

#include <stddef.h>

#include "base/attr.h"

struct preload;
struct task_tools;

size_t preload_count(const char *names); // names between commas; NULL: 0
// Looks the models up. *names* NULL: there are none, and it is ready at once. ERR_NOT_FOUND names
// the one that is not there; ERR_CONFLICT: it has no file; ERR_NOMEM.
int preload_create(const struct task_tools *tools, const char *names,
                   struct preload **ret_preload) MUST_CHECK;
int preload_start(struct preload *p) MUST_CHECK; // ERR_NOMEM, ERR_BUSY (no threads)
// 0: all are loaded. ERR_BUSY: not yet. Else why one could not be.
int preload_check(struct preload *p) MUST_CHECK;
void preload_destroy(struct preload *p); // NULL is a no-op
