// SPDX-License-Identifier: Apache-2.0
// combine.c - ratios from counts, figures of several videos or classes, and their names.

#include <math.h>

#include "tracking/tracking_priv.h"

#define R(name, field, needs)                                                                  \
    {                                                                                          \
        name, TRACKING_RATIO, TRACKING_NEEDS_##needs, offsetof(struct tracking_figures, field) \
    }
#define C(name, field)                                                                         \
    {                                                                                          \
        name, TRACKING_COUNT, TRACKING_NEEDS_NOTHING, offsetof(struct tracking_figures, field) \
    }

// clang-format off
const struct tracking_row tracking_rows[] = {
    R("HOTA", hota, TRUTHS),
    R("DetA", det_a, TRUTHS),
    R("AssA", ass_a, HOTA_MATCHES),
    R("LocA", loc_a, HOTA_MATCHES),
    R("DetRe", det_re, TRUTHS),
    R("DetPr", det_pr, RESULTS),
    R("AssRe", ass_re, HOTA_MATCHES),
    R("AssPr", ass_pr, HOTA_MATCHES),
    R("OWTA", owta, TRUTHS),
    R("HOTA(0)", hota_0, TRUTHS),
    R("LocA(0)", loc_a_0, HOTA_MATCHES),
    R("HOTALocA(0)", hota_loc_a_0, HOTA_MATCHES),
    R("MOTA", mota, TRUTHS),
    R("MOTP", motp, MATCHES),
    R("MODA", moda, TRUTHS),
    R("sMOTA", smota, TRUTHS),
    R("MOTAL", motal, TRUTHS),
    R("CLR_Re", recall, TRUTHS),
    R("CLR_Pr", precision, RESULTS),
    R("CLR_F1", f1, TRUTHS),
    R("FP_per_frame", fp_per_frame, TRUTHS),
    R("MTR", mtr, TRUTHS),
    R("PTR", ptr, TRUTHS),
    R("MLR", mlr, TRUTHS),
    C("TP", tp),
    C("FN", fn),
    C("FP", fp),
    C("IDSW", idsw),
    C("MT", mt),
    C("PT", pt),
    C("ML", ml),
    C("Frag", frag),
    R("IDF1", idf1, TRUTHS),
    R("IDP", idp, RESULTS),
    R("IDR", idr, TRUTHS),
    C("IDTP", idtp),
    C("IDFN", idfn),
    C("IDFP", idfp),
    C("Dets", n_results),
    C("GT_Dets", n_truths),
    C("IDs", n_result_tracks),
    C("GT_IDs", n_truth_tracks),
    C("Frames", n_frames),
};
// clang-format on
const size_t tracking_n_rows = ARRAY_LEN(tracking_rows);

const struct tracking_row *tracking_row_find(const char *name)
{
    for (size_t i = 0; i < tracking_n_rows; i++) {
        if (strcmp(tracking_rows[i].name, name) == 0)
            return &tracking_rows[i];
    }
    return NULL;
}

static bool is_given(const struct tracking_figures *f, enum tracking_need need)
{
    switch (need) {
    case TRACKING_NEEDS_TRUTHS:
        return f->n_truths > 0;
    case TRACKING_NEEDS_RESULTS:
        return f->n_results > 0;
    case TRACKING_NEEDS_MATCHES:
        return f->tp > 0;
    case TRACKING_NEEDS_HOTA_MATCHES:
        return f->alphas.tp[0] > 0;
    case TRACKING_NEEDS_NOTHING:
        break;
    }
    return true;
}

double tracking_value(const struct tracking_figures *f, const struct tracking_row *row)
{
    const char *field = (const char *)f + row->offset;
    if (row->kind == TRACKING_COUNT)
        return (double)*(const int64_t *)(const void *)field;
    return is_given(f, row->needs) ? *(const double *)(const void *)field : NAN;
}

bool tracking_has_data(const struct tracking_figures *f)
{
    return f->n_truths > 0 || f->n_results > 0;
}

