// SPDX-License-Identifier: Apache-2.0
// brush.c - colours onto pixels: plain runs, gradients, partial coverage, light.

#include "synth/raster_priv.h"

#include <math.h>

#include "base/attr.h"
#include "synth/numbers.h"

static uint32_t pack(int red, int green, int blue)
{
    return (uint32_t)red | (uint32_t)green << 8 | (uint32_t)blue << 16;
}

struct brush brush_of(const struct paint *p)
{
    struct brush b = {.from = p->from, .colour = pack(p->from.r, p->from.g, p->from.b)};
    b.alpha = p->alpha ? p->alpha + (p->alpha >> 7) : 256;
    b.is_ghost = p->is_ghost;
    double dx = p->p1.x - p->p0.x, dy = p->p1.y - p->p0.y, q = dx * dx + dy * dy;
    b.is_gradient = p->is_gradient && q > 1e-6;
    if (!b.is_gradient)
        return b;
    b.delta[0] = p->to.r - p->from.r;
    b.delta[1] = p->to.g - p->from.g;
    b.delta[2] = p->to.b - p->from.b;
    double scale = 256.0 * 65536.0 / q;
    b.across = (int64_t)(dx * scale);
    b.down = (int64_t)(dy * scale);
    b.start = (int64_t)numbers_floor(-((p->p0.x - 0.5) * dx + (p->p0.y - 0.5) * dy) * scale);
    return b;
}

// The gradient's colour at *t*, 1/65536 of 1/256.
static inline uint32_t shade(const struct brush *b, int64_t t)
{
    int64_t whole = t >> 16;
    int k = (int)(whole < 0 ? 0 : whole > 256 ? 256 : whole);
    return pack(b->from.r + (b->delta[0] * k >> 8), b->from.g + (b->delta[1] * k >> 8),
                b->from.b + (b->delta[2] * k >> 8));
}

// Red and blue in one multiplication, green in another.
static inline uint32_t blend(uint32_t under, uint32_t over, uint32_t a)
{
    uint32_t rb = under & 0xFF00FF, g = under & 0x00FF00;
    rb = (rb * (256 - a) + (over & 0xFF00FF) * a) >> 8 & 0xFF00FF;
    g = (g * (256 - a) + (over & 0x00FF00) * a) >> 8 & 0x00FF00;
    return rb | g;
}

static void plain_run(uint32_t *row, int x0, int x1, uint32_t colour, int alpha)
{
    if (alpha == 256) {
        for (int x = x0; x < x1; x++)
            row[x] = colour;
        return;
    }
    for (int x = x0; x < x1; x++)
        row[x] = blend(row[x], colour, (uint32_t)alpha);
}

void brush_run(const struct brush *b, uint32_t *row, int y, int x0, int x1)
{
    if (!b->is_gradient) {
        plain_run(row, x0, x1, b->colour, b->alpha);
        return;
    }
    int64_t t = b->across * x0 + b->down * y + b->start;
    if (b->across == 0) {
        plain_run(row, x0, x1, shade(b, t), b->alpha);
        return;
    }
    for (int x = x0; x < x1; x++, t += b->across)
        row[x] = blend(row[x], shade(b, t), (uint32_t)b->alpha);
}

void brush_pixel(const struct brush *b, uint32_t *row, int y, int x, int coverage)
{
    uint32_t c = b->is_gradient ? shade(b, b->across * x + b->down * y + b->start) : b->colour;
    row[x] = blend(row[x], c, (uint32_t)(coverage * b->alpha >> 8));
}

struct paint raster_plain(struct rgb c)
{
    return (struct paint){.from = c};
}

struct rgb raster_mix(struct rgb a, struct rgb b, double share_of_b)
{
    int k = (int)(numbers_clamp(share_of_b, 0, 1) * 256);
    return (struct rgb){(uint8_t)(a.r + ((b.r - a.r) * k >> 8)),
                        (uint8_t)(a.g + ((b.g - a.g) * k >> 8)),
                        (uint8_t)(a.b + ((b.b - a.b) * k >> 8))};
}

// ---- round shapes

// More points where the eye sees more of them.
static int steps_for(double radius)
{
    return (int)numbers_clamp(10 + radius * 0.9, 10, 40) & ~1;
}

