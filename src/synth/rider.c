// SPDX-License-Identifier: Apache-2.0
// rider.c - people on bicycles, motorcycles and scooters, and in wheelchairs.

#include "base/attr.h"
#include "synth/figure.h"
#include "synth/numbers.h"

static const struct rgb rubber = {34, 34, 38}, steel = {168, 174, 182}, dark = {52, 54, 62};

// clang-format off
static const struct rgb paints[] = {
    {200, 52, 50}, {38, 92, 160}, {236, 176, 52}, {56, 142, 112}, {58, 60, 66}, {226, 226, 222}, {222, 110, 52}};
// clang-format on

static struct rgb paint_of(const struct looks *l)
{
    return paints[numbers_pick(l->hash, 30, (int)ARRAY_LEN(paints))];
}

static struct joint at(double f, double u, double s)
{
    return (struct joint){f, u, s};
}

static void tube(struct figure *g, struct joint a, struct joint b, double radius, struct rgb c)
{
    figure_limb(g, a, radius, b, radius, c);
}

// A wheel with spokes that turn.
static void spoked_wheel(struct figure *g, struct joint hub, double radius, double tyre,
                         double travelled, int n_spokes)
{
    double turn = travelled / (2 * NUMBERS_PI * radius);
    for (int i = 0; i < n_spokes && g->scale * radius > 12; i++) {
        double t = 0.5 * i / n_spokes - turn;
        double f = numbers_cosine(t) * radius * 0.95, u = numbers_sine(t) * radius * 0.95;
        tube(g, at(hub.f - f, hub.u - u, hub.s), at(hub.f + f, hub.u + u, hub.s), 0.005, steel);
    }
    figure_wheel(g, hub, radius, radius - tyre, rubber);
    figure_wheel(g, hub, radius - tyre, radius - tyre - 0.014, steel);
    figure_ball(g, hub, 0.035, steel);
}

// ---- bicycle

static void add_bicycle(struct figure *g, struct rgb c, double travelled, double crank)
{
    const struct joint rear = {-0.52, 0.34, 0}, front = {0.56, 0.34, 0}, bottom = {-0.07, 0.29, 0},
                       saddle = {-0.24, 0.9, 0}, head = {0.36, 0.86, 0}, bar = {0.36, 1.02, 0};
    spoked_wheel(g, rear, 0.34, 0.04, travelled, 6);
    spoked_wheel(g, front, 0.34, 0.04, travelled, 6);
    tube(g, rear, bottom, 0.018, c);
    tube(g, rear, at(-0.2, 0.76, 0), 0.016, c);
    tube(g, bottom, saddle, 0.024, c);
    tube(g, bottom, head, 0.027, c);
    tube(g, at(-0.2, 0.78, 0), head, 0.024, c);
    tube(g, front, head, 0.022, c);
    tube(g, head, bar, 0.02, dark);
    tube(g, at(0.4, 1.03, -0.27), at(0.4, 1.03, 0.27), 0.018, dark);
    figure_limb(g, at(-0.35, 0.93, 0), 0.055, at(-0.12, 0.94, 0), 0.028, dark);
    for (int side = 0; side < 2; side++) {
        double t = crank + 0.5 * side, sign = side ? -1 : 1;
        struct joint pedal = {bottom.f + 0.17 * numbers_cosine(t),
                              bottom.u + 0.17 * numbers_sine(t), sign * 0.1};
        tube(g, at(bottom.f, bottom.u, sign * 0.06), pedal, 0.014, steel);
    }
}

void cyclist_add(struct figure *g, const struct looks *l, const struct actor *a)
{
    double k = l->size, crank = -(a->travelled / 4.6 + numbers_unit(l->hash, 31));
    struct looks rider = *l;
    rider.has_coat = rider.has_hat = false;
    rider.size = k = 0.92 + (k - 0.92) * 0.5; // the bicycle has one size
    double lean = numbers_between(l->hash, 32, 0.2, 0.42);
    struct pose p = {.pelvis = {-0.22, 0.99, 0}, .neck = {-0.22 + lean, 1.48 - lean * 0.25, 0}};
    for (int side = 0; side < 2; side++) {
        double t = crank + 0.5 * side, sign = side ? -1 : 1;
        p.hand[side] = at(0.4, 1.06, sign * 0.23);
        p.foot[side] =
            at(-0.1 + 0.17 * numbers_cosine(t), 0.37 + 0.17 * numbers_sine(t), sign * 0.11);
    }
    add_bicycle(g, paint_of(l), a->travelled, crank);
    person_add(g, &rider, &p);
    if (g->view->light.lamps > 0) {
        figure_light(g, at(0.46, 0.96, 0), 0.045, (struct rgb){255, 250, 226});
        figure_light(g, at(-0.45, 0.8, 0), 0.04, (struct rgb){255, 52, 40});
    }
}