static double ratio(double a, double b)
{
    return a / MAX(1.0, b);
}

static void complete_clear(struct tracking_figures *f)
{
    double tp = (double)f->tp;
    double fp = (double)f->fp;
    double idsw = (double)f->idsw;
    double truths = (double)(f->tp + f->fn);
    double tracks = (double)(f->mt + f->pt + f->ml);
    f->mtr = ratio((double)f->mt, tracks);
    f->ptr = ratio((double)f->pt, tracks);
    f->mlr = ratio((double)f->ml, tracks);
    f->recall = ratio(tp, truths);
    f->precision = ratio(tp, tp + fp);
    f->moda = ratio(tp - fp, truths);
    f->mota = ratio(tp - fp - idsw, truths);
    f->motp = ratio(f->motp_sum, tp);
    f->smota = ratio(f->motp_sum - fp - idsw, truths);
    f->f1 = ratio(tp, tp + .5 * (double)f->fn + .5 * fp);
    f->fp_per_frame = ratio(fp, (double)f->clear_frames);
    f->motal = ratio(tp - fp - (f->idsw > 0 ? log10(idsw) : 0), truths);
}

static void complete_identity(struct tracking_figures *f)
{
    double tp = (double)f->idtp;
    f->idr = ratio(tp, (double)(f->idtp + f->idfn));
    f->idp = ratio(tp, (double)(f->idtp + f->idfp));
    f->idf1 = ratio(tp, tp + .5 * (double)f->idfp + .5 * (double)f->idfn);
}

static void complete_alphas(struct tracking_alphas *al)
{
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        al->det_re[a] = ratio(al->tp[a], al->tp[a] + al->fn[a]);
        al->det_pr[a] = ratio(al->tp[a], al->tp[a] + al->fp[a]);
        al->det_a[a] = ratio(al->tp[a], al->tp[a] + al->fn[a] + al->fp[a]);
        al->hota[a] = sqrt(al->det_a[a] * al->ass_a[a]);
        al->owta[a] = sqrt(al->det_re[a] * al->ass_a[a]);
    }
}

static double mean(const double *v)
{
    return tracking_sum(v, TRACKING_N_ALPHAS) / TRACKING_N_ALPHAS;
}

void tracking_figures_means(struct tracking_figures *f)
{
    const struct tracking_alphas *al = &f->alphas;
    f->hota = mean(al->hota);
    f->owta = mean(al->owta);
    f->det_a = mean(al->det_a);
    f->det_re = mean(al->det_re);
    f->det_pr = mean(al->det_pr);
    f->ass_a = mean(al->ass_a);
    f->ass_re = mean(al->ass_re);
    f->ass_pr = mean(al->ass_pr);
    f->loc_a = mean(al->loc_a);
    f->hota_tp = mean(al->tp);
    f->hota_fn = mean(al->fn);
    f->hota_fp = mean(al->fp);
    f->hota_0 = al->hota[0];
    f->loc_a_0 = al->loc_a[0];
}

void tracking_figures_complete(struct tracking_figures *f)
{
    complete_clear(f);
    complete_identity(f);
    complete_alphas(&f->alphas);
    tracking_figures_means(f);
    f->hota_loc_a_0 = f->hota_0 * f->loc_a_0;
}

static void add_counts(struct tracking_figures *to, const struct tracking_figures *f)
{
    to->n_frames += f->n_frames;
    to->n_truths += f->n_truths;
    to->n_results += f->n_results;
    to->n_truth_tracks += f->n_truth_tracks;
    to->n_result_tracks += f->n_result_tracks;
    to->tp += f->tp;
    to->fn += f->fn;
    to->fp += f->fp;
    to->idsw += f->idsw;
    to->mt += f->mt;
    to->pt += f->pt;
    to->ml += f->ml;
    to->frag += f->frag;
    to->clear_frames += f->clear_frames;
    to->idtp += f->idtp;
    to->idfn += f->idfn;
    to->idfp += f->idfp;
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        to->alphas.tp[a] += f->alphas.tp[a];
        to->alphas.fn[a] += f->alphas.fn[a];
        to->alphas.fp[a] += f->alphas.fp[a];
    }
}

