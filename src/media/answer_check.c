// SPDX-License-Identifier: Apache-2.0
// answer_check.c - the bounds of what children say.

#include "media/answer_check.h"

#include <string.h>

#include "base/printable.h"
#include "media/source.h"

enum {
    MAX_SIDE = 65535,
};

static const int64_t max_us = INT64_MAX / 4;
static const int64_t max_ordinal = INT64_MAX / 4;

bool answer_text_holds(const char *text, size_t n_bytes)
{
    return memchr(text, '\0', n_bytes) != NULL;
}

bool answer_name_holds(const char *name, size_t n_bytes)
{
    return answer_text_holds(name, n_bytes) && printable_is(name);
}

bool answer_bool_holds(const bool *b)
{
    unsigned char byte;
    memcpy(&byte, b, sizeof(byte));
    return byte <= 1;
}

bool answer_time_holds(int64_t us)
{
    return us >= -max_us && us <= max_us;
}

bool answer_distance_holds(int64_t us)
{
    return us >= 0 && us <= 2 * max_us;
}

bool answer_ordinal_holds(int64_t n)
{
    return n >= 0 && n <= max_ordinal;
}

bool answer_side_holds(int n)
{
    return n >= 0 && n <= MAX_SIDE;
}

bool answer_rotation_holds(int degrees)
{
    return degrees == 0 || degrees == 90 || degrees == 180 || degrees == 270;
}

bool answer_counts_hold(const struct source_counts *c)
{
    return answer_ordinal_holds(c->decoded) && answer_ordinal_holds(c->skipped) &&
           answer_ordinal_holds(c->skimmed) && answer_ordinal_holds(c->undecodable) &&
           c->skipped <= c->decoded && c->skimmed <= c->decoded &&
           answer_bool_holds(&c->cut_short) &&
           answer_text_holds(c->cut_reason, sizeof(c->cut_reason)) &&
           answer_text_holds(c->undecodable_reason, sizeof(c->undecodable_reason));
}

void answer_counts_clean(struct source_counts *c)
{
    printable_make(c->cut_reason);
    printable_make(c->undecodable_reason);
}
