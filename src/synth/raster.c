// SPDX-License-Identifier: Apache-2.0
// raster.c - polygons become spans with coverage, spans become pixels.
//
// ARITHMETIC
// (1) Points are rounded to 1/256 pixel once; everything after that is integer.
// (2) A row is cut by SUBLINES lines. Between two crossings a line covers 256 parts of each pixel;
//     parts are entered as differences at the ends of spans and summed along the row, so a full
//     pixel counts FULL.

#include "synth/raster.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "synth/numbers.h"
#include "synth/raster_priv.h"

enum {
    SUBLINES = 4,
    SUBLINE_STEP = 256 / SUBLINES,
    FULL = 256 * SUBLINES,
    FAR_AWAY = 1 << 20, // pixels; coordinates are kept within
    CIRCLE_STEPS = 64,
    ROW_SLACK = 8,
};

struct edge {
    int32_t y0, y1; // 1/256 pixel, y0 < y1
    int64_t x;      // at y0, 1/65536 pixel
    int64_t slope;  // of x a 1/256 pixel down
    int winding;
};

struct crossing {
    int32_t x; // 1/256 pixel
    int winding;
};

int raster_create(int width, int height, struct raster **ret_raster)
{
    struct raster *r = mem_new(struct raster);
    if (!r)
        return ERR_NOMEM;
    r->width = width;
    r->height = height;
    r->margin = MAX(width, height);
    size_t n = (size_t)width * (size_t)height;
    size_t wide = (size_t)(width + 2 * r->margin);
    r->pixels = (uint32_t *)mem_aligned(n * sizeof(uint32_t));
    r->ids = (uint16_t *)mem_aligned(n * sizeof(uint16_t));
    r->alone = (uint8_t *)mem_calloc(wide, (size_t)(height + 2 * r->margin));
    r->coverage = mem_array(int32_t, wide + ROW_SLACK);
    if (!r->pixels || !r->ids || !r->alone || !r->coverage) {
        raster_destroy(r);
        return ERR_NOMEM;
    }
    memset(r->pixels, 0, n * sizeof(uint32_t));
    memset(r->ids, 0, n * sizeof(uint16_t));
    *ret_raster = r;
    return 0;
}

void raster_destroy(struct raster *r)
{
    if (!r)
        return;
    mem_free(r->pixels);
    mem_free(r->ids);
    mem_free(r->alone);
    mem_free(r->coverage);
    mem_free(r);
}

// ---- silhouettes

static uint8_t *alone_row(const struct raster *r, int y)
{
    return r->alone + (size_t)(y + r->margin) * (size_t)(r->width + 2 * r->margin) + r->margin;
}

void raster_begin(struct raster *r, uint16_t id, bool silhouette)
{
    r->id = id;
    r->is_alone = silhouette;
    r->touched = (struct extent){INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN};
}

// Counts a row and clears it for the next object.
static void take_row(struct raster *r, int y, struct silhouette *s)
{
    uint8_t *row = alone_row(r, y);
    for (int x = r->touched.x0; x < r->touched.x1; x++) {
        if (!row[x])
            continue;
        row[x] = 0;
        s->n_pixels++;
        s->n_inside += y >= 0 && y < r->height && x >= 0 && x < r->width;
        s->extent.x0 = MIN(s->extent.x0, x);
        s->extent.x1 = MAX(s->extent.x1, x + 1);
        s->extent.y0 = MIN(s->extent.y0, y);
        s->extent.y1 = MAX(s->extent.y1, y + 1);
    }
}

void raster_end(struct raster *r, struct silhouette *ret_silhouette)
{
    struct silhouette s = {.extent = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN}};
    if (r->is_alone) {
        for (int y = r->touched.y0; y < r->touched.y1; y++)
            take_row(r, y, &s);
    }
    if (s.n_pixels == 0)
        s.extent = (struct extent){0};
    r->id = RASTER_BACKDROP;
    r->is_alone = false;
    if (ret_silhouette)
        *ret_silhouette = s;
}

// ---- rows

// A row's covered pixels x0 <= x < x1 belong to the object now.
static void own(struct raster *r, int y, int x0, int x1)
{
    if (r->is_alone) {
        memset(alone_row(r, y) + x0, 1, (size_t)(x1 - x0));
        r->touched.x0 = MIN(r->touched.x0, x0);
        r->touched.x1 = MAX(r->touched.x1, x1);
        r->touched.y0 = MIN(r->touched.y0, y);
        r->touched.y1 = MAX(r->touched.y1, y + 1);
    }
    if (y < 0 || y >= r->height)
        return;
    x0 = MAX(x0, 0);
    x1 = MIN(x1, r->width);
    uint16_t *ids = r->ids + (size_t)y * (size_t)r->width;
    for (int x = x0; x < x1; x++)
        ids[x] = r->id;
}

static void solid_run(struct raster *r, const struct brush *b, int y, int x0, int x1)
{
    if (!b->is_ghost)
        own(r, y, x0, x1);
    if (y < 0 || y >= r->height || r->is_mask_only)
        return;
    x0 = MAX(x0, 0);
    x1 = MIN(x1, r->width);
    if (x0 < x1)
        brush_run(b, r->pixels + (size_t)y * (size_t)r->width, y, x0, x1);
}

// Sums the differences of x0 <= x < x1 on top of *sum*, paints and clears them.
static int32_t edge_run(struct raster *r, const struct brush *b, int y, int x0, int x1, int32_t sum)
{
    int32_t *c = r->coverage + r->margin;
    bool is_row = y >= 0 && y < r->height && !r->is_mask_only;
    uint32_t *row = is_row ? r->pixels + (size_t)y * (size_t)r->width : NULL;
    for (int x = x0; x < x1; x++) {
        sum += c[x];
        c[x] = 0;
        if (sum == 0)
            continue;
        if (sum * 2 >= FULL && !b->is_ghost)
            own(r, y, x, x + 1);
        if (row && x >= 0 && x < r->width)
            brush_pixel(b, row, y, x, MIN(sum, FULL) / SUBLINES);
    }
    return sum;
}

