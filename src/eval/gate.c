// SPDX-License-Identifier: Apache-2.0
// gate.c - parsing of limits, and the verdict on each.

#include "eval/gate.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

// What people call figures, and what files do.
static const struct {
    const char *name, *metric;
} names[] = {
    {"map", "AP"},
    {"map50", "AP50"},
    {"map75", "AP75"},
    {"ap", "AP"},
    {"ap50", "AP50"},
    {"ap75", "AP75"},
    {"ar", "AR"},
    {"ar100", "AR"},
    {"recall", "recall"},
    {"f1", "f1"},
    {"precision", "precision"},
    {"hota", "HOTA"},
    {"mota", "MOTA"},
    {"idf1", "IDF1"},
};

const char *gate_metric(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_is_nocase(str_of(name), names[i].name))
            return names[i].metric;
    }
    return name;
}

static int parse_limit(struct str text, const char *whole, double *ret_limit)
{
    double value;
    const bool is_percent = str_ends(text, "%");
    if (is_percent)
        text.n--;
    int r = str_to_double(str_trim(text), &value);
    if (r < 0)
        return err_set(ERR_INVALID, "'%s': the limit is not a number", whole);
    *ret_limit = is_percent ? value / 100 : value;
    return 0;
}

// What is before the last '=' names metric and class; labels may hold '='.
int gate_add(struct gate_list *list, enum gate_kind kind, const char *text, struct arena *a)
{
    struct gate_check c = {.kind = kind, .value = NAN, .baseline = NAN};
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return err_set(ERR_INVALID, "'%s' is not METRIC=LIMIT or METRIC:CLASS=LIMIT", text);
    if (list->n == GATE_MAX_CHECKS)
        return err_set(ERR_TOO_BIG, "more than %d limits", GATE_MAX_CHECKS);
    int r = parse_limit(str_of(equals + 1), text, &c.limit);
    if (r < 0)
        return r;
    if (kind == GATE_MAX_DROP && c.limit < 0)
        return err_set(ERR_INVALID, "'%s': a drop is not below 0", text);
    char *name = arena_strndup(a, text, (size_t)(equals - text));
    if (!name)
        return ERR_NOMEM;
    char *colon = strchr(name, ':');
    if (colon) {
        *colon = '\0';
        c.label = colon + 1;
    }
    if (name[0] == '\0' || (colon && colon[1] == '\0'))
        return err_set(ERR_INVALID, "'%s' is not METRIC=LIMIT or METRIC:CLASS=LIMIT", text);
    c.metric = gate_metric(name);
    if (list->n == list->cap) {
        size_t cap = MAX(2 * list->cap, 16);
        struct gate_check *more = arena_array(a, struct gate_check, cap);
        if (!more)
            return ERR_NOMEM;
        if (list->n > 0)
            memcpy(more, list->checks, list->n * sizeof(*more));
        list->checks = more;
        list->cap = cap;
    }
    list->checks[list->n++] = c;
    return 0;
}

static void judge_drop(struct gate_check *c, const struct gate_figure *f, bool is_strict)
{
    const double slack = 1e-12; // 0.8 - 0.79 is not exactly 0.01
    const double drop = f->baseline - f->value;
    c->interval = (struct bootstrap_interval){0 - f->difference.high, 0 - f->difference.low};
    c->is_plain = is_strict || isnan(c->interval.low);
    if (isnan(drop)) {
        c->outcome = GATE_NO_DATA;
        return;
    }
    const bool is_beyond = drop > c->limit + slack;
    c->is_within_noise = is_beyond && !c->is_plain && !(c->interval.low > 0);
    c->outcome = is_beyond && !c->is_within_noise ? GATE_FAIL : GATE_PASS;
}

void gate_judge(struct gate_check *c, const struct gate_figure *f, bool is_strict)
{
    c->value = f->value;
    c->baseline = f->baseline;
    if (c->kind == GATE_MAX_DROP) {
        judge_drop(c, f, is_strict);
        return;
    }
    c->interval = f->value_interval;
    if (isnan(c->value))
        c->outcome = GATE_NO_DATA;
    else if (c->kind == GATE_MIN)
        c->outcome = c->value >= c->limit ? GATE_PASS : GATE_FAIL;
    else
        c->outcome = c->value <= c->limit ? GATE_PASS : GATE_FAIL;
}

enum gate_outcome gate_outcome_of(const struct gate_list *list)
{
    enum gate_outcome all = GATE_PASS;
    for (size_t i = 0; i < list->n; i++) {
        if (list->checks[i].outcome == GATE_FAIL)
            return GATE_FAIL;
        if (list->checks[i].outcome == GATE_NO_DATA)
            all = GATE_NO_DATA;
    }
    return list->n > 0 ? all : GATE_NO_DATA;
}

const char *gate_outcome_name(enum gate_outcome o)
{
    return o == GATE_PASS ? "PASS" : o == GATE_FAIL ? "FAIL" : "NO_DATA";
}

const char *gate_kind_name(enum gate_kind k)
{
    return k == GATE_MIN ? "min" : k == GATE_MAX ? "max" : "max-drop";
}
