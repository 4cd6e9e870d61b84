// SPDX-License-Identifier: Apache-2.0
// mem.c - malloc with overflow checks and planned failures.

#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
    ALIGNMENT = 64,
    HEAPS = 2,
    OWN_MAPPING = 1024 * 1024, // bytes of one piece, from which it goes back at once
    KEPT_FREE = 1024 * 1024,   // at a heap's end
};

static _Thread_local long fail_in; // 0: never; n: the n-th allocation from now fails

static bool must_fail(void)
{
    return fail_in > 0 && --fail_in == 0;
}

static void *out_of_memory(size_t n_bytes)
{
    err_set(ERR_NOMEM, "out of memory: %zu bytes", n_bytes);
    return NULL;
}

void *mem_calloc(size_t n, size_t size)
{
    if (size && n > PTRDIFF_MAX / size)
        return out_of_memory(n);
    void *p = must_fail() ? NULL : calloc(n ? n : 1, size);
    return p ? p : out_of_memory(n * size);
}

void *mem_recalloc(void *p, size_t n, size_t size)
{
    if (size && n > PTRDIFF_MAX / size)
        return out_of_memory(n);
    void *q = must_fail() ? NULL : realloc(p, n && size ? n * size : 1);
    return q ? q : out_of_memory(n * size);
}

void *mem_aligned(size_t n_bytes)
{
    if (n_bytes > PTRDIFF_MAX - ALIGNMENT)
        return out_of_memory(n_bytes);
    size_t whole = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *p = must_fail() ? NULL : aligned_alloc(ALIGNMENT, whole ? whole : ALIGNMENT);
    return p ? p : out_of_memory(n_bytes);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return out_of_memory(n);
    char *p = (char *)mem_calloc(n + 1, 1);
    if (p && n)
        memcpy(p, s, n);
    return p;
}

void mem_free(void *p)
{
    free(p);
}

// The pointer is copied as bytes: it may point to any type, and is no object of type void *.
int mem_grow(void *parray, size_t *pcap, size_t n, size_t size)
{
    if (n < *pcap)
        return 0;
    size_t cap = *pcap ? *pcap : 16;
    while (cap <= n) {
        if (cap > SIZE_MAX / 2)
            return err_set(ERR_NOMEM, "out of memory: array of %zu elements", n);
        cap *= 2;
    }
    void *p;
    memcpy(&p, parray, sizeof(p));
    p = mem_recalloc(p, cap, size);
    if (!p)
        return ERR_NOMEM;
    memcpy(parray, &p, sizeof(p));
    *pcap = cap;
    return 0;
}

void mem_test_fail_at(long n)
{
    fail_in = n;
}

bool mem_test_fail_pending(void)
{
    return fail_in > 0;
}

void mem_keep_small(void)
{
    // 0 says that a limit was not taken; nothing depends on one
    IGNORE(mallopt(M_ARENA_MAX, HEAPS));
    IGNORE(mallopt(M_MMAP_THRESHOLD, OWN_MAPPING));
    IGNORE(mallopt(M_TRIM_THRESHOLD, KEPT_FREE));
}

void mem_trim(void)
{
    malloc_trim(0);
}
