// SPDX-License-Identifier: Apache-2.0
// person.c - a body with clothes in any pose, and people who walk.

#include <math.h>

#include "base/attr.h"
#include "synth/figure.h"
#include "synth/numbers.h"

// clang-format off
static const struct rgb skins[] = {{244, 208, 178}, {226, 176, 140}, {198, 144, 106}, {158, 108, 74}, {112, 74, 50}, {82, 54, 40}};
static const struct rgb hairs[] = {{38, 30, 28}, {70, 46, 32}, {112, 74, 42}, {186, 142, 82}, {150, 148, 146}, {142, 66, 38}};
static const struct rgb tops[] = {
    {196, 62, 58}, {46, 104, 162}, {238, 190, 74}, {64, 136, 98}, {232, 228, 218}, {52, 58, 74}, {214, 120, 70},
    {134, 84, 140}, {98, 158, 180}, {190, 90, 118}, {122, 132, 82}, {90, 70, 62}, {240, 140, 130}, {36, 40, 48}};
static const struct rgb bottoms[] = {{48, 62, 92}, {38, 40, 48}, {92, 88, 84}, {124, 104, 82}, {70, 94, 128}, {176, 162, 140}, {82, 52, 56}};
static const struct rgb shoe_colours[] = {{40, 36, 36}, {224, 222, 218}, {112, 70, 44}, {178, 60, 56}};
static const struct rgb extras[] = {{208, 66, 70}, {44, 84, 140}, {236, 180, 60}, {60, 60, 66}, {92, 148, 116}, {168, 92, 150}};
// clang-format on

#define PICK(table, salt) (table)[numbers_pick(h, (salt), (int)ARRAY_LEN(table))]

struct looks looks_of(const struct view *v, const struct actor *a)
{
    uint64_t h = a->look;
    struct looks l = {.hash = h};
    bool on_foot = a->class_id == SYNTH_PEDESTRIAN;
    l.is_child = on_foot && numbers_unit(h, 1) < 0.13;
    l.size = l.is_child ? numbers_between(h, 2, 0.6, 0.78) : numbers_between(h, 2, 0.9, 1.09);
    l.build = numbers_between(h, 3, 0.86, 1.28);
    l.skin = PICK(skins, 4);
    l.hair = PICK(hairs, 5);
    l.top = PICK(tops, 6);
    l.legs = PICK(bottoms, 7);
    l.shoes = PICK(shoe_colours, 8);
    l.extra = PICK(extras, 9);
    l.has_coat = on_foot && numbers_unit(h, 10) < 0.35;
    l.has_long_hair = numbers_unit(h, 11) < 0.4;
    l.has_hat = on_foot && numbers_unit(h, 12) < 0.25;
    l.has_backpack = numbers_unit(h, 13) < 0.28 && a->class_id != SYNTH_WHEELCHAIR_USER;
    l.has_bag = on_foot && numbers_unit(h, 14) < 0.3;
    l.has_umbrella =
        on_foot && numbers_unit(h, 15) < (v->light.condition == SYNTH_RAIN ? 0.55 : 0.03);
    l.has_helmet = numbers_unit(h, 16) < (a->class_id == SYNTH_CYCLIST ? 0.65 : 0.35);
    return l;
}

// Where the joint between *a* and *b* is, both bones *bone* long, bent towards *f*, *s*.
static struct joint bend(struct joint a, struct joint b, double bone, double f, double s)
{
    double df = b.f - a.f, du = b.u - a.u, ds = b.s - a.s;
    double q = bone * bone - (df * df + du * du + ds * ds) / 4;
    double out = q > 0 ? sqrt(q) : 0;
    struct joint m = joint_between(a, b, 0.5);
    // Perpendicular to the line in the forward-up plane.
    double d = sqrt(df * df + du * du);
    if (d > 1e-6) {
        double side = du < 0 ? 1 : -1;
        m.f += out * f * side * -du / d;
        m.u += out * f * side * df / d;
    }
    m.s += s;
    return m;
}

static void add_leg(struct figure *g, const struct looks *l, const struct pose *p, int side)
{
    double k = l->size, w = l->build, sign = side ? -1 : 1;
    struct joint hip = {p->pelvis.f, p->pelvis.u, sign * 0.09 * k * w};
    struct joint foot = p->foot[side];
    struct joint knee = bend(hip, foot, 0.424 * k, 1, sign * p->knee_out);
    figure_limb(g, hip, 0.088 * k * w, knee, 0.062 * k * w, l->legs);
    figure_limb(g, knee, 0.062 * k * w, foot, 0.042 * k * w, l->legs);
    struct joint toe = {foot.f + 0.15 * k, foot.u - 0.035 * k, foot.s};
    foot.u -= 0.02 * k;
    figure_limb(g, foot, 0.047 * k, toe, 0.036 * k, l->shoes);
}

