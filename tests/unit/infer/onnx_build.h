// SPDX-License-Identifier: Apache-2.0
// onnx_build.h - tiny ONNX files for tests, field by field.
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define PB_INIT STR_BUF_INIT((size_t)1 << 20)

static inline void pb_put_varint(struct str_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        str_buf_putc(b, (char)(v | 0x80));
    str_buf_putc(b, (char)v);
}

static inline void pb_put_int(struct str_buf *b, unsigned number, uint64_t v)
{
    pb_put_varint(b, number << 3);
    pb_put_varint(b, v);
}

static inline void pb_put_bytes(struct str_buf *b, unsigned number, const void *bytes, size_t n)
{
    pb_put_varint(b, number << 3 | 2);
    pb_put_varint(b, n);
    str_buf_add(b, bytes, n);
}

static inline void pb_put_text(struct str_buf *b, unsigned number, const char *text)
{
    pb_put_bytes(b, number, text, strlen(text));
}

// Puts *inner* into *b* and frees it.
static inline void pb_put_message(struct str_buf *b, unsigned number, struct str_buf *inner)
{
    pb_put_bytes(b, number, inner->p ? inner->p : "", inner->n);
    str_buf_finish(inner);
}

// An input (field 11) or output (12); a dimension of -1 is symbolic, dims end with 0.
static inline void onnx_put_value(struct str_buf *graph, unsigned number, const char *name,
                                  uint64_t type, const int64_t *dims)
{
    struct str_buf shape = PB_INIT;
    struct str_buf tensor = PB_INIT;
    struct str_buf wrapped = PB_INIT;
    struct str_buf value = PB_INIT;
    for (; *dims; dims++) {
        struct str_buf dim = PB_INIT;
        if (*dims > 0)
            pb_put_int(&dim, 1, (uint64_t)*dims);
        else
            pb_put_text(&dim, 2, "n");
        pb_put_message(&shape, 1, &dim);
    }
    pb_put_int(&tensor, 1, type);
    pb_put_message(&tensor, 2, &shape);
    pb_put_message(&wrapped, 1, &tensor);
    pb_put_text(&value, 1, name);
    pb_put_message(&value, 2, &wrapped);
    pb_put_message(graph, number, &value);
}

static inline void onnx_put_node(struct str_buf *graph, const char *op, const char *in,
                                 const char *out)
{
    struct str_buf node = PB_INIT;
    pb_put_text(&node, 1, in);
    pb_put_text(&node, 2, out);
    pb_put_text(&node, 4, op);
    pb_put_message(graph, 1, &node);
}

static inline void onnx_put_pair(struct str_buf *b, unsigned number, const char *key,
                                 const char *value)
{
    struct str_buf pair = PB_INIT;
    pb_put_text(&pair, 1, key);
    pb_put_text(&pair, 2, value);
    pb_put_message(b, number, &pair);
}

// A float tensor of one row of *n* that stands in *location*.
static inline void onnx_put_external(struct str_buf *graph, const char *location, uint64_t n)
{
    struct str_buf tensor = PB_INIT;
    pb_put_int(&tensor, 1, n);
    pb_put_int(&tensor, 2, 1);
    pb_put_text(&tensor, 8, "w");
    onnx_put_pair(&tensor, 13, "location", location);
    pb_put_int(&tensor, 14, 1);
    pb_put_message(graph, 5, &tensor);
}

// The file around a graph, which is freed.
static inline struct str_buf onnx_file(struct str_buf *graph)
{
    struct str_buf file = PB_INIT;
    struct str_buf opset = PB_INIT;
    pb_put_int(&file, 1, 8);
    pb_put_text(&file, 2, "test");
    pb_put_int(&opset, 2, 17);
    pb_put_message(&file, 8, &opset);
    pb_put_message(&file, 7, graph);
    return file;
}
