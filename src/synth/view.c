// SPDX-License-Identifier: Apache-2.0
// view.c - the camera, the light and the air.

#include "synth/view.h"

#include <assert.h>

#include "synth/numbers.h"

// clang-format off
static const struct light lights[SYNTH_N_CONDITIONS] = {
    [SYNTH_DAY] = {SYNTH_DAY, 1.00, 1.00, 0.98, {86, 150, 214}, {205, 228, 240}, {206, 222, 232}, 0.35, 0, 0, {255, 220, 160}},
    [SYNTH_DUSK] = {SYNTH_DUSK, 0.78, 0.62, 0.62, {58, 62, 118}, {246, 160, 104}, {206, 140, 124}, 0.55, 0.45, 0, {255, 206, 140}},
    [SYNTH_NIGHT] = {SYNTH_NIGHT, 0.27, 0.30, 0.42, {9, 13, 32}, {38, 44, 72}, {30, 34, 54}, 0.45, 1, 0.1, {255, 204, 138}},
    [SYNTH_RAIN] = {SYNTH_RAIN, 0.70, 0.74, 0.78, {108, 120, 132}, {164, 174, 182}, {156, 166, 174}, 1.3, 0.25, 1, {255, 224, 170}},
    [SYNTH_FOG] = {SYNTH_FOG, 0.84, 0.86, 0.88, {184, 190, 196}, {204, 208, 211}, {202, 206, 209}, 4.2, 0.2, 0.2, {255, 232, 190}},
};
// clang-format on

struct light light_of(enum synth_condition c)
{
    assert(c > SYNTH_CONDITION_UNSET && c < SYNTH_N_CONDITIONS);
    return lights[c];
}

struct place view_street(const struct view *v, double along, double up, double across)
{
    if (v->is_side)
        return (struct place){along, up, across + v->across_shift};
    return (struct place){across, up, along};
}

double view_along_of_camera(const struct view *v)
{
    return v->is_side ? v->camera.x : v->camera.z;
}

double view_scale(const struct view *v, double z)
{
    double d = z - v->camera.z;
    return v->focal / (d < VIEW_NEAR ? VIEW_NEAR : d);
}

struct point view_point(const struct view *v, struct place p)
{
    double s = view_scale(v, p.z);
    return (struct point){v->centre_x + (p.x - v->camera.x) * s,
                          v->horizon_y - (p.y - v->camera.y) * s};
}

struct rgb view_haze(const struct view *v, struct rgb c, double distance)
{
    double t = distance > 0 ? v->light.thickness * distance * 0.01 : 0;
    return raster_mix(c, v->light.haze, t / (1 + t)); // bends as 1 - exp(-t) does, without libm
}

double view_lamplight(const struct view *v, struct place p)
{
    if (v->light.lamps <= 0)
        return 0;
    double along = v->is_side ? p.x : p.z;
    double across = v->is_side ? p.z - v->across_shift : p.x;
    double k = along / v->lamp_spacing;
    double from_post = (k - numbers_floor(k + 0.5)) * v->lamp_spacing;
    double from_kerb = (across < 0 ? -across : across) - LAMP_ACROSS + 1.2;
    double q = (from_post * from_post + from_kerb * from_kerb) / 30;
    return v->light.lamps / (1 + q);
}

static uint8_t lit(int c, double by)
{
    return (uint8_t)numbers_clamp(c * by, 0, 255);
}

struct rgb view_colour(const struct view *v, struct rgb c, struct place p, double brightness)
{
    const struct light *l = &v->light;
    double lamp = view_lamplight(v, p) * 0.75;
    double distance = p.z - v->camera.z;
    // Headlights and the rest of the town reach what is near.
    double near = l->lamps * 3.0 / (12 + (distance > 0 ? distance : 0));
    struct rgb o = {lit(c.r, brightness * (l->red + lamp + near)),
                    lit(c.g, brightness * (l->green + lamp * 0.82 + near)),
                    lit(c.b, brightness * (l->blue + lamp * 0.55 + near))};
    return view_haze(v, o, distance);
}

void view_polygon(const struct view *v, const struct place *p, int n, struct rgb c,
                  double brightness)
{
    struct point q[8];
    assert(n >= 3 && n <= 8);
    struct place middle = {0};
    bool is_near = false;
    for (int i = 0; i < n; i++) {
        q[i] = view_point(v, p[i]);
        middle.x += p[i].x / n;
        middle.z += p[i].z / n;
        is_near = is_near || p[i].z - v->camera.z > VIEW_NEAR;
    }
    if (!is_near)
        return;
    struct paint paint = raster_plain(view_colour(v, c, middle, brightness));
    raster_polygon(v->raster, q, n, &paint);
}
