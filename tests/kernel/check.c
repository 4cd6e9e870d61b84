// SPDX-License-Identifier: Apache-2.0
// check.c - numbers by chance, memory with walls, medians.

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

static uint64_t random_state = 88172645463325252u;

uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

int random_from(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

float random_float(float low, float high)
{
    return low + (high - low) * ((float)(random_bits() >> 8) / 16777216.0f);
}

struct guarded guarded_make(size_t n_bytes, bool at_start)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (n_bytes + page - 1) / page * page;
    struct guarded g = {.map_bytes = whole + 2 * page};
    g.map = (uint8_t *)mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                            -1, 0);
    if (g.map == MAP_FAILED || mprotect(g.map, page, PROT_NONE) != 0 ||
        mprotect(g.map + page + whole, page, PROT_NONE) != 0) {
        perror("guarded memory");
        exit(3);
    }
    g.bytes = g.map + page + (at_start ? 0 : whole - n_bytes);
    return g;
}

void guarded_free(struct guarded *g)
{
    if (g->map)
        munmap(g->map, g->map_bytes);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double sorted_at(double *ms, int n, double share)
{
    qsort(ms, (size_t)n, sizeof(ms[0]), compare);
    return ms[(int)(share * (n - 1))];
}

void must(int r)
{
    if (r >= 0)
        return;
    fprintf(stderr, "%s\n", err_message(r));
    exit(3);
}
