// SPDX-License-Identifier: Apache-2.0
// profile.c - figures of an evaluation under the names of criteria, with their intervals.

#include "eval/profile.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "eval/evaluation.h"
#include "eval/temporal.h"

struct figures {
    const struct evaluation *e;
    const struct comparison *intervals;
    const struct temporal_figures *time; // NULL: no times
};

static void put_time(const struct temporal_figures *t, const char *metric,
                     struct verdict_finding *f)
{
    if (!t)
        return;
    if (strcmp(metric, "time_recall") == 0 && t->n_truths > 0)
        f->value = t->recall;
    else if (strcmp(metric, "latency_ms") == 0 && t->latency.n > 0)
        f->value = t->latency.mean;
    else if (strcmp(metric, "latency_p95_ms") == 0 && t->latency.n > 0)
        f->value = t->latency.p95;
}

static void figure(void *arg, const char *metric, struct verdict_finding *f)
{
    const struct figures *x = arg;
    const struct comparison_figure *o = x->intervals->overall;
    const struct {
        const char *metric;
        double value;
        enum weighed_figure of;
    } rows[] = {
        {"AP", x->e->coco.ap, WEIGHED_AP},
        {"AP50", x->e->coco.ap50, WEIGHED_AP50},
        {"AP75", x->e->coco.ap75, WEIGHED_AP75},
        {"AR100", x->e->coco.ar[2], WEIGHED_AR},
        {"precision", x->e->at.precision, WEIGHED_PRECISION},
        {"recall", x->e->at.recall, WEIGHED_RECALL},
        {"f1", x->e->at.f1, WEIGHED_F1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(rows[i].metric, metric) == 0) {
            f->value = rows[i].value;
            f->interval = o[rows[i].of].interval;
            return;
        }
    }
    if (strcmp(metric, "false_positive_rate") == 0) {
        const struct bootstrap_interval p = o[WEIGHED_PRECISION].interval;
        f->value = 1 - x->e->at.precision;
        f->interval = (struct bootstrap_interval){1 - p.high, 1 - p.low};
    } else if (strcmp(metric, "detections") == 0) {
        f->value = (double)(x->e->at.true_positives + x->e->at.false_positives);
    } else {
        put_time(x->time, metric, f);
    }
}

static bool wants_time(const struct verdict_profile *p)
{
    bool wants = false;
    for (size_t i = 0; i < p->n; i++)
        wants = wants || strstr(p->criteria[i].metric, "latency") ||
                strcmp(p->criteria[i].metric, "time_recall") == 0;
    return wants;
}

static int find_intervals(const struct dataset *truth, struct dataset *detections,
                          const struct evaluation *e, struct arena *a, struct comparison *ret)
{
    bool *selected = arena_array(a, bool, truth->n_classes);
    if (!selected)
        return ERR_NOMEM;
    for (size_t k = 0; k < truth->n_classes; k++) {
        for (size_t i = 0; i < e->n_classes; i++)
            selected[k] = selected[k] || e->classes[i].label == truth->classes[k].name;
    }
    const struct comparison_opts opts = {.selected = selected,
                                         .has_min_confidence = e->opts.has_min_confidence,
                                         .min_confidence = e->opts.min_confidence,
                                         .at_confidence = e->opts.at_confidence,
                                         .coco = e->opts.coco};
    return comparison_run(truth, detections, NULL, &opts, a, ret);
}

int profile_judge(const struct verdict_profile *profile, const struct dataset *truth,
                  struct dataset *detections, const struct evaluation *e,
                  const struct temporal_result *temporal, struct arena *a,
                  struct verdict *ret_verdict)
{
    struct comparison intervals;
    struct temporal_result own;
    int r = find_intervals(truth, detections, e, a, &intervals);
    if (r == 0 && !temporal && wants_time(profile)) {
        const struct temporal_opts opts = {.has_at_confidence = true,
                                           .at_confidence = e->opts.at_confidence,
                                           .classes = e->opts.classes,
                                           .n_classes = e->opts.n_classes};
        r = temporal_evaluate(truth, detections, &opts, a, &own);
        temporal = &own;
    }
    if (r < 0)
        return r;
    struct figures x = {
        .e = e,
        .intervals = &intervals,
        .time = temporal && temporal->has_times ? &temporal->overall : NULL,
    };
    return verdict_make(profile, figure, &x, a, ret_verdict);
}

int profile_exit_status(const struct verdict *v)
{
    return v->outcome == VERDICT_PASS || v->outcome == VERDICT_CONDITIONAL_PASS ? 0 : 1;
}
