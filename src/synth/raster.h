// SPDX-License-Identifier: Apache-2.0
// raster.h - anti-aliased polygons, capsules, rings and glows on a canvas that knows whose each
// pixel is.
//
// A pixel belongs to the object that covered at least half of it last; that is the one rule that
// masks, boxes and shares of the truth follow.
//
// Ownership: raster_destroy().
// Threads: one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    RASTER_MAX_POINTS = 96,
    RASTER_BACKDROP = 0, // the id of what is nobody's
};

struct rgb {
    uint8_t r, g, b;
};

struct point {
    double x, y; // pixels; a pixel's middle is at .5
};

// How a shape is filled: *from* .. *to* along the line p0 .. p1, or *from* alone.
struct paint {
    struct rgb from, to;
    bool is_gradient;
    struct point p0, p1;
    int alpha;     // 1..255; 0: opaque
    bool is_ghost; // changes colours, not whose the pixels are: shadows, glass, light
};

// Pixels with x0 <= x < x1, y0 <= y < y1; empty where x0 >= x1.
struct extent {
    int x0, y0, x1, y1;
};

struct raster {
    int width, height;
    uint32_t *pixels;  // height rows of width: R | G << 8 | B << 16
    uint16_t *ids;     // likewise
    bool is_mask_only; // leaves the pixels' colours alone: a test mode
    // --- the rasteriser's own
    uint16_t id;           // of what is drawn now
    int margin;            // how far beyond the frame a silhouette is followed
    uint8_t *alone;        // the silhouette, (height + 2 margin) rows of (width + 2 margin)
    struct extent touched; // of *alone*, in frame pixels
    bool is_alone;         // a silhouette is being collected
    int32_t *coverage;     // one row
};

// What an object covers by itself, also outside the frame.
struct silhouette {
    struct extent extent;
    int64_t n_pixels;
    int64_t n_inside; // of the frame
};

// ERR_NOMEM.
int raster_create(int width, int height, struct raster **ret_raster) MUST_CHECK;
void raster_destroy(struct raster *r); // NULL is a no-op

// What follows belongs to *id*; with *silhouette* it is also collected as if it were alone.
void raster_begin(struct raster *r, uint16_t id, bool silhouette);
// Ends the object and gives its silhouette; the id is RASTER_BACKDROP again.
void raster_end(struct raster *r, struct silhouette *ret_silhouette);

// A simple or self-overlapping polygon of 3 .. RASTER_MAX_POINTS points, filled by winding number.
void raster_polygon(struct raster *r, const struct point *p, int n, const struct paint *paint);
void raster_ellipse(struct raster *r, struct point centre, double radius_x, double radius_y,
                    const struct paint *paint);
// Two circles and what lies between them.
void raster_capsule(struct raster *r, struct point a, double radius_a, struct point b,
                    double radius_b, const struct paint *paint);
// The space between two ellipses of one centre; without an inner one (0) the whole ellipse.
void raster_ring(struct raster *r, struct point centre, double outer_x, double outer_y,
                 double inner_x, double inner_y, const struct paint *paint);
// Adds light that falls off to nothing at the ellipse's rim; *strength* 0..255 in the middle.
void raster_glow(struct raster *r, struct point centre, double radius_x, double radius_y,
                 struct rgb colour, int strength);

struct paint raster_plain(struct rgb c);
struct rgb raster_mix(struct rgb a, struct rgb b, double share_of_b);
