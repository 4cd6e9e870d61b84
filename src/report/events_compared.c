// SPDX-License-Identifier: Apache-2.0
// events_compared.c - three shapes of one comparison by events.

#include "report/events_compared.h"

#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "eval/comparison.h"
#include "eval/events_comparison.h"
#include "report/compared_priv.h"
#include "report/escape.h"
#include "report/text_priv.h"

static double block_seconds(const struct events_comparison *c)
{
    return c->plan.by_video ? (double)NAN : (double)c->plan.block * c->cell_seconds;
}

static void put_blocks(const struct events_comparison *c, struct str_buf *out)
{
    if (c->plan.by_video)
        str_buf_printf(out, "whole videos, %zu of them", c->plan.n_blocks);
    else
        str_buf_printf(out, "blocks of %.3g s, %zu of them", block_seconds(c), c->plan.n_blocks);
}

static const char *verdict_words(enum events_verdict v)
{
    static const char *const words[EVENTS_N_VERDICTS] = {
        [EVENTS_VERDICT_UNSET] = "too little data to say",
        [EVENTS_SAME] = "no difference beyond noise",
        [EVENTS_BETTER] = "B is better",
        [EVENTS_WORSE] = "B is worse",
        [EVENTS_MIXED] = "B is better in one, worse in the other",
    };
    return words[v];
}

static int digits_of(size_t figure)
{
    return figure >= EVENTS_LATENCY_P50 ? 1 : 4;
}

static void put_number(struct str_buf *out, int width, size_t figure, double value)
{
    if (isnan(value))
        str_buf_printf(out, "%*s", width, "-");
    else
        str_buf_printf(out, "%*.*f", width, digits_of(figure), value);
}

static void put_signed(struct str_buf *out, int width, size_t figure, double value)
{
    if (isnan(value))
        str_buf_printf(out, "%*s", width, "-");
    else
        str_buf_printf(out, "%+*.*f", width, digits_of(figure), value);
}

static bool has_data(const struct events_difference *d)
{
    return !isnan(d->a) || !isnan(d->b);
}

struct listed {
    const struct events_comparison *c;
    const struct events_compared_about *about;
};

static struct compared_change describe(const void *arg, size_t i, struct str_buf *name)
{
    const struct listed *l = (const struct listed *)arg;
    const struct events_change *x = &l->c->changes[i];
    str_buf_printf(name, "%s at %.3f s", x->label[0] ? x->label : "(no label)",
                   (double)x->time_us / 1e6);
    if (l->about->videos)
        str_buf_printf(name, " of %s", l->about->videos[x->video]);
    return (struct compared_change){x->side, x->evidence};
}

static struct compared_sides sides_of(const struct listed *l)
{
    return (struct compared_sides){
        .heading = "events that changed sides",
        .counted = "events",
        .counts = l->c->n_sides,
        .n_changes = l->c->n_changes,
        .n_listed = l->about->n_listed,
        .describe = describe,
        .arg = l,
    };
}

typedef void put_rows_fn(struct str_buf *out, const char *label,
                         const struct events_difference figures[EVENTS_N_FIGURES]);

static void put_all_rows(const struct events_comparison *c, put_rows_fn *put, struct str_buf *out)
{
    put(out, "all", c->overall);
    for (size_t i = 0; i < c->n_labels && c->n_labels > 1; i++)
        put(out, c->labels[i].label, c->labels[i].figures);
}

// ---- text

static void put_text_rows(struct str_buf *out, const char *label,
                          const struct events_difference figures[EVENTS_N_FIGURES])
{
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++) {
        const struct events_difference *d = &figures[f];
        if (!has_data(d))
            continue;
        text_put_label(out, label);
        str_buf_printf(out, "%-16s", events_figure_names[f]);
        put_number(out, 8, f, d->a);
        put_number(out, 9, f, d->b);
        put_signed(out, 11, f, d->difference);
        put_signed(out, 11, f, d->interval.low);
        put_signed(out, 9, f, d->interval.high);
        str_buf_puts(out, d->verdict == EVENTS_BETTER  ? "  better\n"
                          : d->verdict == EVENTS_WORSE ? "  worse\n"
                                                       : "\n");
    }
}

