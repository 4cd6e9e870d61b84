// SPDX-License-Identifier: Apache-2.0
// arena.h - memory of one short life (a request, a batch, a file being read): given back all at
// once.
//
// Ownership: whoever created the arena destroys it; nothing in it is freed alone.
// Threads: one at a time.
#pragma once

#include <stddef.h>

#include "base/attr.h"

struct arena;

// *max_bytes* caps what the arena may take from the heap; 0 means no cap. ERR_NOMEM.
int arena_create(size_t max_bytes, struct arena **ret_arena) MUST_CHECK;
void arena_destroy(struct arena *a); // NULL is a no-op

// Zeroed, aligned for any type. NULL with the message set: out of memory or over the cap (callers
// return ERR_NOMEM).
void *arena_alloc(struct arena *a, size_t n, size_t size) MUST_CHECK;
#define arena_new(a, type)      ((type *)arena_alloc((a), 1, sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), (n), sizeof(type)))
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
char *arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

// Everything allocated after the mark is gone after the rewind.
size_t arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, size_t mark);
// Bytes handed out so far.
size_t arena_used(const struct arena *a);
