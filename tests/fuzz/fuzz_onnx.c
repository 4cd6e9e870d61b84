// SPDX-License-Identifier: Apache-2.0
// fuzz_onnx.c - any bytes as an ONNX file: read, recognised, described.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "infer/model.h"
#include "nn/onnx_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

// Recognition begins at a file: one of a fixed name, written anew each time.
static void recognise(const uint8_t *bytes, size_t n)
{
    char path[64];
    snprintf(path, sizeof(path), "/tmp/assay-fuzz-%d.onnx", (int)getpid());
    FILE *f = fopen(path, "wb");
    if (!f)
        return;
    size_t written = fwrite(bytes, 1, n, f);
    fclose(f);
    struct model *m = NULL;
    struct model_opts opts = {.path = path};
    int r = written == n ? model_open(&opts, &m) : ERR_IO;
    opts.anchors = "yolov7"; // what is refused without them
    if (r == ERR_MODEL)
        r = model_open(&opts, &m);
    if (r == 0) {
        struct str_buf out = STR_BUF_INIT(MIB);
        model_describe(m, &out);
        str_buf_reset(&out);
        model_describe_json(m, &out);
        str_buf_finish(&out);
        model_unref(&m);
    }
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct onnx *o = NULL;
    if (onnx_parse(bytes, n, "input", &o) < 0) {
        err_clear();
        return 0;
    }
    onnx_close(o);
    recognise(bytes, n);
    err_clear();
    return 0;
}
