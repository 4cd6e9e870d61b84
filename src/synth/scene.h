// SPDX-License-Identifier: Apache-2.0
// scene.h - who is where at which time in one place of a clip.
//
// Everybody moves on a ring: a piece of a lane that is as long as what is seen. Who leaves it comes
// back at the other end as somebody else. So a position is a function of time, and nothing is
// carried from frame to frame.
//
// Threads: constant after scene_init(); pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "synth/figure.h"
#include "synth/props.h"
#include "synth/view.h"

enum {
    SCENE_MAX_RINGS = 40,
    SCENE_MAX_ITEMS = 1024,
};

struct ring {
    double from, to; // metres along, from the camera; of crossings: metres across
    double level;    // metres across; of crossings: metres along
    double speed;    // along (or across), metres a second
    double jitter;   // of *level*
    int n;           // places on the ring
    const int *mix;  // shares of enum ring_kind in percent
    bool is_crossing;
    int64_t first_id;
};

struct scene {
    struct view view; // at time 0
    enum synth_camera camera;
    double camera_speed; // metres a second along the street
    uint64_t seed;
    int64_t first_id, n_ids;
    int n_rings;
    struct ring rings[SCENE_MAX_RINGS];
};

// A thing to draw.
struct item {
    double z;
    bool is_actor;
    struct actor actor;
    struct prop prop;
    int64_t track_id;
    double pixels_a_second; // how fast it crosses the picture to the right
};

struct scene_opts {
    struct raster *raster;
    uint64_t seed; // of the place
    enum synth_condition condition;
    enum synth_camera camera;
    double density;
    int64_t first_id;
};

void scene_init(struct scene *s, const struct scene_opts *opts);
struct view scene_view(const struct scene *s, double time);
// Fills *items*, farthest first. Returns how many.
size_t scene_items(const struct scene *s, const struct view *v, double time,
                   struct item items[SCENE_MAX_ITEMS]);
