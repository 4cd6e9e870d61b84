// SPDX-License-Identifier: Apache-2.0
// synth.c - a clip is a row of places; a frame is a place at a time, drawn from far to near and
// measured.
//
// IDS of pixels: 0 backdrop and what stands; 1 .. PROP_ID - 1 labelled people, from far to near;
// from PROP_ID what drives without a label.

#include "synth/synth.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "synth/backdrop.h"
#include "synth/effects.h"
#include "synth/numbers.h"
#include "synth/scene.h"
#include "vision/picture.h"

enum {
    PROP_ID = 0x8000,
    STANDING_ID = 0xFFFF, // trees and posts before somebody
    RATE_DEN = 1000,
    PLACE_SECONDS = 10,  // a new place about as often
    TIME_BEFORE = 100,   // seconds that a place lived before it is seen
    PLACE_IDS = 1000000, // track ids of a place: scene.c stays below
    SKIP_EVERY = 37,     // frames of a variable rate, after which one is missing
};

const char *const synth_labels[SYNTH_N_CLASSES] = {"pedestrian", "cyclist", "motorcyclist",
                                                   "wheelchair_user", "scooter_rider"};
const char *const synth_condition_names[SYNTH_N_CONDITIONS] = {"unset", "day",  "dusk",
                                                               "night", "rain", "fog"};

struct synth {
    struct synth_opts opts;
    int rate_num;
    int64_t n_frames;
    int n_places;
    struct raster *raster;
    uint32_t *backdrop; // of a place with a standing camera
    int backdrop_place; // -1: none yet
    struct scene scene;
    int scene_place;
    struct item *items;
    struct silhouette *silhouettes; // of the items
    struct synth_object *objects;
    struct picture *picture;
};

// ---- settings

static int fill_in(struct synth_opts *o)
{
    if (o->seconds == 0)
        o->seconds = 20;
    if (o->width == 0)
        o->width = 1280;
    if (o->height == 0)
        o->height = 720;
    if (o->fps == 0)
        o->fps = 25;
    if (o->density == 0)
        o->density = 1;
    if (o->conditions == 0)
        o->conditions = BIT(SYNTH_N_CONDITIONS) - 2;
    if (!(o->seconds > 0 && o->seconds <= SYNTH_MAX_SECONDS))
        return err_set(ERR_INVALID, "seconds: 0 to %d, not %g", SYNTH_MAX_SECONDS, o->seconds);
    if (o->width < SYNTH_MIN_SIDE || o->width > SYNTH_MAX_SIDE || o->height < SYNTH_MIN_SIDE ||
        o->height > SYNTH_MAX_SIDE)
        return err_set(ERR_INVALID, "size: sides of %d to %d pixels, not %dx%d", SYNTH_MIN_SIDE,
                       SYNTH_MAX_SIDE, o->width, o->height);
    if (!(o->fps >= 0.1 && o->fps <= SYNTH_MAX_FPS))
        return err_set(ERR_INVALID, "fps: 0.1 to %d, not %g", SYNTH_MAX_FPS, o->fps);
    if (!(o->density > 0 && o->density <= 5))
        return err_set(ERR_INVALID, "density: above 0, up to 5, not %g", o->density);
    if (o->conditions >= BIT(SYNTH_N_CONDITIONS) || (o->conditions & 1))
        return err_set(ERR_INVALID, "conditions: unknown bits in %#x", o->conditions);
    return 0;
}

static int count_conditions(unsigned conditions)
{
    int n = 0;
    for (int c = 1; c < SYNTH_N_CONDITIONS; c++)
        n += (conditions & BIT(c)) != 0;
    return n;
}

static int alloc_parts(struct synth *s)
{
    const struct synth_opts *o = &s->opts;
    int r = raster_create(o->width, o->height, &s->raster);
    if (r == 0)
        r = picture_create(PICTURE_RGB, o->width, o->height, 8, 0, 0, &s->picture);
    if (r < 0)
        return r;
    s->raster->is_mask_only = o->mask_only;
    s->backdrop = (uint32_t *)mem_aligned((size_t)o->width * (size_t)o->height * sizeof(uint32_t));
    s->items = mem_array(struct item, SCENE_MAX_ITEMS);
    s->silhouettes = mem_array(struct silhouette, SCENE_MAX_ITEMS);
    s->objects = mem_array(struct synth_object, SYNTH_MAX_OBJECTS);
    return s->backdrop && s->items && s->silhouettes && s->objects ? 0 : ERR_NOMEM;
}

int synth_create(const struct synth_opts *opts, struct synth **ret_synth)
{
    struct synth_opts o = *opts;
    int r = fill_in(&o);
    if (r < 0)
        return r;
    struct synth *s = mem_new(struct synth);
    if (!s)
        return ERR_NOMEM;
    s->opts = o;
    s->rate_num = (int)(o.fps * RATE_DEN + 0.5);
    s->n_frames = MAX((int64_t)(o.seconds * s->rate_num / RATE_DEN + 0.5), 1);
    s->n_places = MAX(count_conditions(o.conditions), (int)(o.seconds / PLACE_SECONDS + 0.5));
    s->n_places = (int)MIN((int64_t)s->n_places, s->n_frames);
    s->backdrop_place = s->scene_place = -1;
    r = alloc_parts(s);
    if (r < 0) {
        synth_destroy(s);
        return r;
    }
    *ret_synth = s;
    return 0;
}

