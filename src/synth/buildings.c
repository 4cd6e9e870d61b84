// SPDX-License-Identifier: Apache-2.0
// buildings.c - houses with windows, shops with awnings, doors and roofs.

#include "synth/buildings.h"

#include "base/attr.h"
#include "synth/backdrop.h"
#include "synth/numbers.h"
#include "synth/view.h"

#define LOT 9.0 // metres of wall

// clang-format off
static const struct rgb walls[] = {
    {214, 184, 150}, {188, 118, 94}, {224, 212, 188}, {156, 168, 172}, {202, 152, 116}, {176, 186, 160}, {230, 200, 160}, {142, 118, 112}, {206, 196, 200}};
static const struct rgb awnings[] = {{186, 58, 54}, {52, 110, 100}, {222, 168, 66}, {60, 84, 130}, {150, 80, 110}};
// clang-format on

struct house {
    const struct view *view;
    uint64_t hash;
    double from, to; // along
    int side;
    double height;
    struct rgb wall;
};

// A rectangle on the wall, *out* metres before it.
static void wall_piece(const struct house *h, double a0, double a1, double u0, double u1,
                       double out, struct rgb c, double brightness)
{
    const struct view *v = h->view;
    double across = h->side * (STREET_HALF - out);
    const struct place p[4] = {view_street(v, a0, u0, across), view_street(v, a1, u0, across),
                               view_street(v, a1, u1, across), view_street(v, a0, u1, across)};
    view_polygon(v, p, 4, c, brightness);
}

// A lit window shines by itself: only air is between.
static void lit_window(const struct house *h, double a0, double a1, double u0, double u1,
                       struct rgb c)
{
    const struct view *v = h->view;
    double across = h->side * STREET_HALF;
    const double corners[4][2] = {{a0, u0}, {a1, u0}, {a1, u1}, {a0, u1}};
    struct point p[4];
    for (int i = 0; i < 4; i++)
        p[i] = view_point(v, view_street(v, corners[i][0], corners[i][1], across));
    struct place at = view_street(v, a0, u0, across);
    struct paint paint = raster_plain(view_haze(v, c, at.z - v->camera.z));
    raster_polygon(v->raster, p, 4, &paint);
}

static void draw_window(const struct house *h, unsigned i, double a0, double a1, double u0,
                        double u1)
{
    static const struct rgb warm[] = {{252, 214, 138}, {244, 190, 112}, {236, 226, 190}};
    double lamps = h->view->light.lamps;
    wall_piece(h, a0 - 0.1, a1 + 0.1, u0 - 0.16, u0, 0, h->wall, 1.15);
    if (numbers_unit(h->hash, 300 + i) < lamps * 0.45) {
        lit_window(h, a0, a1, u0, u1, warm[numbers_pick(h->hash, 400 + i, 3)]);
    } else {
        struct rgb glass = raster_mix((struct rgb){74, 92, 112}, h->view->light.sky_low,
                                      numbers_between(h->hash, 500 + i, 0.1, 0.4));
        wall_piece(h, a0, a1, u0, u1, 0, glass, 0.9);
        wall_piece(h, a0, a0 + (a1 - a0) * 0.42, (u0 + u1) / 2, u1, 0, glass, 1.12);
    }
    double middle = (a0 + a1) / 2;
    wall_piece(h, middle - 0.04, middle + 0.04, u0, u1, 0, (struct rgb){236, 232, 224}, 0.95);
}

