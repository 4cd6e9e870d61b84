// SPDX-License-Identifier: Apache-2.0
// engine_absent.c - stands in for engine_onnxruntime.c where the build found no ONNX Runtime
// header.

#include "base/err.h"
#include "infer/engine_impl.h"

static int absent(void)
{
    return err_set(ERR_UNAVAILABLE,
                   "ONNX Runtime: this program was built without its header "
                   "onnxruntime_c_api.h; run scripts/install-deps and build again");
}

static int absent_create(struct model *m, const struct engine_opts *opts,
                         struct engine **ret_engine)
{
    return absent();
}

int engine_onnxruntime_describe(char *ret_text, size_t n_bytes)
{
    return absent();
}

const struct engine_impl engine_onnxruntime = {.name = "onnxruntime", .create = absent_create};