// ---- motorcycle

static void add_motorcycle(struct figure *g, struct rgb c, double travelled)
{
    const struct joint rear = {-0.68, 0.31, 0}, front = {0.72, 0.31, 0};
    const struct joint hubs[2] = {rear, front};
    for (int i = 0; i < 2; i++) {
        figure_wheel(g, hubs[i], 0.32, 0.19, rubber);
        spoked_wheel(g, hubs[i], 0.2, 0.03, travelled * 0.62, 3);
        figure_limb(g, at(hubs[i].f - 0.001, 0.31, 0), 0.07, at(hubs[i].f + 0.001, 0.31, 0), 0.07,
                    steel);
    }
    for (int side = -1; side <= 1; side += 2) {
        tube(g, at(0.72, 0.31, side * 0.1), at(0.46, 0.98, side * 0.1), 0.032, steel);
        tube(g, at(-0.68, 0.31, side * 0.1), at(-0.1, 0.4, side * 0.12), 0.04, dark);
    }
    figure_limb(g, at(-0.12, 0.45, 0), 0.19, at(0.25, 0.47, 0), 0.18, dark); // engine
    figure_limb(g, at(0.02, 0.55, 0), 0.1, at(0.32, 0.6, 0), 0.1, steel);
    figure_limb(g, at(-0.05, 0.8, 0), 0.13, at(0.32, 0.84, 0), 0.16, c);              // tank
    figure_limb(g, at(-0.2, 0.76, 0), 0.12, at(-0.62, 0.84, 0), 0.1, dark);           // seat
    figure_limb(g, at(-0.55, 0.78, 0), 0.1, at(-0.9, 0.88, 0), 0.06, c);              // tail
    figure_limb(g, at(0.42, 0.8, 0), 0.14, at(0.56, 0.92, 0), 0.15, c);               // fairing
    figure_limb(g, at(0.52, 0.6, 0), 0.09, at(0.92, 0.6, 0), 0.05, c);                // mudguard
    figure_limb(g, at(-0.1, 0.3, -0.17), 0.045, at(-0.85, 0.42, -0.2), 0.062, steel); // exhaust
    tube(g, at(0.42, 1.04, -0.36), at(0.42, 1.04, 0.36), 0.024, dark);
    figure_light(g, at(0.7, 0.9, 0), 0.085, (struct rgb){255, 248, 222});
    figure_light(g, at(-0.95, 0.88, 0), 0.055, (struct rgb){224, 44, 36});
}

void motorcyclist_add(struct figure *g, const struct looks *l, const struct actor *a)
{
    struct looks rider = *l;
    rider.has_coat = rider.has_hat = rider.has_long_hair = false;
    rider.size = 0.95 + (l->size - 0.95) * 0.4;
    rider.build = MAX(rider.build, 1.02);
    double lean = numbers_between(l->hash, 32, 0.12, 0.3);
    struct pose p = {.pelvis = {-0.3, 0.94, 0},
                     .neck = {-0.3 + lean, 1.5 - lean * 0.2, 0},
                     .knee_out = 0.09,
                     .is_full_helmet = true};
    for (int side = 0; side < 2; side++) {
        double sign = side ? -1 : 1;
        p.hand[side] = at(0.38, 1.07, sign * 0.32);
        p.foot[side] = at(-0.12, 0.36, sign * 0.2);
    }
    add_motorcycle(g, paint_of(l), a->travelled);
    person_add(g, &rider, &p);
}

// ---- wheelchair

