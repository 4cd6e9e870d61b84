// SPDX-License-Identifier: Apache-2.0
// check_pass.c - every version of the passes between convolutions against the C one, on views and
// numbers by chance; with --bench, what they cost.
//
// Views lie between pages that cannot be touched, in wider tensors whose other channels must stay.

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "check.h"
#include "nn/kernel.h"
#include "nn/kernel_pass.h"

enum {
    N_RANDOM = 150, // of each pass
    N_ROUNDS = 31,
};

struct version {
    enum cpu_isa isa;
    const struct kernel_rows *rows; // NULL: not on this CPU
};

static struct version versions[] = {
    {CPU_ISA_C, NULL},      {CPU_ISA_NEON, NULL},       {CPU_ISA_AVX2, NULL},
    {CPU_ISA_AVX512, NULL}, {CPU_ISA_AVX512VNNI, NULL},
};

// What a pass is given; drawn anew for each check.
struct task {
    struct kernel_view in, other, out;
    struct guarded in_memory, other_memory;
    size_t out_bytes;
    enum kernel_activation activation;
    float alpha;
    struct kernel_pool pool;
    struct kernel_depthwise depthwise;
    float *floats; // weights, or rows, or planes
    size_t n_floats;
    uint8_t table[256];
};

struct pass {
    const char *name;
    void (*draw)(struct task *t);
    void (*run)(const struct kernel_rows *k, struct task *t); // -> t->out.data
    float relative, absolute; // how far F32 outputs may be from the C version's
};

static size_t view_bytes(const struct kernel_view *v)
{
    size_t n = (size_t)v->height * (size_t)v->width * (size_t)v->pixel_stride;
    return (n - (size_t)(v->pixel_stride - v->channels)) * kernel_type_bytes(v->type);
}

static void fill(const struct kernel_view *v, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes / kernel_type_bytes(v->type); i++) {
        float x = random_bits() % 20 ? random_float(-8, 8) : random_float(-120, 120);
        uint32_t bits;
        memcpy(&bits, &x, sizeof(bits));
        if (v->type == KERNEL_F32)
            ((float *)v->data)[i] = x;
        else if (v->type == KERNEL_BF16)
            ((uint16_t *)v->data)[i] = (uint16_t)(bits >> 16);
        else
            ((uint8_t *)v->data)[i] = (uint8_t)random_bits();
    }
}

static struct guarded make_data(struct kernel_view *v)
{
    struct guarded g = guarded_make(view_bytes(v), random_bits() % 2);
    v->data = g.bytes;
    fill(v, view_bytes(v));
    return g;
}

static enum kernel_type random_type(void)
{
    return (enum kernel_type)random_from(KERNEL_F32, KERNEL_N_TYPES - 1);
}

static struct kernel_view random_view(enum kernel_type type)
{
    struct kernel_view v = {
        .height = random_from(1, 12),
        .width = random_from(1, 12),
        .channels = random_bits() % 2 ? 8 * random_from(1, 20) : random_from(1, 90),
        .type = type,
        .scale = random_float(0.01f, 0.1f),
        .zero_point = random_from(0, 255),
    };
    v.pixel_stride = v.channels + (random_bits() % 2 ? random_from(0, 30) : 0);
    return v;
}

static struct kernel_view like(const struct kernel_view *v, enum kernel_type type)
{
    struct kernel_view w = *v;
    w.type = type;
    w.data = NULL;
    w.pixel_stride = v->channels + (random_bits() % 2 ? random_from(0, 30) : 0);
    if (random_bits() % 4) {
        w.scale = random_float(0.01f, 0.1f);
        w.zero_point = random_from(0, 255);
    }
    return w;
}

static void draw_floats(struct task *t, size_t n, float low, float high)
{
    t->floats = (float *)malloc(n * sizeof(float));
    if (!t->floats)
        exit(3);
    t->n_floats = n;
    for (size_t i = 0; i < n; i++)
        t->floats[i] = random_float(low, high);
}

// --- the passes

static void draw_activate(struct task *t)
{
    t->in = random_view(random_type());
    t->out = like(&t->in, random_type());
}

static void run_activate(const struct kernel_rows *k, struct task *t)
{
    kernel_activate(k, &t->in, &t->out, t->activation, t->alpha);
}

static void draw_convert(struct task *t)
{
    draw_activate(t);
    t->activation = KERNEL_LINEAR;
}

