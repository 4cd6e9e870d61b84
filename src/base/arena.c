// SPDX-License-Identifier: Apache-2.0
// arena.c - chunks in a stack.
//
// A mark is the sum of all bytes handed out, paddings included; each chunk remembers the sum at its
// start, so a rewind drops the chunks that start at or after the mark and cuts the one that holds
// it.

#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    FIRST_CHUNK = 16 * 1024,
    LARGEST_CHUNK = 4 * 1024 * 1024,
    ALIGNMENT = 16,
};

struct chunk {
    struct chunk *below;
    size_t start; // the arena's sum when this chunk became the top
    size_t used;
    size_t cap;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
    struct chunk *top;
    size_t max_bytes; // 0: no cap
    size_t held;      // bytes of all chunks
};

int arena_create(size_t max_bytes, struct arena **ret_arena)
{
    struct arena *a = mem_new(struct arena);
    if (!a)
        return ERR_NOMEM;
    a->max_bytes = max_bytes;
    *ret_arena = a;
    return 0;
}

static void drop_top(struct arena *a)
{
    struct chunk *c = a->top;
    a->top = c->below;
    a->held -= c->cap;
    mem_free(c);
}

void arena_destroy(struct arena *a)
{
    if (!a)
        return;
    while (a->top)
        drop_top(a);
    mem_free(a);
}

size_t arena_used(const struct arena *a)
{
    return a->top ? a->top->start + a->top->used : 0;
}

static int push_chunk(struct arena *a, size_t at_least)
{
    size_t cap = a->top ? MIN(a->top->cap * 2, (size_t)LARGEST_CHUNK) : FIRST_CHUNK;
    cap = MAX(cap, at_least);
    if (a->max_bytes) {
        size_t left = a->max_bytes - a->held;
        if (at_least > left)
            return err_set(ERR_NOMEM, "more than %zu bytes needed", a->max_bytes);
        cap = MIN(cap, left);
    }
    struct chunk *c = (struct chunk *)mem_recalloc(NULL, sizeof(*c) + cap, 1);
    if (!c)
        return ERR_NOMEM;
    *c = (struct chunk){.below = a->top, .start = arena_used(a), .cap = cap};
    a->top = c;
    a->held += cap;
    return 0;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
    if (size && n > (PTRDIFF_MAX - 4 * (size_t)ALIGNMENT) / size) {
        err_set(ERR_NOMEM, "out of memory: %zu elements of %zu bytes", n, size);
        return NULL;
    }
    size_t whole = (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!a->top || a->top->cap - a->top->used < whole) {
        if (push_chunk(a, whole) < 0)
            return NULL;
    }
    void *p = a->top->bytes + a->top->used;
    a->top->used += whole;
    memset(p, 0, whole);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = n < SIZE_MAX ? arena_array(a, char, n + 1) : NULL;
    if (p && n)
        memcpy(p, s, n);
    return p;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    assert(n >= 0);
    char *p = arena_array(a, char, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, format);
    vsnprintf(p, (size_t)n + 1, format, ap);
    va_end(ap);
    return p;
}

size_t arena_mark(const struct arena *a)
{
    return arena_used(a);
}

void arena_rewind(struct arena *a, size_t mark)
{
    assert(mark <= arena_used(a));
    while (a->top && a->top->below && a->top->start >= mark)
        drop_top(a);
    if (a->top)
        a->top->used = mark > a->top->start ? mark - a->top->start : 0;
}