static void add_chair(struct figure *g, struct rgb c, double travelled)
{
    for (int side = -1; side <= 1; side += 2) {
        double s = side * 0.31;
        spoked_wheel(g, at(-0.06, 0.31, s), 0.31, 0.035, travelled, 6);
        figure_wheel(g, at(-0.06, 0.31, s + side * 0.03), 0.265, 0.245, steel); // hand rim
        figure_wheel(g, at(0.42, 0.09, side * 0.22), 0.09, 0.045, rubber);      // castor
        figure_ball(g, at(0.42, 0.09, side * 0.22), 0.04, steel);
        tube(g, at(0.42, 0.12, side * 0.22), at(0.36, 0.5, side * 0.24), 0.02, c);
        tube(g, at(-0.25, 0.5, side * 0.25), at(0.36, 0.5, side * 0.25), 0.022, c);
        tube(g, at(-0.25, 0.5, side * 0.25), at(-0.31, 0.98, side * 0.22), 0.022, c);
        tube(g, at(-0.31, 0.98, side * 0.22), at(-0.43, 0.99, side * 0.22), 0.026, dark);
        tube(g, at(0.36, 0.5, side * 0.2), at(0.56, 0.12, side * 0.14), 0.018, c);
        tube(g, at(-0.2, 0.72, side * 0.27), at(0.12, 0.72, side * 0.27), 0.028, dark);
        tube(g, at(0.1, 0.72, side * 0.27), at(0.14, 0.5, side * 0.27), 0.018, c);
    }
    figure_plate(g, at(-0.27, 0.52, -0.22), at(-0.27, 0.52, 0.22), at(-0.32, 0.94, 0.22),
                 at(-0.32, 0.94, -0.22), dark);
    figure_limb(g, at(-0.2, 0.49, 0), 0.055, at(0.3, 0.49, 0), 0.055, dark);
    tube(g, at(0.58, 0.1, -0.16), at(0.58, 0.1, 0.16), 0.025, dark);
}

void wheelchair_add(struct figure *g, const struct looks *l, const struct actor *a)
{
    struct looks sitting = *l;
    sitting.size = 0.95 + (l->size - 0.95) * 0.5;
    double push = a->travelled / 1.1 + numbers_unit(l->hash, 31);
    struct pose p = {.pelvis = {-0.14, 0.6, 0}, .neck = {-0.1, 1.14, 0}, .knee_out = 0.02};
    p.neck.f += 0.05 * numbers_sine(push);
    for (int side = 0; side < 2; side++) {
        double sign = side ? -1 : 1;
        p.hand[side] =
            at(0.06 + 0.16 * numbers_sine(push), 0.62 - 0.04 * numbers_cosine(push), sign * 0.33);
        p.foot[side] = at(0.52, 0.17, sign * 0.1);
    }
    add_chair(g, paint_of(l), a->travelled);
    person_add(g, &sitting, &p);
}

// ---- kick scooter

void scooter_add(struct figure *g, const struct looks *l, const struct actor *a)
{
    struct rgb c = paint_of(l);
    double k = l->size, sway = 0.02 * numbers_sine(a->travelled / 6 + numbers_unit(l->hash, 31));
    figure_wheel(g, at(0.5, 0.12, 0), 0.125, 0.05, rubber);
    figure_wheel(g, at(-0.46, 0.12, 0), 0.125, 0.05, rubber);
    figure_ball(g, at(0.5, 0.12, 0), 0.055, steel);
    figure_ball(g, at(-0.46, 0.12, 0), 0.055, steel);
    for (int side = -1; side <= 1; side += 2)
        figure_limb(g, at(-0.42, 0.17, side * 0.05), 0.035, at(0.36, 0.17, side * 0.05), 0.04, c);
    tube(g, at(0.5, 0.14, 0), at(0.45, 0.34, 0), 0.036, c);
    figure_limb(g, at(-0.52, 0.27, 0), 0.03, at(-0.4, 0.22, 0), 0.03, dark); // mudguard
    tube(g, at(0.46, 0.3, 0), at(0.37, 1.08, 0), 0.027, dark);
    tube(g, at(0.37, 1.1, -0.26), at(0.37, 1.1, 0.26), 0.022, dark);
    if (g->view->light.lamps > 0) {
        figure_light(g, at(0.44, 1.0, 0), 0.042, (struct rgb){255, 250, 226});
        figure_light(g, at(-0.56, 0.25, 0), 0.035, (struct rgb){255, 52, 40});
    }
    struct pose p = {.pelvis = {-0.1 + sway, 0.98 * k + 0.12, 0},
                     .neck = {-0.03 + sway, 1.52 * k + 0.12, 0}};
    p.hand[0] = at(0.36, 1.13, 0.22);
    p.hand[1] = at(0.36, 1.13, -0.22);
    p.foot[0] = at(-0.24, 0.27, 0.05);
    p.foot[1] = at(0.06, 0.27, -0.05);
    struct looks standing = *l;
    standing.has_coat = false;
    person_add(g, &standing, &p);
}
