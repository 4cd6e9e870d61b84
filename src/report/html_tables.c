// SPDX-License-Identifier: Apache-2.0
// html_tables.c - figures by class, what was asked for besides, and what the report was made from.

#include <math.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/metrics_json.h"

enum {
    MAX_CLASSES = 500, // rows
    MAX_SETTINGS = 1024 * 1024,
    MAX_KEY = 1024,
};

// --- by class

static void put_class(const struct evaluation_class *c, struct str_buf *out)
{
    html_begin_row(out, c->label);
    html_put_count_cell(out, "Objects", (int64_t)c->n_truths);
    html_put_count_cell(out, "Missed", c->at.false_negatives);
    html_put_count_cell(out, "False alarms", c->at.false_positives);
    html_put_value_cell(out, "AP", c->coco.ap);
    html_put_value_cell(out, "AP50", c->coco.ap50);
    html_put_value_cell(out, "Precision", c->at.precision);
    html_put_value_cell(out, "Recall", c->at.recall);
    html_put_value_cell(out, "F1", c->at.f1);
    html_put_value_cell(out, "Best threshold", c->best.confidence);
    str_buf_puts(out, "</tr>\n");
}

static void put_classes(const struct evaluation *e, struct str_buf *out)
{
    html_begin_section(out, "classes", "By class");
    str_buf_puts(out, "<p>Counts, precision, recall and F1 at confidence ");
    str_buf_double(out, e->at.confidence);
    str_buf_puts(out, "; AP over all confidences.</p>\n<table><thead><tr><th>Class</th>"
                      "<th>Objects</th><th>Missed</th><th>False alarms</th><th>AP</th>"
                      "<th>AP50</th><th>Precision</th><th>Recall</th><th>F1</th>"
                      "<th>Best threshold</th></tr></thead><tbody>\n");
    for (size_t k = 0; k < MIN(e->n_classes, (size_t)MAX_CLASSES); k++)
        put_class(&e->classes[k], out);
    str_buf_puts(out, "</tbody></table>\n");
    if (e->n_classes > MAX_CLASSES)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu classes.</p>\n", MAX_CLASSES,
                       e->n_classes);
    html_end_section(out);
}

// --- what it was made from

static void put_fact(struct str_buf *out, const char *name, const char *value, const char *kind)
{
    if (!value)
        return;
    str_buf_puts(out, "<dt>");
    html_put_text(out, name);
    str_buf_printf(out, "</dt><dd%s>", kind);
    html_put_text(out, value);
    str_buf_puts(out, "</dd>\n");
}

// Rows of settings: a key and its value, lists with commas; members of an object are rows as well.
struct settings {
    struct str_buf *out;
    struct str_buf key; // not yet written
    bool has_key;
    bool is_open; // a row
};

static void begin_row(struct settings *s)
{
    str_buf_puts(s->out, s->is_open ? "</dd>\n<dt>" : "<dt>");
    for (size_t i = 0; i < s->key.n; i++)
        s->key.p[i] = (char)(s->key.p[i] == '_' ? ' ' : s->key.p[i]);
    html_put_text(s->out, str_buf_text(&s->key));
    str_buf_puts(s->out, "</dt><dd>");
    s->has_key = false;
    s->is_open = true;
}

static void put_setting(struct settings *s, const struct json_event *ev)
{
    if (s->has_key)
        begin_row(s);
    else
        str_buf_puts(s->out, ", ");
    if (ev->type == JSON_NULL) {
        str_buf_puts(s->out, "<span class=\"soft\">not set</span>");
    } else if (ev->type == JSON_BOOL) {
        str_buf_puts(s->out, ev->boolean ? "yes" : "no");
    } else {
        struct str_buf text = STR_BUF_INIT(MAX_SETTINGS);
        str_buf_add_str(&text, ev->text);
        html_put_text(s->out, str_buf_text(&text));
        str_buf_finish(&text);
    }
}

