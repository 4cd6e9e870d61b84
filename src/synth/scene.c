// SPDX-License-Identifier: Apache-2.0
// scene.c - who is where at which time in one place of a clip.

#include "synth/scene.h"

#include <assert.h>
#include <stdlib.h>

#include "base/attr.h"
#include "synth/backdrop.h"
#include "synth/buildings.h"
#include "synth/numbers.h"

enum ring_kind {
    RING_NOBODY, // what is left to 100
    RING_PEDESTRIAN,
    RING_CYCLIST,
    RING_MOTORCYCLIST,
    RING_WHEELCHAIR,
    RING_SCOOTER,
    RING_CAR,
    RING_VAN,
    RING_N_KINDS
};

enum {
    SIGHT = 72,         // metres along a street in which people are
    IDS = 1000,         // most places on all rings
    GENERATIONS = 1000, // most of one of them while the camera is in the place
};

// clang-format off
static const int mix_lane[RING_N_KINDS] = {0, 0, 0, 46, 0, 0, 28, 8};
static const int mix_edge[RING_N_KINDS] = {0, 0, 52, 0, 0, 40, 0, 0};
static const int mix_walk[RING_N_KINDS] = {0, 66, 0, 0, 25, 4, 0, 0};
static const int mix_cross[RING_N_KINDS] = {0, 62, 8, 0, 22, 8, 0, 0};
// clang-format on

// ---- the place

static void add_ring(struct scene *s, struct ring r, double count)
{
    uint64_t h = numbers_hash(s->seed, 2000 + (unsigned)s->n_rings);
    r.n = (int)numbers_floor(count + numbers_unit(h, 1));
    r.speed *= numbers_between(h, 2, 0.85, 1.15);
    r.first_id = s->first_id + s->n_ids;
    if (r.n < 1 || s->n_rings == SCENE_MAX_RINGS)
        return;
    s->n_ids += r.n;
    assert(s->n_ids < IDS);
    s->rings[s->n_rings++] = r;
}

static void add_rings_along(struct scene *s, double density)
{
    const struct view *v = &s->view;
    bool is_drive = s->camera == SYNTH_MOVING && !v->is_side;
    double from = 2.4, to = SIGHT, share = 1;
    if (v->is_side) {
        to = (STREET_HALF - v->camera.z) * v->raster->width / v->focal / 2 + 6;
        from = -to;
        share = to * 2 / SIGHT * 1.15;
    }
    double people = density * share;
    for (int side = -1; side <= 1; side += 2) {
        bool is_own = is_drive && side > 0; // our lane: nobody is overtaken
        struct ring lane = {is_own ? 13 : from, to, side * 1.85, side * 7.5, 0.15, .mix = mix_lane};
        add_ring(s, lane, (is_own ? 2.5 : 5.5) * share * numbers_clamp(density, 0.4, 1.4));
        if (is_own && s->n_rings > 0)
            s->rings[s->n_rings - 1].speed = s->camera_speed;
        add_ring(s, (struct ring){from, to, side * 4.2, side * 4.3, 0.2, .mix = mix_edge},
                 4.6 * people);
        add_ring(s, (struct ring){from, to, side * 6.2, side * 1.35, 0.35, .mix = mix_walk},
                 4.2 * people);
        add_ring(s, (struct ring){from, to, side * 7.5, -side * 1.15, 0.35, .mix = mix_walk},
                 4.6 * people);
        add_ring(s, (struct ring){from, to, side * 8.9, side * 0.85, 0.3, .mix = mix_walk},
                 3.2 * people);
        if (s->camera == SYNTH_STANDING)
            add_ring(s, (struct ring){from, to, side * 9.6, 0, 0.3, .mix = mix_walk}, 1.6 * people);
    }
}

