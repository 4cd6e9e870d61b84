// SPDX-License-Identifier: Apache-2.0
// fuzz_quantization.c - the file of a model's 8 bits, and a network compiled and run by it.

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/quantization.h"
#include "unit/nn/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

// x -> a, b -> joined by a concatenation -> pooled -> y: all that shares a scale or has one alone.
static struct net make_net(void)
{
    static const float weights[16 * 8] = {0.5f, -1, 0.25f, 3, -0.125f, 1e-3f, 0, 100};
    struct net net = NET_INIT;
    net_input(&net, "x", DIMS(1, 4, 5, 5));
    net_constant(&net, "w", DIMS(4, 4, 1, 1), NET_FLOAT, weights, 16 * sizeof(float));
    net_constant(&net, "v", DIMS(4, 8, 1, 1), NET_FLOAT, weights, 32 * sizeof(float));
    net_node(&net, "Conv", "x,w", "a", NULL);
    net_node(&net, "Conv", "a,w", "b", NULL);
    net_node(&net, "Concat", "a,b", "c", "axis", INTS(1), NULL);
    net_node(&net, "MaxPool", "c", "p", "kernel_shape", INTS(3, 3), "pads", INTS(1, 1, 1, 1), NULL);
    net_node(&net, "Conv", "p,v", "y", NULL);
    net_output(&net, "y");
    return net;
}

static void check_fields(const struct quantization *q)
{
    assert(strlen(q->model_sha256) == 64 && strlen(q->source_sha256) == 64 && q->source);
    assert(q->measure == QUANTIZATION_AP || q->measure == QUANTIZATION_AGREEMENT);
    for (int i = 0; i < q->n_ranges; i++) {
        const struct plan_range *range = &q->ranges[i];
        assert(range->name && range->min <= 0 && range->max >= 0);
        assert(isfinite(range->min) && isfinite(range->max));
    }
    for (int i = 0; i < q->n_layers; i++)
        assert(q->layers[i].name && q->layers[i].precision != PLAN_PRECISION_UNSET);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct net_result result;
    static const float in[4 * 5 * 5] = {1, -2, 3, 1e30f, -1e30f};
    struct quantization *q = NULL;
    int r = quantization_parse((struct str){(const char *)bytes, n}, "input", &q);
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    if (r == 0) {
        check_fields(q);
        struct net net = make_net();
        const struct plan_opts opts = {.precision = PLAN_INT8,
                                       .ranges = q->ranges,
                                       .n_ranges = q->n_ranges,
                                       .layers = q->layers,
                                       .n_layers = q->n_layers};
        IGNORE(net_run_with(&net, in, &opts, &result)); // no ranges, and the like
        quantization_destroy(q);
    }
    err_clear();
    return 0;
}
