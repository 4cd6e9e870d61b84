// SPDX-License-Identifier: Apache-2.0
// metrics_compare.c - rows of two tables by name, and intervals from their blocks.

#include "report/metrics_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "eval/effects.h"
#include "report/metrics_read.h"

// ---- rows by label and name

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare_rows(const void *x, const void *y)
{
    const struct metrics_row *a = *(const struct metrics_row *const *)x;
    const struct metrics_row *b = *(const struct metrics_row *const *)y;
    int order = compare_texts(a->label, b->label);
    if (order == 0)
        order = strcmp(a->name, b->name);
    return order != 0 ? order : (a > b) - (a < b); // the first of equal ones
}

struct index {
    const struct metrics_row **rows;
    size_t n;
};

// Without the later ones of equal names.
static int index_rows(const struct metrics_table *t, struct arena *a, struct index *ret)
{
    struct index x = {.rows = arena_array(a, const struct metrics_row *, t->n)};
    if (!x.rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n; i++)
        x.rows[i] = &t->rows[i];
    if (t->n > 0)
        qsort(x.rows, t->n, sizeof(*x.rows), compare_rows);
    for (size_t i = 0; i < t->n; i++) {
        const struct metrics_row *row = x.rows[i];
        const bool is_first = x.n == 0 || strcmp(x.rows[x.n - 1]->name, row->name) != 0 ||
                              compare_texts(x.rows[x.n - 1]->label, row->label) != 0;
        if (is_first)
            x.rows[x.n++] = row;
    }
    *ret = x;
    return 0;
}

static const struct metrics_row *find_row(const struct index *x, const char *name,
                                          const char *label)
{
    size_t low = 0;
    size_t high = x->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct metrics_row *row = x->rows[middle];
        int order = compare_texts(label, row->label);
        if (order == 0)
            order = strcmp(name, row->name);
        if (order == 0)
            return row;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

// ---- intervals

// "AR100" -> 100; 0: not the recall at a cut.
static int64_t cut_of(const char *name)
{
    int64_t cut;
    if (strncmp(name, "AR", 2) != 0 || str_to_i64(str_of(name + 2), &cut) < 0) {
        err_clear();
        return 0;
    }
    return cut;
}

static int64_t last_cut(const struct metrics_table *t)
{
    int64_t last = 0;
    for (size_t i = 0; i < t->n; i++)
        last = MAX(last, cut_of(t->rows[i].name));
    return last;
}

struct pairing {
    const struct effects *a, *b; // a NULL: b alone
    struct effects_draws draws;
    int64_t last_cut; // the same in both; 0: none
};

static int figure_of(const struct pairing *p, const char *name)
{
    if (p->last_cut > 0 && cut_of(name) == p->last_cut)
        return WEIGHED_AR;
    for (int i = 0; i < WEIGHED_N_FIGURES; i++) {
        if (i != WEIGHED_AR && strcmp(weighed_names[i], name) == 0)
            return i;
    }
    return -1;
}

static void add_interval(const struct pairing *p, struct metrics_difference *d)
{
    const int figure = figure_of(p, d->name);
    if (figure < 0 || isnan(d->difference))
        return;
    const struct effects_scope *b = effects_find(p->b, d->label);
    const struct effects_scope *a = p->a ? effects_find(p->a, d->label) : NULL;
    if (!b || !b->values[figure] || (p->a && (!a || !a->values[figure])))
        return;
    d->interval =
        effects_interval(&p->draws, d->difference, a ? a->values[figure] : NULL, b->values[figure]);
    d->is_beyond_noise = p->a && bootstrap_excludes_zero(d->interval);
}

static int add_intervals(const struct metrics_table *a, const struct metrics_table *b,
                         struct metrics_comparison *c, struct arena *arena)
{
    struct pairing p = {.a = a ? &a->blocks : NULL, .b = &b->blocks};
    c->no_intervals = effects_differ(p.a ? p.a : p.b, p.b);
    if (c->no_intervals)
        return 0;
    int r = effects_draw(p.a, p.b, c->seed, c->resamples, arena, &p.draws);
    if (r < 0)
        return r;
    p.last_cut = last_cut(b);
    if (a && last_cut(a) != p.last_cut)
        p.last_cut = 0;
    c->plan = p.draws.plan;
    c->part_frames = b->blocks.frames;
    c->block_seconds = b->blocks.seconds * (double)c->plan.block;
    for (size_t i = 0; i < c->n; i++)
        add_interval(&p, &c->rows[i]);
    if (c->plan.n_freedom < BOOTSTRAP_MIN_FREEDOM)
        c->no_intervals = "there are too few blocks of time";
    return 0;
}

// ---- all

// *a* or *b* may be NULL: not in that file.
static void add_row(struct metrics_comparison *c, const struct metrics_row *a,
                    const struct metrics_row *b, bool is_alone)
{
    const struct metrics_row *row = a ? a : b;
    struct metrics_difference d = {.name = row->name,
                                   .label = row->label,
                                   .a = a ? a->value : (double)NAN,
                                   .b = b ? b->value : (double)NAN,
                                   .in_a = a,
                                   .in_b = b,
                                   .interval = {NAN, NAN}};
    d.difference = is_alone ? d.b : d.b - d.a;
    c->rows[c->n++] = d;
}

// In the order of the files, which is the one that people know.
static int fill_rows(const struct metrics_table *a, const struct metrics_table *b,
                     struct metrics_comparison *c, struct arena *arena)
{
    struct index of_a = {0}, of_b;
    c->rows = arena_array(arena, struct metrics_difference, (a ? a->n : 0) + b->n);
    int r = c->rows ? index_rows(b, arena, &of_b) : ERR_NOMEM;
    if (r == 0 && a)
        r = index_rows(a, arena, &of_a);
    for (size_t i = 0; r == 0 && a && i < a->n; i++) {
        const struct metrics_row *row = &a->rows[i];
        if (find_row(&of_a, row->name, row->label) == row)
            add_row(c, row, find_row(&of_b, row->name, row->label), false);
    }
    for (size_t i = 0; r == 0 && i < b->n; i++) {
        const struct metrics_row *row = &b->rows[i];
        const bool is_first = find_row(&of_b, row->name, row->label) == row;
        if (is_first && !(a && find_row(&of_a, row->name, row->label)))
            add_row(c, NULL, row, !a);
    }
    return r;
}

int metrics_compare(const struct metrics_table *a, const struct metrics_table *b, uint64_t seed,
                    size_t resamples, struct arena *arena,
                    struct metrics_comparison *ret_comparison)
{
    struct metrics_comparison c = {.seed = seed, .resamples = resamples, .block_seconds = NAN};
    int r = fill_rows(a, b, &c, arena);
    if (r == 0)
        r = add_intervals(a, b, &c, arena);
    if (r == 0)
        *ret_comparison = c;
    return r;
}

const struct metrics_difference *metrics_difference_find(const struct metrics_comparison *c,
                                                         const char *name, const char *label)
{
    for (size_t i = 0; i < c->n; i++) {
        if (compare_texts(c->rows[i].label, label) == 0 &&
            str_is_nocase(str_of(c->rows[i].name), name))
            return &c->rows[i];
    }
    return NULL;
}
