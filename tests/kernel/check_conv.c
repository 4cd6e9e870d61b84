// SPDX-License-Identifier: Apache-2.0
// check_conv.c - every version of the convolution against the C one, on shapes and numbers by
// chance; with --bench, what the layers of a network of YOLOv8n's shape cost, beside oneDNN.
//
// Inputs and outputs lie between pages that cannot be touched, in wider tensors whose other
// channels must stay as they were.

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amx_trap.h"
#include "bench_onednn.h"
#include "check.h"
#include "nn/kernel.h"
#include "nn/kernel_priv.h"

enum {
    N_RANDOM = 400,         // convolutions
    TRAPPED_EACH = 5,       // of them, as each instruction costs microseconds
    AMX_MODEL = CPU_N_ISAS, // the AMX version over tiles in C
    AMX_TRAPPED,            // the AMX version itself, its instructions done by a signal's handler
    N_VERSIONS,
};

static const char *const type_names[] = {
    [KERNEL_F32] = "f32", [KERNEL_BF16] = "bf16", [KERNEL_U8] = "u8"};

struct task {
    struct kernel_conv_opts opts;
    struct kernel_view in, out, add;
    bool has_add;
    struct guarded in_memory, add_memory;
    size_t out_bytes;
    float *weights;
    float *bias;
};

static uint16_t upper_half(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return (uint16_t)(bits >> 16);
}

static size_t view_bytes(const struct kernel_view *v)
{
    size_t n = (size_t)v->height * (size_t)v->width * (size_t)v->pixel_stride;
    return n * kernel_type_bytes(v->type);
}

static void fill(void *data, enum kernel_type type, size_t n_bytes)
{
    size_t n = n_bytes / kernel_type_bytes(type);
    for (size_t i = 0; i < n; i++) {
        float v = random_float(-2, 3);
        if (type == KERNEL_F32)
            ((float *)data)[i] = v;
        else if (type == KERNEL_BF16)
            ((uint16_t *)data)[i] = upper_half(v);
        else
            ((uint8_t *)data)[i] = (uint8_t)random_bits();
    }
}

static float *random_floats(size_t n, float low, float high)
{
    float *v = (float *)malloc(n * sizeof(float));
    if (!v)
        exit(3);
    for (size_t i = 0; i < n; i++)
        v[i] = random_float(low, high);
    return v;
}

static int random_channels(void)
{
    static const int common[] = {1, 2, 3, 4, 5, 15, 16, 17, 24, 32, 48, 64, 80, 144};
    return random_bits() % 3 ? common[random_bits() % ARRAY_LEN(common)] : random_from(1, 100);
}

static struct kernel_conv_opts random_opts(void)
{
    static const int sizes[] = {1, 1, 3, 3, 3, 2, 5, 6};
    static const enum kernel_type types[] = {KERNEL_F32, KERNEL_BF16, KERNEL_U8, KERNEL_U8};
    struct kernel_conv_opts o = {
        .type = types[random_bits() % ARRAY_LEN(types)],
        .in_channels = random_channels(),
        .out_channels = random_channels(),
        .kernel_height = sizes[random_bits() % ARRAY_LEN(sizes)],
        .stride = random_from(1, 2),
        .activation = (enum kernel_activation)random_from(KERNEL_LINEAR, KERNEL_N_ACTIVATIONS - 1),
        .alpha = random_float(0.01f, 0.3f),
        .in_scale = random_float(0.001f, 0.02f),
        .in_zero_point = random_from(0, 255),
    };
    o.kernel_width = random_bits() % 8 ? o.kernel_height : random_from(1, 5);
    o.pad_top = random_from(0, o.kernel_height - 1);
    o.pad_left = random_from(0, o.kernel_width - 1);
    return o;
}

static int random_size(int filter, int pad)
{
    int least = filter > pad ? filter - pad : 1;
    if (random_bits() % 12 == 0)
        return random_from(least, least + 90); // several of the widest blocks
    return random_bits() % 3 ? random_from(least, least + 24) : least;
}

static struct kernel_view random_out(const struct kernel_conv_opts *o, const struct kernel_view *in)
{
    enum kernel_type type = (enum kernel_type)random_from(KERNEL_F32, KERNEL_N_TYPES - 1);
    // some padding at the other edges, too
    int rows = in->height + o->pad_top + random_from(0, o->kernel_height - 1) - o->kernel_height;
    int columns = in->width + o->pad_left + random_from(0, o->kernel_width - 1) - o->kernel_width;
    return (struct kernel_view){
        .height = (rows < 0 ? 0 : rows) / o->stride + 1,
        .width = (columns < 0 ? 0 : columns) / o->stride + 1,
        .channels = o->out_channels,
        .pixel_stride = o->out_channels + random_from(0, 20),
        .type = type,
        .scale = random_float(0.005f, random_bits() % 4 ? 0.05f : 0.4f),
        .zero_point = random_from(0, 255),
    };
}

