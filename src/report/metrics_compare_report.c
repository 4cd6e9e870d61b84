// SPDX-License-Identifier: Apache-2.0
// metrics_compare_report.c - three shapes of the differences between two metrics files.

#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "report/compared_priv.h"
#include "report/escape.h"
#include "report/metrics_compare.h"
#include "report/text_priv.h"

enum {
    NAME_WIDTH = 34,
};

// Counts are whole, the rest has four digits.
static void put_value(struct str_buf *out, int width, double value, const char *sign)
{
    if (isnan(value))
        str_buf_printf(out, "%*s", width, "-");
    else if (value == floor(value) && fabs(value) < 1e15 && fabs(value) > 1)
        str_buf_printf(out, *sign ? "%+*.0f" : "%*.0f", width, value);
    else
        str_buf_printf(out, *sign ? "%+*.4f" : "%*.4f", width, value);
}

static bool is_empty(const struct metrics_difference *d)
{
    return isnan(d->a) && isnan(d->b);
}

static void put_method(const struct metrics_comparison *c, struct str_buf *out)
{
    if (c->no_intervals) {
        str_buf_printf(out, "no intervals: %s", c->no_intervals);
        return;
    }
    str_buf_printf(out, "intervals of 95 %% by %zu resamples of ", c->resamples);
    compared_put_blocks(&c->plan, c->plan.block * c->part_frames, c->block_seconds, out);
    str_buf_puts(out, "; figures without one have none in the files");
}

int metrics_compare_text(const struct metrics_comparison *c,
                         const struct metrics_compare_about *about, struct str_buf *out)
{
    compared_put_line(out, "A", about->a);
    compared_put_line(out, "B", about->b);
    str_buf_printf(out, "%-11s", "compared");
    put_method(c, out);
    str_buf_printf(out, "\n\n%-*s%-*s%11s%11s%11s%11s%11s\n", TEXT_LABEL_WIDTH, "class", NAME_WIDTH,
                   "figure", "A", "B", "B - A", "from", "to");
    for (size_t i = 0; i < c->n; i++) {
        const struct metrics_difference *d = &c->rows[i];
        if (is_empty(d))
            continue;
        text_put_label(out, d->label ? d->label : "all");
        struct str_buf name = STR_BUF_INIT(4 * KIB);
        str_buf_add_printable(&name, str_of(d->name));
        str_buf_printf(out, "%-*s", NAME_WIDTH, str_buf_text(&name));
        str_buf_finish(&name);
        put_value(out, 11, d->a, "");
        put_value(out, 11, d->b, "");
        put_value(out, 11, d->difference, "+");
        put_value(out, 11, d->interval.low, "+");
        put_value(out, 11, d->interval.high, "+");
        str_buf_puts(out, d->is_beyond_noise ? "  beyond noise\n" : "\n");
    }
    return str_buf_check(out);
}

int metrics_compare_markdown(const struct metrics_comparison *c,
                             const struct metrics_compare_about *about, struct str_buf *out)
{
    compared_put_heading(out, "Comparison of metrics files", about->a, about->b);
    put_method(c, out);
    str_buf_puts(out, c->no_intervals ? ".\n\n" : ". Differences beyond noise are bold.\n\n");
    str_buf_puts(out, "| class | figure | A | B | B - A | 95 % interval |\n"
                      "|---|---|---:|---:|---:|---|\n");
    for (size_t i = 0; i < c->n; i++) {
        const struct metrics_difference *d = &c->rows[i];
        const char *mark = d->is_beyond_noise ? "**" : "";
        if (is_empty(d))
            continue;
        str_buf_puts(out, "| ");
        escape_markdown(out, str_of(d->label ? d->label : "all"));
        str_buf_puts(out, " | ");
        escape_markdown(out, str_of(d->name));
        str_buf_puts(out, " | ");
        put_value(out, 0, d->a, "");
        str_buf_puts(out, " | ");
        put_value(out, 0, d->b, "");
        str_buf_printf(out, " | %s", mark);
        put_value(out, 0, d->difference, "+");
        str_buf_printf(out, "%s | ", mark);
        put_value(out, 0, d->interval.low, "+");
        str_buf_puts(out, " to ");
        put_value(out, 0, d->interval.high, "+");
        str_buf_puts(out, " |\n");
    }
    return str_buf_check(out);
}

int metrics_compare_json(const struct metrics_comparison *c,
                         const struct metrics_compare_about *about, struct str_buf *out)
{
    struct json_writer w;
    compared_begin_json(&w, out);
    json_put_text(&w, "a", about->a);
    json_put_text(&w, "b", about->b);
    json_put_text(&w, "no_intervals", c->no_intervals);
    json_key(&w, "settings");
    json_object(&w);
    compared_put_settings(&w, &c->plan, c->plan.block * c->part_frames, c->block_seconds, c->seed,
                          c->resamples);
    json_end(&w);
    json_key(&w, "figures");
    json_array(&w);
    for (size_t i = 0; i < c->n; i++) {
        const struct metrics_difference *d = &c->rows[i];
        json_object(&w);
        json_put_text(&w, "label", d->label);
        json_put_text(&w, "name", d->name);
        compared_put_figure(&w, d->a, d->b, d->difference, d->interval, d->is_beyond_noise);
        json_end(&w);
    }
    json_end(&w);
    json_end(&w);
    str_buf_putc(out, '\n');
    return str_buf_check(out);
}