void synth_destroy(struct synth *s)
{
    if (!s)
        return;
    raster_destroy(s->raster);
    picture_unref(&s->picture);
    mem_free(s->backdrop);
    mem_free(s->items);
    mem_free(s->silhouettes);
    mem_free(s->objects);
    mem_free(s);
}

int64_t synth_n_frames(const struct synth *s)
{
    return s->n_frames;
}

const struct synth_opts *synth_settings(const struct synth *s)
{
    return &s->opts;
}

void synth_rate(const struct synth *s, int *ret_num, int *ret_den)
{
    *ret_num = s->rate_num;
    *ret_den = RATE_DEN;
}

const uint16_t *synth_mask(const struct synth *s)
{
    return s->raster->ids;
}

// ---- times and places

// Variable rates shift each frame by up to a third of the distance and leave one out now and then.
static int64_t pts_of(const struct synth *s, int64_t n)
{
    const int64_t den = s->rate_num, second = INT64_C(1000000) * RATE_DEN;
    if (!s->opts.variable_rate)
        return (n * second + den / 2) / den;
    int64_t shift = 0;
    if (n > 0)
        shift = (int64_t)(numbers_hash(numbers_hash(s->opts.seed, 9), (uint64_t)n) % 667) - 333;
    return ((n + n / SKIP_EVERY) * second + shift * second / 1000 + den / 2) / den;
}

static enum synth_condition condition_of(const struct synth *s, int place)
{
    int n = count_conditions(s->opts.conditions);
    int nth = (place + (n > 1 ? numbers_pick(s->opts.seed, 5, n) : 0)) % n;
    for (int c = 1; c < SYNTH_N_CONDITIONS; c++) {
        if ((s->opts.conditions & BIT(c)) && nth-- == 0)
            return (enum synth_condition)c;
    }
    return SYNTH_DAY;
}

static void enter_place(struct synth *s, int place)
{
    if (s->scene_place == place)
        return;
    const struct scene_opts o = {.raster = s->raster,
                                 .seed = numbers_hash(s->opts.seed, 100 + (uint64_t)place),
                                 .condition = condition_of(s, place),
                                 .camera = s->opts.camera,
                                 .density = s->opts.density,
                                 .first_id = (int64_t)place * PLACE_IDS};
    scene_init(&s->scene, &o);
    s->scene_place = place;
}

// ---- drawing

static void draw_backdrop(struct synth *s, const struct view *v)
{
    size_t n = (size_t)s->raster->width * (size_t)s->raster->height;
    memset(s->raster->ids, 0, n * sizeof(uint16_t));
    if (s->opts.mask_only)
        return;
    bool stands = s->scene.camera == SYNTH_STANDING;
    if (stands && s->backdrop_place == s->scene_place) {
        memcpy(s->raster->pixels, s->backdrop, n * sizeof(uint32_t));
        return;
    }
    backdrop_draw(v);
    memset(s->raster->ids, 0, n * sizeof(uint16_t));
    if (stands) {
        memcpy(s->backdrop, s->raster->pixels, n * sizeof(uint32_t));
        s->backdrop_place = s->scene_place;
    }
}

// Far outside the picture to the side: nothing of it can be seen.
static bool is_away(const struct view *v, const struct item *item)
{
    if (item->z - v->camera.z < VIEW_NEAR * 1.5)
        return true;
    struct place at =
        item->is_actor ? item->actor.at : view_street(v, item->prop.along, 0, item->prop.across);
    struct point p = view_point(v, at);
    double reach = 6 * view_scale(v, item->z);
    return p.x < -reach || p.x > v->raster->width + reach;
}

static void draw_item(struct synth *s, const struct view *v, size_t i)
{
    const struct item *item = &s->items[i];
    s->silhouettes[i] = (struct silhouette){0};
    if (is_away(v, item))
        return;
    bool drives = item->prop.kind == PROP_CAR || item->prop.kind == PROP_VAN;
    uint16_t id = (uint16_t)(item->is_actor ? i + 1 : drives ? PROP_ID + i : STANDING_ID);
    raster_begin(s->raster, id, item->is_actor || drives);
    if (item->is_actor)
        figure_draw(v, &item->actor);
    else
        prop_draw(v, &item->prop);
    raster_end(s->raster, &s->silhouettes[i]);
}

// ---- measuring

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)(part * 10000 / whole) / 10000 : 0;
}

