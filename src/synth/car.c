// SPDX-License-Identifier: Apache-2.0
// car.c - cars and vans as two prisms, lit by face, with wheels, glass and lamps.

#include "base/attr.h"
#include "synth/numbers.h"
#include "synth/props.h"

struct corner {
    double f, u; // metres forward and up
};

// A profile pulled out to both sides; corners run forward along the bottom, back over the top.
struct prism {
    const struct view *view;
    const struct prop *car;
    const struct corner *profile;
    int n;
    double half;     // width below
    double half_top; // and at the top
    double top;      // height where half_top is reached
    double bottom;
};

// clang-format off
static const struct corner car_body[] = {{-2.1, 0.28}, {2.1, 0.28}, {2.2, 0.55}, {2.1, 0.8}, {1.1, 0.94}, {-2.05, 1.0}, {-2.2, 0.6}};
static const struct corner car_cabin[] = {{-1.85, 0.97}, {1.15, 0.93}, {0.35, 1.46}, {-1.35, 1.48}};
static const struct corner van_body[] = {{-2.5, 0.3}, {2.4, 0.3}, {2.5, 0.7}, {2.3, 1.1}, {1.5, 1.2}, {-2.5, 1.2}};
static const struct corner van_cabin[] = {{-2.5, 1.18}, {1.75, 1.16}, {1.1, 2.05}, {-2.45, 2.15}};
static const struct rgb paints[] = {
    {188, 48, 46}, {52, 88, 140}, {224, 226, 226}, {64, 68, 74}, {150, 156, 162}, {60, 112, 96}, {226, 182, 80}, {96, 60, 72}};
// clang-format on

static struct place corner_at(const struct prism *p, struct corner c, double side)
{
    double share = (c.u - p->bottom) / (p->top - p->bottom);
    double half = p->half + (p->half_top - p->half) * numbers_clamp(share, 0, 1);
    return view_street(p->view, p->car->along + c.f * p->car->direction, c.u,
                       p->car->across + side * half);
}

static double doubled_area(const struct view *v, const struct place *p, int n)
{
    double area = 0;
    for (int i = 0; i < n; i++) {
        struct point a = view_point(v, p[i]), b = view_point(v, p[(i + 1) % n]);
        area += a.x * b.y - b.x * a.y;
    }
    return area;
}

// Which side of the street's axis is seen: that towards the camera.
static double near_side(const struct prism *p)
{
    if (p->view->is_side)
        return -1;
    return p->car->across > p->view->camera.x ? -1 : 1;
}

static bool faces_camera(const struct prism *p, const struct place *q)
{
    // The outline runs one way as seen from the left, the other from the right.
    bool mirrored = (p->car->direction < 0) != p->view->is_side;
    return (doubled_area(p->view, q, 4) > 0) != mirrored;
}

static void draw_prism(const struct prism *p, struct rgb side_colour, struct rgb end_colour,
                       struct rgb top_colour)
{
    const struct view *v = p->view;
    for (int i = 0; i < p->n; i++) {
        struct corner a = p->profile[i], b = p->profile[(i + 1) % p->n];
        const struct place q[4] = {corner_at(p, a, 1), corner_at(p, b, 1), corner_at(p, b, -1),
                                   corner_at(p, a, -1)};
        if (!faces_camera(p, q))
            continue;
        double slope = (b.u - a.u) * (b.u - a.u), run = (b.f - a.f) * (b.f - a.f);
        bool is_top = run > slope * 3;
        view_polygon(v, q, 4, is_top ? top_colour : end_colour, is_top ? 1.12 : 0.86);
    }
    struct place side[8];
    for (int i = 0; i < p->n; i++)
        side[i] = corner_at(p, p->profile[i], near_side(p));
    view_polygon(v, side, p->n, side_colour, 0.98);
}

static void draw_glass(const struct prism *p, double from, double to, struct rgb c)
{
    const struct corner *q = p->profile;
    struct place w[4];
    double side = near_side(p) * 1.005;
    double low = p->bottom + 0.06, high = p->top - 0.08;
    const struct corner corners[4] = {{q[0].f + (q[1].f - q[0].f) * from, low},
                                      {q[0].f + (q[1].f - q[0].f) * to, low},
                                      {q[3].f + (q[2].f - q[3].f) * to, high},
                                      {q[3].f + (q[2].f - q[3].f) * from, high}};
    for (int i = 0; i < 4; i++)
        w[i] = corner_at(p, corners[i], side);
    view_polygon(p->view, w, 4, c, 1);
}

