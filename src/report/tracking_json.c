// SPDX-License-Identifier: Apache-2.0
// tracking_json.c - tracking metrics as JSON: pooled, by class, by group and by video.

#include "report/tracking_json.h"

#include <math.h>

#include "base/json.h"
#include "tracking/tracking.h"

static const struct {
    const char *name;
    size_t offset; // in tracking_alphas
} lists[] = {
    {"HOTA", offsetof(struct tracking_alphas, hota)},
    {"DetA", offsetof(struct tracking_alphas, det_a)},
    {"AssA", offsetof(struct tracking_alphas, ass_a)},
    {"LocA", offsetof(struct tracking_alphas, loc_a)},
    {"DetRe", offsetof(struct tracking_alphas, det_re)},
    {"DetPr", offsetof(struct tracking_alphas, det_pr)},
    {"AssRe", offsetof(struct tracking_alphas, ass_re)},
    {"AssPr", offsetof(struct tracking_alphas, ass_pr)},
};

// A list of numbers stays on its line.
static void put_list(struct json_writer *w, const char *key, const double *values, bool has_data)
{
    json_key(w, key);
    if (!has_data) {
        json_null(w);
        return;
    }
    bool pretty = w->pretty;
    w->pretty = false;
    json_array(w);
    for (size_t i = 0; i < TRACKING_N_ALPHAS; i++)
        json_double(w, values[i]);
    json_end(w);
    w->pretty = pretty;
}

static void put_alphas(struct json_writer *w, const struct tracking_figures *f)
{
    double alphas[TRACKING_N_ALPHAS];
    for (size_t i = 0; i < TRACKING_N_ALPHAS; i++)
        alphas[i] = (double)(5 * (i + 1)) / 100;
    json_key(w, "alphas");
    json_object(w);
    put_list(w, "alpha", alphas, true);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        // The figure over alphas knows what it needs.
        const char *first = (const char *)&f->alphas + lists[i].offset;
        const struct tracking_row *row = tracking_row_find(lists[i].name);
        put_list(w, lists[i].name, (const double *)(const void *)first,
                 !isnan(tracking_value(f, row)));
    }
    json_end(w);
}

static void put_figures(struct json_writer *w, const struct tracking_figures *f)
{
    for (size_t i = 0; i < tracking_n_rows; i++) {
        json_key(w, tracking_rows[i].name);
        double value = tracking_value(f, &tracking_rows[i]);
        if (tracking_rows[i].kind == TRACKING_COUNT)
            json_int(w, (int64_t)value);
        else
            json_double(w, value); // NaN writes null
    }
    put_alphas(w, f);
}

static void put_whole(struct json_writer *w, const char *key, const struct tracking_figures *f)
{
    json_key(w, key);
    json_object(w);
    put_figures(w, f);
    json_end(w);
}

static void put_class(struct json_writer *w, const char *label, const struct tracking_figures *f)
{
    json_object(w);
    json_put_text(w, "label", label);
    put_figures(w, f);
    json_end(w);
}

static void put_sequence(struct json_writer *w, const struct tracking_result *r,
                         const struct tracking_sequence *s)
{
    json_object(w);
    json_put_text(w, "name", s->name);
    put_figures(w, &s->overall);
    json_key(w, "classes");
    json_array(w);
    for (size_t c = 0; c < r->n_classes; c++) {
        const struct tracking_figures *f = tracking_sequence_class(s, c);
        if (tracking_has_data(f))
            put_class(w, r->classes[c].label, f);
    }
    json_end(w);
    json_end(w);
}

void tracking_json_put(struct json_writer *w, const struct tracking_result *r)
{
    json_key(w, "tracking");
    json_object(w);
    json_put_text(w, "rules", tracking_rules_name(r->opts.rules));
    json_put_double(w, "iou_threshold", r->opts.iou_threshold);
    json_put_int(w, "untracked_detections", r->n_untracked);
    put_whole(w, "overall", &r->overall);
    put_whole(w, "class_average", &r->class_average);
    json_key(w, "classes");
    json_array(w);
    for (size_t c = 0; c < r->n_classes; c++)
        put_class(w, r->classes[c].label, &r->classes[c].figures);
    json_end(w);
    json_key(w, "groups");
    json_array(w);
    for (size_t g = 0; g < r->n_groups; g++)
        put_class(w, r->groups[g].label, &r->groups[g].figures);
    json_end(w);
    json_key(w, "sequences");
    json_array(w);
    for (size_t i = 0; i < r->n_sequences; i++)
        put_sequence(w, r, &r->sequences[i]);
    json_end(w);
    json_end(w);
}