static void make_add(struct task *t)
{
    t->has_add = random_bits() % 3 == 0;
    if (!t->has_add)
        return;
    t->add = t->out;
    t->add.pixel_stride = t->out.channels + random_from(0, 9);
    t->add.scale = random_float(0.005f, 0.05f);
    t->add.zero_point = random_from(0, 255);
    size_t n = view_bytes(&t->add);
    // a view of a wider tensor ends at its last pixel's last channel
    n -= (size_t)(t->add.pixel_stride - t->add.channels) * kernel_type_bytes(t->add.type);
    t->add_memory = guarded_make(n, random_bits() % 2);
    fill(t->add_memory.bytes, t->add.type, n);
    t->add.data = t->add_memory.bytes;
}

static struct task random_task(void)
{
    struct task t = {.opts = random_opts()};
    struct kernel_conv_opts *o = &t.opts;
    int per_unit = o->type == KERNEL_F32 ? 1 : o->type == KERNEL_BF16 ? 2 : 4;
    int units = (o->in_channels + per_unit - 1) / per_unit;
    bool is_few = o->in_channels <= KERNEL_CONV_FEW_CHANNELS;
    t.in = (struct kernel_view){
        .height = random_size(o->kernel_height, o->pad_top),
        .width = random_size(o->kernel_width, o->pad_left),
        .channels = o->in_channels,
        .pixel_stride = is_few ? o->in_channels : units * per_unit + random_from(0, 12),
        .type = o->type,
    };
    size_t n = view_bytes(&t.in);
    if (!is_few)
        n -= (size_t)(t.in.pixel_stride - units * per_unit) * kernel_type_bytes(o->type);
    t.in_memory = guarded_make(n, random_bits() % 2);
    fill(t.in_memory.bytes, o->type, n);
    t.in.data = t.in_memory.bytes;
    t.out = random_out(o, &t.in);
    if (o->kernel_height * o->kernel_width * o->stride == 1) {
        t.out.height = t.in.height;
        t.out.width = t.in.width;
    }
    t.out_bytes = view_bytes(&t.out);
    size_t n_weights =
        (size_t)(o->in_channels * o->out_channels) * (size_t)(o->kernel_height * o->kernel_width);
    if (o->type == KERNEL_U8 && t.out.type == KERNEL_U8 && random_bits() % 2)
        o->activation = KERNEL_SILU; // what most layers are
    make_add(&t);
    if (t.out.type == KERNEL_U8 && random_bits() % 4) {
        o->adds = t.has_add;
        o->out_scale = t.out.scale;
        o->out_zero_point = t.out.zero_point;
    }
    float most = 2 / sqrtf((float)(o->in_channels * o->kernel_height * o->kernel_width));
    t.weights = random_floats(n_weights, -most, most);
    t.bias = random_floats((size_t)o->out_channels, -2, 2);
    o->weights = t.weights;
    o->bias = random_bits() % 5 ? t.bias : NULL;
    return t;
}

static void task_free(struct task *t)
{
    guarded_free(&t->in_memory);
    guarded_free(&t->add_memory);
    free(t->weights);
    free(t->bias);
}

static bool is_trapping;

// Versions that the CPU does not offer; NULL: none for this type or machine.
static const struct kernel_conv_impl *version_by_hand(int version, enum kernel_type type)
{
    const struct kernel_conv_impl *impl = NULL;
    if (version == AMX_MODEL)
        impl = &kernel_conv_amx_model[type];
#if defined(__x86_64__)
    else if (version == AMX_TRAPPED && is_trapping && cpu_has(CPU_ISA_AVX512)) // which finishes
        impl = &kernel_conv_amx[type];
#endif
    return impl && impl->finish ? impl : NULL;
}

// Runs *t* by *isa* into memory of its own, filled with a pattern before. False: not on this CPU.
static bool run(struct task *t, enum cpu_isa isa, struct guarded *ret_out)
{
    struct kernel_conv *c;
    t->opts.isa = isa;
    const struct kernel_conv_impl *by_hand = version_by_hand((int)isa, t->opts.type);
    if ((int)isa >= CPU_N_ISAS) {
        if (!by_hand)
            return false;
        must(kernel_conv_create_with(&t->opts, by_hand, &c));
    } else {
        if (!cpu_has(isa))
            return false;
        must(kernel_conv_create(&t->opts, &c));
        if (kernel_conv_isa(c) != isa) { // nothing of its own
            kernel_conv_destroy(c);
            return false;
        }
    }
    size_t tail = (size_t)(t->out.pixel_stride - t->out.channels) * kernel_type_bytes(t->out.type);
    *ret_out = guarded_make(t->out_bytes - tail, random_bits() % 2);
    memset(ret_out->bytes, 0x5a, t->out_bytes - tail);
    t->out.data = ret_out->bytes;
    struct guarded scratch =
        guarded_make((kernel_conv_scratch(c, &t->in, &t->out) + 63) / 64 * 64, false);
    kernel_conv_run(c, &t->in, t->has_add ? &t->add : NULL, &t->out, scratch.bytes);
    guarded_free(&scratch);
    kernel_conv_destroy(c);
    return true;
}