static void add_crossings(struct scene *s, double density)
{
    if (s->view.is_side)
        return;
    double first = numbers_floor(s->view.camera.z / BUILDINGS_ZEBRA_SPACING) + 1;
    int n = s->camera == SYNTH_MOVING ? 12 : 2;
    for (int k = 0; k < n; k++) {
        double along = (first + k) * BUILDINGS_ZEBRA_SPACING;
        for (int way = -1; way <= 1; way += 2)
            add_ring(s,
                     (struct ring){-10.2, 10.2, along + way * 0.75, way * 1.25, 0.5,
                                   .mix = mix_cross, .is_crossing = true},
                     1.8 * density);
    }
}

static void place_camera(struct scene *s)
{
    struct view *v = &s->view;
    uint64_t h = s->seed;
    double w = v->raster->width, high = v->raster->height, wide = MAX(w, high);
    bool moves = s->camera == SYNTH_MOVING;
    v->focal = wide * (v->is_side ? 0.78 : numbers_between(h, 31, 0.82, 0.98));
    v->centre_x = w / 2;
    if (v->is_side) {
        v->camera =
            (struct place){numbers_between(h, 32, 0, 300), numbers_between(h, 33, 1.8, 3.2), -16.5};
        v->horizon_y = high * numbers_between(h, 34, 0.32, 0.4);
        s->camera_speed =
            moves ? numbers_between(h, 35, 0.8, 2.2) * (numbers_unit(h, 36) < 0.5 ? -1 : 1) : 0;
        return;
    }
    double before = numbers_between(h, 37, 11, 21); // metres to the crossing
    v->camera.z = BUILDINGS_ZEBRA_SPACING * (1 + numbers_pick(h, 38, 20)) - before;
    v->camera.x = moves ? 1.85 : numbers_between(h, 39, -4.5, 4.5);
    v->camera.y = moves ? numbers_between(h, 33, 1.5, 2.1) : numbers_between(h, 33, 2.4, 4.4);
    v->horizon_y =
        high * (moves ? numbers_between(h, 34, 0.4, 0.47) : numbers_between(h, 34, 0.27, 0.38));
    v->centre_x += w * (0.03 * v->camera.x + numbers_between(h, 40, -0.06, 0.06));
    s->camera_speed = moves ? numbers_between(h, 35, 3.5, 6.5) : 0;
}

void scene_init(struct scene *s, const struct scene_opts *o)
{
    *s = (struct scene){.seed = o->seed, .camera = o->camera, .first_id = o->first_id};
    if (s->camera == SYNTH_CAMERA_UNSET)
        s->camera = numbers_unit(o->seed, 20) < 0.62 ? SYNTH_STANDING : SYNTH_MOVING;
    s->view = (struct view){.raster = o->raster,
                            .place_seed = o->seed,
                            .lamp_spacing = 18,
                            .light = light_of(o->condition),
                            .is_side = numbers_unit(o->seed, 21) < 0.42};
    place_camera(s);
    add_rings_along(s, o->density);
    add_crossings(s, o->density);
}

struct view scene_view(const struct scene *s, double time)
{
    struct view v = s->view;
    v.time = time;
    *(v.is_side ? &v.camera.x : &v.camera.z) += s->camera_speed * time;
    if (s->camera == SYNTH_MOVING) {
        v.camera.y += 0.02 * numbers_wander(s->seed, 51, time * 3);
        v.horizon_y += v.raster->height * 0.004 * numbers_wander(s->seed, 52, time * 4);
        v.centre_x += v.raster->width * 0.006 * numbers_wander(s->seed, 53, time);
    }
    return v;
}

// ---- rings

// One place of a ring at one time.
struct rider_slot {
    uint64_t hash;
    int64_t generation;
    double at;    // along from the camera, or across
    double begun; // time when this generation came
    enum ring_kind kind;
};

static double ring_speed(const struct scene *s, const struct ring *r)
{
    return r->is_crossing ? r->speed : r->speed - s->camera_speed;
}

