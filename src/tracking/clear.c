// SPDX-License-Identifier: Apache-2.0
// clear.c - CLEAR: misses, false alarms and switches of identity.
//
// INVARIANTS
// (1) Assignment keeps the pairs of the frame before where they still overlap enough, then takes
//     the largest sum of IoUs.
// (2) A switch compares with the last result the truth track had (*last*), the keeping of (1) only
//     with the frame before (*now*): a frame without truth or without results is no frame for it.

#include "base/err.h"
#include "base/mem.h"
#include "tracking/tracking_priv.h"

#define KEEP_BONUS 1000 // more than all IoUs of a frame could sum up to matter

struct clear_track {
    int32_t last; // result track it was last matched to; -1: never
    int32_t now;  // in the frame before; -1: not matched there
    int64_t n_seen, n_matched;
    int64_t n_pieces; // stretches of matched frames
};

struct tracking_clear {
    struct clear_track *tracks;
    size_t n_tracks;
    int32_t *active, *next; // truth tracks matched in the frame before, and in this one
    size_t n_active;
};

int tracking_clear_create(size_t n_tracks, struct tracking_clear **ret_clear)
{
    struct tracking_clear *c = mem_new(struct tracking_clear);
    if (!c)
        return ERR_NOMEM;
    c->n_tracks = n_tracks;
    c->tracks = mem_array(struct clear_track, n_tracks);
    c->active = mem_array(int32_t, n_tracks);
    c->next = mem_array(int32_t, n_tracks);
    if (!c->tracks || !c->active || !c->next) {
        tracking_clear_destroy(c);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n_tracks; i++)
        c->tracks[i].last = c->tracks[i].now = -1;
    *ret_clear = c;
    return 0;
}

void tracking_clear_destroy(struct tracking_clear *c)
{
    if (!c)
        return;
    mem_free(c->tracks);
    mem_free(c->active);
    mem_free(c->next);
    mem_free(c);
}

static void score_frame(const struct tracking_work *w, const struct tracking_frame *f)
{
    for (size_t i = 0; i < f->n; i++) {
        int32_t kept = w->clear->tracks[f->truth_tracks[i]].now;
        for (size_t j = 0; j < f->m; j++) {
            double similarity = w->similarity[i * f->m + j];
            double bonus = f->result_tracks[j] == kept ? KEEP_BONUS : 0;
            bool close = !(similarity < w->threshold - TRACKING_EPS);
            w->score[i * f->m + j] = close ? bonus + similarity : 0;
        }
    }
}

static bool is_matched(const struct tracking_work *w, const struct tracking_frame *f, size_t i)
{
    return w->column[i] >= 0 && w->score[i * f->m + (size_t)w->column[i]] > TRACKING_EPS;
}

// Counts switches and pieces, and leaves in *now* what this frame matched.
static void follow(struct tracking_work *w, const struct tracking_frame *f,
                   struct tracking_figures *out)
{
    struct tracking_clear *c = w->clear;
    size_t n_next = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (!is_matched(w, f, i))
            continue;
        struct clear_track *track = &c->tracks[f->truth_tracks[i]];
        int32_t result = f->result_tracks[w->column[i]];
        out->idsw += track->last >= 0 && track->last != result;
        track->last = result;
        track->n_matched++;
        track->n_pieces += track->now < 0;
        c->next[n_next++] = f->truth_tracks[i];
    }
    for (size_t k = 0; k < c->n_active; k++)
        c->tracks[c->active[k]].now = -1;
    for (size_t k = 0; k < n_next; k++)
        c->tracks[c->next[k]].now = c->tracks[c->next[k]].last;
    int32_t *was = c->active;
    c->active = c->next;
    c->next = was;
    c->n_active = n_next;
}

void tracking_clear_frame(struct tracking_work *w, const struct tracking_frame *f,
                          struct tracking_figures *out)
{
    for (size_t i = 0; i < f->n; i++)
        w->clear->tracks[f->truth_tracks[i]].n_seen++;
    int64_t n_matches = 0;
    if (f->n > 0 && f->m > 0) {
        score_frame(w, f);
        assign_max_score(&w->assign, w->score, f->n, f->m, w->column);
        follow(w, f, out);
        double sum = 0; // of this frame first: the order of additions is part of the figure
        for (size_t i = 0; i < f->n; i++) {
            if (!is_matched(w, f, i))
                continue;
            sum += w->similarity[i * f->m + (size_t)w->column[i]];
            n_matches++;
        }
        out->motp_sum += sum;
    }
    out->tp += n_matches;
    out->fn += (int64_t)f->n - n_matches;
    out->fp += (int64_t)f->m - n_matches;
}

void tracking_clear_end(const struct tracking_clear *c, size_t n_frames,
                        struct tracking_figures *out)
{
    for (size_t i = 0; i < c->n_tracks; i++) {
        const struct clear_track *track = &c->tracks[i];
        double part = (double)track->n_matched / (double)track->n_seen;
        if (part > .8)
            out->mt++;
        else if (part >= .2)
            out->pt++;
        else
            out->ml++;
        if (track->n_pieces > 0)
            out->frag += track->n_pieces - 1;
    }
    out->clear_frames = (int64_t)n_frames;
}
