// SPDX-License-Identifier: Apache-2.0
// figure.h - people on foot, on wheels and in chairs, of shaded limbs that move.
//
// A figure is a set of parts in metres: forward, up, left of where it stands. They are turned by
// its heading, sorted from far to near and drawn.
//
// Threads: one at a time for one raster.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "synth/synth.h"
#include "synth/view.h"

struct joint {
    double f, u, s; // metres forward, up, to the left
};

enum {
    FIGURE_MAX_PARTS = 160,
};

enum part_kind {
    PART_UNSET,
    PART_LIMB,  // two circles and what is between them
    PART_WHEEL, // a ring in the forward-up plane
    PART_PLATE, // four corners
    PART_DOME,  // an umbrella's upper half
    PART_BALL,
};

struct part {
    enum part_kind kind;
    struct joint a, b, c, d;   // corners; balls, wheels, domes: the middle
    double radius_a, radius_b; // metres; wheels: outer and inner
    struct rgb colour;
    bool is_flat; // no shading: lights, rims
    double depth; // set when drawn
};

struct figure {
    const struct view *view;
    struct place at;
    double turn_cos, turn_sin; // heading from x towards z
    double scale;              // pixels a metre at *at*
    struct point origin;
    double tilt; // how much lower what is nearer stands
    double dim;  // brightness
    struct part parts[FIGURE_MAX_PARTS];
    int n;
};

// How somebody looks: a function of one hash.
struct looks {
    uint64_t hash;
    double size;  // of a grown-up of 1.75 m
    double build; // 0.85 slim .. 1.3 stout
    bool is_child;
    struct rgb skin, hair, top, legs, shoes, extra;
    bool has_coat, has_long_hair, has_hat, has_backpack, has_bag, has_umbrella, has_helmet;
};

struct pose {
    struct joint pelvis, neck;
    struct joint hand[2], foot[2]; // left, right
    double knee_out;               // knees apart, metres
    bool is_full_helmet;
};

// What is drawn: class, looks, where, which way, how far it has gone.
struct actor {
    enum synth_class class_id;
    uint64_t look;
    struct place at;
    double heading;   // turns: 0 to the right, 0.25 away
    double travelled; // metres
    double speed;     // metres a second; 0: waits
};

void figure_draw(const struct view *v, const struct actor *a);
// On a board of paper: for posters. *scale* pixels a metre.
void figure_draw_flat(const struct view *v, const struct actor *a, struct point origin,
                      double scale);

// ---- for the files that build figures
struct looks looks_of(const struct view *v, const struct actor *a);
void figure_limb(struct figure *g, struct joint a, double ra, struct joint b, double rb,
                 struct rgb c);
void figure_ball(struct figure *g, struct joint a, double radius, struct rgb c);
void figure_wheel(struct figure *g, struct joint hub, double outer, double inner, struct rgb c);
void figure_plate(struct figure *g, struct joint a, struct joint b, struct joint c, struct joint d,
                  struct rgb colour);
void figure_dome(struct figure *g, struct joint a, double radius, struct rgb c);
void figure_light(struct figure *g, struct joint a, double radius, struct rgb c);
struct joint joint_between(struct joint a, struct joint b, double share);
void person_add(struct figure *g, const struct looks *l, const struct pose *p);
void pedestrian_add(struct figure *g, const struct looks *l, const struct actor *a);
void cyclist_add(struct figure *g, const struct looks *l, const struct actor *a);
void motorcyclist_add(struct figure *g, const struct looks *l, const struct actor *a);
void wheelchair_add(struct figure *g, const struct looks *l, const struct actor *a);
void scooter_add(struct figure *g, const struct looks *l, const struct actor *a);
