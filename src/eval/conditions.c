// SPDX-License-Identifier: Apache-2.0
// conditions.c - which attributes of the pictures are conditions.
//
// Equal texts of a dataset are one, so they are compared by address.

#include "eval/conditions.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "dataset/dataset.h"

enum {
    MAX_KEYS = 64, // looked at
};

struct candidate {
    const char *key;
    const char *values[CONDITIONS_MAX_VALUES];
    size_t n;
    bool is_none; // too many values, or a number among them
};

static bool is_number(const char *text)
{
    double value;
    const bool is = str_to_double(str_of(text), &value) == 0;
    err_clear();
    return is;
}

static void add_value(struct candidate *c, const char *value)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->values[i] == value)
            return;
    }
    c->is_none = c->is_none || c->n == ARRAY_LEN(c->values) || is_number(value);
    if (!c->is_none)
        c->values[c->n++] = value;
}

static struct candidate *find(struct candidate *all, size_t *n, const char *key)
{
    for (size_t i = 0; i < *n; i++) {
        if (all[i].key == key)
            return &all[i];
    }
    if (*n == MAX_KEYS)
        return NULL;
    all[*n] = (struct candidate){.key = key};
    return &all[(*n)++];
}

void conditions_find(const struct dataset *truth, struct conditions *ret)
{
    struct candidate all[MAX_KEYS];
    size_t n = 0;
    *ret = (struct conditions){0};
    for (size_t i = 0; i < truth->n_pictures; i++) {
        uint32_t list[MAX_KEYS];
        size_t n_list = 0;
        for (uint32_t k = truth->pictures[i].attributes; k != 0 && n_list < MAX_KEYS;
             k = truth->attributes[k].next)
            list[n_list++] = k;
        while (n_list-- > 0) { // the last of the file stands first
            struct candidate *c = find(all, &n, truth->attributes[list[n_list]].key);
            if (c && !c->is_none)
                add_value(c, truth->attributes[list[n_list]].value);
        }
    }
    for (size_t i = 0; i < n && ret->n < CONDITIONS_MAX; i++) {
        if (!all[i].is_none && all[i].n > 1)
            ret->names[ret->n++] = all[i].key;
    }
}