static void draw_lookup(struct task *t)
{
    t->in = random_view(KERNEL_U8);
    t->out = like(&t->in, KERNEL_U8);
    for (int i = 0; i < 256; i++)
        t->table[i] = (uint8_t)random_bits();
}

static void run_lookup(const struct kernel_rows *k, struct task *t)
{
    kernel_lookup(k, &t->in, &t->out, t->table);
}

static void draw_add(struct task *t)
{
    enum kernel_type type = random_type();
    t->in = random_view(type);
    t->other = like(&t->in, type);
    t->out = like(&t->in, type);
}

static void run_add(const struct kernel_rows *k, struct task *t)
{
    kernel_add(k, &t->in, &t->other, &t->out);
}

static struct kernel_view same_kind(const struct kernel_view *v)
{
    struct kernel_view w = like(v, v->type);
    w.scale = v->scale;
    w.zero_point = v->zero_point;
    return w;
}

static void draw_upsample(struct task *t)
{
    t->in = random_view(random_type());
    t->out = same_kind(&t->in);
    t->out.height *= random_from(1, 3);
    t->out.width *= random_from(1, 3);
}

static void run_upsample(const struct kernel_rows *k, struct task *t)
{
    kernel_upsample(&t->in, &t->out);
}

static void draw_max_pool(struct task *t)
{
    static const int sides[] = {2, 3, 5, 5, 13};
    int side = sides[random_bits() % ARRAY_LEN(sides)];
    int stride = random_from(1, 2);
    t->in = random_view(random_type());
    t->pool = (struct kernel_pool){side, side, stride, stride, side / 2, side / 2};
    t->out = same_kind(&t->in);
    t->out.height = (t->in.height - 1) / stride + 1;
    t->out.width = (t->in.width - 1) / stride + 1;
}

static void run_max_pool(const struct kernel_rows *k, struct task *t)
{
    kernel_max_pool(k, &t->in, &t->out, &t->pool);
}

static void draw_mean(struct task *t)
{
    t->in = random_view(random_type());
    t->in.channels = t->in.pixel_stride = random_from(1, 300);
    t->out = like(&t->in, random_type());
    t->out.height = t->out.width = 1;
}

static void run_mean(const struct kernel_rows *k, struct task *t)
{
    kernel_mean(k, &t->in, &t->out);
}

// The rows are the view's pixels.
static void draw_softmax(struct task *t)
{
    t->in = random_view(KERNEL_F32);
    t->out = t->in;
}

static void run_softmax(const struct kernel_rows *k, struct task *t)
{
    memcpy(t->out.data, t->in.data, view_bytes(&t->in));
    kernel_softmax(k, (float *)t->out.data, (size_t)(t->out.height * t->out.width),
                   (size_t)t->out.channels, (size_t)t->out.pixel_stride);
}

// A number for each of the view's pixels.
static void draw_one_each(struct task *t)
{
    t->in = random_view(KERNEL_F32);
    t->out = t->in;
    t->out.channels = 1;
    t->alpha = random_float(-8, 120);
}

// Whether the pixel is among those that were found.
static void run_reach(const struct kernel_rows *k, struct task *t)
{
    size_t n = (size_t)(t->in.height * t->in.width);
    float *out = t->out.data;
    uint32_t *found = calloc(n, sizeof(*found));
    must(found ? 0 : ERR_NOMEM);
    for (size_t i = 0; i < n; i++)
        out[i * (size_t)t->out.pixel_stride] = 0;
    size_t n_found = kernel_reach(k, t->in.data, n, (size_t)t->in.channels,
                                  (size_t)t->in.pixel_stride, t->alpha, found);
    for (size_t i = 0; i < n_found; i++)
        out[found[i] * (size_t)t->out.pixel_stride] = (float)(i + 1);
    free(found);
}

static void run_expect(const struct kernel_rows *k, struct task *t)
{
    const float *in = t->in.data;
    float *out = t->out.data;
    for (size_t i = 0; i < (size_t)(t->in.height * t->in.width); i++)
        kernel_expect(k, in + i * (size_t)t->in.pixel_stride, 1, (size_t)t->in.channels,
                      out + i * (size_t)t->out.pixel_stride);
}

