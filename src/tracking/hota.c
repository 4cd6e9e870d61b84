// SPDX-License-Identifier: Apache-2.0
// hota.c - HOTA: detection and association, weighed the same, over IoU thresholds.
//
// Two passes over the frames of a scene: the first says how well each pair of tracks is aligned
// over the video, the second assigns frame by frame the pairs of the largest alignment x IoU.
// One assignment serves every alpha: those of its pairs count that reach alpha.

#include <math.h>

#include "base/err.h"
#include "tracking/tracking_priv.h"

double tracking_hota_alpha(size_t i)
{
    return .05 + (double)i * .05;
}

static void sum_sides(struct tracking_work *w, const struct tracking_frame *f)
{
    for (size_t j = 0; j < f->m; j++)
        w->column_sums[j] = 0;
    for (size_t i = 0; i < f->n; i++) {
        const double *row = w->similarity + i * f->m;
        w->row_sums[i] = tracking_sum(row, f->m);
        for (size_t j = 0; j < f->m; j++)
            w->column_sums[j] += row[j];
    }
}

static int count_pair(struct tracking_work *w, const struct tracking_frame *f, size_t i, size_t j)
{
    double similarity = w->similarity[i * f->m + j];
    struct tracking_pairing *pairing;
    int r = tracking_pairs_get(&w->pairs, f->truth_tracks[i], f->result_tracks[j], &pairing);
    if (r < 0)
        return r;
    double all = w->column_sums[j] + w->row_sums[i] - similarity;
    if (all > TRACKING_EPS)
        pairing->potential += similarity / all;
    pairing->n_close += similarity >= w->threshold;
    return 0;
}

int tracking_hota_first(struct tracking_work *w, const struct tracking_frame *f)
{
    for (size_t i = 0; i < f->n; i++)
        w->truth_frames[f->truth_tracks[i]]++;
    for (size_t j = 0; j < f->m; j++)
        w->result_frames[f->result_tracks[j]]++;
    sum_sides(w, f);
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->m; j++) {
            if (w->similarity[i * f->m + j] <= 0)
                continue;
            int r = count_pair(w, f, i, j);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

// Over all frames: frames shared, softly, of frames either had.
static double alignment(const struct tracking_work *w, const struct tracking_pairing *p)
{
    double all = (double)(w->truth_frames[p->truth] + w->result_frames[p->result]);
    return p->potential / (all - p->potential);
}

static void score_frame(struct tracking_work *w, const struct tracking_frame *f)
{
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->m; j++) {
            size_t k = i * f->m + j;
            w->score[k] = 0;
            if (w->similarity[k] <= 0)
                continue;
            const struct tracking_pairing *p =
                tracking_pairs_find(&w->pairs, f->truth_tracks[i], f->result_tracks[j]);
            w->score[k] = p ? alignment(w, p) * w->similarity[k] : 0;
        }
    }
}

// Pair (i, its column) at every alpha it reaches; *sums*: IoUs of this frame by alpha.
static int count_match(struct tracking_work *w, const struct tracking_frame *f, size_t i,
                       double *sums, struct tracking_alphas *out)
{
    size_t j = (size_t)w->column[i];
    double similarity = w->similarity[i * f->m + j];
    size_t reached = 0;
    while (reached < TRACKING_N_ALPHAS &&
           similarity >= tracking_hota_alpha(reached) - TRACKING_EPS) {
        out->tp[reached]++;
        sums[reached++] += similarity;
    }
    if (reached == 0)
        return 0;
    struct tracking_pairing *p =
        tracking_pairs_find(&w->pairs, f->truth_tracks[i], f->result_tracks[j]);
    return tracking_pairs_match(&w->pairs, p, reached - 1);
}

int tracking_hota_frame(struct tracking_work *w, const struct tracking_frame *f,
                        struct tracking_figures *out)
{
    if (f->n == 0 || f->m == 0)
        return 0;
    score_frame(w, f);
    assign_max_score(&w->assign, w->score, f->n, f->m, w->column);
    double sums[TRACKING_N_ALPHAS] = {0};
    for (size_t i = 0; i < f->n; i++) {
        if (w->column[i] < 0)
            continue;
        int r = count_match(w, f, i, sums, &out->alphas);
        if (r < 0)
            return r;
    }
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++)
        out->alphas.loc_a[a] += sums[a];
    return 0;
}

// Sums over pairs of tracks at alpha *a*; matches are counted by the highest alpha reached.
static void associate(const struct tracking_work *w, const struct tracking_pairing *p, size_t a,
                      struct tracking_alphas *out)
{
    const struct tracking_matches *matches = &w->pairs.matches[p->matches - 1];
    int64_t n = 0;
    for (size_t k = a; k < TRACKING_N_ALPHAS; k++)
        n += matches->n[k];
    double common = (double)n;
    double truth = (double)w->truth_frames[p->truth];
    double result = (double)w->result_frames[p->result];
    out->ass_a[a] += common * (common / MAX(1, truth + result - common));
    out->ass_re[a] += common * (common / MAX(1, truth));
    out->ass_pr[a] += common * (common / MAX(1, result));
}

void tracking_hota_end(const struct tracking_work *w, struct tracking_figures *out)
{
    struct tracking_alphas *al = &out->alphas;
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        for (size_t k = 0; k < w->pairs.n; k++) {
            if (w->pairs.items[k].matches)
                associate(w, &w->pairs.items[k], a, al);
        }
        al->fn[a] = (double)out->n_truths - al->tp[a];
        al->fp[a] = (double)out->n_results - al->tp[a];
        al->ass_a[a] /= MAX(1, al->tp[a]);
        al->ass_re[a] /= MAX(1, al->tp[a]);
        al->ass_pr[a] /= MAX(1, al->tp[a]);
        al->loc_a[a] = MAX(1e-10, al->loc_a[a]) / MAX(1e-10, al->tp[a]);
    }
}
