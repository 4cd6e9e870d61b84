// SPDX-License-Identifier: Apache-2.0
// tracker.c - ByteTrack's rounds of association and the lives of tracks.
//
// INVARIANTS
// (1) A detection belongs to one track at most, a track to one detection a frame.
// (2) Tracks stand in order of creation, so that equal costs are settled the same way every time.
// (3) An id is given once, at confirmation, and never again.

#include "vision/tracker.h"

#include <math.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "vision/assign.h"
#include "vision/motion.h"

enum track_state {
    TRACK_UNSET,
    TRACK_NEW,  // seen once; goes if it is not seen in the next frame
    TRACK_SEEN, // confirmed, and in the last frame
    TRACK_LOST, // confirmed, not in the last frame
    TRACK_GONE, // swept at the end of the update
};

struct track {
    int id; // 0 until confirmed
    int class_id;
    enum track_state state;
    int64_t first_frame;
    int64_t last_frame; // that it was seen in
    struct motion motion;
    struct box box; // where it is expected, or was just seen
};

struct tracker {
    struct tracker_opts opts;
    struct arena *arena; // of one update
    struct track *tracks;
    size_t n_tracks;
    size_t cap;
    int64_t frame; // from 1
    int last_id;
};

// The paper's figures for what has no option.
static const double weak_match_limit = 0.5; // 1 - IoU
static const double new_match_limit = 0.7;  // 1 - IoU * confidence
static const float same_object_iou = 0.85f; // a seen and a lost track that overlap so are one

int tracker_create(const struct tracker_opts *opts, struct tracker **ret_tracker)
{
    struct tracker *t = mem_new(struct tracker);
    if (!t)
        return ERR_NOMEM;
    int r = arena_create(0, &t->arena);
    if (r < 0) {
        mem_free(t);
        return r;
    }
    t->opts = *opts;
    struct tracker_opts *o = &t->opts;
    o->high_confidence = o->high_confidence > 0 ? o->high_confidence : 0.25f;
    o->low_confidence = o->low_confidence > 0 ? o->low_confidence : 0.10f;
    o->new_confidence = o->new_confidence > 0 ? o->new_confidence : 0.25f;
    o->match_limit = o->match_limit > 0 ? o->match_limit : 0.80f;
    o->lost_frames = o->lost_frames > 0 ? o->lost_frames : 30;
    *ret_tracker = t;
    return 0;
}

void tracker_destroy(struct tracker *t)
{
    if (!t)
        return;
    arena_destroy(t->arena);
    mem_free(t->tracks);
    mem_free(t);
}

// --- lives

static void confirm(struct tracker *t, struct track *track)
{
    if (track->id == 0)
        track->id = ++t->last_id;
    track->state = TRACK_SEEN;
}

static void see(struct tracker *t, struct track *track, struct detection *d)
{
    motion_correct(&track->motion, d->box);
    track->box = motion_box(&track->motion);
    track->last_frame = t->frame;
    confirm(t, track);
    d->track_id = track->id;
}

static int begin_track(struct tracker *t, struct detection *d)
{
    int r = MEM_GROW(t->tracks, t->cap, t->n_tracks);
    if (r < 0)
        return r;
    struct track *track = &t->tracks[t->n_tracks++];
    *track = (struct track){
        .class_id = d->class_id,
        .state = TRACK_NEW,
        .first_frame = t->frame,
        .last_frame = t->frame,
        .motion = motion_make(d->box),
        .box = d->box,
    };
    if (t->frame == 1) {
        confirm(t, track);
        d->track_id = track->id;
    }
    return 0;
}

static void predict(struct track *track)
{
    if (track->state == TRACK_LOST)
        track->motion.height.speed = 0; // a lost box neither grows nor shrinks
    motion_predict(&track->motion);
    track->box = motion_box(&track->motion);
}

// --- association

// Indices, in order.
struct indices {
    size_t *items;
    size_t n;
};

static int indices_make(struct arena *a, size_t cap, struct indices *ret_indices)
{
    size_t *items = arena_array(a, size_t, cap);
    if (!items)
        return ERR_NOMEM;
    *ret_indices = (struct indices){.items = items};
    return 0;
}

static void indices_add(struct indices *list, size_t i)
{
    list->items[list->n++] = i;
}

enum cost_kind {
    COST_UNSET,
    COST_IOU,            // 1 - IoU
    COST_IOU_CONFIDENCE, // 1 - IoU * confidence
};

static double match_cost(const struct track *track, const struct detection *d, enum cost_kind kind)
{
    if (track->class_id != d->class_id)
        return INFINITY;
    double iou = (double)box_iou(track->box, d->box);
    return 1 - (kind == COST_IOU_CONFIDENCE ? iou * (double)d->confidence : iou);
}

// One round: the best pairs of *tracks* and *seen* are made; both lists keep what is left over.
static int associate(struct tracker *t, struct indices *tracks, struct indices *seen,
                     struct detection *d, enum cost_kind kind, double limit)
{
    if (tracks->n == 0 || seen->n == 0)
        return 0;
    double *cost = arena_array(t->arena, double, tracks->n * seen->n);
    int32_t *column = arena_array(t->arena, int32_t, tracks->n);
    bool *taken = arena_array(t->arena, bool, seen->n);
    if (!cost || !column || !taken)
        return ERR_NOMEM;
    for (size_t i = 0; i < tracks->n; i++) {
        for (size_t k = 0; k < seen->n; k++)
            cost[i * seen->n + k] =
                match_cost(&t->tracks[tracks->items[i]], &d[seen->items[k]], kind);
    }
    int r = assign_min_cost(tracks->n, seen->n, cost, limit, column);
    if (r < 0)
        return r;

