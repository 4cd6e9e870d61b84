// SPDX-License-Identifier: Apache-2.0
// bench_conv.c - the 63 convolutions of a network of YOLOv8n's shape at 640x640, with SiLU fused,
// in one thread, each beside oneDNN's (without the activation).
//
// Layers run in the network's order, each reading what the one before it wrote, so that caches hold
// what they would hold there.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench_onednn.h"
#include "check.h"
#include "nn/kernel.h"

enum {
    N_ROUNDS = 21,
    MAX_LAYERS = 40,
    BUFFER_BYTES = 640 * 640 * 3 * 4 + 320 * 320 * 16 * 4,
};

struct layer {
    int n; // how often the network has it
    int in, out, kernel, stride, size;
};

// clang-format off
static const struct layer layers[] = {
    {1, 3, 16, 3, 2, 640},   {1, 16, 32, 3, 2, 320},  {1, 32, 32, 1, 1, 160},  {2, 16, 16, 3, 1, 160},
    {1, 48, 32, 1, 1, 160},  {1, 32, 64, 3, 2, 160},  {1, 64, 64, 1, 1, 80},   {4, 32, 32, 3, 1, 80},
    {1, 128, 64, 1, 1, 80},  {1, 64, 128, 3, 2, 80},  {1, 128, 128, 1, 1, 40}, {4, 64, 64, 3, 1, 40},
    {1, 256, 128, 1, 1, 40}, {1, 128, 256, 3, 2, 40}, {1, 256, 256, 1, 1, 20}, {2, 128, 128, 3, 1, 20},
    {1, 384, 256, 1, 1, 20}, {1, 256, 128, 1, 1, 20}, {1, 512, 256, 1, 1, 20}, {1, 384, 128, 1, 1, 40},
    {2, 64, 64, 3, 1, 40},   {1, 192, 128, 1, 1, 40}, {1, 192, 64, 1, 1, 80},  {2, 32, 32, 3, 1, 80},
    {1, 96, 64, 1, 1, 80},   {1, 64, 64, 3, 2, 80},   {1, 192, 128, 1, 1, 40}, {2, 64, 64, 3, 1, 40},
    {1, 192, 128, 1, 1, 40}, {1, 128, 128, 3, 2, 40}, {1, 384, 256, 1, 1, 20}, {2, 128, 128, 3, 1, 20},
    {1, 384, 256, 1, 1, 20},
    // the head, a line a level
    {1, 64, 64, 3, 1, 80},  {1, 64, 64, 3, 1, 80}, {1, 64, 64, 1, 1, 80}, {1, 64, 80, 3, 1, 80},  {1, 80, 80, 3, 1, 80}, {1, 80, 80, 1, 1, 80},
    {1, 128, 64, 3, 1, 40}, {1, 64, 64, 3, 1, 40}, {1, 64, 64, 1, 1, 40}, {1, 128, 80, 3, 1, 40}, {1, 80, 80, 3, 1, 40}, {1, 80, 80, 1, 1, 40},
    {1, 256, 64, 3, 1, 20}, {1, 64, 64, 3, 1, 20}, {1, 64, 64, 1, 1, 20}, {1, 256, 80, 3, 1, 20}, {1, 80, 80, 3, 1, 20}, {1, 80, 80, 1, 1, 20},
};
// clang-format on

enum { N_LAYERS = ARRAY_LEN(layers) };

struct row {
    struct kernel_conv *ours;
    struct onednn_conv *theirs;
    struct kernel_view in, out;
    void *scratch;
    double ours_ms[N_ROUNDS], theirs_ms[N_ROUNDS];
};

static double layer_gflop(const struct layer *l)
{
    double size = (double)l->size / l->stride;
    return 2e-9 * l->in * l->out * l->kernel * l->kernel * size * size;
}

static struct row make_row(const struct layer *l, enum kernel_type type, enum cpu_isa isa,
                           const float *weights, uint8_t *in, uint8_t *out)
{
    struct kernel_conv_opts o = {
        .type = type,
        .in_channels = l->in,
        .out_channels = l->out,
        .kernel_height = l->kernel,
        .kernel_width = l->kernel,
        .stride = l->stride,
        .pad_top = l->kernel / 2,
        .pad_left = l->kernel / 2,
        .weights = weights,
        .activation = KERNEL_SILU,
        .in_scale = 0.02f,
        .in_zero_point = 20,
        .out_scale = 0.02f,
        .out_zero_point = 20,
        .isa = isa,
    };
    int size = l->size / l->stride;
    struct row r = {
        .in = {in, l->size, l->size, l->in, l->in, type, 0.02f, 20},
        .out = {out, size, size, l->out, l->out, type, 0.02f, 20},
    };
    must(kernel_conv_create(&o, &r.ours));
    size_t n_scratch = kernel_conv_scratch(r.ours, &r.in, &r.out);
    r.scratch = aligned_alloc(64, (n_scratch + 64) / 64 * 64);
    if (!r.scratch)
        exit(3);
    if (isa != CPU_ISA_AVX2) // oneDNN runs uncapped: a row of AVX2 would compare two CPUs
        r.theirs = onednn_conv_create(&o, &r.in, &r.out);
    return r;
}

