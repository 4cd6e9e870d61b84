// SPDX-License-Identifier: Apache-2.0
// numbers.c - hashes instead of a random state, and a sine that is the same on every machine.

#include "synth/numbers.h"

// The finaliser of SplitMix64 over both words.
uint64_t numbers_hash(uint64_t a, uint64_t b)
{
    uint64_t z = a + UINT64_C(0x9E3779B97F4A7C15) * (b + 1);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

double numbers_unit(uint64_t h, unsigned salt)
{
    return (double)(numbers_hash(h, salt) >> 11) * (1.0 / 9007199254740992.0);
}

double numbers_between(uint64_t h, unsigned salt, double low, double high)
{
    return low + (high - low) * numbers_unit(h, salt);
}

int numbers_pick(uint64_t h, unsigned salt, int n)
{
    return (int)((numbers_hash(h, salt) >> 33) % (uint64_t)n);
}

double numbers_floor(double v)
{
    double whole = (double)(int64_t)v;
    return whole > v ? whole - 1 : whole;
}

// Taylor's row over a quarter turn either side of 0: the error stays below 1e-8.
double numbers_sine(double turns)
{
    double t = turns - numbers_floor(turns); // 0..1
    if (t > 0.75)
        t -= 1;
    else if (t > 0.25)
        t = 0.5 - t;
    double a = t * (2 * NUMBERS_PI);
    double q = a * a;
    return a * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110)))));
}

double numbers_cosine(double turns)
{
    return numbers_sine(turns + 0.25);
}

double numbers_wander(uint64_t h, unsigned salt, double t)
{
    double a = numbers_unit(h, salt), b = numbers_unit(h, salt + 1000);
    return 0.6 * numbers_sine(t * 0.37 + a) + 0.4 * numbers_sine(t * 0.83 + b);
}
