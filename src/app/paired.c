// SPDX-License-Identifier: Apache-2.0
// paired.c - two runs and their truth, read and compared.

#include "app/paired.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "app/formats.h"
#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "pipeline/classes.h"

enum {
    MAX_OWN_NOTICES = 4,
};

// clang-format off
#define O struct paired_opts
const struct opt paired_options[] = {
    OPT_DOUBLE(O, "at-confidence", at_confidence, 0, 0, "C", "confidence of the operating point: precision, recall and F1", "0.25"),
    OPT_INT(O, "block", block, 0, 1e9, "N", "frames of a block that is drawn", "by the autocorrelation of the errors"),
    OPT_TEXT(O, "classes", classes, "LIST", "judge only these labels of the truth, separated by commas", "all"),
    OPT_DOUBLE(O, "confidence", confidence, 0, 0, "C", "leave out detections below this confidence", "none"),
    OPT_CHOICE(O, "detections-format", detections_format, app_formats, "FORMAT", "what the runs are", "auto (by content)"),
    OPT_INT(O, "resamples", resamples, 100, BOOTSTRAP_MAX_RESAMPLES, "N", "draws behind an interval", "2000"),
    OPT_INT(O, "seed", seed, 1, 9e15, "N", "of the draws: the same seed gives the same intervals", "1"),
    OPT_TEXT(O, "truth", truth, "FILE", "what is there, in any format of docs/FILES.md", NULL),
    OPT_CHOICE(O, "truth-format", truth_format, app_formats, "FORMAT", "what --truth is", "auto (by content)"),
    OPT_END,
};
#undef O
// clang-format on

static int select_classes(const struct paired_opts *o, const struct dataset *truth, struct arena *a,
                          const bool **ret_selected)
{
    const char **names;
    size_t n;
    if (!o->classes)
        return 0;
    bool *selected = arena_array(a, bool, truth->n_classes);
    int r = selected ? classes_split(o->classes, a, &names, &n) : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < truth->n_classes; k++) {
            const bool is_it = strcmp(truth->classes[k].name, names[i]) == 0;
            selected[k] = selected[k] || is_it;
            found = found || is_it;
        }
        if (!found)
            r = err_set(ERR_INVALID, "%s: no class '%s', as --classes asks for", o->truth,
                        names[i]);
    }
    *ret_selected = selected;
    return r;
}

static int add_notice(struct paired *p, const char *text)
{
    if (!text)
        return ERR_NOMEM;
    p->notices[p->n_notices++] = text;
    return 0;
}

static int fill_notices(struct paired *p, struct arena *a)
{
    const struct dataset *sets[] = {p->truth, p->a, p->b};
    const char *const whose[] = {"truth", "A", "B"};
    size_t n = MAX_OWN_NOTICES;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        n += sets[i] ? sets[i]->n_notices : 0;
    p->notices = arena_array(a, const char *, n);
    int r = p->notices ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        for (size_t k = 0; r == 0 && sets[i] && k < sets[i]->n_notices; k++)
            r = add_notice(p, arena_printf(a, "%s: %s", whose[i], sets[i]->notices[k]));
    }
    if (r == 0 && p->c.n_left_out > 0)
        r = add_notice(p, arena_printf(a, "%zu pictures were looked at by one run only: left out",
                                       p->c.n_left_out));
    if (r == 0 && isnan(p->c.overall[WEIGHED_RECALL].a))
        r = add_notice(p, "no ground truth in the judged pictures: what needs it has no figure");
    else if (r == 0 && isnan(p->c.overall[WEIGHED_RECALL].interval.low))
        r = add_notice(p, arena_printf(a,
                                       "%zu blocks are too few for intervals: differences may be "
                                       "chance",
                                       p->c.plan.n_blocks));
    return r;
}

static int read_detections(const struct paired_opts *o, const char *path,
                           const struct dataset *truth, struct dataset **ret_dataset)
{
    const struct dataset_read_opts opts = {.role = DATASET_DETECTIONS,
                                           .format = (enum dataset_format)o->detections_format,
                                           .truth = truth};
    return app_dataset_read(path, &opts, ret_dataset);
}

int paired_run(const struct paired_opts *o, const char *a, const char *b, struct arena *arena,
               struct paired *ret_paired)
{
    struct paired *p = ret_paired;
    struct comparison_opts opts = {.has_min_confidence = o->confidence > PAIRED_ANY_CONFIDENCE,
                                   .min_confidence = o->confidence,
                                   .at_confidence = o->at_confidence,
                                   .seed = (uint64_t)o->seed,
                                   .resamples = (size_t)o->resamples,
                                   .block = (size_t)o->block};
    const struct dataset_read_opts truth_opts = {.role = DATASET_TRUTH,
                                                 .format = (enum dataset_format)o->truth_format};
    *p = (struct paired){0};
    int r = app_dataset_read(o->truth, &truth_opts, &p->truth);
    if (r == 0)
        r = select_classes(o, p->truth, arena, &opts.selected);
    if (r == 0)
        r = read_detections(o, a, p->truth, &p->a);
    if (r == 0 && b)
        r = read_detections(o, b, p->truth, &p->b);
    if (r == 0)
        r = comparison_run(p->truth, p->a, p->b, &opts, arena, &p->c);
    return r < 0 ? r : fill_notices(p, arena);
}

void paired_finish(struct paired *p)
{
    dataset_destroy(p->b); // may borrow from a
    dataset_destroy(p->a);
    dataset_destroy(p->truth);
    *p = (struct paired){0};
}