static void draw_depthwise(struct task *t)
{
    static const int sides[] = {1, 3, 3, 5, 7};
    struct kernel_depthwise *d = &t->depthwise;
    d->kernel_height = d->kernel_width = sides[random_bits() % ARRAY_LEN(sides)];
    d->stride = random_from(1, 2);
    d->pad_top = d->pad_left = d->kernel_height / 2;
    d->activation = t->activation;
    d->alpha = t->alpha;
    t->in = random_view(random_bits() % 2 ? KERNEL_F32 : KERNEL_BF16);
    t->out = like(&t->in, random_type());
    t->out.height = (t->in.height - 1) / d->stride + 1;
    t->out.width = (t->in.width - 1) / d->stride + 1;
    size_t n_channels = (size_t)t->in.channels;
    size_t n_weights = n_channels * (size_t)(d->kernel_height * d->kernel_width);
    draw_floats(t, n_weights * 2 + n_channels, -0.3f, 0.3f);
    kernel_depthwise_pack(t->floats, t->in.channels, d->kernel_height * d->kernel_width,
                          t->floats + n_weights);
    d->weights = t->floats + n_weights;
    d->bias = t->floats + 2 * n_weights;
}

static void run_depthwise(const struct kernel_rows *k, struct task *t)
{
    kernel_depthwise_run(k, &t->depthwise, &t->in, &t->out);
}

static void draw_from_planes(struct task *t)
{
    t->out = random_view(random_type());
    t->in = (struct kernel_view){NULL, 1, 1, 1, 1, KERNEL_U8, 1, 0}; // unused
    draw_floats(t, (size_t)(t->out.height * t->out.width * t->out.channels), -4, 4);
}

static void run_from_planes(const struct kernel_rows *k, struct task *t)
{
    kernel_from_planes(k, t->floats, &t->out);
}

static void draw_to_planes(struct task *t)
{
    t->in = random_view(random_type());
    t->out = t->in; // as many floats, in another order
    t->out.type = KERNEL_F32;
    t->out.pixel_stride = t->out.channels;
}

static void run_to_planes(const struct kernel_rows *k, struct task *t)
{
    kernel_to_planes(k, &t->in, (float *)t->out.data);
}

static const struct pass passes[] = {
    // clang-format off
    {"activate",    draw_activate,    run_activate,    2e-6f, 1e-7f},
    {"convert",     draw_convert,     run_activate,    0,     0},
    {"lookup",      draw_lookup,      run_lookup,      0,     0},
    {"add",         draw_add,         run_add,         0,     0},
    {"upsample",    draw_upsample,    run_upsample,    0,     0},
    {"max_pool",    draw_max_pool,    run_max_pool,    0,     0},
    {"mean",        draw_mean,        run_mean,        0,     1e-4f}, // of numbers up to 120
    {"softmax",     draw_softmax,     run_softmax,     2e-6f, 1e-7f},
    {"reach",       draw_one_each,    run_reach,       0,     0},
    {"expect",      draw_one_each,    run_expect,      0,     0},
    {"depthwise",   draw_depthwise,   run_depthwise,   2e-6f, 1e-7f},
    {"from_planes", draw_from_planes, run_from_planes, 0,     0},
    {"to_planes",   draw_to_planes,   run_to_planes,   0,     0},
    // clang-format on
};

// --- the check

static float number_at(const uint8_t *bytes, enum kernel_type type, size_t i)
{
    float v;
    uint16_t half;
    uint32_t bits;
    switch (type) {
    case KERNEL_F32:
        memcpy(&v, bytes + i * sizeof(v), sizeof(v));
        return v;
    case KERNEL_BF16:
        memcpy(&half, bytes + i * sizeof(half), sizeof(half));
        bits = (uint32_t)half << 16;
        memcpy(&v, &bits, sizeof(v));
        return v;
    default:
        return bytes[i];
    }
}

// A number that may be off before it is rounded to BF16 or U8 may fall to the next step.
static float tolerance(const struct pass *p, const struct task *t, float want)
{
    bool is_smooth = t->activation == KERNEL_SILU || t->activation == KERNEL_SIGMOID;
    if (p->relative == 0 && p->absolute == 0)
        return 0;
    if ((p->run == run_activate || p->run == run_depthwise) && !is_smooth)
        return 0;
    float f32 = p->relative * fabsf(want) + p->absolute;
    return t->out.type == KERNEL_F32    ? f32
           : t->out.type == KERNEL_BF16 ? fabsf(want) / 128 + 2e-4f
                                        : 1;
}