void tracking_pool(const struct tracking_figures *const *list, size_t n,
                   struct tracking_figures *ret_figures)
{
    struct tracking_figures out = {0};
    struct tracking_alphas *al = &out.alphas;
    for (size_t i = 0; i < n; i++) {
        add_counts(&out, list[i]);
        out.motp_sum += list[i]->motp_sum;
        for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
            // Weighed by matches: an average over true positives stays one.
            double tp = list[i]->alphas.tp[a];
            al->ass_a[a] += list[i]->alphas.ass_a[a] * tp;
            al->ass_re[a] += list[i]->alphas.ass_re[a] * tp;
            al->ass_pr[a] += list[i]->alphas.ass_pr[a] * tp;
            al->loc_a[a] += list[i]->alphas.loc_a[a] * tp;
        }
    }
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        al->ass_a[a] = ratio(al->ass_a[a], al->tp[a]);
        al->ass_re[a] = ratio(al->ass_re[a], al->tp[a]);
        al->ass_pr[a] = ratio(al->ass_pr[a], al->tp[a]);
        al->loc_a[a] = MAX(1e-10, al->loc_a[a]) / MAX(1e-10, al->tp[a]);
    }
    tracking_figures_complete(&out);
    *ret_figures = out;
}

// Ratios of tracking_figures that an average over classes takes the mean of.
static const size_t averaged[] = {
    offsetof(struct tracking_figures, motp_sum),
    offsetof(struct tracking_figures, mota),
    offsetof(struct tracking_figures, motp),
    offsetof(struct tracking_figures, moda),
    offsetof(struct tracking_figures, smota),
    offsetof(struct tracking_figures, motal),
    offsetof(struct tracking_figures, recall),
    offsetof(struct tracking_figures, precision),
    offsetof(struct tracking_figures, f1),
    offsetof(struct tracking_figures, fp_per_frame),
    offsetof(struct tracking_figures, mtr),
    offsetof(struct tracking_figures, ptr),
    offsetof(struct tracking_figures, mlr),
    offsetof(struct tracking_figures, idf1),
    offsetof(struct tracking_figures, idp),
    offsetof(struct tracking_figures, idr),
    offsetof(struct tracking_figures, hota_loc_a_0),
};

static const size_t averaged_alphas[] = {
    offsetof(struct tracking_figures, alphas.hota),
    offsetof(struct tracking_figures, alphas.owta),
    offsetof(struct tracking_figures, alphas.det_a),
    offsetof(struct tracking_figures, alphas.det_re),
    offsetof(struct tracking_figures, alphas.det_pr),
    offsetof(struct tracking_figures, alphas.ass_a),
    offsetof(struct tracking_figures, alphas.ass_re),
    offsetof(struct tracking_figures, alphas.ass_pr),
    offsetof(struct tracking_figures, alphas.loc_a),
};

static void average_field(const struct tracking_figures *const *list, size_t n, size_t offset,
                          struct tracking_figures *out)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += *(const double *)(const void *)((const char *)list[i] + offset);
    *(double *)(void *)((char *)out + offset) = sum / (double)n;
}

void tracking_average(const struct tracking_figures *const *list, size_t n,
                      struct tracking_figures *ret_figures)
{
    struct tracking_figures out = {0};
    for (size_t i = 0; i < n; i++)
        add_counts(&out, list[i]);
    for (size_t k = 0; n > 0 && k < ARRAY_LEN(averaged); k++)
        average_field(list, n, averaged[k], &out);
    for (size_t k = 0; n > 0 && k < ARRAY_LEN(averaged_alphas); k++) {
        for (size_t a = 0; a < TRACKING_N_ALPHAS; a++)
            average_field(list, n, averaged_alphas[k] + a * sizeof(double), &out);
    }
    tracking_figures_means(&out);
    *ret_figures = out;
}
