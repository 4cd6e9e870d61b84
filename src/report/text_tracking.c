// SPDX-License-Identifier: Apache-2.0
// text_tracking.c - tracking metrics as tables of plain text.

#include <inttypes.h>

#include "base/attr.h"
#include "base/str.h"
#include "report/text_priv.h"
#include "tracking/tracking.h"

// Columns of the table, in the order in which the benchmarks print them.
static const struct {
    const char *name;
    int width;
} columns[] = {
    {"HOTA", 8}, {"DetA", 8}, {"AssA", 8}, {"LocA", 8}, {"MOTA", 8}, {"MOTP", 8},
    {"IDF1", 8}, {"IDP", 8},  {"IDR", 8},  {"IDSW", 6}, {"FP", 7},   {"FN", 7},
    {"MT", 5},   {"PT", 5},   {"ML", 5},   {"Frag", 6},
};

static void put_head(struct str_buf *out, const char *what)
{
    str_buf_printf(out, "\n%-*s", TEXT_LABEL_WIDTH, what);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        str_buf_printf(out, "%*s", columns[i].width, columns[i].name);
    str_buf_putc(out, '\n');
}

static void put_row(struct str_buf *out, const char *label, const struct tracking_figures *f)
{
    text_put_label(out, label[0] ? label : "(no label)");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        const struct tracking_row *row = tracking_row_find(columns[i].name);
        double value = tracking_value(f, row);
        if (row->kind == TRACKING_COUNT)
            str_buf_printf(out, "%*" PRId64, columns[i].width, (int64_t)value);
        else
            text_put_value(out, columns[i].width, value);
    }
    str_buf_putc(out, '\n');
}

static void put_classes(struct str_buf *out, const struct tracking_result *r)
{
    size_t n_empty = 0;
    put_head(out, "tracks, by class");
    for (size_t c = 0; c < r->n_classes; c++) {
        if (tracking_has_data(&r->classes[c].figures))
            put_row(out, r->classes[c].label, &r->classes[c].figures);
        else
            n_empty++;
    }
    for (size_t g = 0; g < r->n_groups; g++)
        put_row(out, r->groups[g].label, &r->groups[g].figures);
    if (r->n_classes > 1)
        put_row(out, "mean of classes", &r->class_average);
    put_row(out, "all", &r->overall);
    if (n_empty > 0)
        str_buf_printf(out, "%zu more classes have neither truths nor detections\n", n_empty);
}

void text_put_tracking(struct str_buf *out, const struct tracking_result *r)
{
    str_buf_printf(out,
                   "\ntracking: rules %s, IoU %.4g, %" PRId64 " tracks of truth, %" PRId64
                   " of detections\n",
                   tracking_rules_name(r->opts.rules), r->opts.iou_threshold,
                   r->overall.n_truth_tracks, r->overall.n_result_tracks);
    if (r->n_untracked > 0)
        str_buf_printf(out, "%zu detections without a track id were left out\n", r->n_untracked);
    put_classes(out, r);
    if (r->n_sequences < 2)
        return;
    put_head(out, "tracks, by video");
    for (size_t i = 0; i < r->n_sequences; i++)
        put_row(out, r->sequences[i].name, &r->sequences[i].overall);
}
