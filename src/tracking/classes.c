// SPDX-License-Identifier: Apache-2.0
// classes.c - which classes are judged under which rules, and what each class of a file is
// to them.

#include <inttypes.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "tracking/tracking_priv.h"

static const char *const rules_names[TRACKING_N_RULES] = {
    [TRACKING_RULES_NONE] = "none",
    [TRACKING_RULES_MOT15] = "mot15",
    [TRACKING_RULES_MOT17] = "mot17",
    [TRACKING_RULES_BDD100K] = "bdd100k",
};

const char *tracking_rules_name(enum tracking_rules rules)
{
    return rules_names[rules == TRACKING_RULES_UNSET ? TRACKING_RULES_NONE : rules];
}

enum tracking_rules tracking_rules_find(const char *name)
{
    for (int i = TRACKING_RULES_NONE; i < TRACKING_N_RULES; i++) {
        if (strcmp(rules_names[i], name) == 0)
            return (enum tracking_rules)i;
    }
    return TRACKING_RULES_UNSET;
}

// BDD100K's, in the order of its tables; a group is what its reports add up.
static const struct {
    const char *label, *group;
} bdd_classes[] = {
    {"pedestrian", "HUMAN"}, {"rider", "HUMAN"},   {"car", "VEHICLE"},     {"bus", "VEHICLE"},
    {"truck", "VEHICLE"},    {"train", "VEHICLE"}, {"motorcycle", "BIKE"}, {"bicycle", "BIKE"},
};
static const char *const bdd_groups[] = {"HUMAN", "VEHICLE", "BIKE"};
static const char *const bdd_away[] = {"other person", "trailer", "other vehicle"};

// MOT17's numbers of classes and their names in files that carry names.
static const struct {
    int64_t id;
    const char *label;
} mot_away[] = {
    {2, "person_on_vehicle"},
    {7, "static_person"},
    {8, "distractor"},
    {12, "reflection"},
};

static int add_class(struct tracking_result *res, struct arena *a, const char *label, int64_t id)
{
    char *copy = arena_strndup(a, label, strlen(label));
    if (!copy)
        return ERR_NOMEM;
    res->classes[res->n_classes++] = (struct tracking_class){.label = copy, .id = id};
    return 0;
}

// Index in res->classes; -1: not there. Files without labels go by id.
static int32_t find_class(const struct tracking_result *res, const char *label, int64_t id)
{
    for (size_t i = 0; i < res->n_classes; i++) {
        const struct tracking_class *c = &res->classes[i];
        if (label[0] ? strcmp(c->label, label) == 0 : !c->label[0] && c->id == id)
            return (int32_t)i;
    }
    return TRACKING_OUT;
}

static bool is_chosen(const struct tracking_opts *opts, const char *label)
{
    bool chosen = !opts->classes;
    for (size_t i = 0; opts->classes && i < opts->n_classes; i++)
        chosen |= strcmp(opts->classes[i], label) == 0;
    return chosen;
}

static int list_truth_classes(const struct tracking_pair *pairs, size_t n_pairs, struct arena *a,
                              struct tracking_result *res)
{
    for (size_t p = 0; p < n_pairs; p++) {
        const struct dataset *d = pairs[p].truth;
        for (size_t i = 0; i < d->n_classes; i++) {
            const char *label = d->classes[i].name ? d->classes[i].name : "";
            if (find_class(res, label, d->classes[i].id) >= 0 || !is_chosen(&res->opts, label))
                continue;
            int r = add_class(res, a, label, d->classes[i].id);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int list_bdd_classes(struct arena *a, struct tracking_result *res)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(bdd_classes); i++) {
        if (is_chosen(&res->opts, bdd_classes[i].label))
            r = add_class(res, a, bdd_classes[i].label, 0);
    }
    res->groups = arena_array(a, struct tracking_class, ARRAY_LEN(bdd_groups));
    if (!res->groups)
        return ERR_NOMEM;
    for (size_t i = 0; i < ARRAY_LEN(bdd_groups); i++)
        res->groups[i].label = bdd_groups[i];
    res->n_groups = ARRAY_LEN(bdd_groups);
    return r;
}

static int check_chosen(const struct tracking_result *res)
{
    for (size_t i = 0; res->opts.classes && i < res->opts.n_classes; i++) {
        if (find_class(res, res->opts.classes[i], 0) < 0)
            return err_set(ERR_INVALID, "class '%s': not among the classes judged by rules '%s'",
                           res->opts.classes[i], tracking_rules_name(res->opts.rules));
    }
    return 0;
}

int tracking_classes_list(const struct tracking_pair *pairs, size_t n_pairs, struct arena *a,
                          struct tracking_result *res)
{
    size_t most = ARRAY_LEN(bdd_classes);
    for (size_t p = 0; p < n_pairs; p++)
        most += pairs[p].truth->n_classes;
    res->classes = arena_array(a, struct tracking_class, most);
    if (!res->classes)
        return ERR_NOMEM;
    int r;
    switch (res->opts.rules) {
    case TRACKING_RULES_MOT15:
    case TRACKING_RULES_MOT17:
        r = is_chosen(&res->opts, "pedestrian") ? add_class(res, a, "pedestrian", 1) : 0;
        break;
    case TRACKING_RULES_BDD100K:
        r = list_bdd_classes(a, res);
        break;
    default:
        r = list_truth_classes(pairs, n_pairs, a, res);
        break;
    }
    return r < 0 ? r : check_chosen(res);
}

const char *tracking_classes_group(const char *label)
{
    for (size_t i = 0; i < ARRAY_LEN(bdd_classes); i++) {
        if (strcmp(bdd_classes[i].label, label) == 0)
            return bdd_classes[i].group;
    }
    return "";
}

int32_t tracking_classes_mot17(int64_t id)
{
    for (size_t i = 0; i < ARRAY_LEN(mot_away); i++) {
        if (id == mot_away[i].id)
            return TRACKING_AWAY;
    }
    return id == 1 ? 0 : TRACKING_OUT;
}

// Of files that name their classes.
static int32_t mot17_class(const char *label)
{
    for (size_t i = 0; i < ARRAY_LEN(mot_away); i++) {
        if (strcmp(label, mot_away[i].label) == 0)
            return TRACKING_AWAY;
    }
    return strcmp(label, "pedestrian") == 0 || strcmp(label, "person") == 0 ? 0 : TRACKING_OUT;
}

static int32_t bdd_class(const struct tracking_result *res, const char *label)
{
    for (size_t i = 0; i < ARRAY_LEN(bdd_away); i++) {
        if (strcmp(label, bdd_away[i]) == 0)
            return TRACKING_AWAY;
    }
    return find_class(res, label, 0);
}

void tracking_classes_map(const struct tracking_result *res, const struct dataset *truth,
                          int32_t *ret_truth, int32_t *ret_result)
{
    for (size_t i = 0; i < truth->n_classes; i++) {
        const struct dataset_class *c = &truth->classes[i];
        const char *label = c->name ? c->name : "";
        switch (res->opts.rules) {
        case TRACKING_RULES_MOT15:
            ret_truth[i] = ret_result[i] = 0;
            break;
        case TRACKING_RULES_MOT17: // results are pedestrians, whatever a file calls them
            ret_truth[i] = mot17_class(label);
            ret_result[i] = 0;
            break;
        case TRACKING_RULES_BDD100K:
            ret_truth[i] = ret_result[i] = bdd_class(res, label);
            break;
        default:
            ret_truth[i] = ret_result[i] = find_class(res, label, c->id);
            break;
        }
    }
}
