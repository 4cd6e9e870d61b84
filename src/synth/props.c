// SPDX-License-Identifier: Apache-2.0
// props.c - trees, lamp posts, signs, posters and benches.

#include "synth/props.h"

#include "base/attr.h"
#include "synth/figure.h"
#include "synth/numbers.h"

static const struct rgb iron = {58, 62, 68}, bark = {94, 72, 56};

// An upright stick of the world.
static void pole(const struct view *v, struct place foot, double from, double to, double radius,
                 struct rgb c)
{
    double s = view_scale(v, foot.z);
    foot.y = from;
    struct point a = view_point(v, foot);
    foot.y = to;
    struct point b = view_point(v, foot);
    struct paint p = {.from = view_colour(v, c, foot, 1.2),
                      .to = view_colour(v, c, foot, 0.65),
                      .is_gradient = true,
                      .p0 = {a.x - radius * s, 0},
                      .p1 = {a.x + radius * s, 0}};
    raster_capsule(v->raster, a, radius * s, b, radius * s * 0.8, &p);
}

static void shadow(const struct view *v, struct place foot, double radius)
{
    double s = view_scale(v, foot.z), tilt = v->camera.y * s / v->focal;
    struct paint p = {.from = {18, 20, 30}, .alpha = 80, .is_ghost = true};
    raster_ellipse(v->raster, view_point(v, foot), radius * s,
                   radius * s * numbers_clamp(tilt, 0.03, 0.6), &p);
}

static void draw_tree(const struct view *v, const struct prop *p, struct place foot)
{
    static const struct rgb greens[] = {
        {86, 128, 66}, {108, 146, 74}, {70, 112, 72}, {176, 140, 62}};
    uint64_t h = p->hash;
    struct rgb c = greens[numbers_pick(h, 1, (int)ARRAY_LEN(greens))];
    double high = numbers_between(h, 2, 3.6, 5.2), wide = numbers_between(h, 3, 1.0, 1.5);
    double s = view_scale(v, foot.z);
    shadow(v, foot, 0.8);
    pole(v, foot, 0, high, 0.13, bark);
    for (int layer = 0; layer < 3; layer++) {
        struct place heart = {foot.x - 0.15 * layer, high + 0.2 * layer, foot.z};
        struct paint inner = raster_plain(view_colour(v, c, heart, 0.72 + 0.2 * layer));
        raster_ellipse(v->raster, view_point(v, heart), wide * 0.5 * s, wide * 0.4 * s, &inner);
        for (unsigned i = 0; i < 6; i++) {
            unsigned salt = 10 + (unsigned)layer * 8 + i;
            double turn = i / 6.0 + numbers_unit(h, salt) * 0.1, r = wide * (0.66 - 0.14 * layer);
            struct place at = {foot.x + numbers_cosine(turn) * wide * 0.7 - 0.15 * layer,
                               high + numbers_sine(turn) * wide * 0.55 + 0.2 * layer, foot.z};
            struct paint paint = raster_plain(view_colour(v, c, at, 0.72 + 0.2 * layer));
            raster_ellipse(v->raster, view_point(v, at), r * s, r * s * 0.92, &paint);
        }
    }
}

