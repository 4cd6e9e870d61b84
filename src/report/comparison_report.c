// SPDX-License-Identifier: Apache-2.0
// comparison_report.c - three shapes of one comparison.

#include "report/comparison_report.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "report/compared_priv.h"
#include "report/escape.h"
#include "report/text_priv.h"

static void put_object(struct str_buf *out, const struct comparison_about *about,
                       const struct comparison_change *c)
{
    const char *label = about->pictures->classes[c->class_index].name;
    str_buf_puts(out, label[0] ? label : "(no label)");
    if (c->track_id >= 0)
        str_buf_printf(out, " track %" PRId64, c->track_id);
    str_buf_puts(out, ", ");
    compared_put_picture(out, about->pictures, c->first);
    if (c->last != c->first) {
        str_buf_puts(out, " to ");
        compared_put_picture(out, about->pictures, c->last);
    }
    str_buf_printf(out, " (%zu of them)", c->n);
}

void comparison_put_blocks(const struct comparison *c, struct str_buf *out)
{
    compared_put_blocks(&c->plan, c->plan.block, c->block_seconds, out);
}

struct listed {
    const struct comparison *c;
    const struct comparison_about *about;
};

static struct compared_change describe(const void *arg, size_t i, struct str_buf *name)
{
    const struct listed *l = (const struct listed *)arg;
    put_object(name, l->about, &l->c->changes[i]);
    return (struct compared_change){l->c->changes[i].side, l->c->changes[i].evidence};
}

static struct compared_sides sides_of(const struct listed *l)
{
    return (struct compared_sides){
        .heading = "objects that changed sides, counted in frames",
        .counted = "frames",
        .counts = l->c->n_objects,
        .n_changes = l->c->n_changes,
        .n_listed = l->about->n_listed,
        .describe = describe,
        .arg = l,
    };
}

// ---- text

static void put_signed(struct str_buf *out, int width, double value)
{
    if (isnan(value))
        str_buf_printf(out, "%*s", width, "-");
    else
        str_buf_printf(out, "%+*.4f", width, value);
}

static void put_rows(struct str_buf *out, const char *label,
                     const struct comparison_figure figures[WEIGHED_N_FIGURES])
{
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        const struct comparison_figure *f = &figures[i];
        if (isnan(f->a) && isnan(f->b))
            continue;
        text_put_label(out, label);
        str_buf_printf(out, "%-10s", weighed_names[i]);
        text_put_value(out, 8, f->a);
        text_put_value(out, 8, f->b);
        put_signed(out, 11, f->difference);
        put_signed(out, 11, f->interval.low);
        put_signed(out, 9, f->interval.high);
        str_buf_puts(out, f->is_beyond_noise ? "  beyond noise\n" : "\n");
    }
}

