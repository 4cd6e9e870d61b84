// SPDX-License-Identifier: Apache-2.0
// text.c - the evaluation as a table of plain text; "-" where there is no data.

#include "report/text.h"

#include <math.h>

#include "base/str.h"
#include "eval/evaluation.h"
#include "report/metrics_json.h"
#include "report/text_priv.h"
#include "report/verdict_report.h"

enum {
    MAX_LABEL = 256, // bytes
};

void text_put_value(struct str_buf *out, int width, double value)
{
    if (isnan(value))
        str_buf_printf(out, "%*s", width, "-");
    else
        str_buf_printf(out, "%*.4f", width, value);
}

static void put_path(struct str_buf *out, const char *what, const char *path)
{
    if (!path)
        return;
    str_buf_printf(out, "%-11s", what);
    str_buf_add_printable(out, str_of(path));
    str_buf_putc(out, '\n');
}

static void put_head(struct str_buf *out, const struct evaluation *e,
                     const struct report_about *about)
{
    put_path(out, "source", about->source);
    put_path(out, "model", about->model);
    put_path(out, "detections", about->detections);
    put_path(out, "truth", about->truth);
    str_buf_printf(out, "%-11s%zu of %zu pictures, %zu truths", "judged", e->n_judged,
                   e->n_pictures, e->n_truths);
    if (e->n_ignored > 0)
        str_buf_printf(out, " (and %zu ignored)", e->n_ignored);
    str_buf_printf(out, ", %zu detections\n", e->n_detections);
}

static void put_recall_name(struct str_buf *out, int width, int cut)
{
    struct str_buf name = STR_BUF_INIT(MAX_LABEL);
    str_buf_printf(&name, "AR%d", cut);
    str_buf_printf(out, "%*s", width, str_buf_text(&name));
    str_buf_finish(&name);
}

static void put_coco(struct str_buf *out, const struct evaluation *e)
{
    const struct evaluation_coco *c = &e->coco;
    const struct {
        const char *name;
        double value;
    } cells[] = {
        {"AP", c->ap},         {"AP50", c->ap50},    {"AP75", c->ap75},     {"APs", c->ap_small},
        {"APm", c->ap_medium}, {"APl", c->ap_large}, {NULL, c->ar[0]},      {NULL, c->ar[1]},
        {NULL, c->ar[2]},      {"ARs", c->ar_small}, {"ARm", c->ar_medium}, {"ARl", c->ar_large},
    };
    str_buf_putc(out, '\n');
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        size_t cut = i >= 6 ? i - 6 : 0;
        if (cells[i].name)
            str_buf_printf(out, "%8s", cells[i].name);
        else if (cut < e->opts.coco.n_cuts)
            put_recall_name(out, 8, e->opts.coco.cuts[cut]);
        else
            str_buf_printf(out, "%8s", "");
        text_put_value(out, 8, cells[i].value);
        str_buf_puts(out, i % 3 == 2 ? "\n" : "  ");
    }
}

static void put_point(struct str_buf *out, const struct operating_point *p)
{
    str_buf_printf(out, "precision");
    text_put_value(out, 7, p->precision);
    str_buf_printf(out, "  recall");
    text_put_value(out, 7, p->recall);
    str_buf_printf(out, "  F1");
    text_put_value(out, 7, p->f1);
    str_buf_printf(out, "  (%lld true, %lld false, %lld missed)\n", (long long)p->true_positives,
                   (long long)p->false_positives, (long long)p->false_negatives);
}

static void put_operating(struct str_buf *out, const struct evaluation *e)
{
    str_buf_printf(out, "\nat IoU 0.5, all classes pooled\n  confidence %-8.4g", e->at.confidence);
    put_point(out, &e->at);
    if (isnan(e->best.confidence)) {
        str_buf_puts(out, "  best F1            -\n");
        return;
    }
    str_buf_printf(out, "  best at    %-8.4g", e->best.confidence);
    put_point(out, &e->best);
}

void text_put_label(struct str_buf *out, const char *label)
{
    struct str_buf text = STR_BUF_INIT(MAX_LABEL);
    str_buf_add_printable(&text, str_of(label));
    struct str shown = str_buf_view(&text);
    int width = 0;
    size_t n = 0;
    for (; n < shown.n; n++) {
        bool begins = ((unsigned char)shown.p[n] & 0xc0) != 0x80;
        if (begins && width == TEXT_LABEL_WIDTH)
            break;
        width += begins;
    }
    str_buf_add(out, shown.p, n);
    str_buf_printf(out, "%*s", TEXT_LABEL_WIDTH - width, "");
    str_buf_finish(&text);
}

static void put_class(struct str_buf *out, const struct evaluation_class *c)
{
    text_put_label(out, c->label[0] ? c->label : "(no label)");
    str_buf_printf(out, "%8zu%11zu", c->n_truths, c->n_detections);
    const double values[] = {c->coco.ap,      c->coco.ap50, c->coco.ap75, c->ar,
                             c->at.precision, c->at.recall, c->at.f1};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        text_put_value(out, i == 4 ? 11 : 8, values[i]);
    str_buf_putc(out, '\n');
}

static void put_classes(struct str_buf *out, const struct evaluation *e)
{
    const struct coco_opts *o = &e->opts.coco;
    size_t n_empty = 0;
    str_buf_printf(out, "\n%-*s%8s%11s%8s%8s%8s", TEXT_LABEL_WIDTH, "class", "truths", "detections",
                   "AP", "AP50", "AP75");
    put_recall_name(out, 8, o->cuts[o->n_cuts - 1]);
    str_buf_printf(out, "%11s%8s%8s  (at confidence %.4g)\n", "precision", "recall", "F1",
                   e->at.confidence);
    for (size_t k = 0; k < e->n_classes; k++) {
        const struct evaluation_class *c = &e->classes[k];
        if (c->n_truths || c->n_ignored || c->n_detections)
            put_class(out, c);
        else
            n_empty++;
    }
    if (n_empty > 0)
        str_buf_printf(out, "%zu more classes have neither truths nor detections\n", n_empty);
}

int text_write(const struct evaluation *e, const struct report_about *about, struct str_buf *out)
{
    put_head(out, e, about);
    put_coco(out, e);
    put_operating(out, e);
    put_classes(out, e);
    text_put_detection(out, e);
    if (about->tracking)
        text_put_tracking(out, about->tracking);
    if (about->temporal)
        text_put_temporal(out, about->temporal);
    if (about->mistakes)
        text_put_mistakes(out, about->mistakes);
    if (about->verdict)
        verdict_text_put(out, about->verdict);
    if (e->n_notices > 0)
        str_buf_putc(out, '\n');
    for (size_t i = 0; i < e->n_notices; i++) {
        str_buf_puts(out, "notice: ");
        str_buf_add_printable(out, str_of(e->notices[i]));
        str_buf_putc(out, '\n');
    }
    return str_buf_check(out);
}