static void draw_lamp(const struct view *v, struct place foot, int side)
{
    double reach = -side * 1.1, s = view_scale(v, foot.z), on = v->light.lamps;
    struct place head = foot;
    pole(v, foot, 0, 0.8, 0.1, iron);
    pole(v, foot, 0, 5.6, 0.06, iron);
    foot.y = 5.6;
    head.y = 5.75;
    head.x += v->is_side ? 0 : reach;
    head.z += v->is_side ? reach : 0;
    struct paint p = raster_plain(view_colour(v, iron, head, 1));
    struct point a = view_point(v, foot), b = view_point(v, head);
    raster_capsule(v->raster, a, 0.05 * s, b, 0.05 * s, &p);
    struct point tip = {b.x + (v->is_side ? 0.3 * s : reach * 0.3 * s), b.y + 0.02 * s};
    raster_capsule(v->raster, b, 0.09 * s, tip, 0.08 * s, &p);
    if (on <= 0.1)
        return;
    struct paint bulb = raster_plain(raster_mix(v->light.lamp, (struct rgb){255, 255, 250}, 0.6));
    struct point under = {(b.x + tip.x) / 2, b.y + 0.1 * s};
    raster_capsule(v->raster, (struct point){under.x - 0.12 * s, under.y}, 0.07 * s,
                   (struct point){under.x + 0.12 * s, under.y}, 0.07 * s, &bulb);
    raster_glow(v->raster, under, 1.15 * s, 1.15 * s, v->light.lamp, (int)(150 * on));
    raster_glow(v->raster, (struct point){under.x, under.y + 2.4 * s}, 2.2 * s, 3.4 * s,
                v->light.lamp, (int)(24 * on));
}

static void draw_sign(const struct view *v, const struct prop *p, struct place foot)
{
    double s = view_scale(v, foot.z);
    struct place at = foot;
    at.y = 2.5;
    struct point m = view_point(v, at);
    pole(v, foot, 0, 2.9, 0.035, (struct rgb){150, 152, 156});
    struct paint white = raster_plain(view_colour(v, (struct rgb){240, 240, 236}, at, 1));
    struct paint red = raster_plain(view_colour(v, (struct rgb){204, 40, 40}, at, 1));
    struct paint blue = raster_plain(view_colour(v, (struct rgb){36, 84, 168}, at, 1));
    int kind = numbers_pick(p->hash, 4, 3);
    if (kind == 0) {
        raster_ellipse(v->raster, m, 0.34 * s, 0.34 * s, &red);
        raster_ellipse(v->raster, m, 0.25 * s, 0.25 * s, &white);
    } else if (kind == 1) {
        const struct point t[3] = {{m.x, m.y - 0.42 * s},
                                   {m.x + 0.4 * s, m.y + 0.28 * s},
                                   {m.x - 0.4 * s, m.y + 0.28 * s}};
        const struct point i[3] = {{m.x, m.y - 0.2 * s},
                                   {m.x + 0.23 * s, m.y + 0.18 * s},
                                   {m.x - 0.23 * s, m.y + 0.18 * s}};
        raster_polygon(v->raster, t, 3, &red);
        raster_polygon(v->raster, i, 3, &white);
    } else {
        const struct point q[4] = {{m.x - 0.33 * s, m.y - 0.33 * s},
                                   {m.x + 0.33 * s, m.y - 0.33 * s},
                                   {m.x + 0.33 * s, m.y + 0.33 * s},
                                   {m.x - 0.33 * s, m.y + 0.33 * s}};
        raster_polygon(v->raster, q, 4, &blue);
        raster_capsule(v->raster, (struct point){m.x, m.y - 0.18 * s}, 0.05 * s,
                       (struct point){m.x, m.y + 0.2 * s}, 0.05 * s, &white);
    }
}

