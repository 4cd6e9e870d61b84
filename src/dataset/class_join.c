// SPDX-License-Identifier: Apache-2.0
// class_join.c - classes added at the end, objects redirected, what is empty by then taken away.

#include "dataset/class_join.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"

static int add_rule(struct class_joins *joins, struct arena *a, struct str from, struct str to)
{
    struct class_join *items = arena_array(a, struct class_join, joins->n + 1);
    if (!items)
        return ERR_NOMEM;
    if (joins->n > 0)
        memcpy(items, joins->items, joins->n * sizeof(*items));
    items[joins->n] = (struct class_join){.from = arena_strndup(a, from.p, from.n),
                                          .to = arena_strndup(a, to.p, to.n)};
    if (!items[joins->n].from || !items[joins->n].to)
        return ERR_NOMEM;
    joins->items = items;
    joins->n++;
    return 0;
}

int class_join_parse(const char *text, struct arena *a, struct class_joins *joins)
{
    const char *equals = strrchr(text, '=');
    struct str to = str_trim(str_of(equals ? equals + 1 : NULL));
    if (!equals || to.n == 0)
        return err_set(ERR_INVALID, "'%s' is not LABEL,LABEL=LABEL", text);
    struct str rest = {text, (size_t)(equals - text)};
    struct str part;
    bool any = false;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0)
            return err_set(ERR_INVALID, "'%s' has an empty label", text);
        any = true;
        int r = str_equal(part, to) ? 0 : add_rule(joins, a, part, to);
        if (r < 0)
            return r;
    }
    return any ? 0 : err_set(ERR_INVALID, "'%s' has an empty label", text);
}

static int32_t find(const struct dataset *d, const char *label)
{
    for (size_t k = 0; k < d->n_classes; k++) {
        if (strcmp(d->classes[k].name, label) == 0)
            return (int32_t)k;
    }
    return -1;
}

// Identities stay in ascending order: a new one is the largest.
static int ensure(struct dataset *d, const char *label)
{
    if (find(d, label) >= 0)
        return 0;
    if (d->n_classes >= DATASET_MAX_CLASSES)
        return err_set(ERR_TOO_BIG, "more than %d classes", DATASET_MAX_CLASSES);
    const int64_t last = d->n_classes > 0 ? d->classes[d->n_classes - 1].id : -1;
    if (last == INT64_MAX)
        return err_set(ERR_TOO_BIG, "no class id is left for '%s'", label);
    const char *name = arena_strndup(d->arena, label, strlen(label));
    struct dataset_class *classes = mem_resize(d->classes, d->n_classes + 1);
    if (!name || !classes)
        return ERR_NOMEM;
    d->classes = classes;
    d->classes[d->n_classes++] = (struct dataset_class){.id = last + 1, .name = name};
    return 0;
}

int class_join_prepare(struct dataset *truth, struct class_joins *joins)
{
    int r = 0;
    for (size_t i = 0; i < joins->n; i++)
        joins->items[i].to_is_new = find(truth, joins->items[i].to) < 0;
    for (size_t i = 0; i < joins->n && r == 0; i++) {
        r = ensure(truth, joins->items[i].from);
        if (r == 0)
            r = ensure(truth, joins->items[i].to);
    }
    return r;
}

static int check(const struct class_joins *joins)
{
    for (size_t i = 0; i < joins->n; i++) {
        for (size_t j = 0; j < joins->n; j++) {
            const struct class_join *a = &joins->items[i];
            const struct class_join *b = &joins->items[j];
            if (i != j && strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) != 0)
                return err_set(ERR_INVALID, "label '%s' is joined into '%s' and into '%s'", a->from,
                               a->to, b->to);
            if (strcmp(a->from, b->to) == 0)
                return err_set(ERR_INVALID, "label '%s' is joined into '%s', and others into it",
                               a->from, a->to);
        }
    }
    return 0;
}

static void redirect(struct dataset_object *objects, size_t n, const int32_t *to)
{
    for (size_t i = 0; i < n; i++)
        objects[i].class_index = to[objects[i].class_index];
}

int class_join_apply(struct dataset *truth, struct dataset *detections,
                     const struct class_joins *joins)
{
    if (joins->n == 0)
        return 0;
    int r = check(joins);
    if (r < 0)
        return r;
    const size_t n = truth->n_classes;
    int32_t *to = mem_array(int32_t, n + 1); // first the class joined into, or -1; then its place
    if (!to)
        return ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        to[k] = -1;
    // Of labels that several classes have, all are joined, into the first of the target's.
    for (size_t i = 0; i < joins->n; i++) {
        for (size_t k = 0; k < n; k++) {
            if (strcmp(truth->classes[k].name, joins->items[i].from) == 0)
                to[k] = find(truth, joins->items[i].to);
        }
    }
    size_t n_left = 0;
    int32_t *place = mem_array(int32_t, n + 1);
    if (!place) {
        mem_free(to);
        return ERR_NOMEM;
    }
    for (size_t k = 0; k < n; k++) {
        place[k] = (int32_t)n_left;
        if (to[k] < 0)
            truth->classes[n_left++] = truth->classes[k];
    }
    for (size_t k = 0; k < n; k++)
        to[k] = place[to[k] < 0 ? (int32_t)k : to[k]];
    truth->n_classes = detections->n_classes = n_left;
    detections->classes = truth->classes;
    redirect(truth->objects, truth->n_objects, to);
    redirect(detections->objects, detections->n_objects, to);
    mem_free(place);
    mem_free(to);
    return 0;
}
