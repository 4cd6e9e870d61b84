// SPDX-License-Identifier: Apache-2.0
// text_detection.c - conventions, confusions and slices as tables.

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/evaluation.h"
#include "report/text_priv.h"

enum {
    MAX_MATRIX = 12,     // classes of a matrix that is shown whole
    MAX_CONFUSIONS = 20, // pairs of a larger one
};

static void put_difference(struct str_buf *out, double before, double after)
{
    if (isnan(after - before))
        str_buf_printf(out, "%9s", "-");
    else
        str_buf_printf(out, "%+9.4f", after - before);
}

static void put_causes(struct str_buf *out, const struct convention_result *c)
{
    if (c->n_causes == 0)
        return;
    str_buf_printf(out, "%s less coco:%*s%9s%9s\n", convention_name(c->kind),
                   18 - (int)str_of(convention_name(c->kind)).n, "", "AP", "AP50");
    for (size_t i = 0; i < c->n_causes; i++) {
        const struct convention_cause *cause = &c->causes[i];
        str_buf_printf(out, "  %-27s", cause->rule);
        put_difference(out, cause->ap_before, cause->ap_after);
        put_difference(out, cause->ap50_before, cause->ap50_after);
        str_buf_printf(out, "  %s\n", cause->text);
    }
}

static void put_conventions(struct str_buf *out, const struct evaluation *e)
{
    str_buf_printf(out, "\n%-*s%8s%8s%8s\n", TEXT_LABEL_WIDTH, "convention", "AP", "AP50", "AP75");
    for (size_t i = 0; i < e->n_conventions; i++) {
        const struct convention_result *c = &e->conventions[i];
        text_put_label(out, convention_name(c->kind));
        text_put_value(out, 8, c->figures.ap);
        text_put_value(out, 8, c->figures.ap50);
        text_put_value(out, 8, c->figures.ap75);
        if (!isnan(c->figures.f1))
            str_buf_printf(out, "  precision %.4f  recall %.4f  F1 %.4f, means at confidence %.4f",
                           c->figures.precision, c->figures.recall, c->figures.f1,
                           c->figures.confidence);
        str_buf_putc(out, '\n');
    }
    for (size_t i = 0; i < e->n_conventions; i++)
        put_causes(out, &e->conventions[i]);
}

// ---- confusion

static const char *label_of(const struct evaluation *e, size_t k)
{
    return k < e->n_classes ? e->classes[k].label : "(background)";
}

static int64_t cell(const struct evaluation *e, const struct confusion *c, size_t row,
                    size_t column)
{
    size_t r = row < e->n_classes ? e->class_indices[row] : c->n - 1;
    size_t k = column < e->n_classes ? e->class_indices[column] : c->n - 1;
    return c->counts[r * c->n + k];
}

static void put_matrix(struct str_buf *out, const struct evaluation *e, const struct confusion *c)
{
    for (size_t row = 0; row <= e->n_classes; row++) {
        str_buf_printf(out, "  %2zu ", row + 1);
        text_put_label(out, label_of(e, row));
        for (size_t column = 0; column <= e->n_classes; column++)
            str_buf_printf(out, "%7lld", (long long)cell(e, c, row, column));
        str_buf_putc(out, '\n');
    }
}

struct pair {
    size_t row, column;
    int64_t n;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

// The most frequent cells beside the diagonal.
static void put_pairs(struct str_buf *out, const struct evaluation *e, const struct confusion *c)
{
    const size_t n = e->n_classes + 1;
    struct pair *pairs = mem_array(struct pair, n * n);
    if (!pairs) {
        out->failed = ERR_NOMEM;
        return;
    }
    size_t n_pairs = 0;
    for (size_t i = 0; i < n * n; i++) {
        int64_t count = cell(e, c, i / n, i % n);
        if (i / n != i % n && count > 0)
            pairs[n_pairs++] = (struct pair){i / n, i % n, count};
    }
    qsort(pairs, n_pairs, sizeof(*pairs), compare_pairs);
    for (size_t i = 0; i < MIN(n_pairs, (size_t)MAX_CONFUSIONS); i++) {
        str_buf_printf(out, "  %7lld  ", (long long)pairs[i].n);
        text_put_label(out, label_of(e, pairs[i].row));
        str_buf_puts(out, "  ");
        text_put_label(out, label_of(e, pairs[i].column));
        str_buf_putc(out, '\n');
    }
    if (n_pairs > MAX_CONFUSIONS)
        str_buf_printf(out, "  and %zu more pairs\n", n_pairs - MAX_CONFUSIONS);
    mem_free(pairs);
}

static void put_confusion(struct str_buf *out, const struct evaluation *e,
                          const struct confusion *c)
{
    const bool by_truth = c->kind == CONFUSION_SUPERVISION;
    str_buf_printf(out,
                   "\nconfusion matrix (%s: confidence above %g, IoU above %g; rows %s, columns "
                   "%s)\n",
                   confusion_name(c->kind), c->confidence, c->iou, by_truth ? "truth" : "detection",
                   by_truth ? "detection" : "truth");
    if (e->n_classes <= MAX_MATRIX)
        put_matrix(out, e, c);
    else
        put_pairs(out, e, c);
    if (c->n_ignored > 0)
        str_buf_printf(out, "  %zu detections on ignored truths are in no cell\n", c->n_ignored);
}

// ---- MOT17Det

static void put_motdet(struct str_buf *out, const struct motdet *m)
{
    static const char *const names[] = {"AP", "MODA", "MODP", "precision", "recall"};
    const double values[] = {m->ap, m->moda, m->modp, m->precision, m->recall};
    str_buf_puts(out, "\nMOT17Det");
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        str_buf_printf(out, "  %s", names[i]);
        text_put_value(out, 8, values[i]);
    }
    str_buf_printf(out, "\n  %lld truths, %lld true, %lld false, %lld missed, %lld removed\n",
                   (long long)m->n_truths, (long long)m->true_positives,
                   (long long)m->false_positives, (long long)m->false_negatives,
                   (long long)m->n_removed);
}

// ---- slices

static void put_slices(struct str_buf *out, const struct evaluation *e)
{
    str_buf_printf(out, "\n%-*s%-*s%9s%8s%11s%8s%8s%8s%11s%8s%8s\n", TEXT_LABEL_WIDTH, "slice",
                   TEXT_LABEL_WIDTH, "", "pictures", "truths", "detections", "AP", "AP50", "AR",
                   "precision", "recall", "F1");
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct slice_part *s = &e->slices[i];
        text_put_label(out, s->by);
        text_put_label(out, s->value[0] ? s->value : "(no label)");
        str_buf_printf(out, "%9zu%8zu", s->n_pictures, s->n_truths);
        if (s->of_truths)
            str_buf_printf(out, "%11s", "-");
        else
            str_buf_printf(out, "%11zu", s->n_detections);
        const double values[] = {s->ap, s->ap50, s->ar, s->at.precision, s->at.recall, s->at.f1};
        for (size_t j = 0; j < ARRAY_LEN(values); j++)
            text_put_value(out, j == 3 ? 11 : 8, values[j]);
        str_buf_putc(out, '\n');
    }
}

void text_put_detection(struct str_buf *out, const struct evaluation *e)
{
    if (e->n_conventions > 0)
        put_conventions(out, e);
    for (size_t i = 0; i < e->n_confusions; i++)
        put_confusion(out, e, &e->confusions[i]);
    if (e->opts.wants_motdet)
        put_motdet(out, &e->motdet);
    if (e->n_slices > 0)
        put_slices(out, e);
}
