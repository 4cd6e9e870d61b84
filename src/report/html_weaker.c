// SPDX-License-Identifier: Apache-2.0
// html_weaker.c - the page's first word on where the detector is weaker than on the whole: under
// which conditions, at which size, in which class.

#include <stdlib.h>

#include "base/attr.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html.h"
#include "report/html_priv.h"

#define CLEARLY_LOWER .05 // of recall, below the whole

enum {
    MAX_PARTS = 256,
    MAX_SHOWN = 8,
    MIN_OBJECTS = 30, // fewer say nothing
};

// A part of the objects. Texts are the truth's, or constants.
struct part {
    const char *by, *value; // equal texts of the truth are one
    int64_t found, missed;
};

struct parts {
    struct part items[MAX_PARTS];
    size_t n;
};

static struct part *find(struct parts *p, const char *by, const char *value)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->items[i].by == by && p->items[i].value == value)
            return &p->items[i];
    }
    if (p->n == MAX_PARTS)
        return NULL;
    p->items[p->n] = (struct part){.by = by, .value = value};
    return &p->items[p->n++];
}

static void add(struct parts *p, const char *by, const char *value, int64_t found, int64_t missed)
{
    struct part *part = value ? find(p, by, value) : NULL;
    if (!part)
        return;
    part->found += found;
    part->missed += missed;
}

static void add_conditions(const struct html_report *h, struct parts *p)
{
    const struct dataset *d = h->truth;
    for (size_t k = 0; k < h->conditions.n; k++) {
        for (size_t i = 0; i < h->outcome->n_pictures; i++) {
            const struct outcome_picture *o = &h->outcome->pictures[i];
            add(p, h->conditions.names[k],
                dataset_attribute(d, d->pictures[o->picture].attributes, h->conditions.names[k]),
                o->n_found, o->n_missed);
        }
    }
}

static const char *size_of(const struct html_report *h, double area)
{
    const struct coco_opts *c = &h->evaluation->opts.coco;
    for (size_t i = 0; i < c->n_areas; i++) {
        if (!str_is(str_of(c->areas[i].name), "all") && area >= c->areas[i].min &&
            area <= c->areas[i].max)
            return c->areas[i].name;
    }
    return NULL;
}

static void add_objects(const struct html_report *h, struct parts *p)
{
    static const char size[] = "size", class[] = "class";
    for (size_t i = 0; i < h->outcome->n_objects; i++) {
        const struct outcome_object *o = &h->outcome->objects[i];
        const bool is_found = o->kind == OUTCOME_FOUND;
        if (!is_found && o->kind != OUTCOME_MISSED)
            continue;
        add(p, size, size_of(h, h->truth->objects[o->truth].area), is_found, !is_found);
        if (h->evaluation->n_classes > 1)
            add(p, class, h->truth->classes[o->class_index].name, is_found, !is_found);
    }
}

static double recall_of(const struct part *p)
{
    return (double)p->found / (double)(p->found + p->missed);
}

static int by_recall(const void *a, const void *b)
{
    const double x = recall_of((const struct part *)a), y = recall_of((const struct part *)b);
    return (x > y) - (x < y);
}

// Leaves those that are clearly weaker, the weakest first.
static void keep_weaker(struct parts *p, double whole)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct part *part = &p->items[i];
        if (part->found + part->missed >= MIN_OBJECTS && recall_of(part) < whole - CLEARLY_LOWER)
            p->items[n++] = *part;
    }
    p->n = n;
    qsort(p->items, n, sizeof(*p->items), by_recall);
}

void html_put_weaker(const struct html_report *h, struct str_buf *out)
{
    const struct outcome *o = h->outcome;
    struct parts parts = {.n = 0};
    if (o->n_found + o->n_missed == 0)
        return;
    add_conditions(h, &parts);
    add_objects(h, &parts);
    keep_weaker(&parts, (double)o->n_found / (double)(o->n_found + o->n_missed));
    if (parts.n == 0)
        return;
    str_buf_puts(out, "<p class=\"lead\">Weaker than on the whole, where ");
    html_put_share(out, o->n_found, o->n_found + o->n_missed);
    str_buf_puts(out, " of the objects are found:</p>\n<ul class=\"weaker\">");
    for (size_t i = 0; i < MIN(parts.n, (size_t)MAX_SHOWN); i++) {
        const struct part *p = &parts.items[i];
        str_buf_puts(out, "<li>");
        html_put_text(out, p->by);
        str_buf_puts(out, " <b>");
        html_put_text(out, p->value[0] ? p->value : "(no name)");
        str_buf_puts(out, "</b> ");
        html_put_share(out, p->found, p->found + p->missed);
        str_buf_puts(out, "</li>");
    }
    str_buf_puts(out, "</ul>\n");
}