static void time_rows(struct row *rows)
{
    for (int round = -2; round < N_ROUNDS; round++) {
        for (int i = 0; i < N_LAYERS; i++) {
            int64_t start = clock_now_ns();
            kernel_conv_run(rows[i].ours, &rows[i].in, NULL, &rows[i].out, rows[i].scratch);
            if (round >= 0)
                rows[i].ours_ms[round] = (double)(clock_now_ns() - start) / 1e6;
        }
        for (int i = 0; i < N_LAYERS; i++) {
            int64_t start = clock_now_ns();
            if (rows[i].theirs)
                onednn_conv_run(rows[i].theirs, rows[i].in.data, rows[i].out.data);
            if (round >= 0)
                rows[i].theirs_ms[round] = (double)(clock_now_ns() - start) / 1e6;
        }
    }
}

static void print_rows(const char *what, struct row *rows)
{
    double ours = 0;
    double theirs = 0;
    double gflop = 0;
    printf("%s: median of %d, ms; oneDNN without the activation\n", what, N_ROUNDS);
    for (int i = 0; i < N_LAYERS; i++) {
        const struct layer *l = &layers[i];
        double a = sorted_at(rows[i].ours_ms, N_ROUNDS, 0.5);
        double b = sorted_at(rows[i].theirs_ms, N_ROUNDS, 0.5);
        char ratio[32] = "";
        if (rows[i].theirs)
            snprintf(ratio, sizeof(ratio), "oneDNN %7.3f  x %.2f", b, b / a);
        printf("  %d x %3d -> %3d, %dx%d/%d at %3d: %7.3f  %6.1f GFLOP/s  %s\n", l->n, l->in,
               l->out, l->kernel, l->kernel, l->stride, l->size, a, layer_gflop(l) / a * 1e3,
               ratio);
        ours += a * l->n;
        theirs += b * l->n;
        gflop += layer_gflop(l) * l->n;
    }
    printf("  all 63: %.2f ms, %.1f GFLOP/s; oneDNN %.2f ms\n", ours, gflop / ours * 1e3, theirs);
}

static void bench_type(const char *name, enum kernel_type type, enum cpu_isa isa,
                       const float *weights, uint8_t *const buffers[2])
{
    static struct row rows[N_LAYERS];
    char what[64];
    snprintf(what, sizeof(what), "%s, %s", name, cpu_isa_name(isa));
    if (!cpu_has(isa)) {
        printf("%s: skipped: not on this CPU\n", what);
        return;
    }
    for (int i = 0; i < N_LAYERS; i++)
        rows[i] = make_row(&layers[i], type, isa, weights, buffers[i % 2], buffers[(i + 1) % 2]);
    time_rows(rows);
    print_rows(what, rows);
    for (int i = 0; i < N_LAYERS; i++) {
        kernel_conv_destroy(rows[i].ours);
        free(rows[i].scratch);
        onednn_conv_destroy(rows[i].theirs);
    }
}

int bench_conv(const char *what)
{
    static const struct {
        const char *name;
        enum kernel_type type;
        enum cpu_isa isa;
    } kinds[] = {
        {"u8", KERNEL_U8, CPU_ISA_AMX},        {"bf16", KERNEL_BF16, CPU_ISA_AMX},
        {"u8", KERNEL_U8, CPU_ISA_AVX512VNNI}, {"bf16", KERNEL_BF16, CPU_ISA_AVX512BF16},
        {"f32", KERNEL_F32, CPU_ISA_AVX512},   {"u8", KERNEL_U8, CPU_ISA_AVX2},
        {"f32", KERNEL_F32, CPU_ISA_AVX2},
    };
    size_t n_weights = 512 * 256 * 9;
    float *weights = (float *)malloc(n_weights * sizeof(float));
    uint8_t *buffers[2] = {(uint8_t *)aligned_alloc(4096, BUFFER_BYTES / 4096 * 4096 + 4096),
                           (uint8_t *)aligned_alloc(4096, BUFFER_BYTES / 4096 * 4096 + 4096)};
    if (!weights || !buffers[0] || !buffers[1])
        return 3;
    for (size_t i = 0; i < n_weights; i++)
        weights[i] = random_float(-0.05f, 0.05f);
    for (int i = 0; i < 2; i++)
        memset(buffers[i], 0x3c, BUFFER_BYTES); // small numbers in every type
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        char key[64];
        snprintf(key, sizeof(key), "%s:%s", kinds[i].name, cpu_isa_name(kinds[i].isa));
        if (!what || strcmp(what, key) == 0)
            bench_type(kinds[i].name, kinds[i].type, kinds[i].isa, weights, buffers);
    }
    free(weights);
    free(buffers[0]);
    free(buffers[1]);
    return 0;
}
