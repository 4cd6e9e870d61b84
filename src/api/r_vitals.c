// SPDX-License-Identifier: Apache-2.0
// r_vitals.c - how the page feels where it is used: what browsers measured, as histograms by page.

#include <math.h>

#include "api/api_priv.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"

enum {
    MAX_BODY = 16 * 1024,
    MAX_VITALS = 64, // of one body
};

// The names of web/src/app/routes.ts: whatever else is said counts as "other".
static const char *const pages[] = {"dashboard", "projects", "project", "review",
                                    "sessions",  "session",  "compare", "models",
                                    "tasks",     "settings", "login"};

static const double paint_seconds[] = {0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 4, 10};
static const double answer_seconds[] = {0.008, 0.016, 0.032, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2};
static const double shifts[] = {0.001, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1};

static struct metric lcp = METRIC_HISTOGRAM(
    "web_vitals_lcp_seconds", "Largest contentful paint, by page", paint_seconds, "page");
static struct metric fcp = METRIC_HISTOGRAM(
    "web_vitals_fcp_seconds", "First contentful paint, by page", paint_seconds, "page");
static struct metric ttfb = METRIC_HISTOGRAM(
    "web_vitals_ttfb_seconds", "Time to the first byte of the page", answer_seconds, "page");
static struct metric inp = METRIC_HISTOGRAM(
    "web_vitals_inp_seconds", "Interaction to next paint, by page", answer_seconds, "page");
static struct metric cls =
    METRIC_HISTOGRAM("web_vitals_cls", "Cumulative layout shift, by page", shifts, "page");

static const struct {
    const char *name;
    struct metric *metric;
    double unit; // of one as it comes (milliseconds), in the metric's
    double max;  // as it comes; more is nonsense
} vitals[] = {
    {"LCP", &lcp, 1e-3, 3600e3}, {"FCP", &fcp, 1e-3, 3600e3}, {"TTFB", &ttfb, 1e-3, 3600e3},
    {"INP", &inp, 1e-3, 3600e3}, {"CLS", &cls, 1, 1000},
};

struct vital {
    size_t which; // ARRAY_LEN(vitals): none was named
    const char *page;
    double value;
};

static const char *page_named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (str_is(name, pages[i]))
            return pages[i];
    return "other";
}

static int read_name(struct str name, size_t *ret_which)
{
    for (size_t i = 0; i < ARRAY_LEN(vitals); i++) {
        if (str_is(name, vitals[i].name)) {
            *ret_which = i;
            return 0;
        }
    }
    return err_set(ERR_INVALID, "'%.*s' is none of LCP, FCP, TTFB, INP, CLS", (int)MIN(name.n, 20),
                   name.p);
}

static int read_member(struct json_reader *json, struct str key, struct vital *v)
{
    bool is_name = str_is(key, "name");
    bool is_page = str_is(key, "page");
    if (!is_name && !is_page && !str_is(key, "value"))
        return err_set(ERR_INVALID, "a vital has name, page and value");
    struct json_event e;
    int r = json_next(json, &e);
    if (r < 0)
        return r;
    if (e.type != (is_name || is_page ? JSON_STRING : JSON_NUMBER))
        return err_set(ERR_INVALID, "name and page are texts, value is a number");
    if (is_name)
        return read_name(e.text, &v->which);
    if (is_page)
        v->page = page_named(e.text);
    else
        v->value = e.number;
    return 0;
}

static int read_vital(struct json_reader *json, struct vital *v)
{
    struct json_event e;
    int r = 0;
    *v = (struct vital){.which = ARRAY_LEN(vitals), .page = "other", .value = NAN};
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_OBJECT_END)
        r = read_member(json, e.text, v);
    if (r < 0)
        return r;
    if (v->which == ARRAY_LEN(vitals) || !(v->value >= 0 && v->value <= vitals[v->which].max))
        return err_set(ERR_INVALID, "a vital has a name and a value of its kind");
    return 0;
}

static int read_all(struct json_reader *json, struct vital *all, size_t *ret_n)
{
    struct json_event e;
    size_t n = 0;
    int r = json_next(json, &e);
    if (r == 0 && e.type != JSON_ARRAY)
        return err_set(ERR_INVALID, "the body is no array of vitals");
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type != JSON_ARRAY_END) {
        if (e.type != JSON_OBJECT || n == MAX_VITALS)
            return err_set(ERR_INVALID, "up to %d vitals are expected", MAX_VITALS);
        r = read_vital(json, &all[n++]);
    }
    *ret_n = n;
    return r == 0 ? json_next(json, &e) : r; // nothing may follow
}

static int take(struct request *q)
{
    struct json_reader *json;
    struct vital all[MAX_VITALS];
    size_t n = 0;
    int r = request_json(q, 0, &json);
    if (r < 0)
        return r;
    r = read_all(json, all, &n);
    json_reader_destroy(json);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        metric_observe(vitals[all[i].which].metric, all[i].value * vitals[all[i].which].unit,
                       LABELS(all[i].page));
    return reply_empty(q, 204);
}

const struct route api_routes_vitals[] = {
    {"POST", "/api/v1/vitals", take, .role = API_VIEWER, .rate_class = API_RATE_WRITE,
     .body_limit = MAX_BODY, .flags = ROUTE_NO_LOG},
    {0},
};
