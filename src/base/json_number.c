// SPDX-License-Identifier: Apache-2.0
// json_number.c - the text of a number to the nearest double, fast for the numbers that files hold.
//
// A decimal is mantissa * 10^exponent. Three ways, each correctly rounded:
// (1) mantissa <= 2^53 and |exponent| <= 22: both are exact doubles, one operation rounds once
//     (W. D. Clinger, "How to read floating point numbers accurately", 1990).
// (2) mantissa < 10^19 and |exponent| <= 27: both are exact in a long double of 64 bits. One
//     operation errs by at most half a unit of its last place, and rounding the result to 53 bits
//     then decides at the patterns 1 followed by ten zeros only: there the error could have
//     crossed the middle, everywhere else it could not.
// (3) all others: strtod().

#include "base/json_priv.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

enum {
    MANTISSA_DIGITS = 19, // any 19 digits fit 64 bits
    EXACT_POWER = 22,
    WIDE_POWER = 27,
    EXPONENT_LIMIT = 100000, // larger ones change nothing
};

struct decimal {
    uint64_t mantissa;
    int n_digits; // without leading zeros
    int64_t exponent;
    bool negative;
    bool is_cut; // digits beyond MANTISSA_DIGITS were left out
    bool is_integer;
};

// clang-format off
static const double power10[EXACT_POWER + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};
static const long double wide_power10[WIDE_POWER + 1] = {
    1e0L, 1e1L, 1e2L, 1e3L, 1e4L, 1e5L, 1e6L, 1e7L, 1e8L, 1e9L, 1e10L, 1e11L, 1e12L, 1e13L,
    1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L,
};
// clang-format on

bool json_number_is_part(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

bool json_number_is_wide(void)
{
    volatile uint64_t odd = (UINT64_C(1) << 63) + 1;
    volatile long double wide = (long double)odd;
    return LDBL_MANT_DIG == 64 && (uint64_t)wide == odd;
}

static const char *take_digits(const char *p, const char *end, struct decimal *d)
{
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (d->n_digits == MANTISSA_DIGITS) {
            d->is_cut = true;
            continue;
        }
        d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
        if (d->mantissa)
            d->n_digits++;
    }
    return p;
}

// p is behind the 'e'; NULL: no digits.
static const char *take_exponent(const char *p, const char *end, struct decimal *d)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *first = p;
    int64_t v = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        v = MIN(v * 10 + (*p - '0'), (int64_t)EXPONENT_LIMIT);
    d->exponent += negative ? -v : v;
    return p > first ? p : NULL;
}

// Past the number by RFC 8259, section 6; NULL: against it.
static const char *take_number(const char *p, const char *end, struct decimal *d)
{
    d->negative = p < end && *p == '-';
    if (d->negative)
        p++;
    const char *first = p;
    p = take_digits(p, end, d);
    if (p == first || (*first == '0' && p - first > 1))
        return NULL;
    d->is_integer = true;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        d->is_integer = false;
        p = take_digits(p, end, d);
        if (p == fraction)
            return NULL;
        d->exponent -= p - fraction; // not used where digits were left out
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        d->is_integer = false;
        p = take_exponent(p + 1, end, d);
    }
    return p && p < end && json_number_is_part(*p) ? NULL : p;
}

static bool round_wide(const struct decimal *d, double *ret_value)
{
    long double power = wide_power10[d->exponent < 0 ? -d->exponent : d->exponent];
    long double q = (long double)d->mantissa;
    q = d->exponent < 0 ? q / power : q * power;
    uint64_t bits;
    memcpy(&bits, &q, sizeof(bits));
    *ret_value = (double)q;
    return (bits & 0x7ff) != 0x400;
}

// False: the quick ways do not decide it.
static bool round_quickly(const struct decimal *d, bool wide, double *ret_value)
{
    if (d->is_cut)
        return false;
    if (d->mantissa == 0) {
        *ret_value = 0.0;
        return true;
    }
    if (d->mantissa <= UINT64_C(1) << 53 && d->exponent >= -EXACT_POWER &&
        d->exponent <= EXACT_POWER) {
        double m = (double)d->mantissa;
        *ret_value = d->exponent < 0 ? m / power10[-d->exponent] : m * power10[d->exponent];
        return true;
    }
    return wide && d->exponent >= -WIDE_POWER && d->exponent <= WIDE_POWER &&
           round_wide(d, ret_value);
}

// strtod() wants a terminator. The program never leaves the locale "C".
static double round_slowly(struct str text)
{
    char copy[JSON_MAX_NUMBER + 1];
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return strtod(copy, NULL);
}

static int not_a_number(struct str text)
{
    size_t n = 0;
    while (n < text.n && json_number_is_part(text.p[n]))
        n++;
    if (n > JSON_MAX_NUMBER)
        return err_set(ERR_TOO_BIG, "a number is longer than %d bytes", JSON_MAX_NUMBER);
    return err_set(ERR_DATA, "'%.*s' is not a JSON number", (int)MIN(n, (size_t)64), text.p);
}

static void set_integer(struct json_event *ev, const struct decimal *d)
{
    uint64_t largest = (uint64_t)INT64_MAX + (d->negative ? 1 : 0);
    if (!d->is_integer || d->is_cut || d->mantissa > largest)
        return;
    ev->is_integer = true;
    ev->integer = (int64_t)(d->negative ? UINT64_C(0) - d->mantissa : d->mantissa);
}

int json_number_parse(struct str text, bool wide, struct json_event *ev, size_t *ret_used)
{
    struct decimal d = {0};
    const char *past = take_number(text.p, text.p + text.n, &d);
    if (!past || past - text.p > JSON_MAX_NUMBER)
        return not_a_number(text);
    ev->text = (struct str){text.p, (size_t)(past - text.p)};
    if (round_quickly(&d, wide, &ev->number))
        ev->number = d.negative ? -ev->number : ev->number;
    else
        ev->number = round_slowly(ev->text);
    if (!isfinite(ev->number))
        return err_set(ERR_DATA, "number '%.*s' is too large", (int)MIN(ev->text.n, (size_t)64),
                       text.p);
    set_integer(ev, &d);
    *ret_used = ev->text.n;
    return 0;
}
