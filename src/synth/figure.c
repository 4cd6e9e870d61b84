// SPDX-License-Identifier: Apache-2.0
// figure.c - parts of a figure are turned, sorted and drawn.

#include "synth/figure.h"

#include <assert.h>
#include <math.h>

#include "synth/numbers.h"

static struct part *add(struct figure *g, enum part_kind kind, struct rgb c)
{
    assert(g->n < FIGURE_MAX_PARTS);
    struct part *p = &g->parts[g->n++];
    *p = (struct part){.kind = kind, .colour = c};
    return p;
}

void figure_limb(struct figure *g, struct joint a, double ra, struct joint b, double rb,
                 struct rgb c)
{
    struct part *p = add(g, PART_LIMB, c);
    p->a = a, p->b = b;
    p->radius_a = ra, p->radius_b = rb;
}

void figure_ball(struct figure *g, struct joint a, double radius, struct rgb c)
{
    struct part *p = add(g, PART_BALL, c);
    p->a = p->b = a;
    p->radius_a = p->radius_b = radius;
}

void figure_light(struct figure *g, struct joint a, double radius, struct rgb c)
{
    figure_ball(g, a, radius, c);
    g->parts[g->n - 1].is_flat = true;
}

void figure_wheel(struct figure *g, struct joint hub, double outer, double inner, struct rgb c)
{
    struct part *p = add(g, PART_WHEEL, c);
    p->a = p->b = hub;
    p->radius_a = outer, p->radius_b = inner;
}

void figure_plate(struct figure *g, struct joint a, struct joint b, struct joint c, struct joint d,
                  struct rgb colour)
{
    struct part *p = add(g, PART_PLATE, colour);
    p->a = a, p->b = b, p->c = c, p->d = d;
}

void figure_dome(struct figure *g, struct joint a, double radius, struct rgb c)
{
    struct part *p = add(g, PART_DOME, c);
    p->a = p->b = a;
    p->radius_a = radius;
}

struct joint joint_between(struct joint a, struct joint b, double share)
{
    return (struct joint){a.f + (b.f - a.f) * share, a.u + (b.u - a.u) * share,
                          a.s + (b.s - a.s) * share};
}

// ---- onto the canvas

static double depth_of(const struct figure *g, struct joint j)
{
    return j.f * g->turn_sin + j.s * g->turn_cos;
}

static struct point seen(const struct figure *g, struct joint j)
{
    double right = j.f * g->turn_cos - j.s * g->turn_sin;
    return (struct point){g->origin.x + right * g->scale,
                          g->origin.y - (j.u + depth_of(g, j) * g->tilt) * g->scale};
}

static struct rgb lit(const struct figure *g, struct rgb c, double by)
{
    return view_colour(g->view, c, g->at, by * g->dim);
}

// Light comes from the upper left: the gradient runs across the limb.
static struct paint shaded(const struct figure *g, const struct part *p, struct point a,
                           struct point b, double radius)
{
    if (p->is_flat)
        return raster_plain(view_haze(g->view, p->colour, g->at.z - g->view->camera.z));
    double dx = b.x - a.x, dy = b.y - a.y, d = sqrt(dx * dx + dy * dy);
    double nx = -0.6, ny = -0.8;
    if (d > radius * 0.5) {
        nx = -dy / d, ny = dx / d;
        if (nx * 0.75 + ny * 0.65 > 0)
            nx = -nx, ny = -ny;
    }
    struct point m = {(a.x + b.x) / 2, (a.y + b.y) / 2};
    return (struct paint){.from = lit(g, p->colour, 1.16),
                          .to = lit(g, p->colour, 0.66),
                          .is_gradient = true,
                          .p0 = {m.x + nx * radius, m.y + ny * radius},
                          .p1 = {m.x - nx * radius, m.y - ny * radius}};
}

static void draw_wheel(const struct figure *g, const struct part *p, struct point at)
{
    double thick = p->radius_a - p->radius_b, s = g->scale;
    double flat = g->turn_cos < 0 ? -g->turn_cos : g->turn_cos;
    double edge = thick * 0.55;
    struct paint paint = raster_plain(lit(g, p->colour, 1));
    double outer_x = (p->radius_a * flat + edge * (1 - flat)) * s;
    double inner_x = (p->radius_b * flat - edge * 0.5 * (1 - flat)) * s;
    raster_ring(g->view->raster, at, outer_x, p->radius_a * s, inner_x, p->radius_b * s, &paint);
}