static void add_arm(struct figure *g, const struct looks *l, const struct pose *p, int side)
{
    double k = l->size, w = l->build, sign = side ? -1 : 1;
    struct joint shoulder = {p->neck.f, p->neck.u - 0.06 * k, sign * 0.19 * k * (0.6 + 0.4 * w)};
    struct joint hand = p->hand[side];
    struct joint elbow = bend(shoulder, hand, 0.285 * k, -1, sign * 0.05 * k);
    figure_limb(g, shoulder, 0.06 * k * w, elbow, 0.048 * k * w, l->top);
    figure_limb(g, elbow, 0.046 * k * w, hand, 0.034 * k, l->top);
    figure_ball(g, hand, 0.045 * k, l->skin);
}

static void add_torso(struct figure *g, const struct looks *l, const struct pose *p)
{
    double k = l->size, w = l->build;
    struct joint chest = joint_between(p->pelvis, p->neck, 0.76);
    struct joint belly = joint_between(p->pelvis, p->neck, 0.12);
    for (int side = -1; side <= 1; side += 2) { // two columns make it broader than deep
        struct joint up = chest, down = belly;
        up.s += side * 0.075 * k * w;
        down.s += side * 0.05 * k * w;
        figure_limb(g, up, 0.125 * k * (0.5 + 0.5 * w), down, 0.105 * k * w, l->top);
    }
    figure_limb(g, chest, 0.13 * k * w, belly, 0.125 * k * w, l->top);
    for (int side = -1; side <= 1 && l->has_coat; side += 2) { // over both legs
        struct joint waist = {belly.f, belly.u, side * 0.11 * k * w};
        struct joint hem = {p->pelvis.f - 0.01, p->pelvis.u - 0.3 * k, side * 0.115 * k * w};
        figure_limb(g, waist, 0.11 * k * w, hem, 0.155 * k * w, l->top);
    }
    if (l->has_backpack) {
        struct joint up = {chest.f - 0.19 * k, chest.u - 0.02 * k, 0};
        struct joint down = {belly.f - 0.2 * k, belly.u + 0.08 * k, 0};
        figure_limb(g, up, 0.115 * k, down, 0.135 * k, l->extra);
    }
}

// What lies behind the face; it is added first, so that from the side the face covers it.
static void add_hair(struct figure *g, const struct looks *l, struct joint head, double r)
{
    double k = l->size;
    struct joint back = {head.f - 0.036 * k, head.u + 0.012 * k, 0};
    figure_ball(g, back, r * 1.04, l->hair);
    if (!l->has_long_hair)
        return;
    struct joint low = {head.f - 0.085 * k, head.u - 0.2 * k, 0};
    figure_limb(g, back, r * 0.95, low, r * 0.5, l->hair);
}

static void add_crown(struct figure *g, const struct looks *l, struct joint head, double r)
{
    double k = l->size;
    struct joint crown = {head.f - 0.024 * k, head.u + 0.052 * k, 0};
    if (l->has_hat) {
        struct joint brim = {head.f + 0.1 * k, head.u + r * 0.55, 0};
        figure_ball(g, crown, r * 0.98, l->extra);
        figure_limb(g, crown, r * 0.4, brim, r * 0.26, l->extra);
    } else {
        figure_ball(g, crown, r * 0.9, l->hair);
    }
}

static void add_helmet(struct figure *g, const struct looks *l, struct joint head, double r,
                       bool is_full)
{
    struct joint crown = {head.f - 0.02, head.u + 0.055 * l->size, 0};
    struct joint visor = {head.f + r * 0.62, head.u + 0.01, 0};
    if (is_full) {
        figure_ball(g, head, r * 1.38, l->extra);
        struct joint left = visor, right = visor;
        left.s = r * 0.55, right.s = -r * 0.55;
        figure_limb(g, left, r * 0.5, right, r * 0.5, (struct rgb){26, 30, 40});
        return;
    }
    figure_limb(g, (struct joint){crown.f - 0.05, crown.u + 0.01, 0}, r * 0.98,
                (struct joint){crown.f + 0.045, crown.u + 0.015, 0}, r * 0.82, l->extra);
}

