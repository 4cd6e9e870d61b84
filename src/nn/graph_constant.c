// SPDX-License-Identifier: Apache-2.0
// graph_constant.c - known values: out of the file, as numbers, and a convolution's weights.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "nn/graph_priv.h"
#include "nn/onnx_pb.h"

// TensorProto's typed lists, where a tensor has no raw bytes: float_data 4, int32_data 5 (all small
// integers, halves by their bits), int64_data 7, double_data 10.
static uint32_t list_field(enum tensor_type type)
{
    switch (type) {
    case TENSOR_FLOAT32:
        return 4;
    case TENSOR_INT64:
        return 7;
    case TENSOR_FLOAT64:
        return 10;
    default:
        return 5;
    }
}

static void put_element(enum tensor_type type, uint64_t bits, void *bytes, int64_t i)
{
    size_t each = tensor_type_bytes(type);
    memcpy((uint8_t *)bytes + (size_t)i * each, &bits, each); // little-endian
}

static bool next_packed(struct pb *m, uint32_t field, uint64_t *ret_bits)
{
    if (m->p == m->end)
        return false;
    if (field == 4)
        return pb_fixed(m, 4, ret_bits);
    if (field == 10)
        return pb_fixed(m, 8, ret_bits);
    return pb_varint(m, ret_bits);
}

static int read_list(struct builder *b, const struct onnx_tensor *t, void *bytes)
{
    uint32_t field = list_field(t->type);
    struct pb m = pb_of(t->message);
    struct pb_field f;
    int64_t n = 0;
    while (pb_next(&m, &f)) {
        if (f.number != field)
            continue;
        if (f.wire != 2) {
            if (n < t->n_elements)
                put_element(t->type, f.value, bytes, n);
            n++;
            continue;
        }
        struct pb packed = pb_of(f.bytes);
        uint64_t bits;
        while (n <= t->n_elements && next_packed(&packed, field, &bits)) {
            if (n < t->n_elements)
                put_element(t->type, bits, bytes, n);
            n++;
        }
    }
    if (n != t->n_elements)
        return err_set(ERR_MODEL, "%s: tensor '%.*s' does not hold the numbers its shape needs",
                       b->name, STR_ARG(t->name));
    return 0;
}

int constant_of_tensor(struct builder *b, const struct onnx_tensor *t, int *ret_value)
{
    size_t each = tensor_type_bytes(t->type);
    if (each == 0)
        return err_set(ERR_UNSUPPORTED, "%s: tensor '%.*s' has elements of type %d", b->name,
                       STR_ARG(t->name), t->data_type);
    char *name = arena_strndup(b->arena, t->name.p ? t->name.p : "", t->name.n);
    if (!name)
        return ERR_NOMEM;
    int value;
    int r = builder_value(b, name, t->type, t->n_dims, t->dims, &value);
    if (r < 0)
        return r;
    const void *bytes = t->raw.p;
    if (!bytes) {
        // An element is a byte of the file or more: nothing is taken that the file does not hold.
        if ((uint64_t)t->n_elements > t->message.n)
            return err_set(ERR_MODEL, "%s: tensor '%.*s' does not hold the numbers its shape needs",
                           b->name, STR_ARG(t->name));
        void *own = arena_alloc(b->arena, (size_t)t->n_elements, each);
        if (!own)
            return ERR_NOMEM;
        r = read_list(b, t, own);
        if (r < 0)
            return r;
        bytes = own;
    }
    b->graph.values[value].constant = (struct graph_constant){t->type, bytes};
    b->graph.values[value].is_constant = true;
    *ret_value = value;
    return 0;
}

#define READ(ctype, expression)                           \
    for (int64_t i = 0; i < v->n_elements; i++) {         \
        ctype e;                                          \
        memcpy(&e, p + (size_t)i * sizeof(e), sizeof(e)); \
        ret_values[i] = expression;                       \
    }                                                     \
    break

void constant_doubles(const struct graph_value *v, double *ret_values)
{
    const uint8_t *p = v->constant.bytes;
    switch (v->constant.type) {
    case TENSOR_FLOAT32:
        READ(float, (double)e);
    case TENSOR_FLOAT64:
        READ(double, e);
    case TENSOR_FLOAT16:
        READ(uint16_t, (double)tensor_from_half(e));
    case TENSOR_INT64:
        READ(int64_t, (double)e);
    case TENSOR_INT32:
        READ(int32_t, e);
    case TENSOR_INT8:
        READ(int8_t, e);
    case TENSOR_UINT8:
    case TENSOR_BOOL:
        READ(uint8_t, e);
    case TENSOR_TYPE_UNSET:
    case TENSOR_OTHER:
        break;
    }
}

void graph_constant_floats(const struct graph_value *v, float *ret_values)
{
    const uint8_t *p = v->constant.bytes;
    switch (v->constant.type) {
    case TENSOR_FLOAT32:
        memcpy(ret_values, p, (size_t)v->n_elements * sizeof(float));
        break;
    case TENSOR_FLOAT64:
        READ(double, (float)e);
    case TENSOR_FLOAT16:
        READ(uint16_t, tensor_from_half(e));
    case TENSOR_INT64:
        READ(int64_t, (float)e);
    case TENSOR_INT32:
        READ(int32_t, (float)e);
    case TENSOR_INT8:
        READ(int8_t, e);
    case TENSOR_UINT8:
    case TENSOR_BOOL:
        READ(uint8_t, e);
    case TENSOR_TYPE_UNSET:
    case TENSOR_OTHER:
        break;
    }
}
#undef READ

int constant_ints(struct builder *b, int value, const char *what, struct known_ints *ret_ints)
{
    if (value < 0)
        return builder_refuse(b, ERR_MODEL, "%s is missing", what);
    const struct graph_value *v = builder_at(b, value);
    if (!v->is_constant)
        return builder_refuse(b, ERR_UNSUPPORTED, "%s depends on the picture", what);
    if (v->n_elements > (int64_t)ARRAY_LEN(ret_ints->v))
        return builder_refuse(b, ERR_UNSUPPORTED, "%s has %d numbers", what, (int)v->n_elements);
    double d[ARRAY_LEN(ret_ints->v)];
    constant_doubles(v, d);
    for (int64_t i = 0; i < v->n_elements; i++) {
        double x = isnan(d[i]) ? 0 : d[i];
        ret_ints->v[i] = x >= 0x1p62 ? INT64_MAX / 2 : x <= -0x1p62 ? INT64_MIN / 2 : (int64_t)x;
    }
    ret_ints->n = (int)v->n_elements;
    return 0;
}

bool constant_is_scalar(const struct graph *g, int value, float *ret_scalar)
{
    const struct graph_value *v = &g->values[value];
    if (!v->is_constant || v->n_elements != 1)
        return false;
    graph_constant_floats(v, ret_scalar);
    return true;
}

void graph_conv_weights(const struct graph *g, const struct graph_node *n, float *ret_weights)
{
    const struct graph_value *v = &g->values[n->inputs[1]];
    graph_constant_floats(v, ret_weights);
    int64_t each = v->n_elements / v->dims[0];
    for (int64_t c = 0; c < v->dims[0]; c++) {
        float zero = n->u.conv.zero_point ? n->u.conv.zero_point[c] : 0;
        float scale = n->u.conv.scale ? n->u.conv.scale[c] : 1;
        float *w = ret_weights + c * each;
        for (int64_t i = 0; i < each; i++)
            w[i] = (w[i] - zero) * scale;
    }
}