    size_t n_left = 0;
    for (size_t i = 0; i < tracks->n; i++) {
        if (column[i] < 0) {
            tracks->items[n_left++] = tracks->items[i];
            continue;
        }
        taken[column[i]] = true;
        see(t, &t->tracks[tracks->items[i]], &d[seen->items[column[i]]]);
    }
    tracks->n = n_left;
    n_left = 0;
    for (size_t k = 0; k < seen->n; k++) {
        if (!taken[k])
            seen->items[n_left++] = seen->items[k];
    }
    seen->n = n_left;
    return 0;
}

// --- one frame

struct update {
    struct indices strong, weak; // detections
    struct indices known, fresh; // tracks: confirmed; TRACK_NEW
    struct indices seen_before;  // of known, what is left and was in the last frame
};

static bool is_usable(struct box b)
{
    return isfinite(b.x1) && isfinite(b.y1) && isfinite(b.x2) && isfinite(b.y2) && b.x2 > b.x1 &&
           b.y2 > b.y1;
}

static int sort_out(struct tracker *t, struct detection *d, size_t n, struct update *ret_update)
{
    struct update u;
    int r = indices_make(t->arena, n, &u.strong);
    if (r == 0)
        r = indices_make(t->arena, n, &u.weak);
    if (r == 0)
        r = indices_make(t->arena, t->n_tracks, &u.known);
    if (r == 0)
        r = indices_make(t->arena, t->n_tracks, &u.fresh);
    if (r == 0)
        r = indices_make(t->arena, t->n_tracks, &u.seen_before);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++) {
        d[i].track_id = 0;
        if (!is_usable(d[i].box))
            continue;
        if (d[i].confidence >= t->opts.high_confidence)
            indices_add(&u.strong, i);
        else if (d[i].confidence > t->opts.low_confidence)
            indices_add(&u.weak, i);
    }
    for (size_t i = 0; i < t->n_tracks; i++)
        indices_add(t->tracks[i].state == TRACK_NEW ? &u.fresh : &u.known, i);
    *ret_update = u;
    return 0;
}

static int associate_all(struct tracker *t, struct detection *d, struct update *u)
{
    for (size_t i = 0; i < u->known.n; i++)
        predict(&t->tracks[u->known.items[i]]);
    int r =
        associate(t, &u->known, &u->strong, d, COST_IOU_CONFIDENCE, (double)t->opts.match_limit);
    if (r < 0)
        return r;
    for (size_t i = 0; i < u->known.n; i++) {
        if (t->tracks[u->known.items[i]].state == TRACK_SEEN)
            indices_add(&u->seen_before, u->known.items[i]);
    }
    r = associate(t, &u->seen_before, &u->weak, d, COST_IOU, weak_match_limit);
    if (r < 0)
        return r;
    for (size_t i = 0; i < u->seen_before.n; i++)
        t->tracks[u->seen_before.items[i]].state = TRACK_LOST;

    r = associate(t, &u->fresh, &u->strong, d, COST_IOU_CONFIDENCE, new_match_limit);
    if (r < 0)
        return r;
    for (size_t i = 0; i < u->fresh.n; i++)
        t->tracks[u->fresh.items[i]].state = TRACK_GONE;
    return 0;
}

static int64_t age(const struct track *track)
{
    return track->last_frame - track->first_frame;
}

static bool is_in_frame(const struct track *track)
{
    return track->state == TRACK_SEEN || track->state == TRACK_NEW;
}

// A lost track that drifted onto one that is seen is the same object: the older of the two stays.
static void drop_doubles(struct tracker *t)
{
    for (size_t i = 0; i < t->n_tracks; i++) {
        struct track *seen = &t->tracks[i];
        for (size_t k = 0; k < t->n_tracks && is_in_frame(seen); k++) {
            struct track *lost = &t->tracks[k];
            if (lost->state != TRACK_LOST || lost->class_id != seen->class_id ||
                box_iou(seen->box, lost->box) <= same_object_iou)
                continue;
            if (age(seen) > age(lost))
                lost->state = TRACK_GONE;
            else
                seen->state = TRACK_GONE;
        }
    }
}

static void sweep(struct tracker *t)
{
    size_t n_left = 0;
    for (size_t i = 0; i < t->n_tracks; i++) {
        struct track *track = &t->tracks[i];
        bool is_forgotten =
            track->state == TRACK_LOST && t->frame - track->last_frame > t->opts.lost_frames;
        if (track->state != TRACK_GONE && !is_forgotten)
            t->tracks[n_left++] = *track;
    }
    t->n_tracks = n_left;
}

static int update(struct tracker *t, struct detection *d, size_t n)
{
    struct update u;
    int r = sort_out(t, d, n, &u);
    if (r < 0)
        return r;
    r = associate_all(t, d, &u);
    if (r < 0)
        return r;
    for (size_t i = 0; i < u.strong.n; i++) {
        struct detection *left = &d[u.strong.items[i]];
        if (left->confidence < t->opts.new_confidence)
            continue;
        r = begin_track(t, left);
        if (r < 0)
            return r;
    }
    drop_doubles(t);
    sweep(t);
    return 0;
}

int tracker_update(struct tracker *t, struct detection *d, size_t n)
{
    t->frame++;
    size_t mark = arena_mark(t->arena);
    int r = update(t, d, n);
    arena_rewind(t->arena, mark);
    return r;
}
