// SPDX-License-Identifier: Apache-2.0
// disagreement_report.c - three shapes of one list of disagreements.

#include "report/disagreement_report.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/disagreement.h"
#include "report/compared_priv.h"
#include "report/escape.h"
#include "report/text_priv.h"

enum {
    MAX_JSON_ITEMS = 10 * 1000,
    MAX_NAME = 4096,
};

static bool is_empty(const struct disagreement_class *c)
{
    return c->n_agreed + c->n_only_a + c->n_only_b == 0;
}

static void put_item(struct str_buf *out, const struct dataset *d,
                     const struct disagreement_item *item)
{
    const struct mistake *m = item->found;
    const struct mistake_place *first = &m->places[0];
    str_buf_puts(out, d->classes[m->class_index].name);
    if (item->kind == DISAGREEMENT_LABEL)
        str_buf_printf(out, " in A, %s in B", d->classes[m->other_class].name);
    str_buf_puts(out, ", ");
    compared_put_picture(out, d, first->picture);
    if (m->n_places > 1) {
        str_buf_puts(out, " to ");
        compared_put_picture(out, d, m->places[m->n_places - 1].picture);
    }
    str_buf_printf(out, " (%zu of them) at %.0f,%.0f %.0fx%.0f, confidence %.2f", m->n_places,
                   first->x, first->y, first->w, first->h, m->confidence);
}

static const char *words(enum disagreement_kind kind)
{
    return kind == DISAGREEMENT_ONLY_A   ? "only A"
           : kind == DISAGREEMENT_ONLY_B ? "only B"
                                         : "label";
}

int disagreement_text(const struct disagreement *d, const struct comparison_about *about,
                      struct str_buf *out)
{
    const size_t n = MIN(d->n, about->n_listed);
    compared_put_line(out, "A", about->a);
    compared_put_line(out, "B", about->b);
    str_buf_printf(out, "%-11s%zu pictures that both looked at; no truth: nobody is right\n\n",
                   "compared", d->n_pictures);
    str_buf_printf(out, "%-*s%9s%9s%9s  (boxes of confidence %.4g)\n", TEXT_LABEL_WIDTH, "class",
                   "agreed", "only A", "only B", DISAGREEMENT_CONFIDENCE);
    for (size_t k = 0; k < d->pictures->n_classes; k++) {
        const struct disagreement_class *c = &d->classes[k];
        if (is_empty(c))
            continue;
        text_put_label(out, d->pictures->classes[k].name);
        str_buf_printf(out, "%9zu%9zu%9zu\n", c->n_agreed, c->n_only_a, c->n_only_b);
    }
    str_buf_printf(out, "\nthe %zu of %zu disagreements with the most evidence\n", n, d->n);
    for (size_t i = 0; i < n; i++) {
        struct str_buf name = STR_BUF_INIT(MAX_NAME);
        put_item(&name, d->pictures, &d->items[i]);
        str_buf_printf(out, "%8.3f  %-8s", d->items[i].evidence, words(d->items[i].kind));
        str_buf_add_printable(out, str_buf_view(&name));
        str_buf_putc(out, '\n');
        str_buf_finish(&name);
    }
    compared_put_notices(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

int disagreement_markdown(const struct disagreement *d, const struct comparison_about *about,
                          struct str_buf *out)
{
    compared_put_heading(out, "Disagreements", about->a, about->b);
    str_buf_printf(out, "%zu pictures; no truth: nobody is right.\n\n", d->n_pictures);
    str_buf_puts(out, "| class | agreed | only A | only B |\n|---|---:|---:|---:|\n");
    for (size_t k = 0; k < d->pictures->n_classes; k++) {
        const struct disagreement_class *c = &d->classes[k];
        if (is_empty(c))
            continue;
        str_buf_puts(out, "| ");
        escape_markdown(out, str_of(d->pictures->classes[k].name));
        str_buf_printf(out, " | %zu | %zu | %zu |\n", c->n_agreed, c->n_only_a, c->n_only_b);
    }
    str_buf_putc(out, '\n');
    for (size_t i = 0; i < MIN(d->n, about->n_listed); i++) {
        struct str_buf name = STR_BUF_INIT(MAX_NAME);
        put_item(&name, d->pictures, &d->items[i]);
        str_buf_printf(out, "- %.3f %s: ", d->items[i].evidence, words(d->items[i].kind));
        escape_markdown(out, str_buf_view(&name));
        str_buf_putc(out, '\n');
        str_buf_finish(&name);
    }
    compared_put_quotes(out, about->notices, about->n_notices);
    return str_buf_check(out);
}

// ---- JSON

static void put_place(struct json_writer *w, const char *key, const struct dataset *d,
                      const struct mistake_place *place)
{
    json_key(w, key);
    json_object(w);
    compared_put_place(w, d, place->picture);
    compared_put_box(w, place->x, place->y, place->w, place->h);
    json_end(w);
}

static void put_json_item(struct json_writer *w, const struct dataset *d,
                          const struct disagreement_item *item)
{
    const struct mistake *m = item->found;
    json_object(w);
    json_put_text(w, "kind", disagreement_kind_names[item->kind]);
    json_put_double(w, "evidence", item->evidence);
    json_put_text(w, "label", d->classes[m->class_index].name);
    if (item->kind == DISAGREEMENT_LABEL)
        json_put_text(w, "label_in_b", d->classes[m->other_class].name);
    json_put_double(w, "confidence", m->confidence);
    json_put_int(w, "frames", m->n_places);
    put_place(w, "first", d, &m->places[0]);
    put_place(w, "last", d, &m->places[m->n_places - 1]);
    json_end(w);
}

int disagreement_json(const struct disagreement *d, const struct comparison_about *about,
                      struct str_buf *out)
{
    struct json_writer w;
    compared_begin_json(&w, out);
    json_put_text(&w, "a", about->a);
    json_put_text(&w, "b", about->b);
    json_put_double(&w, "confidence", DISAGREEMENT_CONFIDENCE);
    json_put_int(&w, "pictures", d->n_pictures);
    json_key(&w, "classes");
    json_array(&w);
    for (size_t k = 0; k < d->pictures->n_classes; k++) {
        if (is_empty(&d->classes[k]))
            continue;
        json_object(&w);
        json_put_text(&w, "label", d->pictures->classes[k].name);
        json_put_int(&w, "agreed", d->classes[k].n_agreed);
        json_put_int(&w, "only_a", d->classes[k].n_only_a);
        json_put_int(&w, "only_b", d->classes[k].n_only_b);
        json_end(&w);
    }
    json_end(&w);
    json_put_int(&w, "found", d->n);
    json_key(&w, "disagreements");
    json_array(&w);
    for (size_t i = 0; i < MIN(d->n, (size_t)MAX_JSON_ITEMS); i++)
        put_json_item(&w, d->pictures, &d->items[i]);
    json_end(&w);
    return compared_end_json(&w, out, about->notices, about->n_notices, 0);
}