static enum ring_kind kind_of(const struct ring *r, uint64_t h)
{
    int ticket = numbers_pick(h, 3, 100);
    for (int k = 1; k < RING_N_KINDS; k++) {
        ticket -= r->mix[k];
        if (ticket < 0)
            return (enum ring_kind)k;
    }
    return RING_NOBODY;
}

static struct rider_slot slot_at(const struct scene *s, const struct ring *r, int k, double time)
{
    uint64_t h = numbers_hash(numbers_hash(s->seed, 3000 + (unsigned)(r - s->rings)), (unsigned)k);
    double length = r->to - r->from, speed = ring_speed(s, r);
    double phase = (k + 0.55 * numbers_unit(h, 1)) / r->n;
    double p = phase + speed * time / length, whole = numbers_floor(p);
    struct rider_slot o = {.generation = (int64_t)whole, .at = r->from + (p - whole) * length};
    if (speed > 1e-9 || speed < -1e-9)
        o.begun = ((speed > 0 ? whole : whole + 1) - phase) * length / speed;
    o.hash = numbers_hash(h, (uint64_t)o.generation);
    o.kind = kind_of(r, o.hash);
    return o;
}

// Somebody crosses near *across* at *time*.
static bool is_crossed(const struct scene *s, const struct ring *c, double across, double time)
{
    for (int k = 0; k < c->n; k++) {
        struct rider_slot o = slot_at(s, c, k, time);
        double away = o.at - across;
        if (o.kind != RING_NOBODY && away < 2.6 && away > -2.6)
            return true;
    }
    return false;
}

// A driver who would run somebody over never set out.
static bool gives_way(const struct scene *s, const struct ring *r, const struct rider_slot *o)
{
    double speed = ring_speed(s, r), length = r->to - r->from;
    if (s->view.is_side || r->is_crossing || (r->level > 5.5 || r->level < -5.5) ||
        speed * speed < 0.01)
        return false;
    double ended = o->begun + length / (speed < 0 ? -speed : speed);
    double start = s->view.camera.z + s->camera_speed * o->begun + (speed > 0 ? r->from : r->to);
    for (int i = 0; i < s->n_rings; i++) {
        const struct ring *c = &s->rings[i];
        double when = o->begun + (c->level - start) / r->speed;
        bool is_met = c->is_crossing && when >= o->begun && when <= ended;
        if (is_met && is_crossed(s, c, r->level, when))
            return true;
    }
    return false;
}

// Nor does anybody cross right before the driving camera.
static bool meets_camera(const struct scene *s, const struct ring *r, const struct rider_slot *o)
{
    if (!r->is_crossing || s->camera_speed <= 0)
        return false;
    double when = (r->level - s->view.camera.z) / s->camera_speed;
    double start = r->speed > 0 ? r->from : r->to;
    double across = start + (when - o->begun) * r->speed;
    double away = across - s->view.camera.x;
    return away < 3 && away > -3;
}

static double heading_of(const struct scene *s, const struct ring *r, uint64_t h, double time)
{
    bool forward = r->speed > 0 || (r->speed == 0 && numbers_unit(h, 6) < 0.5);
    bool is_across = s->view.is_side ? !r->is_crossing : r->is_crossing;
    double turn = is_across ? (forward ? 0 : 0.5) : (forward ? 0.25 : 0.75);
    if (r->speed == 0) // waiting: they look anywhere
        return numbers_unit(h, 7);
    double sway = r->speed < 2 && r->speed > -2 ? 0.045 : 0.015;
    return turn + sway * numbers_wander(h, 8, time * 0.5);
}

