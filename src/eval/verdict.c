// SPDX-License-Identifier: Apache-2.0
// verdict.c - the built-in profiles, profiles of files, and the sum of the findings.

#include "eval/verdict.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

// latency_ms: mean time from a track's first visible frame to its first detection.
// false_positive_rate: false detections / all detections that are judged (1 - precision).
static const char *const metrics[] = {
    "AP",         "AP50",        "AP75",       "AR100",          "precision",
    "recall",     "f1",          "latency_ms", "latency_p95_ms", "false_positive_rate",
    "detections", "time_recall",
};

// Thresholds as the system that these profiles come from publishes them. Its "performance" differs
// from "default" in latency alone: it is the wider one, for long runs that are to be judged fast.
static const struct verdict_criterion criteria_default[] = {
    {"precision", false, .85}, {"recall", false, .80}, {"latency_ms", true, 100}};
static const struct verdict_criterion criteria_strict[] = {
    {"precision", false, .95}, {"recall", false, .90}, {"latency_ms", true, 50}};
static const struct verdict_criterion criteria_safety[] = {{"precision", false, .98},
                                                           {"recall", false, .95},
                                                           {"latency_ms", true, 30},
                                                           {"false_positive_rate", true, .02}};
static const struct verdict_criterion criteria_performance[] = {
    {"precision", false, .85}, {"recall", false, .80}, {"latency_ms", true, 200}};
static const struct verdict_profile profiles[] = {
    {"default", criteria_default, ARRAY_LEN(criteria_default)},
    {"strict", criteria_strict, ARRAY_LEN(criteria_strict)},
    {"safety-critical", criteria_safety, ARRAY_LEN(criteria_safety)},
    {"performance", criteria_performance, ARRAY_LEN(criteria_performance)},
};

bool verdict_metric_is_known(const char *metric)
{
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(metrics) && !found; i++)
        found = strcmp(metrics[i], metric) == 0;
    return found;
}

// ---- files

struct reader {
    struct json_reader *json;
    struct arena *arena;
    struct verdict_criterion *criteria; // VERDICT_MAX_CRITERIA
    size_t n;
    const char *name;
};

static int read_text(struct reader *r, const char **ret_text)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_STRING || e.text.n == 0)
        return json_error(r->json, "a text is expected");
    *ret_text = arena_strndup(r->arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

// Behind '{'.
static int read_criterion(struct reader *r)
{
    struct verdict_criterion c = {0};
    struct json_event e;
    int n_limits = 0;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        const bool is_max = str_is(e.text, "max");
        if (str_is(e.text, "metric")) {
            err = read_text(r, &c.metric);
        } else if (is_max || str_is(e.text, "min")) {
            err = json_next(r->json, &e);
            if (err == 0 && e.type != JSON_NUMBER)
                err = json_error(r->json, "a limit that is not a number");
            c.is_max = is_max;
            c.limit = e.number;
            n_limits++;
        } else {
            err = json_error(r->json,
                             "a criterion has \"metric\" and \"min\" or \"max\", not '" STR_FMT "'",
                             STR_ARG(e.text));
        }
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    if (!c.metric || n_limits != 1)
        return json_error(r->json, "a criterion needs \"metric\" and one of \"min\" and \"max\"");
    if (!verdict_metric_is_known(c.metric))
        return json_error(r->json, "no metric '%s'", c.metric);
    if (r->n == VERDICT_MAX_CRITERIA)
        return json_error(r->json, "more than %d criteria", VERDICT_MAX_CRITERIA);
    r->criteria[r->n++] = c;
    return 0;
}

static int read_criteria(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err == 0 && e.type != JSON_ARRAY)
        err = json_error(r->json, "\"criteria\" is not an array");
    while (err == 0) {
        err = json_next(r->json, &e);
        if (err < 0 || e.type == JSON_ARRAY_END)
            break;
        err = e.type == JSON_OBJECT ? read_criterion(r)
                                    : json_error(r->json, "a criterion that is not an object");
    }
    return err;
}

static int read_profile(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err == 0 && e.type != JSON_OBJECT)
        err = json_error(r->json, "a profile is an object with \"name\" and \"criteria\"");
    while (err == 0) {
        err = json_next(r->json, &e);
        if (err < 0 || e.type != JSON_KEY)
            break;
        if (str_is(e.text, "name"))
            err = read_text(r, &r->name);
        else if (str_is(e.text, "criteria"))
            err = read_criteria(r);
        else
            err = json_error(r->json, "a profile has \"name\" and \"criteria\", not '" STR_FMT "'",
                             STR_ARG(e.text));
    }
    if (err == 0)
        err = json_next(r->json, &e); // JSON_END
    if (err == 0 && (r->n == 0 || !r->name))
        err = json_error(r->json, "a profile needs \"name\" and at least one of \"criteria\"");
    return err;
}

