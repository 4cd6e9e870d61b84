// SPDX-License-Identifier: Apache-2.0
// range.c - the Range header: which bytes of how many.

#include "http/range.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/attr.h"

enum spec_outcome {
    SPEC_MALFORMED,
    SPEC_BEYOND, // well-formed, but nothing of it exists
    SPEC_GOOD,
};

// Digits only; numbers past 63 bits are as good as the largest.
static bool read_number(struct str s, int64_t *ret_value)
{
    int64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        int digit = s.p[i] - '0';
        v = v > (INT64_MAX - digit) / 10 ? INT64_MAX : v * 10 + digit;
    }
    *ret_value = v;
    return true;
}

static enum spec_outcome read_suffix(struct str s, int64_t size, struct range *ret_range)
{
    int64_t n;
    if (!read_number(s, &n))
        return SPEC_MALFORMED;
    if (n == 0 || size == 0)
        return SPEC_BEYOND;
    n = MIN(n, size);
    *ret_range = (struct range){size - n, n};
    return SPEC_GOOD;
}

// "first-last", "first-", "-n"
static enum spec_outcome read_spec(struct str s, int64_t size, struct range *ret_range)
{
    struct str rest = s;
    struct str first;
    int64_t from;
    int64_t to = INT64_MAX;
    if (!str_split(&rest, '-', &first) || !rest.p)
        return SPEC_MALFORMED;
    if (first.n == 0)
        return read_suffix(rest, size, ret_range);
    if (!read_number(first, &from) || (rest.n > 0 && !read_number(rest, &to)) || to < from)
        return SPEC_MALFORMED;
    if (from >= size)
        return SPEC_BEYOND;
    to = MIN(to, size - 1);
    *ret_range = (struct range){from, to - from + 1};
    return SPEC_GOOD;
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static bool any_touch(const struct range *sorted, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (sorted[i].first <= sorted[i - 1].first + sorted[i - 1].n)
            return true;
    }
    return false;
}

static size_t join(struct range *sorted, size_t n)
{
    size_t kept = 0;
    for (size_t i = 1; i < n; i++) {
        struct range *last = &sorted[kept];
        int64_t end = sorted[i].first + sorted[i].n;
        if (sorted[i].first <= last->first + last->n)
            last->n = MAX(last->n, end - last->first);
        else
            sorted[++kept] = sorted[i];
    }
    return n ? kept + 1 : 0;
}

// Ranges keep the order in which they were asked for unless some touch each other.
static size_t settle(struct range *ranges, size_t n)
{
    enum {
        MOST = 64,
    };
    struct range sorted[MOST];
    for (size_t i = 0; i < n; i++)
        sorted[i] = ranges[i];
    qsort(sorted, n, sizeof(*sorted), by_first);
    if (!any_touch(sorted, n))
        return n;
    n = join(sorted, n);
    for (size_t i = 0; i < n; i++)
        ranges[i] = sorted[i];
    return n;
}

enum range_outcome range_parse(struct str text, int64_t size, struct range *ret_ranges, size_t max,
                               size_t *ret_n)
{
    struct str rest = text;
    struct str part;
    size_t n = 0;
    bool any = false;
    *ret_n = 0;
    if (max > 64 || !str_split(&rest, '=', &part) || !str_is_nocase(str_trim(part), "bytes"))
        return RANGE_WHOLE;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0) // RFC 9110 lets lists have empty members
            continue;
        struct range r;
        enum spec_outcome o = read_spec(part, size, &r);
        if (o == SPEC_MALFORMED || (o == SPEC_GOOD && n == max))
            return RANGE_WHOLE;
        any = true;
        if (o == SPEC_GOOD)
            ret_ranges[n++] = r;
    }
    if (!any)
        return RANGE_WHOLE;
    if (n == 0)
        return RANGE_UNSATISFIABLE;
    *ret_n = settle(ret_ranges, n);
    return RANGE_SOME;
}