// Looks at every pixel where the object may be.
static void count_visible(const struct raster *r, uint16_t id, struct extent where,
                          struct synth_object *o)
{
    struct extent e = {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN};
    for (int y = MAX(where.y0, 0); y < MIN(where.y1, r->height); y++) {
        const uint16_t *ids = r->ids + (size_t)y * (size_t)r->width;
        for (int x = MAX(where.x0, 0); x < MIN(where.x1, r->width); x++) {
            if (ids[x] != id)
                continue;
            o->n_visible++;
            e.x0 = MIN(e.x0, x), e.x1 = MAX(e.x1, x + 1);
            e.y0 = MIN(e.y0, y), e.y1 = y + 1;
        }
    }
    if (o->n_visible > 0) {
        o->x = e.x0, o->y = e.y0;
        o->width = e.x1 - e.x0, o->height = e.y1 - e.y0;
    }
}

static bool measure(const struct synth *s, const struct view *v, size_t i, struct synth_object *ret)
{
    const struct item *item = &s->items[i];
    const struct silhouette *sil = &s->silhouettes[i];
    if (!item->is_actor || sil->n_inside == 0)
        return false;
    struct synth_object o = {.class_id = item->actor.class_id,
                             .track_id = item->track_id,
                             .mask_id = (uint16_t)(i + 1),
                             .distance = item->z - v->camera.z};
    count_visible(s->raster, o.mask_id, sil->extent, &o);
    if (o.n_visible == 0)
        return false;
    o.full_x = sil->extent.x0, o.full_y = sil->extent.y0;
    o.full_width = sil->extent.x1 - sil->extent.x0, o.full_height = sil->extent.y1 - sil->extent.y0;
    o.n_full = sil->n_pixels;
    o.visible_share = share(o.n_visible, o.n_full);
    o.truncation = share(o.n_full - sil->n_inside, o.n_full);
    o.occlusion = share(sil->n_inside - o.n_visible, sil->n_inside);
    o.ignore = o.height < SYNTH_MIN_HEIGHT || o.width < SYNTH_MIN_WIDTH ||
               o.n_visible < SYNTH_MIN_PIXELS ||
               o.n_visible * 100 < o.n_full * SYNTH_MIN_SHARE_PERCENT;
    *ret = o;
    return true;
}

static size_t measure_all(struct synth *s, const struct view *v, size_t n_items)
{
    size_t n = 0;
    for (size_t i = n_items; i-- > 0;) {
        if (n < SYNTH_MAX_OBJECTS && measure(s, v, i, &s->objects[n]))
            n++;
    }
    return n;
}

static void finish_picture(struct synth *s, struct synth_frame *f, size_t n_items, double time)
{
    uint64_t hash = numbers_hash(numbers_hash(s->opts.seed, 7), (uint64_t)f->ordinal);
    double shutter = f->condition == SYNTH_NIGHT ? 1.0 / 40
                     : f->condition == SYNTH_DAY ? 1.0 / 120
                                                 : 1.0 / 70;
    for (size_t i = 0; i < n_items; i++) {
        const struct silhouette *sil = &s->silhouettes[i];
        if (sil->n_inside > 0)
            effects_blur(s->raster, (uint16_t)(s->items[i].is_actor ? i + 1 : PROP_ID + i),
                         sil->extent, s->items[i].pixels_a_second * shutter);
    }
    if (f->condition == SYNTH_RAIN)
        effects_rain(s->raster, hash, numbers_between(s->scene.seed, 64, -0.25, 0.25));
    f->exposure = effects_exposure(s->scene.seed, f->condition, time);
    effects_sensor(s->raster, hash, f->condition, f->exposure, s->picture);
    s->picture->pts_us = f->pts_us;
    s->picture->ordinal = f->ordinal;
    f->picture = s->picture;
}

// *only*: a mask id, or 0 for everybody.
static void draw(struct synth *s, int64_t n, uint16_t only, struct synth_frame *ret)
{
    assert(n >= 0 && n < s->n_frames);
    int place = (int)(n * s->n_places / s->n_frames);
    int64_t first = ((int64_t)place * s->n_frames + s->n_places - 1) / s->n_places;
    enter_place(s, place);
    struct synth_frame f = {.ordinal = n, .pts_us = pts_of(s, n), .place = place, .exposure = 1};
    f.condition = s->scene.view.light.condition;
    f.camera = s->scene.camera;
    double time = (double)(f.pts_us - pts_of(s, first)) / 1e6; // in this place
    struct view v = scene_view(&s->scene, time + TIME_BEFORE);
    size_t n_items = scene_items(&s->scene, &v, time + TIME_BEFORE, s->items);
    draw_backdrop(s, &v);
    for (size_t i = 0; i < n_items; i++) {
        s->silhouettes[i] = (struct silhouette){0};
        if (only == 0 || (s->items[i].is_actor && i + 1 == only))
            draw_item(s, &v, i);
    }
    f.n_objects = measure_all(s, &v, n_items);
    f.objects = s->objects;
    if (!s->opts.mask_only)
        finish_picture(s, &f, n_items, time);
    *ret = f;
}

int synth_draw(struct synth *s, int64_t n, struct synth_frame *ret_frame)
{
    draw(s, n, 0, ret_frame);
    return 0;
}

int synth_draw_alone(struct synth *s, int64_t n, uint16_t mask_id, struct synth_frame *ret_frame)
{
    assert(mask_id != 0 && mask_id < PROP_ID);
    draw(s, n, mask_id, ret_frame);
    return 0;
}
