// SPDX-License-Identifier: Apache-2.0
// numbers.h - hashes instead of a random state, and a sine that is the same on every machine.
//
// Everything drawn is a function of (seed, who, when): no generator is carried along, so any frame
// can be made alone. Only + - * / of IEEE doubles are used, which the standard rounds exactly and
// the build keeps uncontracted; the C library's sine is not that sure.
//
// Threads: pure functions.
#pragma once

#include <stdint.h>

#define NUMBERS_PI 3.14159265358979323846

// Scrambled *a* and *b*.
uint64_t numbers_hash(uint64_t a, uint64_t b);
// In [0, 1): value *salt* of the thing whose hash is *h*.
double numbers_unit(uint64_t h, unsigned salt);
// In [low, high).
double numbers_between(uint64_t h, unsigned salt, double low, double high);
// In 0 .. n - 1.
int numbers_pick(uint64_t h, unsigned salt, int n);

double numbers_sine(double turns);   // sine of *turns* whole turns
double numbers_cosine(double turns); // likewise
double numbers_floor(double v);      // |v| below 2^62
// Smooth pseudo-random waves in -1..1 over *t*, about one a unit of t.
double numbers_wander(uint64_t h, unsigned salt, double t);
static inline double numbers_clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}