int events_compared_text(const struct events_comparison *c,
                         const struct events_compared_about *about, struct str_buf *out)
{
    compared_put_line(out, "A", about->a);
    compared_put_line(out, "B", about->b);
    if (about->truth)
        compared_put_line(out, "truth", about->truth);
    str_buf_printf(out, "%-11s%zu events, +-%.4g ms; found by both %zu, by neither %zu\n", "judged",
                   c->n_truths, c->opts.temporal.tolerance_ms, c->n_both, c->n_neither);
    str_buf_printf(out, "%-11s95 %% by %zu resamples of ", "intervals", c->opts.resamples);
    put_blocks(c, out);
    str_buf_printf(out, "\n%-11s%s (by f1 and latency_p50_ms)\n", "verdict",
                   verdict_words(c->verdict));
    str_buf_printf(out, "\n%-*s%-16s%8s%9s%11s%11s%9s  (confidence %.4g)\n", TEXT_LABEL_WIDTH,
                   "label", "figure", "A", "B", "B - A", "from", "to",
                   c->opts.temporal.at_confidence);
    put_all_rows(c, put_text_rows, out);
    const struct listed listed = {c, about};
    const struct compared_sides sides = sides_of(&listed);
    compared_put_sides_text(out, &sides);
    compared_put_notices(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

// ---- Markdown

static void put_cells(struct str_buf *out, const char *label,
                      const struct events_difference figures[EVENTS_N_FIGURES])
{
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++) {
        const struct events_difference *d = &figures[f];
        if (!has_data(d))
            continue;
        str_buf_puts(out, "| ");
        escape_markdown(out, str_of(label));
        str_buf_printf(out, " | %s | ", events_figure_names[f]);
        put_number(out, 0, f, d->a);
        str_buf_puts(out, " | ");
        put_number(out, 0, f, d->b);
        str_buf_puts(out, " | ");
        put_signed(out, 0, f, d->difference);
        str_buf_puts(out, " | ");
        put_signed(out, 0, f, d->interval.low);
        str_buf_puts(out, " to ");
        put_signed(out, 0, f, d->interval.high);
        str_buf_puts(out, d->verdict == EVENTS_BETTER  ? " | **better** |\n"
                          : d->verdict == EVENTS_WORSE ? " | **worse** |\n"
                                                       : " | |\n");
    }
}

int events_compared_markdown(const struct events_comparison *c,
                             const struct events_compared_about *about, struct str_buf *out)
{
    compared_put_heading(out, "Comparison", about->a, about->b);
    str_buf_printf(out, "%zu events, within %.4g ms; found by both %zu, by neither %zu. **%s** ",
                   c->n_truths, c->opts.temporal.tolerance_ms, c->n_both, c->n_neither,
                   verdict_words(c->verdict));
    str_buf_puts(out, "(by f1 and latency_p50_ms); 95 % intervals by ");
    put_blocks(c, out);
    str_buf_puts(out, ".\n\n| label | figure | A | B | B - A | 95 % interval | |\n"
                      "|---|---|---:|---:|---:|---|---|\n");
    put_all_rows(c, put_cells, out);
    const struct listed listed = {c, about};
    const struct compared_sides sides = sides_of(&listed);
    compared_put_sides_markdown(out, &sides);
    compared_put_quotes(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

// ---- JSON

static void put_settings(struct json_writer *w, const struct events_comparison *c)
{
    json_key(w, "settings");
    json_object(w);
    json_put_double(w, "tolerance_ms", c->opts.temporal.tolerance_ms);
    json_put_double(w, "latency_threshold_ms", c->opts.temporal.latency_threshold_ms);
    json_put_double(w, "at_confidence", c->opts.temporal.at_confidence);
    json_put_double(w, "level", BOOTSTRAP_LEVEL);
    json_put_int(w, "seed", (int64_t)c->opts.seed);
    json_put_int(w, "resamples", (int64_t)c->opts.resamples);
    json_put_int(w, "blocks", (int64_t)c->plan.n_blocks);
    json_put_double(w, "block_seconds", block_seconds(c));
    json_end(w);
}

static void put_figures(struct json_writer *w,
                        const struct events_difference figures[EVENTS_N_FIGURES])
{
    json_key(w, "figures");
    json_object(w);
    for (size_t f = 0; f < EVENTS_N_FIGURES; f++) {
        const struct events_difference *d = &figures[f];
        const bool is_beyond = d->verdict == EVENTS_BETTER || d->verdict == EVENTS_WORSE;
        json_key(w, events_figure_names[f]);
        json_object(w);
        compared_put_figure(w, d->a, d->b, d->difference, d->interval, is_beyond);
        json_put_text(w, "verdict", events_verdict_names[d->verdict]);
        json_end(w);
    }
    json_end(w);
}

static void put_time(struct json_writer *w, const char *key, int64_t us)
{
    json_put_double(w, key, us == INT64_MIN ? (double)NAN : (double)us / 1e3);
}

static void put_sides(struct json_writer *w, const struct events_comparison *c,
                      const struct events_compared_about *about)
{
    json_key(w, "changed_sides");
    json_object(w);
    for (enum comparison_side s = COMPARISON_LOST; s < COMPARISON_N_SIDES; s++)
        json_put_int(w, comparison_side_names[s], (int64_t)c->n_sides[s]);
    json_key(w, "events");
    json_array(w);
    for (size_t i = 0; i < MIN(c->n_changes, (size_t)COMPARED_MAX_CHANGES); i++) {
        const struct events_change *x = &c->changes[i];
        json_object(w);
        json_put_text(w, "side", comparison_side_names[x->side]);
        json_put_text(w, "label", x->label);
        if (about->videos)
            json_put_text(w, "video", about->videos[x->video]);
        put_time(w, "time_ms", x->time_us);
        put_time(w, "a_time_ms", x->a_time_us);
        put_time(w, "b_time_ms", x->b_time_us);
        json_put_double(w, "evidence", x->evidence);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

int events_compared_json(const struct events_comparison *c,
                         const struct events_compared_about *about, struct str_buf *out)
{
    struct json_writer w;
    compared_begin_json(&w, out);
    json_put_text(&w, "truth", about->truth);
    json_put_text(&w, "a", about->a);
    json_put_text(&w, "b", about->b);
    json_put_bool(&w, "events", true);
    put_settings(&w, c);
    json_put_int(&w, "truths", (int64_t)c->n_truths);
    json_put_int(&w, "found_by_both", (int64_t)c->n_both);
    json_put_int(&w, "found_by_neither", (int64_t)c->n_neither);
    json_put_text(&w, "verdict", events_verdict_names[c->verdict]);
    put_figures(&w, c->overall);
    json_key(&w, "classes");
    json_array(&w);
    for (size_t i = 0; i < c->n_labels; i++) {
        json_object(&w);
        json_put_text(&w, "label", c->labels[i].label);
        json_put_int(&w, "truths", (int64_t)c->labels[i].n_truths);
        put_figures(&w, c->labels[i].figures);
        json_end(&w);
    }
    json_end(&w);
    put_sides(&w, c, about);
    return compared_end_json(&w, out, about->notices, about->n_notices, c->n_changes);
}
