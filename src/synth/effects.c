// SPDX-License-Identifier: Apache-2.0
// effects.c - rain, blur, exposure, noise.

#include "synth/effects.h"

#include "base/attr.h"
#include "synth/numbers.h"
#include "vision/picture.h"

enum {
    NOISE_BITS = 12,
    NOISE_N = 1 << NOISE_BITS,
    NOISE_MAX_ROW = 3 * 4096, // bytes of a row that one stretch of the table serves
    BLUR_MAX = 24,            // pixels
};

// Widths of the noise, 1/16 grey level.
static const int noise_widths[SYNTH_N_CONDITIONS] = {0, 26, 44, 78, 34, 34};

// ---- motion blur

// A box filter over x0 <= x < x1 of a row, *n* wide; what is outside is taken as its border.
static void blur_row(uint32_t *row, int x0, int x1, int n)
{
    uint32_t ring[BLUR_MAX];
    uint32_t sum[3] = {0}, first = row[x0];
    for (int i = 0; i < n; i++) {
        uint32_t p = i < n / 2 ? first : row[MIN(x0 + i - n / 2, x1 - 1)];
        ring[i] = p;
        for (int c = 0; c < 3; c++)
            sum[c] += p >> (8 * c) & 255;
    }
    for (int x = x0, at = 0; x < x1; x++) {
        uint32_t out = 0;
        uint32_t next = row[MIN(x + n - n / 2, x1 - 1)];
        for (int c = 0; c < 3; c++) {
            out |= sum[c] / (uint32_t)n << (8 * c);
            sum[c] += (next >> (8 * c) & 255) - (ring[at] >> (8 * c) & 255);
        }
        ring[at] = next;
        at = at + 1 == n ? 0 : at + 1;
        row[x] = out;
    }
}

void effects_blur(struct raster *r, uint16_t id, struct extent where, double pixels)
{
    int n = (int)numbers_clamp(pixels < 0 ? -pixels : pixels, 0, BLUR_MAX);
    if (n < 2)
        return;
    where.x0 = MAX(where.x0, 0), where.x1 = MIN(where.x1, r->width);
    for (int y = MAX(where.y0, 0); y < MIN(where.y1, r->height); y++) {
        const uint16_t *ids = r->ids + (size_t)y * (size_t)r->width;
        int x0 = where.x0, x1 = where.x1;
        while (x0 < x1 && ids[x0] != id)
            x0++;
        while (x1 > x0 && ids[x1 - 1] != id)
            x1--;
        if (x0 < x1)
            blur_row(r->pixels + (size_t)y * (size_t)r->width, MAX(x0 - n / 2, 0),
                     MIN(x1 + n / 2, r->width), n);
    }
}

// ---- weather

void effects_rain(struct raster *r, uint64_t hash, double wind)
{
    double w = r->width, h = r->height, unit = h / 720;
    for (unsigned i = 0; i < 340; i++) {
        double near = numbers_unit(hash, 3 * i); // 0 far .. 1 near
        double length = (12 + 46 * near * near) * unit, radius = (0.45 + 0.7 * near * near) * unit;
        struct point a = {numbers_unit(hash, 3 * i + 1) * (w + 80 * unit) - 40 * unit,
                          numbers_unit(hash, 3 * i + 2) * (h + 60 * unit) - 60 * unit};
        struct paint p = {
            .from = {222, 228, 236}, .alpha = (int)(38 + 48 * near), .is_ghost = true};
        const struct point q[4] = {{a.x - radius, a.y},
                                   {a.x + radius, a.y},
                                   {a.x + radius + wind * length, a.y + length},
                                   {a.x - radius + wind * length, a.y + length}};
        raster_polygon(r, q, 4, &p);
    }
}

// ---- sensor

double effects_exposure(uint64_t place_seed, enum synth_condition c, double time)
{
    double slow = 0.05 * numbers_wander(place_seed, 61, time * 0.6);
    double since = time - numbers_between(place_seed, 62, 1.5, 14); // the automatic was surprised
    double by = numbers_between(place_seed, 63, -0.28, 0.34) * (c == SYNTH_NIGHT ? 0.6 : 1);
    double left = since < 0 || since > 1.6 ? 0 : 1 - since / 1.6;
    return 1 + slow + by * left * left;
}

// About normal: four throws added. *width* in 1/16 grey levels is near one deviation.
static void fill_noise(int8_t *noise, uint64_t hash, int width)
{
    for (unsigned i = 0; i < NOISE_N; i++) {
        uint64_t h = numbers_hash(hash, i);
        int sum = (int)(h & 255) + (int)(h >> 8 & 255) + (int)(h >> 16 & 255) +
                  (int)(h >> 24 & 255) - 510;
        noise[i] = (int8_t)(sum * width / (16 * 148));
    }
}

static void fill_curve(uint8_t *curve, double exposure)
{
    for (int i = 0; i < 256; i++) {
        double v = i * exposure;
        if (v > 200)
            v = 200 + (v - 200) * 55 / (55 + (v - 200)); // highlights roll off
        curve[i] =
            (uint8_t)numbers_clamp(exposure > 0.999 && exposure < 1.001 ? i : v + 0.5, 0, 255);
    }
}

static inline uint8_t noisy(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void effects_sensor(const struct raster *r, uint64_t hash, enum synth_condition c, double exposure,
                    struct picture *out)
{
    int8_t noise[NOISE_N * 2]; // twice, so that a run needs no wrapping
    uint8_t curve[256];
    fill_noise(noise, 77, noise_widths[c]);
    for (int i = 0; i < NOISE_N; i++)
        noise[NOISE_N + i] = noise[i];
    fill_curve(curve, exposure);
    for (int y = 0; y < r->height; y++) {
        const uint32_t *in = r->pixels + (size_t)y * (size_t)r->width;
        uint8_t *row = picture_plane(out, 0) + (ptrdiff_t)y * out->strides[0];
        for (int from = 0; from < r->width; from += 1024) {
            int to = MIN(from + 1024, r->width);
            const int8_t *n = noise + (numbers_hash(hash, (uint64_t)y * 8 + (unsigned)from / 1024) &
                                       (NOISE_N - 1));
            for (int x = from; x < to; x++, n += 3) {
                uint32_t p = in[x];
                row[3 * x] = noisy(curve[p & 255] + n[0]);
                row[3 * x + 1] = noisy(curve[p >> 8 & 255] + n[1]);
                row[3 * x + 2] = noisy(curve[p >> 16 & 255] + n[2]);
            }
        }
    }
}