static void put_event(struct settings *s, const struct json_event *ev)
{
    switch (ev->type) {
    case JSON_KEY:
        str_buf_reset(&s->key);
        str_buf_add_str(&s->key, ev->text);
        s->has_key = true;
        break;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER:
    case JSON_STRING:
        put_setting(s, ev);
        break;
    default: // ends and beginnings of lists and objects
        break;
    }
}

static void put_settings(const struct html_report *h, struct str_buf *out)
{
    struct str_buf text = STR_BUF_INIT(MAX_SETTINGS);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_object(&w);
    h->about->settings(h->about->arg, &w);
    json_end(&w);
    const struct json_reader_opts opts = {.text = str_buf_view(&text), .name = "settings"};
    struct json_reader *reader;
    int r = json_reader_create(&opts, &reader);
    if (r == 0) {
        struct settings s = {.out = out, .key = STR_BUF_INIT(MAX_KEY)};
        struct json_event ev = {0};
        while ((r = json_next(reader, &ev)) == 0 && ev.type != JSON_END)
            put_event(&s, &ev);
        if (s.is_open)
            str_buf_puts(out, "</dd>\n");
        str_buf_finish(&s.key);
        json_reader_destroy(reader);
    }
    str_buf_finish(&text);
    if (r < 0)
        out->failed = r;
}

static void put_made_from(const struct html_report *h, struct str_buf *out)
{
    const struct report_about *a = h->about;
    const struct evaluation *e = h->evaluation;
    html_begin_section(out, "settings", "What this was made from");
    str_buf_puts(out, "<dl>\n");
    put_fact(out, "Model", a->model, "");
    put_fact(out, "SHA-256 of the model", a->model_sha256, " class=\"hash\"");
    put_fact(out, "Source", a->source, "");
    put_fact(out, "SHA-256 of the source", a->source_sha256, " class=\"hash\"");
    put_fact(out, "Truth", a->truth, "");
    put_fact(out, "Detections", a->detections, "");
    str_buf_puts(out, "<dt>Frames</dt><dd>");
    html_put_count(out, (int64_t)e->n_judged);
    str_buf_puts(out, " judged of ");
    html_put_count(out, (int64_t)e->n_pictures);
    str_buf_puts(out, " in the truth</dd>\n<dt>Objects</dt><dd>");
    html_put_count(out, (int64_t)e->n_truths);
    str_buf_puts(out, " judged, ");
    html_put_count(out, (int64_t)e->n_ignored);
    str_buf_puts(out, " not to be judged</dd>\n<dt>Detections judged</dt><dd>");
    html_put_count(out, (int64_t)e->n_detections);
    str_buf_puts(out, "</dd>\n<dt>Operating point</dt><dd>confidence ");
    str_buf_double(out, e->opts.at_confidence);
    str_buf_puts(out, ", IoU 0.5</dd>\n<dt>IoU thresholds of AP</dt><dd>");
    for (size_t i = 0; i < e->opts.coco.n_ious; i++)
        str_buf_printf(out, "%s%g", i ? ", " : "", e->opts.coco.ious[i]);
    str_buf_puts(out, "</dd>\n");
    if (a->settings)
        put_settings(h, out);
    put_fact(out, "Version", "Assay " ASSAY_VERSION, "");
    str_buf_puts(out, "</dl>\n");
    html_end_section(out);
}

void html_put_tables(const struct html_report *h, struct str_buf *out)
{
    put_classes(h->evaluation, out);
    if (!h->about->only_conditions)
        html_put_parts(h->evaluation, out);
    html_put_confusions(h->evaluation, out);
    if (h->about->tracking)
        html_put_tracks(h->about->tracking, out);
    if (h->about->temporal)
        html_put_temporal(h->about->temporal, out);
    html_put_conventions(h->evaluation, out);
    html_put_motdet(h->evaluation, out);
    if (h->about->mistakes)
        html_put_mistakes(h->about->mistakes, out);
    put_made_from(h, out);
}