int comparison_text(const struct comparison *c, const struct comparison_about *about,
                    struct str_buf *out)
{
    compared_put_line(out, "A", about->a);
    compared_put_line(out, "B", about->b);
    compared_put_line(out, "truth", about->truth);
    str_buf_printf(out, "%-11s%zu pictures; intervals of 95 %% by ", "judged", c->n_pictures);
    str_buf_printf(out, "%zu resamples of ", c->opts.resamples);
    comparison_put_blocks(c, out);
    str_buf_printf(out, "\n\n%-*s%-10s%8s%8s%11s%11s%9s  (confidence %.4g)\n", TEXT_LABEL_WIDTH,
                   "class", "figure", "A", "B", "B - A", "from", "to", c->opts.at_confidence);
    put_rows(out, "all", c->overall);
    for (size_t k = 0; k < c->n_classes && c->n_classes > 1; k++)
        put_rows(out, c->classes[k].label, c->classes[k].figures);
    const struct listed listed = {c, about};
    const struct compared_sides sides = sides_of(&listed);
    compared_put_sides_text(out, &sides);
    compared_put_notices(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

// ---- Markdown

static void put_cells(struct str_buf *out, const char *label,
                      const struct comparison_figure figures[WEIGHED_N_FIGURES])
{
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        const struct comparison_figure *f = &figures[i];
        if (isnan(f->a) && isnan(f->b))
            continue;
        str_buf_puts(out, "| ");
        escape_markdown(out, str_of(label));
        str_buf_printf(out, " | %s | ", weighed_names[i]);
        text_put_value(out, 0, f->a);
        str_buf_puts(out, " | ");
        text_put_value(out, 0, f->b);
        str_buf_puts(out, f->is_beyond_noise ? " | **" : " | ");
        put_signed(out, 0, f->difference);
        str_buf_puts(out, f->is_beyond_noise ? "** | " : " | ");
        put_signed(out, 0, f->interval.low);
        str_buf_puts(out, " to ");
        put_signed(out, 0, f->interval.high);
        str_buf_puts(out, " |\n");
    }
}

int comparison_markdown(const struct comparison *c, const struct comparison_about *about,
                        struct str_buf *out)
{
    compared_put_heading(out, "Comparison", about->a, about->b);
    str_buf_printf(out, "%zu pictures; 95 %% intervals by ", c->n_pictures);
    comparison_put_blocks(c, out);
    str_buf_puts(out, ". Differences beyond noise are bold.\n\n"
                      "| class | figure | A | B | B - A | 95 % interval |\n"
                      "|---|---|---:|---:|---:|---|\n");
    put_cells(out, "all", c->overall);
    for (size_t k = 0; k < c->n_classes && c->n_classes > 1; k++)
        put_cells(out, c->classes[k].label, c->classes[k].figures);
    const struct listed listed = {c, about};
    const struct compared_sides sides = sides_of(&listed);
    compared_put_sides_markdown(out, &sides);
    compared_put_quotes(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

// ---- JSON

static void put_figures(struct json_writer *w,
                        const struct comparison_figure figures[WEIGHED_N_FIGURES])
{
    json_key(w, "figures");
    json_object(w);
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        const struct comparison_figure *f = &figures[i];
        json_key(w, weighed_names[i]);
        json_object(w);
        compared_put_figure(w, f->a, f->b, f->difference, f->interval, f->is_beyond_noise);
        json_end(w);
    }
    json_end(w);
}

static void put_place(struct json_writer *w, const char *key, const struct comparison_about *about,
                      int32_t picture)
{
    json_key(w, key);
    json_object(w);
    compared_put_place(w, about->pictures, picture);
    json_end(w);
}

static void put_change(struct json_writer *w, const struct comparison_about *about,
                       const struct comparison_change *c)
{
    json_object(w);
    json_put_text(w, "side", comparison_side_names[c->side]);
    json_put_text(w, "label", about->pictures->classes[c->class_index].name);
    if (c->track_id >= 0)
        json_put_int(w, "track_id", c->track_id);
    json_put_int(w, "frames", c->n);
    put_place(w, "first", about, c->first);
    put_place(w, "last", about, c->last);
    json_put_double(w, "evidence", c->evidence);
    compared_put_box(w, c->example->x, c->example->y, c->example->w, c->example->h);
    json_end(w);
}

static void put_settings(struct json_writer *w, const struct comparison *c)
{
    json_key(w, "settings");
    json_object(w);
    json_put_double(w, "at_confidence", c->opts.at_confidence);
    compared_put_settings(w, &c->plan, c->plan.block, c->block_seconds, c->opts.seed,
                          c->opts.resamples);
    json_end(w);
}

int comparison_json(const struct comparison *c, const struct comparison_about *about,
                    struct str_buf *out)
{
    struct json_writer w;
    compared_begin_json(&w, out);
    json_put_text(&w, "truth", about->truth);
    json_put_text(&w, "a", about->a);
    json_put_text(&w, "b", about->b);
    put_settings(&w, c);
    json_put_int(&w, "pictures", c->n_pictures);
    put_figures(&w, c->overall);
    json_key(&w, "classes");
    json_array(&w);
    for (size_t k = 0; k < c->n_classes; k++) {
        json_object(&w);
        json_put_text(&w, "label", c->classes[k].label);
        json_put_int(&w, "truths", c->classes[k].n_truths);
        put_figures(&w, c->classes[k].figures);
        json_end(&w);
    }
    json_end(&w);
    json_key(&w, "changed_sides");
    json_object(&w);
    for (enum comparison_side s = COMPARISON_LOST; s < COMPARISON_N_SIDES; s++)
        json_put_int(&w, comparison_side_names[s], (int64_t)c->n_objects[s]);
    json_key(&w, "objects");
    json_array(&w);
    for (size_t i = 0; i < MIN(c->n_changes, (size_t)COMPARED_MAX_CHANGES); i++)
        put_change(&w, about, &c->changes[i]);
    json_end(&w);
    json_end(&w);
    return compared_end_json(&w, out, about->notices, about->n_notices, c->n_changes);
}
