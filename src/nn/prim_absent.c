// SPDX-License-Identifier: Apache-2.0
// prim_absent.c - stands in for prim_dnnl.c where the build found no oneDNN.

#include "base/err.h"
#include "nn/prim.h"

static int absent(void)
{
    return err_set(ERR_UNAVAILABLE, "oneDNN: this program was built without its header dnnl.h; run "
                                    "scripts/install-deps and build again");
}

const char *prim_library(void)
{
    return NULL;
}

int prim_conv_create(const struct prim_conv_opts *opts, struct prim_conv **ret_conv)
{
    return absent();
}

void prim_conv_destroy(struct prim_conv *c)
{
}

size_t prim_conv_scratch(const struct prim_conv *c)
{
    return 0;
}

size_t prim_conv_bytes(const struct prim_conv *c)
{
    return 0;
}

const char *prim_conv_describe(const struct prim_conv *c)
{
    return "";
}

int prim_conv_run(const struct prim_conv *c, const void *in, void *out, void *scratch)
{
    return absent();
}

int prim_matmul_create(int64_t batch, int64_t m, int64_t k, int64_t n,
                       struct prim_matmul **ret_matmul)
{
    return absent();
}

void prim_matmul_destroy(struct prim_matmul *p)
{
}

size_t prim_matmul_scratch(const struct prim_matmul *p)
{
    return 0;
}

int prim_matmul_run(const struct prim_matmul *p, const float *x, const float *y, float *out,
                    void *scratch)
{
    return absent();
}

void prim_one_thread(void)
{
}

bool prim_has_bf16(void)
{
    return false;
}

bool prim_has_amx(void)
{
    return false;
}
