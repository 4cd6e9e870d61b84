// SPDX-License-Identifier: Apache-2.0
// onnx_format.c - what a file is that is no ONNX model, by its first bytes.

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "nn/onnx_read.h"

// What people rename to .onnx by accident.
static const char *other_format(struct str b)
{
    // clang-format off
    static const struct { size_t at; const char *magic; size_t n; const char *what; } rows[] = {
        {4, "ftyp",                4, "an MP4 or QuickTime video"},
        {0, "\x1a\x45\xdf\xa3",    4, "a Matroska or WebM video"},
        {0, "RIFF",                4, "a RIFF file (an AVI video, a WebP picture?)"},
        {0, "PK\x03\x04",          4, "a zip archive (a PyTorch checkpoint?)"},
        {0, "\x80\x02",            2, "a Python pickle (a PyTorch checkpoint?)"},
        {0, "\x89HDF",             4, "an HDF5 file (a Keras model?)"},
        {4, "TFL3",                4, "a TensorFlow Lite model"},
        {4, "ORTM",                4, "a model in ONNX Runtime's own format"},
        {0, "GGUF",                4, "a GGUF model"},
        {0, "\x1f\x8b",            2, "a gzip archive"},
        {0, "<",                   1, "a page or XML text (an unfinished download?)"},
        {0, "{",                   1, "JSON text"},
        {0, "version https://git", 19, "a Git-LFS pointer, not the model itself: run `git lfs pull`"},
    };
    // clang-format on
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (b.n >= rows[i].at + rows[i].n &&
            memcmp(b.p + rows[i].at, rows[i].magic, rows[i].n) == 0)
            return rows[i].what;
    }
    return NULL;
}

int onnx_check_format(struct str bytes, const char *name)
{
    if (bytes.n == 0)
        return err_set(ERR_MODEL, "%s: the file is empty (0 bytes)", name);
    if (file_is_lfs_pointer(bytes.p, bytes.n))
        return err_set(ERR_MODEL,
                       "%s: is a Git-LFS pointer, not the model itself: run `git lfs pull`", name);
    const char *what = other_format(bytes);
    if (what)
        return err_set(ERR_MODEL, "%s: not an ONNX model but %s", name, what);
    if (bytes.n < 16)
        return err_set(ERR_MODEL, "%s: not an ONNX model: only %zu bytes", name, bytes.n);
    return 0;
}