static void draw_shop(const struct house *h, double sharp)
{
    struct rgb c = awnings[numbers_pick(h->hash, 20, (int)ARRAY_LEN(awnings))];
    double a = h->from, w = h->to - h->from;
    wall_piece(h, a, h->to, 0, 0.5, 0, h->wall, 0.62);
    bool is_shop = numbers_unit(h->hash, 21) < 0.65;
    if (is_shop && h->view->light.lamps > 0.3)
        lit_window(h, a + 0.7, a + w * 0.66, 0.5, 2.6, (struct rgb){250, 222, 164});
    else if (is_shop)
        wall_piece(h, a + 0.7, a + w * 0.66, 0.5, 2.6, 0, (struct rgb){92, 116, 128}, 1);
    wall_piece(h, a + w * 0.74, a + w * 0.74 + 1.15, 0, 2.3, 0,
               raster_mix(c, (struct rgb){40, 30, 28}, 0.5), 1);
    wall_piece(h, a + w * 0.74 + 0.18, a + w * 0.74 + 0.97, 1.2, 2.1, 0,
               (struct rgb){120, 140, 150}, 1);
    if (!is_shop) {
        for (unsigned i = 0; i < 2; i++)
            draw_window(h, 90 + i, a + 0.9 + i * 2.4, a + 2.3 + i * 2.4, 1.0, 2.5);
        return;
    }
    for (int i = 0; i < 8; i++) { // stripes of the awning
        double s0 = a + 0.5 + (w * 0.66) * i / 8, s1 = a + 0.5 + (w * 0.66) * (i + 1) / 8;
        wall_piece(h, s0, s1, 2.55, 3.1, 0.5, i % 2 && sharp > 8 ? (struct rgb){238, 232, 220} : c,
                   1);
    }
    wall_piece(h, a + 0.3, h->to - 0.3, 3.2, 3.75, 0, c, 0.8);
}

static void draw_windows(const struct house *h)
{
    int floors = (int)((h->height - 4.4) / 3.0), columns = numbers_pick(h->hash, 22, 2) + 3;
    double step = (h->to - h->from) / columns, half = step * 0.26;
    for (int f = 0; f < floors; f++) {
        for (int c = 0; c < columns; c++) {
            double middle = h->from + step * (c + 0.5), u = 4.7 + 3.0 * f;
            draw_window(h, (unsigned)(f * 8 + c), middle - half, middle + half, u, u + 1.75);
        }
    }
}

// The wall towards the camera where the neighbour is lower.
static void draw_gable(const struct house *h)
{
    const struct view *v = h->view;
    if (v->is_side)
        return;
    double in = h->side * STREET_HALF, out = h->side * (STREET_HALF + 9);
    const struct place p[4] = {view_street(v, h->from, 0, in), view_street(v, h->from, 0, out),
                               view_street(v, h->from, h->height, out),
                               view_street(v, h->from, h->height, in)};
    view_polygon(v, p, 4, h->wall, h->side < 0 ? 0.78 : 0.9);
}

static void draw_house(const struct house *h)
{
    const struct view *v = h->view;
    double distance = view_street(v, h->to, 0, h->side * STREET_HALF).z - v->camera.z;
    if (distance < VIEW_NEAR)
        return;
    double sharp = v->focal / distance;
    double face = v->is_side ? 1 : h->side < 0 ? 0.97 : 0.82; // the sun stands on the right
    draw_gable(h);
    wall_piece(h, h->from, h->to, 0, h->height, 0, h->wall, face);
    wall_piece(h, h->from, h->to, h->height - 0.5, h->height, 0.15, h->wall, face * 0.72);
    wall_piece(h, h->from, h->to, 3.9, 4.15, 0.05, h->wall, face * 1.12);
    if (sharp < 5)
        return;
    draw_windows(h);
    draw_shop(h, sharp);
}

// A park instead of a house here and there: a hedge.
static void draw_gap(const struct house *h)
{
    wall_piece(h, h->from, h->to, 0, 1.5, 0, (struct rgb){70, 110, 66}, 0.9);
    wall_piece(h, h->from, h->to, 1.2, 1.5, 0, (struct rgb){92, 136, 80}, 1);
}

static void draw_lot(const struct view *v, double k, int side)
{
    uint64_t hash =
        numbers_hash(numbers_hash(v->place_seed, side < 0 ? 901 : 902), (uint64_t)(int64_t)k);
    struct house h = {.view = v, .hash = hash, .side = side, .from = k * LOT, .to = (k + 1) * LOT};
    h.height = 5.2 + 3.0 * numbers_pick(hash, 1, v->is_side ? 4 : 5);
    h.wall = walls[numbers_pick(hash, 2, (int)ARRAY_LEN(walls))];
    if (numbers_unit(hash, 3) < 0.13)
        draw_gap(&h);
    else
        draw_house(&h);
}

void buildings_draw(const struct view *v)
{
    double from, to;
    backdrop_reach(v, &from, &to);
    for (double k = numbers_floor(to / LOT); (k + 1) * LOT > from; k--) {
        if (!v->is_side)
            draw_lot(v, k, -1);
        draw_lot(v, k, 1);
    }
}