static void draw_dome(const struct figure *g, const struct part *p, struct point at)
{
    enum { ARC = 16, WAVES = 8 };
    struct point q[ARC + WAVES + 2];
    double r = p->radius_a * g->scale;
    int n = 0;
    for (int i = 0; i <= ARC; i++)
        q[n++] = (struct point){at.x - r * numbers_cosine(0.5 * i / ARC),
                                at.y - r * 0.62 * numbers_sine(0.5 * i / ARC)};
    for (int i = 1; i < WAVES; i++)
        q[n++] = (struct point){at.x + r - 2 * r * i / WAVES, at.y - (i % 2 ? r * 0.1 : 0)};
    struct paint paint = shaded(g, p, at, at, r);
    raster_polygon(g->view->raster, q, n, &paint);
    struct paint rib = raster_plain(lit(g, p->colour, 0.6));
    for (int i = 1; i < 4 && g->scale > 40; i++)
        raster_capsule(g->view->raster, (struct point){at.x, at.y - r * 0.62}, g->scale * 0.006,
                       (struct point){at.x - r + 2 * r * i / 4, at.y - r * 0.06}, g->scale * 0.006,
                       &rib);
}

static void draw_part(const struct figure *g, const struct part *p)
{
    struct point a = seen(g, p->a), b = seen(g, p->b);
    if (p->kind == PART_WHEEL) {
        draw_wheel(g, p, a);
    } else if (p->kind == PART_DOME) {
        draw_dome(g, p, a);
    } else if (p->kind == PART_PLATE) {
        const struct point q[4] = {a, b, seen(g, p->c), seen(g, p->d)};
        struct paint paint = shaded(g, p, a, q[2], 0.3 * g->scale);
        raster_polygon(g->view->raster, q, 4, &paint);
    } else {
        double ra = p->radius_a * g->scale, rb = p->radius_b * g->scale;
        struct paint paint = shaded(g, p, a, b, ra > rb ? ra : rb);
        raster_capsule(g->view->raster, a, ra, b, rb, &paint);
    }
}

// Far parts first; equals in the order they were added.
static void draw_parts(struct figure *g)
{
    uint8_t order[FIGURE_MAX_PARTS];
    for (int i = 0; i < g->n; i++) {
        struct part *p = &g->parts[i];
        p->depth = depth_of(g, p->a) + depth_of(g, p->b);
        if (p->kind == PART_PLATE)
            p->depth = (p->depth + depth_of(g, p->c) + depth_of(g, p->d)) / 2;
        int at = i;
        for (; at > 0 && g->parts[order[at - 1]].depth < p->depth - 1e-6; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
    for (int i = 0; i < g->n; i++)
        draw_part(g, &g->parts[order[i]]);
}

static void build(struct figure *g, const struct actor *a)
{
    struct looks l = looks_of(g->view, a);
    switch (a->class_id) {
    case SYNTH_CYCLIST:
        cyclist_add(g, &l, a);
        break;
    case SYNTH_MOTORCYCLIST:
        motorcyclist_add(g, &l, a);
        break;
    case SYNTH_WHEELCHAIR_USER:
        wheelchair_add(g, &l, a);
        break;
    case SYNTH_SCOOTER_RIDER:
        scooter_add(g, &l, a);
        break;
    default:
        pedestrian_add(g, &l, a);
        break;
    }
}

// What darkens the ground is nobody's.
static void draw_shadow(const struct figure *g, const struct actor *a)
{
    static const double lengths[SYNTH_N_CLASSES] = {0.32, 0.85, 1.0, 0.5, 0.55};
    double half = lengths[a->class_id], c = g->turn_cos < 0 ? -g->turn_cos : g->turn_cos;
    double wide = 0.28 + (half - 0.28) * c, sun = g->view->light.thickness < 1 ? 1 : 0.55;
    double deep = (0.25 + half * (1 - c)) * g->tilt + 0.05;
    struct paint p = {.from = {18, 20, 30}, .alpha = (int)(96 * sun), .is_ghost = true};
    struct point at = {g->origin.x + 0.08 * g->scale, g->origin.y - 0.02 * g->scale};
    raster_ellipse(g->view->raster, at, wide * g->scale, deep * g->scale, &p);
}

void figure_draw(const struct view *v, const struct actor *a)
{
    struct figure g = {.view = v, .at = a->at, .dim = 1};
    g.turn_cos = numbers_cosine(a->heading);
    g.turn_sin = numbers_sine(a->heading);
    g.scale = view_scale(v, a->at.z);
    g.origin = view_point(v, a->at);
    g.tilt = numbers_clamp(v->camera.y * g.scale / v->focal, 0, 0.5);
    build(&g, a);
    draw_shadow(&g, a);
    draw_parts(&g);
}

void figure_draw_flat(const struct view *v, const struct actor *a, struct point origin,
                      double scale)
{
    struct figure g = {.view = v, .at = a->at, .dim = 1, .scale = scale, .origin = origin};
    g.turn_cos = numbers_cosine(a->heading);
    g.turn_sin = numbers_sine(a->heading);
    build(&g, a);
    draw_parts(&g);
}