static float number_at(const uint8_t *bytes, enum kernel_type type, size_t i)
{
    float v;
    uint16_t half;
    switch (type) {
    case KERNEL_F32:
        memcpy(&v, bytes + i * sizeof(v), sizeof(v));
        return v;
    case KERNEL_BF16:
        memcpy(&half, bytes + i * sizeof(half), sizeof(half));
        uint32_t bits = (uint32_t)half << 16;
        memcpy(&v, &bits, sizeof(v));
        return v;
    default:
        return bytes[i];
    }
}

static bool has_exponential(const struct task *t)
{
    return t->opts.activation == KERNEL_SILU || t->opts.activation == KERNEL_SIGMOID;
}

// How far two numbers may be apart: see kernel_conv_run().
static float tolerance(const struct task *t, float want)
{
    bool exact_sums = t->opts.type != KERNEL_BF16; // whose products round differently in hardware
    float slack = exact_sums ? 0 : 4e-6f * (float)t->opts.in_channels;
    if (has_exponential(t))
        slack +=
            t->out.type == KERNEL_F32 ? 1e-7f + 2e-6f * fabsf(want) : 1e-3f * (1 + fabsf(want));
    if (t->has_add && slack > 0)
        slack += 1e-6f;
    if (slack == 0)
        return 0;
    return t->out.type == KERNEL_U8     ? 1
           : t->out.type == KERNEL_BF16 ? slack + fabsf(want) / 128
                                        : slack;
}

// SILU from bytes to bytes of a meaning known in advance is integers from the accumulators on.
static bool is_exact(const struct task *t, int version)
{
    return t->opts.type == KERNEL_U8 && t->out.type == KERNEL_U8 && t->opts.out_scale > 0 &&
           t->opts.activation == KERNEL_SILU && version >= CPU_ISA_AVX512 &&
           t->out.scale > 1.0f / 128 && (!t->has_add || t->add.scale <= t->out.scale);
}

static bool is_same(const struct task *t, int version, const uint8_t *want, const uint8_t *got)
{
    size_t stride = (size_t)t->out.pixel_stride;
    size_t n = (size_t)(t->out.height * t->out.width) * stride - stride + (size_t)t->out.channels;
    for (size_t i = 0; i < n; i++) {
        float a = number_at(want, t->out.type, i);
        float b = number_at(got, t->out.type, i);
        bool is_ours = i % stride < (size_t)t->out.channels;
        float most = is_ours && !is_exact(t, version) ? tolerance(t, a) : 0;
        if (!(fabsf(a - b) <= most) && !(isnan(a) && isnan(b))) {
            fprintf(stderr, "pixel %zu, channel %zu: %.9g, not %.9g\n", i / stride, i % stride,
                    (double)b, (double)a);
            return false;
        }
    }
    return true;
}

static const char *version_name(int isa)
{
    return isa == AMX_MODEL     ? "amx-model"
           : isa == AMX_TRAPPED ? "amx-trapped"
                                : cpu_isa_name((enum cpu_isa)isa);
}

static bool check_one(struct task *t, int number, int *n_runs)
{
    struct guarded want = {0};
    if (!run(t, CPU_ISA_C, &want))
        return false;
    bool same = true;
    for (int isa = CPU_ISA_NEON; isa < N_VERSIONS; isa++) {
        struct guarded got = {0};
        if (isa == AMX_TRAPPED && number % TRAPPED_EACH != 0)
            continue;
        if (!run(t, (enum cpu_isa)isa, &got))
            continue;
        n_runs[isa]++;
        if (!is_same(t, isa, want.bytes, got.bytes)) {
            const struct kernel_conv_opts *o = &t->opts;
            fprintf(stderr,
                    "%s differs: %s to %s, %dx%d, stride %d, padding %d %d, %d to %d channels, "
                    "%dx%d pixels, activation %d%s\n",
                    version_name(isa), type_names[o->type], type_names[t->out.type],
                    o->kernel_height, o->kernel_width, o->stride, o->pad_top, o->pad_left,
                    o->in_channels, o->out_channels, t->out.height, t->out.width,
                    (int)o->activation, t->has_add ? ", added" : "");
            same = false;
        }
        guarded_free(&got);
    }
    guarded_free(&want);
    return same;
}

static int check(void)
{
    int n_wrong = 0;
    int n_runs[N_VERSIONS] = {0};
    for (int i = 0; i < N_RANDOM; i++) {
        struct task t = random_task();
        n_wrong += !check_one(&t, i, n_runs);
        task_free(&t);
    }
    printf("%d convolutions, %d differ;", N_RANDOM, n_wrong);
    for (int isa = CPU_ISA_NEON; isa < N_VERSIONS; isa++)
        printf(" %s %d", version_name(isa), n_runs[isa]);
    printf("\n");
    return n_wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0 && !getenv("OMP_NUM_THREADS")) {
        setenv("OMP_NUM_THREADS", "1", 1); // which oneDNN's runtime reads when it is loaded
        execv("/proc/self/exe", argv);
    }
    if (argc > 1 && strcmp(argv[1], "--bench") == 0)
        return bench_conv(argc > 2 ? argv[2] : NULL);
    is_trapping = amx_trap_install();
    int r = check();
    if (is_trapping)
        printf("%ld AMX instructions done in their signal's handler\n", amx_trap_count());
    return r;
}