static void draw_wheel(const struct prism *p, double f)
{
    const struct view *v = p->view;
    enum { STEPS = 20 };
    struct point ring[2][STEPS];
    struct place hub = corner_at(p, (struct corner){f, 0.32}, near_side(p));
    for (int i = 0; i < STEPS; i++) {
        double c = numbers_cosine((double)i / STEPS), s = numbers_sine((double)i / STEPS);
        for (int k = 0; k < 2; k++) {
            double r = k ? 0.2 : 0.33;
            ring[k][i] = view_point(
                v, corner_at(p, (struct corner){f + r * c, 0.33 + r * s}, near_side(p) * 1.01));
        }
    }
    struct paint tyre = raster_plain(view_colour(v, (struct rgb){32, 32, 36}, hub, 1));
    struct paint rim = raster_plain(view_colour(v, (struct rgb){160, 164, 170}, hub, 1));
    raster_polygon(v->raster, ring[0], STEPS, &tyre);
    raster_polygon(v->raster, ring[1], STEPS, &rim);
}

static bool front_is_seen(const struct prism *p)
{
    return !p->view->is_side && p->car->direction < 0;
}

static void draw_lamps(const struct prism *p)
{
    const struct view *v = p->view;
    double on = v->light.lamps;
    for (int end = -1; end <= 1; end += 2) {
        if (!v->is_side && (end > 0) != front_is_seen(p))
            continue;
        for (int side = -1; side <= 1; side += 2) {
            if (v->is_side && side != near_side(p))
                continue;
            struct place at = corner_at(p, (struct corner){end * 2.16, 0.68}, side * 0.78);
            double s = view_scale(v, at.z);
            if (at.z - v->camera.z < VIEW_NEAR)
                continue;
            struct rgb c = end > 0 ? (struct rgb){255, 248, 224} : (struct rgb){216, 36, 34};
            if (on < 0.1)
                c = view_colour(v, c, at, 0.9);
            struct paint lamp = raster_plain(view_haze(v, c, at.z - v->camera.z));
            struct point m = view_point(v, at);
            raster_capsule(v->raster, (struct point){m.x - 0.1 * s, m.y}, 0.08 * s,
                           (struct point){m.x + 0.1 * s, m.y}, 0.08 * s, &lamp);
            double reach = (end > 0 ? 0.9 : 0.5) * s;
            if (on > 0.1)
                raster_glow(v->raster, m, reach, reach, c, (int)(130 * on));
        }
    }
}

// Headlights on the road before the car.
static void draw_beam(const struct prism *p)
{
    const struct view *v = p->view;
    if (v->light.lamps < 0.4)
        return;
    struct place at = view_street(v, p->car->along + p->car->direction * 6.0, 0, p->car->across);
    double d = at.z - v->camera.z;
    if (d < VIEW_NEAR * 2)
        return;
    double s = view_scale(v, at.z), tilt = v->camera.y / d;
    raster_glow(v->raster, view_point(v, at), (v->is_side ? 4.0 : 1.6) * s,
                (v->is_side ? 1.4 : 4.0) * s * numbers_clamp(tilt, 0.02, 1),
                (struct rgb){255, 240, 200}, (int)(100 * v->light.lamps));
}

static void draw_ground_shadow(const struct prism *p, double half_length)
{
    const struct view *v = p->view;
    struct place corners[4];
    for (int i = 0; i < 4; i++)
        corners[i] = view_street(v, p->car->along + (i == 1 || i == 2 ? 1.06 : -1.06) * half_length,
                                 0, p->car->across + (i < 2 ? -1.0 : 1.0));
    struct point q[4];
    for (int i = 0; i < 4; i++)
        q[i] = view_point(v, corners[i]);
    struct paint dark = {.from = {14, 16, 24}, .alpha = 130, .is_ghost = true};
    raster_polygon(v->raster, q, 4, &dark);
}

void car_draw(const struct view *v, const struct prop *car)
{
    bool is_van = car->kind == PROP_VAN;
    struct rgb c = paints[numbers_pick(car->hash, 1, (int)ARRAY_LEN(paints))];
    struct rgb glass = raster_mix((struct rgb){44, 54, 68}, v->light.sky_low, 0.22);
    struct prism body = {v, car, is_van ? van_body : car_body, is_van ? 6 : 7, 0.9, 0.9, 1.2, 0.28};
    struct prism cabin = {v,
                          car,
                          is_van ? van_cabin : car_cabin,
                          4,
                          0.88,
                          is_van ? 0.84 : 0.66,
                          is_van ? 2.1 : 1.47,
                          is_van ? 1.18 : 0.95};
    draw_ground_shadow(&body, is_van ? 2.5 : 2.2);
    draw_beam(&body);
    draw_prism(&body, c, c, c);
    draw_prism(&cabin, c, glass, c);
    if (is_van) {
        draw_glass(&cabin, 0.68, 0.95, glass);
    } else {
        draw_glass(&cabin, 0.06, 0.46, glass);
        draw_glass(&cabin, 0.52, 0.94, glass);
    }
    draw_wheel(&body, -1.35);
    draw_wheel(&body, 1.4);
    draw_lamps(&body);
}
