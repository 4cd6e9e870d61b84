// SPDX-License-Identifier: Apache-2.0
// region.c - points in polygons, and what lies outside of them.

#include "eval/region.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/match.h"

#define NEAR_IOU 0.5

int region_parse(const char *text, struct region *ret_region)
{
    double numbers[2 * REGION_MAX_POINTS];
    size_t n = 0;
    struct str rest = str_of(text);
    struct str part;
    while (str_split(&rest, ',', &part)) {
        if (n == ARRAY_LEN(numbers))
            return err_set(ERR_INVALID, "a region has at most %d corners", REGION_MAX_POINTS);
        int r = str_to_double(str_trim(part), &numbers[n++]);
        if (r < 0)
            return r;
    }
    struct region region = {0};
    if (n == 4) {
        const double x[] = {numbers[0], numbers[0] + numbers[2]};
        const double y[] = {numbers[1], numbers[1] + numbers[3]};
        if (!(numbers[2] > 0 && numbers[3] > 0))
            return err_set(ERR_INVALID, "region '%s' has no size", text);
        for (region.n = 0; region.n < 4; region.n++) {
            region.x[region.n] = x[region.n == 1 || region.n == 2];
            region.y[region.n] = y[region.n >= 2];
        }
    } else if (n >= 6 && n % 2 == 0) {
        for (; 2 * region.n < n; region.n++) {
            region.x[region.n] = numbers[2 * region.n];
            region.y[region.n] = numbers[2 * region.n + 1];
        }
    } else {
        return err_set(ERR_INVALID, "region '%s' is neither x,y,w,h nor three corners or more",
                       text);
    }
    *ret_region = region;
    return 0;
}

static bool is_on_edge(double x, double y, double x1, double y1, double x2, double y2)
{
    double cross = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1);
    return cross == 0 && x >= MIN(x1, x2) && x <= MAX(x1, x2) && y >= MIN(y1, y2) &&
           y <= MAX(y1, y2);
}

bool region_contains(const struct region *g, double x, double y)
{
    bool inside = false;
    for (size_t i = 0, j = g->n - 1; i < g->n; j = i++) {
        if (is_on_edge(x, y, g->x[j], g->y[j], g->x[i], g->y[i]))
            return true;
        if ((g->y[i] > y) != (g->y[j] > y) &&
            x < (g->x[j] - g->x[i]) * (y - g->y[i]) / (g->y[j] - g->y[i]) + g->x[i])
            inside = !inside;
    }
    return inside;
}

static bool is_out(const struct region_opts *opts, const struct dataset_object *o)
{
    double x = o->x + o->w / 2;
    double y = opts->point == REGION_BOTTOM_CENTRE ? o->y + o->h : o->y + o->h / 2;
    if (opts->interest && !region_contains(opts->interest, x, y))
        return true;
    for (size_t i = 0; i < opts->n_ignored; i++) {
        if (region_contains(&opts->ignored[i], x, y))
            return true;
    }
    return false;
}

static bool is_near_truth(const struct match_groups *m, const struct match_group *g,
                          const struct dataset_object *d)
{
    for (size_t i = 0; i < g->n_truths; i++) {
        const struct dataset_object *t = &m->truth->objects[m->truth_order[g->first_truth + i]];
        if (!t->ignore && match_overlap(d, t) >= NEAR_IOU)
            return true;
    }
    return false;
}

// drop[] of detections that lie outside.
static void mark_detections(const struct match_groups *m, const struct region_opts *opts,
                            bool *drop)
{
    for (size_t i = 0; i < m->n_groups; i++) {
        const struct match_group *g = &m->groups[i];
        for (size_t j = 0; j < g->n_detections; j++) {
            uint32_t d = m->detection_order[g->first_detection + j];
            const struct dataset_object *o = &m->detections->objects[d];
            drop[d] = is_out(opts, o) && !is_near_truth(m, g, o);
        }
    }
}

static int add_notice(struct dataset *d, size_t n_truths, size_t n_detections)
{
    char *text = arena_printf(d->arena,
                              "regions: %zu truths are ignored and %zu detections are left out for "
                              "where they are",
                              n_truths, n_detections);
    char **notices = mem_resize(d->notices, d->n_notices + 1);
    if (notices)
        d->notices = notices;
    if (!text || !notices)
        return ERR_NOMEM;
    d->notices[d->n_notices++] = text;
    return 0;
}

int region_apply(struct dataset *truth, struct dataset *detections, const struct region_opts *opts)
{
    struct arena *a;
    int r = arena_create(0, &a);
    if (r < 0)
        return r;
    struct match_groups groups;
    r = match_groups_build(truth, detections, NULL, a, &groups);
    bool *drop = r == 0 ? arena_array(a, bool, detections->n_objects) : NULL;
    if (r < 0 || !drop) {
        arena_destroy(a);
        return ERR_NOMEM;
    }
    size_t n_truths = 0;
    for (size_t i = 0; i < truth->n_objects; i++) {
        struct dataset_object *o = &truth->objects[i];
        if (o->ignore || !is_out(opts, o))
            continue;
        o->ignore = true;
        n_truths++;
    }
    mark_detections(&groups, opts, drop);
    size_t n = 0;
    for (size_t i = 0; i < detections->n_objects; i++) {
        if (!drop[i])
            detections->objects[n++] = detections->objects[i];
    }
    const size_t n_dropped = detections->n_objects - n;
    detections->n_objects = n;
    arena_destroy(a);
    return add_notice(detections, n_truths, n_dropped);
}