static int arc(struct point *p, struct point centre, double rx, double ry, int steps, int direction)
{
    for (int i = 0; i <= steps; i++) {
        double turn = (double)(direction * i) / steps;
        p[i] = (struct point){centre.x + rx * numbers_cosine(turn),
                              centre.y + ry * numbers_sine(turn)};
    }
    return steps + 1;
}

void raster_ellipse(struct raster *r, struct point centre, double radius_x, double radius_y,
                    const struct paint *paint)
{
    struct point p[RASTER_MAX_POINTS];
    int n = arc(p, centre, radius_x, radius_y, steps_for(MAX(radius_x, radius_y)), 1);
    raster_polygon(r, p, n - 1, paint);
}

void raster_ring(struct raster *r, struct point centre, double outer_x, double outer_y,
                 double inner_x, double inner_y, const struct paint *paint)
{
    if (inner_x <= 0 || inner_y <= 0) {
        raster_ellipse(r, centre, outer_x, outer_y, paint);
        return;
    }
    struct point p[RASTER_MAX_POINTS];
    int steps = steps_for(MAX(outer_x, outer_y));
    int n = arc(p, centre, outer_x, outer_y, steps, 1);
    n += arc(p + n, centre, inner_x, inner_y, steps, -1); // backwards: its inside winds to 0
    raster_polygon(r, p, n, paint);
}

void raster_capsule(struct raster *r, struct point a, double radius_a, struct point b,
                    double radius_b, const struct paint *paint)
{
    double dx = b.x - a.x, dy = b.y - a.y, d = sqrt(dx * dx + dy * dy);
    if (d < 1e-3 || d + MIN(radius_a, radius_b) <= MAX(radius_a, radius_b)) {
        bool first = radius_a > radius_b;
        double radius = first ? radius_a : radius_b;
        raster_ellipse(r, first ? a : b, radius, radius, paint);
        return;
    }
    struct point p[RASTER_MAX_POINTS];
    int half = steps_for(MAX(radius_a, radius_b)) / 2, n = 0;
    double ux = dx / d, uy = dy / d;
    for (int end = 0; end < 2; end++) {
        struct point c = end ? b : a;
        double radius = end ? radius_b : radius_a, sign = end ? 1 : -1;
        for (int i = 0; i <= half; i++) {
            double turn = 0.5 * i / half - 0.25;
            double along = numbers_cosine(turn) * radius * sign;
            double side = numbers_sine(turn) * radius * sign;
            p[n++] = (struct point){c.x + ux * along - uy * side, c.y + uy * along + ux * side};
        }
    }
    raster_polygon(r, p, n, paint);
}

// ---- light

static inline uint32_t brighten(uint32_t under, const int *light, int k)
{
    int red = (int)(under & 255) + (light[0] * k >> 16);
    int green = (int)(under >> 8 & 255) + (light[1] * k >> 16);
    int blue = (int)(under >> 16 & 255) + (light[2] * k >> 16);
    return pack(MIN(red, 255), MIN(green, 255), MIN(blue, 255));
}

// The falloff is (1 - d^2)^2: soft in the middle and at the rim.
void raster_glow(struct raster *r, struct point centre, double radius_x, double radius_y,
                 struct rgb colour, int strength)
{
    if (r->is_mask_only || radius_x < 0.5 || radius_y < 0.5)
        return;
    const int light[3] = {colour.r * strength >> 8, colour.g * strength >> 8,
                          colour.b * strength >> 8};
    double limit_x = r->width, limit_y = r->height;
    int x0 = (int)numbers_clamp(centre.x - radius_x, 0, limit_x);
    int x1 = (int)numbers_clamp(centre.x + radius_x + 1, 0, limit_x);
    int y0 = (int)numbers_clamp(centre.y - radius_y, 0, limit_y);
    int y1 = (int)numbers_clamp(centre.y + radius_y + 1, 0, limit_y);
    for (int y = y0; y < y1; y++) {
        double dy = (y + 0.5 - centre.y) / radius_y;
        uint32_t *row = r->pixels + (size_t)y * (size_t)r->width;
        for (int x = x0; x < x1; x++) {
            double dx = (x + 0.5 - centre.x) / radius_x, near = 1 - dx * dx - dy * dy;
            if (near > 0)
                row[x] = brighten(row[x], light, (int)(near * near * 65536));
        }
    }
}
