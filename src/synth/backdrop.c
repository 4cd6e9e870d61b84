// SPDX-License-Identifier: Apache-2.0
// backdrop.c - sky with clouds or stars, a skyline, the street's ground.

#include "synth/backdrop.h"

#include "base/attr.h"
#include "synth/buildings.h"
#include "synth/numbers.h"
#include "synth/view.h"

static const struct rgb asphalt = {84, 86, 92}, kerb = {182, 178, 170}, slab = {168, 160, 150},
                        joint_line = {142, 135, 127}, marking = {226, 226, 220},
                        lane_red = {136, 78, 70}, grass = {104, 132, 82};

enum {
    SIGHT = 170,      // metres along a street
    GROUND_EDGE = 60, // metres to the grass that ends the street
    LAWN_EDGE = 5,    // to the grass before it
};

void backdrop_reach(const struct view *v, double *ret_from, double *ret_to)
{
    if (v->is_side) {
        double far = STREET_HALF + v->across_shift - v->camera.z;
        double half = far * v->raster->width / v->focal;
        *ret_from = v->camera.x - half;
        *ret_to = v->camera.x + half;
    } else {
        *ret_from = v->camera.z + VIEW_NEAR;
        *ret_to = v->camera.z + SIGHT;
    }
}

// ---- sky

static void draw_sky(const struct view *v)
{
    double w = v->raster->width, bottom = v->horizon_y + 2;
    const struct point p[4] = {{0, -1}, {w, -1}, {w, bottom}, {0, bottom}};
    struct paint paint = {.from = v->light.sky_top, .to = v->light.sky_low, .is_gradient = true};
    paint.p1.y = bottom;
    raster_polygon(v->raster, p, 4, &paint);
}

static void draw_cloud(const struct view *v, uint64_t h)
{
    double w = v->raster->width, unit = w / 1280;
    double x = numbers_between(h, 1, -0.05, 1.05) * w;
    double y = v->horizon_y * numbers_between(h, 2, 0.08, 0.7);
    double size =
        numbers_between(h, 3, 50, 120) * unit * (0.4 + 0.6 * (1 - y / (v->horizon_y + 1)));
    struct rgb c = raster_mix(v->light.sky_low, (struct rgb){255, 250, 244},
                              v->light.condition == SYNTH_DUSK ? 0.25 : 0.85);
    struct paint paint = {.from = c, .alpha = 226, .is_ghost = true};
    for (int i = 0; i < 5; i++) {
        double f = i - 2,
               r = size * (1 - f * f * 0.13) * numbers_between(h, 10 + (unsigned)i, 0.7, 1);
        raster_ellipse(v->raster, (struct point){x + f * size * 0.62, y - r * 0.2}, r, r * 0.34,
                       &paint);
    }
}

static void draw_stars(const struct view *v, uint64_t h)
{
    double w = v->raster->width, unit = w / 1280;
    for (unsigned i = 0; i < 70; i++) {
        struct point at = {numbers_unit(h, i) * w, numbers_unit(h, 100 + i) * v->horizon_y * 0.9};
        raster_glow(v->raster, at, 1.7 * unit, 1.7 * unit, (struct rgb){220, 226, 255},
                    (int)numbers_between(h, 200 + i, 60, 220));
    }
    struct point moon = {numbers_between(h, 301, 0.1, 0.9) * w, v->horizon_y * 0.28};
    struct paint pale = {.from = {238, 236, 220}, .is_ghost = true};
    raster_glow(v->raster, moon, 90 * unit, 90 * unit, (struct rgb){120, 130, 170}, 110);
    raster_ellipse(v->raster, moon, 15 * unit, 15 * unit, &pale);
}

static void draw_heaven(const struct view *v)
{
    enum synth_condition c = v->light.condition;
    uint64_t h = numbers_hash(v->place_seed, 71);
    double w = v->raster->width;
    if (c == SYNTH_NIGHT)
        draw_stars(v, h);
    if (c == SYNTH_DUSK)
        raster_glow(v->raster, (struct point){numbers_between(h, 5, 0.2, 0.8) * w, v->horizon_y},
                    w * 0.35, w * 0.16, (struct rgb){255, 190, 110}, 120);
    if (c == SYNTH_DAY || c == SYNTH_DUSK) {
        for (unsigned i = 0; i < 7; i++)
            draw_cloud(v, numbers_hash(h, 40 + i));
    }
}

// Two rows of distant roofs.
static void draw_skyline(const struct view *v)
{
    double unit = v->raster->width / 1280.0, w = v->raster->width;
    for (unsigned row = 0; row < 2; row++) {
        uint64_t h = numbers_hash(v->place_seed, 80 + row);
        struct paint p =
            raster_plain(raster_mix(v->light.haze, (struct rgb){70, 84, 110},
                                    v->light.condition == SYNTH_FOG ? 0.0 : 0.13 + 0.13 * row));
        double x = -30 * unit;
        for (unsigned i = 0; x < w; i++) {
            double wide = numbers_between(h, i, 24, 70) * unit;
            double high = numbers_between(h, 500 + i, 14, 62 - 22.0 * row) * unit;
            const struct point q[4] = {{x, v->horizon_y - high},
                                       {x + wide, v->horizon_y - high},
                                       {x + wide, v->horizon_y + 3},
                                       {x, v->horizon_y + 3}};
            raster_polygon(v->raster, q, 4, &p);
            x += wide * 0.94;
        }
    }
}

