// SPDX-License-Identifier: Apache-2.0
// mem.h - heap memory: zeroed, overflow-checked, and able to fail on purpose in tests.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

// *n* zeroed elements of *size* bytes. NULL, with the error message set, when memory is out or the
// product overflows; callers return ERR_NOMEM.
void *mem_calloc(size_t n, size_t size) MUST_CHECK;
// Grows or shrinks *p* (NULL: allocates) to *n* elements; new bytes are not zeroed. NULL: *p* is as
// before.
void *mem_recalloc(void *p, size_t n, size_t size) MUST_CHECK;
// 64-byte aligned, not zeroed; give it back with mem_free() as well.
void *mem_aligned(size_t n_bytes) MUST_CHECK;
char *mem_strdup(const char *s) MUST_CHECK;
char *mem_strndup(const char *s, size_t n) MUST_CHECK;
void mem_free(void *p); // NULL is a no-op

#define mem_new(type)      ((type *)mem_calloc(1, sizeof(type)))
#define mem_array(type, n) ((type *)mem_calloc((n), sizeof(type)))
#define mem_resize(p, n)   mem_recalloc((p), (n), sizeof(*(p)))

// Makes room for element *n* (0-based) of an array with *pcap elements: doubles it when full.
// ERR_NOMEM: the array is as before.
// *parray* is the address of a pointer to elements of any type.
int mem_grow(void *parray, size_t *pcap, size_t n, size_t size) MUST_CHECK;
#define MEM_GROW(array, cap, n) mem_grow(&(array), &(cap), (n), sizeof(*(array)))

// For a process that runs for weeks, before its threads start: the C library keeps few heaps and
// gives back what is free at their ends. Its ordinary rules give each of up to 8 threads a core a
// heap of its own, and keep ever larger pieces.
void mem_keep_small(void);
// Gives back what is free inside the heaps too.
void mem_trim(void);

// Tests only: the *n*-th allocation from now on this thread fails (1 = the next one); 0 switches it
// off.
void mem_test_fail_at(long n);
// True when a failure planned by mem_test_fail_at() has not happened yet.
bool mem_test_fail_pending(void);
