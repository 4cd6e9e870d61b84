// SPDX-License-Identifier: Apache-2.0
// bootstrap.c - random numbers, the length of blocks, draws, and intervals.

#include "eval/bootstrap.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define Z_975           1.959963984540054 // of the normal distribution
#define MAX_LOSS        1.5               // of variance that blocks do not see
#define MAX_SHARE_EMPTY 0.05              // of draws without data that an interval survives

enum {
    MIN_DRAWS = 100,
    MAX_LAG = 4096, // frames of autocorrelation that are looked at
};

// ---- random numbers

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t split_mix(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void bootstrap_seed(struct bootstrap_random *r, uint64_t seed, uint64_t stream)
{
    uint64_t state = seed;
    state = split_mix(&state) ^ stream;
    for (size_t i = 0; i < 4; i++)
        r->s[i] = split_mix(&state);
}

uint64_t bootstrap_next(struct bootstrap_random *r)
{
    uint64_t *s = r->s;
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t bootstrap_below(struct bootstrap_random *r, uint32_t n)
{
    assert(n > 0);
    // Lemire's multiplication; the low part tells which results would come once too often.
    const uint32_t threshold = (uint32_t)-n % n;
    for (;;) {
        uint64_t product = (bootstrap_next(r) >> 32) * n;
        if ((uint32_t)product >= threshold)
            return (uint32_t)(product >> 32);
    }
}

double bootstrap_unit(struct bootstrap_random *r)
{
    return (double)(bootstrap_next(r) >> 11) * 0x1p-53;
}

// ---- length of blocks

static double mean_of(const struct bootstrap_frames *f)
{
    double sum = 0;
    for (size_t i = 0; i < f->n; i++)
        sum += f->errors[i];
    return sum / (double)f->n;
}

// Autocovariance at *lag*, of pairs within one video, over all frames.
static double covariance(const struct bootstrap_frames *f, double mean, size_t lag)
{
    double sum = 0;
    for (size_t v = 0; v < f->n_videos; v++) {
        const double *e = f->errors + f->videos[v].first;
        for (size_t i = lag; i < f->videos[v].n; i++)
            sum += (e[i] - mean) * (e[i - lag] - mean);
    }
    return sum / (double)f->n;
}

static size_t longest_video(const struct bootstrap_frames *f)
{
    size_t longest = 0;
    for (size_t v = 0; v < f->n_videos; v++)
        longest = MAX(longest, f->videos[v].n);
    return longest;
}

// The lag after which the autocorrelation stays within noise for a while.
static size_t last_lag(const struct bootstrap_frames *f, double mean, double variance, size_t most)
{
    const double n = (double)f->n;
    const double noise = 2 * sqrt(log10(n) / n);
    const size_t quiet_wanted = (size_t)MAX(5, ceil(sqrt(log10(n))));
    size_t quiet = 0;
    for (size_t lag = 1; lag <= most; lag++) {
        bool is_noise = fabs(covariance(f, mean, lag) / variance) < noise;
        quiet = is_noise ? quiet + 1 : 0;
        if (quiet == quiet_wanted)
            return lag - quiet;
    }
    return most;
}

// Politis and White's length for the circular block bootstrap.
static double rule_length(const struct bootstrap_frames *f)
{
    const double mean = mean_of(f);
    const double variance = covariance(f, mean, 0);
    const size_t most = MIN(longest_video(f) / 2, (size_t)MAX_LAG);
    if (!(variance > 0) || f->n < 8 || most == 0)
        return 1;
    const size_t window = MIN(2 * last_lag(f, mean, variance, most), most);
    double g = 0;
    double spectrum = variance;
    for (size_t lag = 1; lag <= window; lag++) {
        double t = (double)lag / (double)window;
        double weight = t <= .5 ? 1 : 2 * (1 - t);
        double c = covariance(f, mean, lag);
        g += 2 * weight * (double)lag * c;
        spectrum += 2 * weight * c;
    }
    if (!(g > 0) || !(spectrum > 0)) // neighbours do not resemble each other
        return 1;
    double d = 4. / 3. * spectrum * spectrum;
    return cbrt(2 * g * g / d * (double)f->n);
}

static size_t block_length(const struct bootstrap_frames *f)
{
    if (f->block > 0)
        return f->block;
    const double length = ceil(rule_length(f));
    const double unit = (double)MAX(f->unit, 1);
    const size_t longest = longest_video(f);
    const size_t cap = MAX(MIN(longest / 3, f->n / BOOTSTRAP_MIN_BLOCKS), 1);
    double block = length > 1 ? length * BOOTSTRAP_STRETCH : 1;
    if (f->floor > 0) // what hangs together may be too weak to be seen, and still matter
        block = MAX(block, ceil(pow((double)f->n * unit, BOOTSTRAP_POWER) / unit));
    return MAX((size_t)MIN(block, (double)cap), MIN(MAX(f->floor, 1), MAX(longest, 1)));
}

// Variance of the mean times the number of frames, as blocks of *block* see it.
static double block_variance(const struct bootstrap_frames *f, double mean, size_t block)
{
    double sum = covariance(f, mean, 0);
    for (size_t lag = 1; lag < block; lag++)
        sum += 2 * (1 - (double)lag / (double)block) * covariance(f, mean, lag);
    return sum;
}

// Blocks lose what hangs together across their ends, in proportion to one over their length: two
// lengths tell how much (Politis and Romano, 1995). Both first get back what the estimated mean
// took, a share of block / frames, more from the longer one.
static double loss_of(const struct bootstrap_frames *f, size_t block)
{
    if (block < 2 || block >= f->n)
        return 1;
    const double mean = mean_of(f);
    const double n = (double)f->n;
    const double half_length = (double)(block / 2);
    const double whole = block_variance(f, mean, block) / (1 - (double)block / n);
    const double half = block_variance(f, mean, block / 2) / (1 - half_length / n);
    if (!(whole > 0))
        return 1;
    return sqrt(MIN(MAX((2 * whole - half) / whole, 1), MAX_LOSS));
}

void bootstrap_plan_make(const struct bootstrap_frames *frames, struct bootstrap_plan *ret_plan)
{
    struct bootstrap_plan p = {.frames = *frames, .widening = 1};
    p.by_video = frames->n_videos >= BOOTSTRAP_MIN_VIDEOS && frames->block == 0;
    if (p.by_video) {
        p.n_blocks = frames->n_videos;
        p.n_freedom = p.n_blocks - 1;
    } else if (frames->n > 0) {
        p.block = block_length(frames);
        p.widening = loss_of(frames, p.block);
        for (size_t v = 0; v < frames->n_videos; v++)
            p.n_blocks += (frames->videos[v].n + p.block - 1) / p.block;
        p.n_freedom = p.n_blocks - frames->n_videos; // the mean of each video is used up
    }
    *ret_plan = p;
}

// ---- draws

// Blocks from anywhere, around the end to the start; the last one is cut to the video's length.
static void draw_video(const struct bootstrap_video *v, size_t block, struct bootstrap_random *r,
                       uint32_t *weights)
{
    uint32_t *w = weights + v->first;
    for (size_t drawn = 0; drawn < v->n; drawn += block) {
        const size_t n = MIN(MIN(block, v->n), v->n - drawn);
        const size_t start = bootstrap_below(r, (uint32_t)v->n);
        const size_t before_end = MIN(n, v->n - start);
        for (size_t i = start; i < start + before_end; i++)
            w[i]++;
        for (size_t i = 0; i < n - before_end; i++)
            w[i]++;
    }
}

void bootstrap_draw(const struct bootstrap_plan *plan, struct bootstrap_random *r,
                    uint32_t *ret_weights)
{
    const struct bootstrap_frames *f = &plan->frames;
    if (f->n > 0)
        memset(ret_weights, 0, f->n * sizeof(*ret_weights));
    for (size_t i = 0; i < f->n_videos; i++) {
        if (!plan->by_video) {
            draw_video(&f->videos[i], plan->block, r, ret_weights);
            continue;
        }
        const struct bootstrap_video *v = &f->videos[bootstrap_below(r, (uint32_t)f->n_videos)];
        for (size_t j = v->first; j < v->first + v->n; j++)
            ret_weights[j]++;
    }
}

// ---- intervals

// 97.5 % of Student's t: the Cornish-Fisher expansion, good to 1 % from three degrees on.
static double t_975(double freedom)
{
    const double z = Z_975;
    const double z3 = z * z * z;
    const double z5 = z3 * z * z;
    const double z7 = z5 * z * z;
    const double f = freedom;
    return z + (z3 + z) / (4 * f) + (5 * z5 + 16 * z3 + 3 * z) / (96 * f * f) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * f * f * f);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double share)
{
    const double at = share * (double)(n - 1);
    const size_t i = (size_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

struct bootstrap_interval bootstrap_interval_of(const struct bootstrap_plan *plan, double *draws,
                                                size_t n)
{
    const struct bootstrap_interval nothing = {NAN, NAN};
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(draws[i]))
            draws[n_kept++] = draws[i];
    }
    if (plan->n_freedom < BOOTSTRAP_MIN_FREEDOM || n_kept < MIN_DRAWS ||
        (double)(n - n_kept) > MAX_SHARE_EMPTY * (double)n)
        return nothing;
    qsort(draws, n_kept, sizeof(*draws), compare_doubles);
    const double freedom = (double)plan->n_freedom;
    const double reach = sqrt((double)plan->n_blocks / freedom) * t_975(freedom) * plan->widening;
    const double tail = erfc(reach / sqrt(2)) / 2;
    return (struct bootstrap_interval){quantile(draws, n_kept, tail),
                                       quantile(draws, n_kept, 1 - tail)};
}

bool bootstrap_excludes_zero(struct bootstrap_interval i)
{
    return i.low > 0 || i.high < 0;
}