// ---- ground

// A flat piece of the street; long ones are cut so that light and air change along them.
static void draw_patch(const struct view *v, double from, double to, double left, double right,
                       struct rgb c, double brightness)
{
    const struct place p[4] = {view_street(v, from, 0, left), view_street(v, to, 0, left),
                               view_street(v, to, 0, right), view_street(v, from, 0, right)};
    view_polygon(v, p, 4, c, brightness);
}

static void draw_strip(const struct view *v, double left, double right, struct rgb c)
{
    double from, to;
    backdrop_reach(v, &from, &to);
    if (v->is_side) {
        double step = v->light.lamps > 0.5 ? v->lamp_spacing / 24 : (to - from);
        for (double a = from; a < to; a += step)
            draw_patch(v, a, a + step, left, right, c, 1);
        return;
    }
    for (double d = VIEW_NEAR; d < SIGHT; d *= 1.045) // finer where it is near
        draw_patch(v, v->camera.z + d, v->camera.z + d * 1.047, left, right, c, 1);
}

// Things at multiples of *spacing* along the street.
static void draw_repeated(const struct view *v, double spacing, double length, double left,
                          double right, struct rgb c, double sight)
{
    double from, to;
    backdrop_reach(v, &from, &to);
    if (!v->is_side)
        to = MIN(to, v->camera.z + sight);
    for (double k = numbers_floor(from / spacing); k * spacing < to; k++)
        draw_patch(v, k * spacing, k * spacing + length, left, right, c, 1);
}

static void draw_pavement(const struct view *v, int side)
{
    double near = ROAD_HALF, far = STREET_HALF;
    draw_strip(v, side * near, side * far, slab);
    draw_repeated(v, 1.5, 0.05, side * near, side * far, joint_line, 30);
    for (double a = near + 1.4; a < far; a += 1.4)
        draw_strip(v, side * a, side * (a + 0.05), joint_line);
    draw_strip(v, side * near, side * (near + 0.28), kerb);
    draw_strip(v, side * (near - 0.12), side * near, (struct rgb){112, 110, 108});
}

static void draw_road(const struct view *v)
{
    draw_strip(v, -ROAD_HALF, ROAD_HALF, asphalt);
    bool has_red = numbers_unit(v->place_seed, 60) < 0.5;
    for (int side = -1; side <= 1; side += 2) {
        if (has_red)
            draw_strip(v, side * 3.45, side * (ROAD_HALF - 0.12), lane_red);
        draw_strip(v, side * 3.38, side * 3.48, marking);
    }
    draw_repeated(v, 7, 3, -0.07, 0.07, marking, SIGHT);
    double from, to;
    backdrop_reach(v, &from, &to);
    double step = BUILDINGS_ZEBRA_SPACING; // zebra crossings
    for (double k = numbers_floor(from / step); k * step < to; k++) {
        for (double a = -4.6; a < 4.6; a += 1.0)
            draw_patch(v, k * step - 1.7, k * step + 1.7, a, a + 0.52, marking, 1);
    }
}

// Wet asphalt mirrors the sky, most where it is far.
static void draw_wetness(const struct view *v)
{
    if (v->light.wet <= 0)
        return;
    double w = v->raster->width, h = v->raster->height;
    const struct point p[4] = {{0, v->horizon_y}, {w, v->horizon_y}, {w, h}, {0, h}};
    struct paint paint = {.from = v->light.sky_low,
                          .to = raster_mix(v->light.sky_top, asphalt, 0.6),
                          .is_gradient = true,
                          .alpha = (int)(70 * v->light.wet),
                          .is_ghost = true};
    paint.p0.y = v->horizon_y;
    paint.p1.y = h;
    raster_polygon(v->raster, p, 4, &paint);
}

static void draw_ground(const struct view *v)
{
    double w = v->raster->width, h = v->raster->height;
    const struct point p[4] = {{0, v->horizon_y}, {w, v->horizon_y}, {w, h}, {0, h}};
    struct place middle = {0, 0, v->camera.z + (v->is_side ? LAWN_EDGE : GROUND_EDGE)};
    struct paint paint = raster_plain(view_colour(v, grass, middle, 1));
    raster_polygon(v->raster, p, 4, &paint);
    draw_road(v);
    for (int side = -1; side <= 1; side += 2)
        draw_pavement(v, side);
    draw_wetness(v);
}

void backdrop_draw(const struct view *v)
{
    draw_sky(v);
    draw_heaven(v);
    draw_skyline(v);
    draw_ground(v);
    buildings_draw(v);
}