static void add_span(struct raster *r, int32_t x0, int32_t x1)
{
    int32_t *c = r->coverage + r->margin;
    int i0 = x0 >> 8, f0 = x0 & 255, i1 = x1 >> 8, f1 = x1 & 255;
    c[i0] += 256 - f0;
    c[i0 + 1] += f0;
    c[i1] -= 256 - f1;
    c[i1 + 1] -= f1;
}

// ---- polygons

static int32_t to_fixed(double v)
{
    return (int32_t)numbers_floor(numbers_clamp(v, -FAR_AWAY, FAR_AWAY) * 256 + 0.5);
}

static int make_edges(const struct point *p, int n, struct edge *edges, struct extent *e)
{
    int n_edges = 0;
    int32_t min_x = INT32_MAX, max_x = INT32_MIN, min_y = INT32_MAX, max_y = INT32_MIN;
    int32_t ax = to_fixed(p[n - 1].x), ay = to_fixed(p[n - 1].y);
    for (int i = 0; i < n; i++) {
        int32_t bx = to_fixed(p[i].x), by = to_fixed(p[i].y);
        min_x = MIN(min_x, bx), max_x = MAX(max_x, bx);
        min_y = MIN(min_y, by), max_y = MAX(max_y, by);
        if (ay != by) {
            bool down = ay < by;
            int32_t x0 = down ? ax : bx, y0 = down ? ay : by, x1 = down ? bx : ax,
                    y1 = down ? by : ay;
            edges[n_edges++] = (struct edge){y0, y1, (int64_t)x0 * 256,
                                             (int64_t)(x1 - x0) * 256 / (y1 - y0), down ? 1 : -1};
        }
        ax = bx;
        ay = by;
    }
    *e = (struct extent){min_x >> 8, min_y >> 8, (max_x >> 8) + 1, (max_y >> 8) + 1};
    return n_edges;
}

static int cross(const struct edge *edges, int n, int32_t y, struct crossing *c)
{
    int n_crossings = 0;
    for (int i = 0; i < n; i++) {
        if (y < edges[i].y0 || y >= edges[i].y1)
            continue;
        int32_t x = (int32_t)((edges[i].x + edges[i].slope * (y - edges[i].y0)) >> 8);
        int at = n_crossings++;
        for (; at > 0 && c[at - 1].x > x; at--)
            c[at] = c[at - 1];
        c[at] = (struct crossing){x, edges[i].winding};
    }
    return n_crossings;
}

struct row {
    int min, max;             // pixels that differences were entered for, max exclusive
    int solid_from, solid_to; // covered fully by every line, if n_single is SUBLINES
    int n_single;
};

// Enters one line's spans.
static void enter_line(struct raster *r, const struct crossing *c, int n, const struct extent *clip,
                       struct row *row)
{
    int winding = 0, n_spans = 0;
    int32_t start = 0;
    for (int i = 0; i < n; i++) {
        if (winding == 0)
            start = c[i].x;
        winding += c[i].winding;
        if (winding != 0)
            continue;
        int32_t x0 = MAX(start, clip->x0 * 256), x1 = MIN(c[i].x, clip->x1 * 256);
        if (x0 >= x1)
            continue;
        add_span(r, x0, x1);
        n_spans++;
        row->min = MIN(row->min, x0 >> 8);
        row->max = MAX(row->max, (x1 >> 8) + 2);
        row->solid_from = MAX(row->solid_from, (x0 >> 8) + 2);
        row->solid_to = MIN(row->solid_to, x1 >> 8);
    }
    row->n_single += n_spans == 1;
}

static void paint_row(struct raster *r, const struct brush *b, int y, const struct row *row)
{
    int32_t sum = 0;
    int x = row->min;
    if (row->n_single == SUBLINES && row->solid_to - row->solid_from >= 4) {
        sum = edge_run(r, b, y, x, row->solid_from, sum);
        solid_run(r, b, y, row->solid_from, row->solid_to);
        x = row->solid_to;
    }
    edge_run(r, b, y, x, row->max, sum);
}

void raster_polygon(struct raster *r, const struct point *p, int n, const struct paint *paint)
{
    struct edge edges[RASTER_MAX_POINTS];
    struct crossing crossings[RASTER_MAX_POINTS];
    struct extent e;
    if (n < 3 || n > RASTER_MAX_POINTS)
        return;
    int n_edges = make_edges(p, n, edges, &e);
    int reach = r->is_alone ? r->margin - 4 : 0; // spans may end two pixels further
    const struct extent clip = {-reach, -reach, r->width + reach, r->height + reach};
    if (e.x1 <= clip.x0 || e.x0 >= clip.x1 || e.y1 <= clip.y0 || e.y0 >= clip.y1)
        return;
    struct brush b = brush_of(paint);
    for (int y = MAX(e.y0, clip.y0); y < MIN(e.y1, clip.y1); y++) {
        struct row row = {
            .min = INT32_MAX, .max = INT32_MIN, .solid_from = INT32_MIN, .solid_to = INT32_MAX};
        for (int line = 0; line < SUBLINES; line++) {
            int32_t sub_y = y * 256 + line * SUBLINE_STEP + SUBLINE_STEP / 2;
            int n_crossings = cross(edges, n_edges, sub_y, crossings);
            enter_line(r, crossings, n_crossings, &clip, &row);
        }
        if (row.min < row.max)
            paint_row(r, &b, y, &row);
    }
}
