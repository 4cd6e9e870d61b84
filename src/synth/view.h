// SPDX-License-Identifier: Apache-2.0
// view.h - the camera, the light and the air: where a point of the world is seen, and in which
// colour.
//
// World: metres, x to the right, y up from the ground, z away. The camera looks along z without
// roll; its pitch is a shift of the horizon, so that walls stay upright. The street has coordinates
// of its own: *along* it and *across* it, from its middle line.
//
// Threads: constant while a frame is drawn.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "synth/raster.h"
#include "synth/synth.h"

struct place {
    double x, y, z;
};

struct light {
    enum synth_condition condition;
    double red, green, blue; // daylight on things
    struct rgb sky_top, sky_low, haze;
    double thickness; // of the air: share of haze after 100 m is 1 - exp-like
    double lamps;     // 0..1: how much street lamps and headlights matter
    double wet;       // 0..1
    struct rgb lamp;  // colour of lamp light
};

struct view {
    struct raster *raster;
    double focal, centre_x, horizon_y; // pixels
    struct place camera;
    bool is_side;        // the street runs from left to right; else away from the camera
    double across_shift; // side views: z of the street's middle line
    double lamp_spacing; // metres between lamp posts along the street
    struct light light;
    uint64_t place_seed;
    double time; // seconds since the place was first seen
};

enum {
    VIEW_NEAR_MM = 1200, // nothing nearer is drawn
};
#define VIEW_NEAR   (VIEW_NEAR_MM / 1000.0)
#define ROAD_HALF   5.0  // metres from the middle line to the kerb
#define STREET_HALF 10.5 // to the walls
#define LAMP_ACROSS 5.45

struct light light_of(enum synth_condition c);
// World coordinates of a point of the street.
struct place view_street(const struct view *v, double along, double up, double across);
struct point view_point(const struct view *v, struct place p); // z is kept beyond VIEW_NEAR
double view_scale(const struct view *v, double z);             // pixels a metre
// A thing's colour at *p*, lit (brightness 1 is plain) and behind the air.
struct rgb view_colour(const struct view *v, struct rgb c, struct place p, double brightness);
struct rgb view_haze(const struct view *v, struct rgb c, double distance);
// Light of the lamps at *p*, 0..1.
double view_lamplight(const struct view *v, struct place p);
double view_along_of_camera(const struct view *v);
// A filled polygon of up to 8 world points, in the light of its first corners' middle.
void view_polygon(const struct view *v, const struct place *p, int n, struct rgb c,
                  double brightness);
