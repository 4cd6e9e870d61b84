// SPDX-License-Identifier: Apache-2.0
// calibration.c - histograms that grow with what they are shown, and the ranges read off them.
//
// INVARIANTS
// (1) A histogram has BINS equal bins over [-limit, limit), limit a power of two. A number beyond
//     doubles the limit: pairs of bins become one.
// (2) The range always holds 0, so that zero (padding, ReLU) has a value of its own.

#include "nn/calibration.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    BINS = 4096, // even
    STEPS = 255, // of 8 bits
    CUTS = 40,   // ends tried on each side, 1/CUTS of it apart, down to a fifth
};

struct seen {
    char *name;
    float limit;
    float min, max;
    bool is_known; // by calibration_know()
    uint64_t *bins;
    uint64_t n_pixels;
    size_t n_channels;
    double *sums; // of each channel; NULL: too many of them
    float *means;
};

struct calibration {
    struct seen *seen;
    size_t n_seen, cap_seen;
    struct plan_range *ranges;
    int error; // the first one of an observation
};

int calibration_create(struct calibration **ret_calibration)
{
    struct calibration *c = mem_new(struct calibration);
    if (!c)
        return ERR_NOMEM;
    *ret_calibration = c;
    return 0;
}

void calibration_destroy(struct calibration *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_seen; i++) {
        mem_free(c->seen[i].name);
        mem_free(c->seen[i].bins);
        mem_free(c->seen[i].sums);
        mem_free(c->seen[i].means);
    }
    mem_free(c->seen);
    mem_free(c->ranges);
    mem_free(c);
}

// --- observing

static int seen_create(struct calibration *c, const char *name, size_t n_channels,
                       struct seen **ret_seen)
{
    if (c->n_seen >= CALIBRATION_MAX_VALUES)
        return err_set(ERR_TOO_BIG, "calibration: more than %d values", CALIBRATION_MAX_VALUES);
    int r = MEM_GROW(c->seen, c->cap_seen, c->n_seen);
    if (r < 0)
        return r;
    struct seen *s = &c->seen[c->n_seen];
    *s = (struct seen){.limit = 1, .n_channels = n_channels};
    c->n_seen++; // destroy takes a half-built one
    s->name = mem_strdup(name);
    s->bins = mem_array(uint64_t, BINS);
    bool has_means = n_channels <= CALIBRATION_MAX_CHANNELS;
    s->sums = has_means ? mem_array(double, n_channels) : NULL;
    s->means = has_means ? mem_array(float, n_channels) : NULL;
    if (!s->name || !s->bins || (has_means && (!s->sums || !s->means)))
        return ERR_NOMEM;
    *ret_seen = s;
    return 0;
}

static struct seen *seen_find(const struct calibration *c, const char *name)
{
    for (size_t i = 0; i < c->n_seen; i++) {
        if (c->seen[i].name && strcmp(c->seen[i].name, name) == 0)
            return &c->seen[i];
    }
    return NULL;
}

// (1)
static void widen(struct seen *s)
{
    enum { QUARTER = BINS / 4 };
    uint64_t halved[BINS / 2];
    for (size_t i = 0; i < BINS / 2; i++)
        halved[i] = s->bins[2 * i] + s->bins[2 * i + 1];
    memset(s->bins, 0, BINS * sizeof(s->bins[0]));
    memcpy(s->bins + QUARTER, halved, sizeof(halved));
    s->limit *= 2;
}

static void count(struct seen *s, float v)
{
    const float most = 1e37f; // so that the limit stays finite
    v = fminf(fmaxf(v, -most), most);
    while (!(v > -s->limit && v < s->limit))
        widen(s);
    s->min = fminf(s->min, v);
    s->max = fmaxf(s->max, v);
    int bin = (int)((v + s->limit) * ((float)(BINS / 2) / s->limit));
    s->bins[MIN(bin, BINS - 1)]++;
}

void calibration_observe(void *arg, const char *name, const float *values, size_t n_pixels,
                         size_t n_channels, size_t pixel_stride)
{
    struct calibration *c = (struct calibration *)arg;
    struct seen *s = seen_find(c, name);
    int r = s ? 0 : seen_create(c, name, n_channels, &s);
    if (r < 0 || c->error < 0) {
        c->error = c->error < 0 ? c->error : r;
        return;
    }
    for (size_t p = 0; p < n_pixels; p++) {
        const float *pixel = values + p * pixel_stride;
        for (size_t i = 0; i < n_channels; i++) {
            if (!isfinite(pixel[i]))
                continue;
            count(s, pixel[i]);
            if (s->sums && i < s->n_channels)
                s->sums[i] += (double)pixel[i];
        }
    }
    s->n_pixels += n_pixels;
}

// --- ranges

static double bin_middle(const struct seen *s, int bin)
{
    return ((double)bin + 0.5) * 2 * (double)s->limit / BINS - (double)s->limit;
}

// The squared error of 8 bits over [low, high]: rounding inside, the distance outside.
static double error_of(const struct seen *s, double low, double high)
{
    double step = (high - low) / STEPS;
    double inside = step * step / 12;
    double sum = 0;
    for (int i = 0; i < BINS; i++) {
        if (!s->bins[i])
            continue;
        double v = bin_middle(s, i);
        double off = v < low ? low - v : v > high ? v - high : 0;
        sum += (double)s->bins[i] * (off * off + inside);
    }
    return sum;
}

// Each end in turn is drawn in as far as that helps.
static void cut(const struct seen *s, double *low, double *high)
{
    double least = error_of(s, *low, *high);
    double ends[2] = {*low, *high};
    for (int pass = 0; pass < 2; pass++) {
        for (int side = 0; side < 2; side++) {
            double whole = ends[side];
            for (int i = 1; i < CUTS * 4 / 5; i++) {
                double tried[2] = {*low, *high};
                tried[side] = whole * (CUTS - i) / CUTS;
                double error = error_of(s, tried[0], tried[1]);
                if (error < least) {
                    least = error;
                    *low = tried[0];
                    *high = tried[1];
                }
            }
        }
    }
}

static struct plan_range range_of(struct seen *s, enum calibration_rule rule)
{
    double low = (double)fminf(s->min, 0); // (2)
    double high = (double)fmaxf(s->max, 0);
    if (rule == CALIBRATION_LEAST_SQUARE && !s->is_known)
        cut(s, &low, &high);
    for (size_t i = 0; s->sums && i < s->n_channels; i++)
        s->means[i] = (float)(s->sums[i] / (double)MAX(s->n_pixels, 1));
    return (struct plan_range){
        .name = s->name,
        .min = (float)low,
        .max = (float)high,
        .means = s->means,
        .n_means = s->sums ? (int)s->n_channels : 0,
    };
}

void calibration_know(struct calibration *c, const char *name, float min, float max)
{
    struct seen *s = seen_find(c, name);
    if (!s)
        return;
    s->min = min;
    s->max = max;
    s->is_known = true;
}

int calibration_ranges(struct calibration *c, enum calibration_rule rule,
                       const struct plan_range **ret_ranges, int *ret_n)
{
    if (c->error < 0)
        return c->error;
    if (c->n_seen == 0)
        return err_set(ERR_INVALID, "calibration: no frame was run");
    struct plan_range *ranges = mem_array(struct plan_range, c->n_seen);
    if (!ranges)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n_seen; i++)
        ranges[i] = range_of(&c->seen[i], rule);
    mem_free(c->ranges);
    c->ranges = ranges;
    *ret_ranges = ranges;
    *ret_n = (int)c->n_seen;
    return 0;
}