static void make_actor(const struct scene *s, const struct ring *r, const struct rider_slot *o,
                       double time, struct item *item)
{
    static const enum synth_class classes[RING_N_KINDS] = {[RING_PEDESTRIAN] = SYNTH_PEDESTRIAN,
                                                           [RING_CYCLIST] = SYNTH_CYCLIST,
                                                           [RING_MOTORCYCLIST] = SYNTH_MOTORCYCLIST,
                                                           [RING_WHEELCHAIR] =
                                                               SYNTH_WHEELCHAIR_USER,
                                                           [RING_SCOOTER] = SYNTH_SCOOTER_RIDER};
    double speed = r->speed < 0 ? -r->speed : r->speed;
    item->is_actor = true;
    item->actor = (struct actor){.class_id = classes[o->kind],
                                 .look = numbers_hash(o->hash, 5),
                                 .speed = speed,
                                 .heading = heading_of(s, r, o->hash, time),
                                 .travelled = speed * time + numbers_between(o->hash, 9, 0, 20)};
}

static bool make_item(const struct scene *s, const struct view *v, const struct ring *r, int k,
                      double time, struct item *item)
{
    struct rider_slot o = slot_at(s, r, k, time);
    if (o.kind == RING_NOBODY || gives_way(s, r, &o) || meets_camera(s, r, &o))
        return false;
    *item = (struct item){0};
    double level = r->level + r->jitter * (numbers_between(o.hash, 10, -1, 1) +
                                           0.4 * numbers_wander(o.hash, 11, time * 0.4));
    double along = r->is_crossing ? level : view_along_of_camera(v) + o.at;
    double across = r->is_crossing ? o.at : level;
    int64_t generation = o.generation < 0 ? -2 * o.generation - 1 : 2 * o.generation;
    assert(generation < GENERATIONS);
    item->track_id = 1 + r->first_id + k + generation * IDS;
    struct place at = view_street(v, along, 0, across);
    item->z = at.z;
    double scale = view_scale(v, at.z),
           dx = v->is_side || r->is_crossing ? r->speed - (v->is_side ? s->camera_speed : 0) : 0;
    double dz = v->is_side || r->is_crossing ? 0 : r->speed - s->camera_speed;
    item->pixels_a_second = (dx - dz * (at.x - v->camera.x) * scale / v->focal) * scale;
    if (o.kind != RING_CAR && o.kind != RING_VAN) {
        make_actor(s, r, &o, time, item);
        item->actor.at = at;
        return true;
    }
    item->prop = (struct prop){.kind = o.kind == RING_VAN ? PROP_VAN : PROP_CAR,
                               .hash = o.hash,
                               .along = along,
                               .across = across,
                               .direction = r->speed < 0 ? -1 : 1};
    return true;
}

static int compare(const void *pa, const void *pb)
{
    const struct item *a = (const struct item *)pa, *b = (const struct item *)pb;
    if (a->z != b->z)
        return a->z > b->z ? -1 : 1;
    if (a->track_id != b->track_id)
        return a->track_id < b->track_id ? -1 : 1;
    return a->prop.along < b->prop.along ? -1 : a->prop.along > b->prop.along;
}

size_t scene_items(const struct scene *s, const struct view *v, double time,
                   struct item items[SCENE_MAX_ITEMS])
{
    size_t n = 0;
    double from, to;
    for (int i = 0; i < s->n_rings; i++) {
        const struct ring *r = &s->rings[i];
        if (r->is_crossing && (r->level - v->camera.z > SIGHT || r->level < v->camera.z))
            continue;
        for (int k = 0; k < r->n && n < SYNTH_MAX_OBJECTS; k++)
            n += make_item(s, v, r, k, time, &items[n]);
    }
    backdrop_reach(v, &from, &to);
    to = MIN(to, from + SIGHT * 1.6);
    for (double k = numbers_floor(from / PROP_SPACING) - 1; k * PROP_SPACING < to; k++) {
        for (int side = -1; side <= 1; side += 2) {
            struct prop p = prop_at(v, (int64_t)k, side);
            if (p.kind != PROP_UNSET && n < SCENE_MAX_ITEMS)
                items[n++] = (struct item){.prop = p, .z = view_street(v, p.along, 0, p.across).z};
        }
    }
    qsort(items, n, sizeof(*items), compare);
    return n;
}