static void add_head(struct figure *g, const struct looks *l, const struct pose *p)
{
    double k = l->is_child ? l->size * 1.22 : l->size, r = 0.112 * k;
    struct joint neck = p->neck;
    struct joint head = {neck.f + 0.035 * k, neck.u + 0.165 * k, 0};
    figure_limb(g, neck, 0.055 * k, joint_between(neck, head, 0.4), 0.05 * k, l->skin);
    if (p->is_full_helmet) { // nothing of the head is seen
        add_helmet(g, l, head, r, true);
        return;
    }
    add_hair(g, l, head, r);
    struct joint face = {head.f + 0.02 * k, head.u - 0.012 * k, 0};
    figure_ball(g, face, r * 0.97, l->skin);
    figure_ball(g, (struct joint){head.f + r * 1.12, head.u - 0.02 * k, 0}, 0.022 * k, l->skin);
    for (int side = -1; side <= 1; side += 2)
        figure_ball(g, (struct joint){head.f + r * 1.02, head.u + 0.012 * k, side * 0.042 * k},
                    0.014 * k, (struct rgb){34, 30, 34});
    if (l->has_helmet)
        add_helmet(g, l, head, r, false);
    else
        add_crown(g, l, head, r);
}

void person_add(struct figure *g, const struct looks *l, const struct pose *p)
{
    for (int side = 0; side < 2; side++) {
        add_leg(g, l, p, side);
        add_arm(g, l, p, side);
    }
    add_torso(g, l, p);
    add_head(g, l, p);
}

static void add_umbrella(struct figure *g, const struct looks *l, struct joint hand)
{
    struct joint top = {hand.f - 0.02, hand.u + 0.78 * l->size, hand.s * 0.4};
    figure_limb(g, hand, 0.012, top, 0.012, (struct rgb){50, 48, 50});
    top.u -= 0.06;
    figure_dome(g, top, 0.56 * l->size, l->extra);
    g->parts[g->n - 1].b.f += 1e-3; // before the head from every side
}

static void add_bag(struct figure *g, const struct looks *l, struct joint hand)
{
    double k = l->size, u = hand.u - 0.06 * k;
    const struct joint corners[4] = {{hand.f - 0.15 * k, u, hand.s},
                                     {hand.f + 0.15 * k, u, hand.s},
                                     {hand.f + 0.17 * k, u - 0.25 * k, hand.s},
                                     {hand.f - 0.17 * k, u - 0.25 * k, hand.s}};
    figure_limb(g, corners[0], 0.03 * k, corners[2], 0.05 * k, l->extra);
    figure_limb(g, corners[1], 0.03 * k, corners[3], 0.05 * k, l->extra);
    figure_plate(g, corners[0], corners[1], corners[2], corners[3], l->extra);
}

void pedestrian_add(struct figure *g, const struct looks *l, const struct actor *a)
{
    double k = l->size, turn = a->travelled / (1.45 * k) + numbers_unit(l->hash, 20);
    double stride = a->speed == 0 ? 0.03 : numbers_clamp(0.2 + 0.13 * fabs(a->speed), 0, 0.5);
    double bob = 0.018 * numbers_cosine(2 * turn);
    struct pose p = {.pelvis = {0, (0.9 + bob) * k, 0}, .neck = {0.03 * k, (1.45 + bob) * k, 0}};
    for (int side = 0; side < 2; side++) {
        double t = turn + 0.5 * side, sign = side ? -1 : 1;
        double lift = numbers_cosine(t);
        p.foot[side] = (struct joint){stride * numbers_sine(t) * k,
                                      (0.08 + (lift > 0 ? 0.13 * lift * stride / 0.4 : 0)) * k,
                                      sign * 0.085 * k};
        p.hand[side] = (struct joint){(0.05 - 0.85 * stride * numbers_sine(t)) * k,
                                      (0.88 + 0.1 * stride) * k, sign * 0.25 * k * l->build};
    }
    if (l->has_umbrella)
        p.hand[0] = (struct joint){0.22 * k, 1.22 * k, 0.12 * k};
    if (a->speed == 0 && numbers_unit(l->hash, 21) < 0.5) // looks at a telephone
        p.hand[1] = (struct joint){0.27 * k, 1.2 * k, -0.06 * k};
    person_add(g, l, &p);
    if (l->has_umbrella)
        add_umbrella(g, l, p.hand[0]);
    if (l->has_bag)
        add_bag(g, l, p.hand[1]);
}