int verdict_profile_read(struct str text, const char *name, struct arena *a,
                         struct verdict_profile *ret_profile)
{
    struct reader r = {.arena = a,
                       .criteria = arena_array(a, struct verdict_criterion, VERDICT_MAX_CRITERIA)};
    const struct json_reader_opts opts = {.text = text, .name = name};
    int err = r.criteria ? json_reader_create(&opts, &r.json) : ERR_NOMEM;
    if (err == 0)
        err = read_profile(&r);
    json_reader_destroy(r.json);
    if (err == 0)
        *ret_profile = (struct verdict_profile){r.name, r.criteria, r.n};
    return err;
}

static int read_file(const char *path, struct arena *a, struct verdict_profile *ret)
{
    char *bytes = NULL;
    size_t n;
    int err = file_read(path, VERDICT_MAX_BYTES, &bytes, &n);
    if (err < 0)
        return err;
    err = verdict_profile_read((struct str){bytes, n}, path, a, ret);
    mem_free(bytes);
    return err;
}

int verdict_profile_read_json(struct str json, struct arena *a, struct verdict_profile *ret_profile)
{
    json = str_trim(json);
    if (json.n < 2 || json.p[0] != '"')
        return verdict_profile_read(json, "profile", a, ret_profile);
    const struct str name = {json.p + 1, json.n - 2};
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        if (str_is(name, profiles[i].name)) {
            *ret_profile = profiles[i];
            return 0;
        }
    }
    return err_set(ERR_NOT_FOUND,
                   "profile: '%.*s' is none of default, strict, safety-critical, performance",
                   (int)MIN(name.n, (size_t)40), name.p);
}

int verdict_profile_get(const char *name_or_path, struct arena *a,
                        struct verdict_profile *ret_profile)
{
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
        if (strcmp(profiles[i].name, name_or_path) == 0) {
            *ret_profile = profiles[i];
            return 0;
        }
    }
    if (!file_exists(name_or_path))
        return err_set(ERR_NOT_FOUND,
                       "'%s' is neither a file nor a profile: default, strict, safety-critical, "
                       "performance",
                       name_or_path);
    return read_file(name_or_path, a, ret_profile);
}

// ---- outcome

static enum verdict_outcome sum_up(const struct verdict *v)
{
    if (v->n_no_data == v->n)
        return VERDICT_NO_DATA;
    if (v->n_met == v->n)
        return VERDICT_PASS;
    if (v->n_met * 5 >= v->n * 4)
        return VERDICT_CONDITIONAL_PASS;
    return (v->n_met + v->n_no_data) * 5 >= v->n * 4 ? VERDICT_NO_DATA : VERDICT_FAIL;
}

int verdict_make(const struct verdict_profile *p,
                 void (*figure)(void *arg, const char *metric, struct verdict_finding *f),
                 void *arg, struct arena *a, struct verdict *ret_verdict)
{
    struct verdict v = {.profile = p->name, .n = p->n};
    v.findings = arena_array(a, struct verdict_finding, p->n);
    if (!v.findings)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n; i++) {
        struct verdict_finding *f = &v.findings[i];
        const struct verdict_criterion *c = &p->criteria[i];
        *f = (struct verdict_finding){.criterion = *c, .value = NAN, .interval = {NAN, NAN}};
        figure(arg, c->metric, f);
        if (isnan(f->value))
            f->outcome = VERDICT_NO_DATA;
        else
            f->outcome = (c->is_max ? f->value <= c->limit : f->value >= c->limit) ? VERDICT_PASS
                                                                                   : VERDICT_FAIL;
        v.n_met += f->outcome == VERDICT_PASS;
        v.n_no_data += f->outcome == VERDICT_NO_DATA;
    }
    v.outcome = sum_up(&v);
    *ret_verdict = v;
    return 0;
}

const char *verdict_outcome_name(enum verdict_outcome o)
{
    static const char *const names[] = {"UNSET", "PASS", "CONDITIONAL_PASS", "FAIL", "NO_DATA"};
    return names[o];
}
