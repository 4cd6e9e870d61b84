// SPDX-License-Identifier: Apache-2.0
// classes.c - labels given by users, found among the model's.

#include "pipeline/classes.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum {
    MAX_FILE = 1024 * 1024, // of --class-confidence @FILE
};

static int label_find(struct str name, const char *const *labels, int n_labels, int *ret_index)
{
    struct opt_nearest nearest = {.word = name};
    for (int i = 0; i < n_labels; i++) {
        if (str_is(name, labels[i])) {
            *ret_index = i;
            return 0;
        }
        opt_nearest_try(&nearest, labels[i]);
    }
    if (nearest.best)
        return err_set(ERR_INVALID, "the model has no class '" STR_FMT "', did you mean '%s'?",
                       STR_ARG(name), nearest.best);
    return err_set(ERR_INVALID, "the model has no class '" STR_FMT "' (see: assay model inspect)",
                   STR_ARG(name));
}

int classes_select(const char *list, const char *const *labels, int n_labels, struct arena *a,
                   bool **ret_wanted)
{
    if (!list || !*list) {
        *ret_wanted = NULL;
        return 0;
    }
    bool *wanted = arena_array(a, bool, (size_t)n_labels + 1);
    if (!wanted)
        return ERR_NOMEM;
    struct str rest = str_of(list);
    struct str part;
    while (str_split(&rest, ',', &part)) {
        int i;
        int r = label_find(str_trim(part), labels, n_labels, &i);
        if (r < 0)
            return err_prefix(r, "--classes");
        wanted[i] = true;
    }
    *ret_wanted = wanted;
    return 0;
}

// "label=confidence"; labels may hold '=' themselves, numbers do not.
static int floor_set(struct str pair, const char *const *labels, int n_labels, float *floors)
{
    size_t at = pair.n;
    while (at > 0 && pair.p[at - 1] != '=')
        at--;
    if (at == 0)
        return err_set(ERR_INVALID, "'" STR_FMT "' is not LABEL=CONFIDENCE", STR_ARG(pair));
    struct str name = str_trim((struct str){pair.p, at - 1});
    struct str text = str_trim((struct str){pair.p + at, pair.n - at});
    double value;
    int r = str_to_double(text, &value);
    if (r < 0)
        return r;
    if (value < 0 || value > 1)
        return err_set(ERR_INVALID, "'" STR_FMT "': a confidence is 0 to 1", STR_ARG(pair));
    int i;
    r = label_find(name, labels, n_labels, &i);
    if (r < 0)
        return r;
    floors[i] = (float)value;
    return 0;
}

static int floors_read(const char *path, const char *const *labels, int n_labels, float *floors)
{
    char *bytes;
    size_t n;
    int r = file_read(path, MAX_FILE, &bytes, &n);
    if (r < 0)
        return r;
    struct str rest = {bytes, n};
    struct str line;
    int number = 0;
    while (r == 0 && str_line(&rest, &line)) {
        number++;
        line = str_trim(line);
        if (line.n > 0 && line.p[0] != '#')
            r = floor_set(line, labels, n_labels, floors);
    }
    if (r < 0)
        r = err_prefix(r, "%s: line %d", path, number);
    mem_free(bytes);
    return r;
}

int classes_floors(const struct opt_list *list, double floor, const char *const *labels,
                   int n_labels, struct arena *a, float **ret_floors)
{
    if (list->n == 0) {
        *ret_floors = NULL;
        return 0;
    }
    float *floors = arena_array(a, float, (size_t)n_labels + 1);
    if (!floors)
        return ERR_NOMEM;
    for (int i = 0; i < n_labels; i++)
        floors[i] = (float)floor;
    for (size_t i = 0; i < list->n; i++) {
        int r = 0;
        struct str rest = str_of(list->items[i]);
        struct str part;
        if (list->items[i][0] == '@')
            r = floors_read(list->items[i] + 1, labels, n_labels, floors);
        else
            while (r == 0 && str_split(&rest, ',', &part))
                r = floor_set(part, labels, n_labels, floors);
        if (r < 0)
            return err_prefix(r, "--class-confidence");
    }
    *ret_floors = floors;
    return 0;
}

int classes_split(const char *list, struct arena *a, const char ***ret_texts, size_t *ret_n)
{
    size_t n = 1;
    for (const char *p = list; *p; p++)
        n += *p == ',';
    const char **texts = arena_array(a, const char *, n);
    if (!texts)
        return ERR_NOMEM;
    struct str rest = str_of(list);
    struct str part;
    n = 0;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0)
            return err_set(ERR_INVALID, "--classes '%s': an empty name", list);
        texts[n] = arena_strndup(a, part.p, part.n);
        if (!texts[n++])
            return ERR_NOMEM;
    }
    *ret_texts = texts;
    *ret_n = n;
    return 0;
}