static bool is_same(const struct pass *p, const struct task *t, const uint8_t *want,
                    const uint8_t *got)
{
    size_t stride = (size_t)t->out.pixel_stride;
    size_t n = view_bytes(&t->out) / kernel_type_bytes(t->out.type);
    for (size_t i = 0; i < n; i++) {
        float a = number_at(want, t->out.type, i);
        float b = number_at(got, t->out.type, i);
        float slack = i % stride < (size_t)t->out.channels ? tolerance(p, t, a) : 0;
        if (!(fabsf(a - b) <= slack) && !(isnan(a) && isnan(b))) {
            fprintf(stderr, "%s: number %zu of %zu: %.9g, not %.9g\n", p->name, i, n, (double)b,
                    (double)a);
            return false;
        }
    }
    return true;
}

static struct guarded run_version(const struct pass *p, struct task *t, const struct kernel_rows *k)
{
    struct guarded out = guarded_make(view_bytes(&t->out), random_bits() % 2);
    memset(out.bytes, 0x5a, view_bytes(&t->out));
    t->out.data = out.bytes;
    p->run(k, t);
    return out;
}

static bool check_once(const struct pass *p)
{
    struct task t = {
        .activation = (enum kernel_activation)random_from(KERNEL_LINEAR, KERNEL_N_ACTIVATIONS - 1),
        .alpha = random_float(0.01f, 0.3f),
    };
    p->draw(&t);
    t.in_memory = make_data(&t.in);
    if (t.other.channels)
        t.other_memory = make_data(&t.other);
    struct guarded want = run_version(p, &t, versions[0].rows);
    bool same = true;
    for (size_t i = 1; i < ARRAY_LEN(versions); i++) {
        if (!versions[i].rows)
            continue;
        struct guarded got = run_version(p, &t, versions[i].rows);
        if (!is_same(p, &t, want.bytes, got.bytes)) {
            fprintf(stderr, "%s by %s differs: %dx%dx%d, type %d to %d, activation %d\n", p->name,
                    cpu_isa_name(versions[i].isa), t.in.height, t.in.width, t.in.channels,
                    (int)t.in.type, (int)t.out.type, (int)t.activation);
            same = false;
        }
        guarded_free(&got);
    }
    guarded_free(&want);
    guarded_free(&t.in_memory);
    guarded_free(&t.other_memory);
    free(t.floats);
    return same;
}

// SILU and SIGMOID over all magnitudes, against double precision.
static bool check_exact(const struct kernel_rows *k)
{
    enum { N = 40000 };
    static float in[N];
    static float out[N];
    for (int i = 0; i < N; i++)
        in[i] = ((float)i - N / 2) * (100.0f / (N / 2));
    const struct kernel_view from = {in, 1, 1, N, N, KERNEL_F32, 1, 0};
    const struct kernel_view to = {out, 1, 1, N, N, KERNEL_F32, 1, 0};
    double worst = 0;
    for (int a = KERNEL_SILU; a <= KERNEL_SIGMOID; a++) {
        kernel_activate(k, &from, &to, (enum kernel_activation)a, 0);
        for (int i = 0; i < N; i++) {
            double x = (double)in[i];
            double want = (a == KERNEL_SILU ? x : 1) / (1 + exp(-x));
            double off = fabs((double)out[i] - want) - 1e-7;
            worst = fmax(worst, off / (fabs(want) + FLT_MIN));
        }
    }
    if (worst <= 2e-6)
        return true;
    fprintf(stderr, "%s: SILU or SIGMOID is off by %g of it\n", cpu_isa_name(kernel_rows_isa(k)),
            worst);
    return false;
}

static int check(void)
{
    int n_wrong = 0;
    for (size_t p = 0; p < ARRAY_LEN(passes); p++) {
        for (int i = 0; i < N_RANDOM; i++)
            n_wrong += !check_once(&passes[p]);
    }
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        n_wrong += versions[i].rows && !check_exact(versions[i].rows);
    printf("%zu passes, %d times each, %d differ\n", ARRAY_LEN(passes), N_RANDOM, n_wrong);
    return n_wrong ? 1 : 0;
}

// --- bench

static void time_one(const char *what, const struct pass *p, struct task *t)
{
    size_t n = (size_t)t->out.height * (size_t)t->out.width * (size_t)t->out.channels;
    printf("  %-34s", what);
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        double ms[N_ROUNDS];
        if (!versions[i].rows)
            continue;
        for (int round = -2; round < N_ROUNDS; round++) {
            int64_t start = clock_now_ns();
            p->run(versions[i].rows, t);
            if (round >= 0)
                ms[round] = (double)(clock_now_ns() - start) / 1e6;
        }
        double median = sorted_at(ms, N_ROUNDS, 0.5);
        printf("  %s %.4f ms (%.3f ns)", cpu_isa_name(versions[i].isa), median,
               median * 1e6 / (double)n);
    }
    printf("\n");
}

