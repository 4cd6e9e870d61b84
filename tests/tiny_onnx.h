// SPDX-License-Identifier: Apache-2.0
// tiny_onnx.h - writes an ONNX file of a few hundred bytes that says it has certain inputs and
// outputs: enough for inspection and for the stub engine, with nothing inside to run.
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/str.h"

enum {
    TINY_FLOAT32 = 1, // TensorProto.DataType
    TINY_UINT8 = 2,
    TINY_INT64 = 7,
    TINY_FLOAT16 = 10,
    TINY_MAX_DIMS = 4,
    TINY_MAX_TENSORS = 4,
    TINY_MAX_BYTES = 4096,
};

struct tiny_tensor {
    const char *name; // NULL ends a list
    int type;
    int64_t dims[TINY_MAX_DIMS]; // 0 ends them, -1 is dynamic
};

struct tiny_onnx {
    struct tiny_tensor inputs[TINY_MAX_TENSORS];
    struct tiny_tensor outputs[TINY_MAX_TENSORS];
    const char *metadata_key; // one pair, or NULL
    const char *metadata_value;
};

static inline void tiny_varint(struct str_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        str_buf_putc(b, (char)(v & 0x7f) | (char)0x80);
    str_buf_putc(b, (char)v);
}

static inline void tiny_int(struct str_buf *b, int field, uint64_t v)
{
    tiny_varint(b, (uint64_t)field << 3);
    tiny_varint(b, v);
}

static inline void tiny_bytes(struct str_buf *b, int field, struct str s)
{
    tiny_varint(b, (uint64_t)field << 3 | 2);
    tiny_varint(b, s.n);
    str_buf_add_str(b, s);
}

// Moves *inner* into *b*.
static inline void tiny_message(struct str_buf *b, int field, struct str_buf *inner)
{
    tiny_bytes(b, field, str_buf_view(inner));
    str_buf_finish(inner);
}

static inline void tiny_value_info(struct str_buf *graph, int field, const struct tiny_tensor *t)
{
    struct str_buf shape = STR_BUF_INIT(TINY_MAX_BYTES);
    for (int d = 0; d < TINY_MAX_DIMS && t->dims[d]; d++) {
        struct str_buf dim = STR_BUF_INIT(TINY_MAX_BYTES);
        if (t->dims[d] > 0)
            tiny_int(&dim, 1, (uint64_t)t->dims[d]);
        else
            tiny_bytes(&dim, 2, STR("any"));
        tiny_message(&shape, 1, &dim);
    }
    struct str_buf tensor = STR_BUF_INIT(TINY_MAX_BYTES);
    tiny_int(&tensor, 1, (uint64_t)t->type);
    tiny_message(&tensor, 2, &shape);
    struct str_buf type = STR_BUF_INIT(TINY_MAX_BYTES);
    tiny_message(&type, 1, &tensor);
    struct str_buf info = STR_BUF_INIT(TINY_MAX_BYTES);
    tiny_bytes(&info, 1, str_of(t->name));
    tiny_message(&info, 2, &type);
    tiny_message(graph, field, &info);
}

static inline void tiny_graph(struct str_buf *model, const struct tiny_onnx *t)
{
    struct str_buf node = STR_BUF_INIT(TINY_MAX_BYTES);
    struct str_buf graph = STR_BUF_INIT(TINY_MAX_BYTES);
    for (int i = 0; i < TINY_MAX_TENSORS && t->inputs[i].name; i++)
        tiny_bytes(&node, 1, str_of(t->inputs[i].name));
    for (int i = 0; i < TINY_MAX_TENSORS && t->outputs[i].name; i++)
        tiny_bytes(&node, 2, str_of(t->outputs[i].name));
    tiny_bytes(&node, 4, STR("Nothing"));
    tiny_message(&graph, 1, &node);
    tiny_bytes(&graph, 2, STR("tiny"));
    for (int i = 0; i < TINY_MAX_TENSORS && t->inputs[i].name; i++)
        tiny_value_info(&graph, 11, &t->inputs[i]);
    for (int i = 0; i < TINY_MAX_TENSORS && t->outputs[i].name; i++)
        tiny_value_info(&graph, 12, &t->outputs[i]);
    tiny_message(model, 7, &graph);
}

// *path_template* is mkstemp()'s: it ends in XXXXXX and becomes the name. 0, or -1.
static inline int tiny_onnx_write(const struct tiny_onnx *t, char *path_template)
{
    struct str_buf model = STR_BUF_INIT(TINY_MAX_BYTES);
    struct str_buf opset = STR_BUF_INIT(TINY_MAX_BYTES);
    tiny_int(&model, 1, 8);
    tiny_int(&opset, 2, 17);
    tiny_message(&model, 8, &opset);
    tiny_graph(&model, t);
    if (t->metadata_key) {
        struct str_buf pair = STR_BUF_INIT(TINY_MAX_BYTES);
        tiny_bytes(&pair, 1, str_of(t->metadata_key));
        tiny_bytes(&pair, 2, str_of(t->metadata_value));
        tiny_message(&model, 14, &pair);
    }
    int fd = mkstemp(path_template);
    int r = fd >= 0 && write(fd, model.p, model.n) == (ssize_t)model.n ? 0 : -1;
    if (fd >= 0)
        close(fd);
    str_buf_finish(&model);
    return r;
}