// A board with a picture of somebody: flat, framed, and of no class.
static void draw_poster(const struct view *v, const struct prop *p, struct place foot)
{
    static const struct rgb papers[] = {
        {246, 206, 92}, {120, 196, 202}, {240, 150, 130}, {236, 232, 220}};
    double s = view_scale(v, foot.z);
    struct point m = view_point(v, foot);
    struct place lit = foot;
    struct paint frame = raster_plain(view_colour(v, iron, lit, 1));
    struct paint paper =
        raster_plain(view_colour(v, papers[numbers_pick(p->hash, 5, 4)], lit, 1.05));
    shadow(v, foot, 0.7);
    const struct point outer[4] = {{m.x - 0.68 * s, m.y - 2.6 * s},
                                   {m.x + 0.68 * s, m.y - 2.6 * s},
                                   {m.x + 0.68 * s, m.y},
                                   {m.x - 0.68 * s, m.y}};
    const struct point inner[4] = {{m.x - 0.59 * s, m.y - 2.5 * s},
                                   {m.x + 0.59 * s, m.y - 2.5 * s},
                                   {m.x + 0.59 * s, m.y - 0.45 * s},
                                   {m.x - 0.59 * s, m.y - 0.45 * s}};
    raster_polygon(v->raster, outer, 4, &frame);
    raster_polygon(v->raster, inner, 4, &paper);
    struct actor a = {.look = numbers_hash(p->hash, 6),
                      .at = foot,
                      .heading = 0.75 + numbers_between(p->hash, 7, -0.1, 0.1)};
    figure_draw_flat(v, &a, (struct point){m.x, m.y - 0.72 * s}, s * 0.86);
    struct paint ink = raster_plain(view_colour(v, (struct rgb){60, 50, 60}, lit, 1));
    for (int i = 0; i < 2; i++)
        raster_capsule(
            v->raster, (struct point){m.x - (0.45 - 0.1 * i) * s, m.y - (0.64 - 0.1 * i) * s},
            0.025 * s, (struct point){m.x + (0.45 - 0.1 * i) * s, m.y - (0.64 - 0.1 * i) * s},
            0.025 * s, &ink);
}

static void draw_bench(const struct view *v, struct place foot)
{
    double s = view_scale(v, foot.z);
    struct point m = view_point(v, foot);
    struct paint wood = raster_plain(view_colour(v, (struct rgb){150, 104, 66}, foot, 1));
    struct paint leg = raster_plain(view_colour(v, iron, foot, 1));
    shadow(v, foot, 0.8);
    for (int i = -1; i <= 1; i += 2)
        raster_capsule(v->raster, (struct point){m.x + i * 0.6 * s, m.y}, 0.03 * s,
                       (struct point){m.x + i * 0.6 * s, m.y - 0.8 * s}, 0.03 * s, &leg);
    static const double rows[] = {0.42, 0.62, 0.76};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        raster_capsule(v->raster, (struct point){m.x - 0.75 * s, m.y - rows[i] * s}, 0.045 * s,
                       (struct point){m.x + 0.75 * s, m.y - rows[i] * s}, 0.045 * s, &wood);
}

void prop_draw(const struct view *v, const struct prop *p)
{
    struct place foot = view_street(v, p->along, 0, p->across);
    if (foot.z - v->camera.z < VIEW_NEAR * 2)
        return;
    switch (p->kind) {
    case PROP_TREE:
        draw_tree(v, p, foot);
        break;
    case PROP_LAMP:
        draw_lamp(v, foot, p->across < 0 ? -1 : 1);
        break;
    case PROP_SIGN:
        draw_sign(v, p, foot);
        break;
    case PROP_POSTER:
        draw_poster(v, p, foot);
        break;
    case PROP_BENCH:
        draw_bench(v, foot);
        break;
    case PROP_CAR:
    case PROP_VAN:
        car_draw(v, p);
        break;
    default:
        break;
    }
}

struct prop prop_at(const struct view *v, int64_t k, int side)
{
    uint64_t h = numbers_hash(numbers_hash(v->place_seed, side < 0 ? 811 : 812), (uint64_t)k);
    struct prop p = {.hash = h, .along = (double)k * PROP_SPACING, .across = side * LAMP_ACROSS};
    double chance = numbers_unit(h, 1);
    int64_t every = (int64_t)(v->lamp_spacing / PROP_SPACING);
    if (k % every == 0)
        p.kind = PROP_LAMP;
    else if (k % 8 == 0 || (v->is_side && side < 0)) // crossings, and the view, stay free
        p.kind = chance < 0.1 && v->is_side ? PROP_SIGN : PROP_UNSET;
    else if (chance < 0.36)
        p.kind = PROP_TREE;
    else if (chance < 0.5)
        p.kind = PROP_SIGN;
    else if (chance < 0.6) {
        p.kind = PROP_POSTER;
        p.across = side * (STREET_HALF - 0.9);
    } else if (chance < 0.7) {
        p.kind = PROP_BENCH;
        p.across = side * (STREET_HALF - 0.7);
    }
    return p;
}