static const struct pass *pass_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(passes); i++) {
        if (strcmp(passes[i].name, name) == 0)
            return &passes[i];
    }
    return NULL;
}

static void bench_one(const char *what, const char *name, struct task *t)
{
    struct guarded a = make_data(&t->in);
    struct guarded b = {0};
    if (t->other.channels)
        b = make_data(&t->other);
    struct guarded out = guarded_make(view_bytes(&t->out), false);
    t->out.data = out.bytes;
    time_one(what, pass_named(name), t);
    guarded_free(&a);
    guarded_free(&b);
    guarded_free(&out);
    free(t->floats);
}

static struct kernel_view view(int side, int channels, enum kernel_type type)
{
    return (struct kernel_view){NULL, side, side, channels, channels, type, 0.05f, 20};
}

static void bench_depthwise(const char *what, int side, int channels, int filter)
{
    struct task t = {.in = view(side, channels, KERNEL_F32),
                     .out = view(side, channels, KERNEL_F32)};
    size_t n = (size_t)channels * (size_t)(filter * filter);
    draw_floats(&t, n + (size_t)channels, -0.3f, 0.3f);
    t.depthwise = (struct kernel_depthwise){
        filter, filter, 1, filter / 2, filter / 2, t.floats, t.floats + n, KERNEL_LINEAR, 0};
    bench_one(what, "depthwise", &t);
}

static int bench(void)
{
    printf("median of %d; ns a number\n", N_ROUNDS);
    static const char *const names[] = {"", "f32", "bf16", "u8"};
    char what[64];
    for (int type = KERNEL_F32; type < KERNEL_N_TYPES; type++) {
        enum kernel_type k = (enum kernel_type)type;
        struct task silu = {
            .in = view(80, 64, k), .out = view(80, 64, k), .activation = KERNEL_SILU};
        snprintf(what, sizeof(what), "SiLU, %s, 80x80x64", names[type]);
        bench_one(what, "activate", &silu);
        struct task sum = {.in = view(80, 64, k), .other = view(80, 64, k), .out = view(80, 64, k)};
        snprintf(what, sizeof(what), "add, %s, 80x80x64", names[type]);
        bench_one(what, "add", &sum);
        struct task pool = {
            .in = view(20, 128, k), .out = view(20, 128, k), .pool = {5, 5, 1, 1, 2, 2}};
        snprintf(what, sizeof(what), "max pool 5x5, %s, 20x20x128", names[type]);
        bench_one(what, "max_pool", &pool);
        struct task up = {.in = view(20, 256, k), .out = view(40, 256, k)};
        snprintf(what, sizeof(what), "upsample x2, %s, 20x20x256", names[type]);
        bench_one(what, "upsample", &up);
        struct task planes = {.in = view(80, 144, k), .out = view(80, 144, KERNEL_F32)};
        snprintf(what, sizeof(what), "to planes, %s, 80x80x144", names[type]);
        bench_one(what, "to_planes", &planes);
    }
    struct task quantise = {.in = view(80, 64, KERNEL_F32), .out = view(80, 64, KERNEL_U8)};
    bench_one("f32 to u8, 80x80x64", "convert", &quantise);
    struct task table = {.in = view(80, 64, KERNEL_U8), .out = view(80, 64, KERNEL_U8)};
    bench_one("table of bytes, 80x80x64", "lookup", &table);
    struct task rows = {.in = view(80, 64, KERNEL_F32), .out = view(80, 64, KERNEL_F32)};
    rows.in = rows.out = (struct kernel_view){NULL, 160, 160, 16, 16, KERNEL_F32, 1, 0};
    bench_one("softmax, 25600 rows of 16", "softmax", &rows);
    struct task logits = {.in = view(80, 80, KERNEL_F32), .out = view(80, 1, KERNEL_F32)};
    logits.alpha = 121;
    bench_one("rows that reach a floor, 6400 of 80", "reach", &logits);
    bench_depthwise("depthwise 3x3, f32, 52x52x64", 52, 64, 3);
    bench_depthwise("depthwise 5x5, f32, 26x26x128", 26, 128, 5);
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (cpu_has(versions[i].isa))
            must(kernel_rows_choose(versions[i].isa, &versions[i].rows));
    }
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return bench();
    return check();
}
