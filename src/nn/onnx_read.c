// SPDX-License-Identifier: Apache-2.0
// onnx_read.c - ModelProto, GraphProto, NodeProto, TensorProto into our structs.
//
// INVARIANTS
// (1) A list is counted before it is allocated, and counted again while it is filled from the same
// bytes: both walks see the same fields.
// (2) Recursion (graph in attribute in node in graph) carries its depth and stops at
// ONNX_MAX_DEPTH. (3) Every TensorProto of the file, wherever it stands, passes through
// read_tensor(), so every external location is in the list that onnx_check_external() judges. Field
// numbers are those of onnx.proto.

#include "nn/onnx_read.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "nn/onnx_pb.h"

struct reader {
    struct onnx model; // first: what callers hold
    struct arena *arena;
    const char *name; // during the parse only
    void *map;
    size_t n_map;
    struct onnx_external *externals;
    size_t cap_externals;
};

static int read_graph(struct reader *r, struct str bytes, int depth, bool keep);

static int malformed(const struct reader *r, const char *what)
{
    return err_set(ERR_MODEL, "%s: not a readable ONNX model: %s is malformed or cut short",
                   r->name, what);
}

// Fields *number* in *bytes*. ERR_TOO_BIG past the limit.
static int count_fields(const struct reader *r, struct str bytes, uint32_t number, const char *what,
                        size_t *ret_n)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    size_t n = 0;
    while (pb_next(&m, &f))
        n += f.number == number;
    if (m.bad)
        return malformed(r, what);
    if (n > ONNX_MAX_ITEMS)
        return err_set(ERR_TOO_BIG, "%s: more than %d fields in %s", r->name, ONNX_MAX_ITEMS, what);
    *ret_n = n;
    return 0;
}

static enum tensor_type tensor_type_of(uint64_t data_type)
{
    // clang-format off
    static const enum tensor_type types[] = {
        [1] = TENSOR_FLOAT32, [2] = TENSOR_UINT8,  [3] = TENSOR_INT8, [6] = TENSOR_INT32,
        [7] = TENSOR_INT64,   [9] = TENSOR_BOOL, [10] = TENSOR_FLOAT16, [11] = TENSOR_FLOAT64,
    };
    // clang-format on
    if (data_type < ARRAY_LEN(types) && types[data_type] != TENSOR_TYPE_UNSET)
        return types[data_type];
    return TENSOR_OTHER;
}

static size_t element_bytes(enum tensor_type type)
{
    // clang-format off
    static const uint8_t bytes[] = {
        [TENSOR_FLOAT32] = 4, [TENSOR_FLOAT16] = 2, [TENSOR_UINT8] = 1, [TENSOR_INT8] = 1,
        [TENSOR_INT32] = 4, [TENSOR_INT64] = 8, [TENSOR_BOOL] = 1, [TENSOR_FLOAT64] = 8,
        [TENSOR_OTHER] = 0,
    };
    // clang-format on
    return bytes[type];
}

static int read_pair(const struct reader *r, struct str bytes, struct onnx_pair *ret_pair)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    *ret_pair = (struct onnx_pair){0};
    while (pb_next(&m, &f)) {
        if (f.number == 1)
            ret_pair->key = f.bytes;
        else if (f.number == 2)
            ret_pair->value = f.bytes;
    }
    return m.bad ? malformed(r, "a text pair") : 0;
}

static int external_number(const struct reader *r, struct onnx_pair pair, int64_t *ret_value)
{
    int64_t v;
    if (str_to_i64(pair.value, &v) < 0 || v < 0)
        return err_set(ERR_MODEL, "%s: external data with %.*s '%.*s'", r->name, STR_ARG(pair.key),
                       (int)MIN(pair.value.n, (size_t)40), pair.value.p);
    *ret_value = v;
    return 0;
}

// One key of TensorProto.external_data. A key given twice would let two readers disagree.
static int read_external(const struct reader *r, struct str bytes, struct onnx_external *e)
{
    struct onnx_pair pair;
    int err = read_pair(r, bytes, &pair);
    if (err < 0)
        return err;
    if (str_is(pair.key, "location")) {
        if (e->location.p)
            return err_set(ERR_MODEL, "%s: external data with two locations", r->name);
        e->location = pair.value.p ? pair.value : STR("");
        return 0;
    }
    if (str_is(pair.key, "offset"))
        return external_number(r, pair, &e->offset);
    if (str_is(pair.key, "length"))
        return external_number(r, pair, &e->length);
    return 0;
}

static int add_external(struct reader *r, struct onnx_external e)
{
    size_t n = r->model.n_externals;
    if (n >= ONNX_MAX_ITEMS)
        return err_set(ERR_TOO_BIG, "%s: more than %d external tensors", r->name, ONNX_MAX_ITEMS);
    int err = MEM_GROW(r->externals, r->cap_externals, n);
    if (err < 0)
        return err;
    r->externals[n] = e;
    r->model.n_externals++;
    return 0;
}

// Repeated integers: packed in one field or one field each.
static int read_ints(struct reader *r, struct str bytes, uint32_t number, const char *what,
                     const int64_t **ret_values, size_t *ret_n)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    size_t n = 0;
    while (pb_next(&m, &f)) {
        if (f.number == number)
            n += f.wire == 2 ? f.bytes.n : 1; // a packed number is a byte or more
    }
    if (m.bad)
        return malformed(r, what);
    if (n > 16 * (size_t)ONNX_MAX_ITEMS)
        return err_set(ERR_TOO_BIG, "%s: more than %d numbers in %s", r->name, 16 * ONNX_MAX_ITEMS,
                       what);
    int64_t *values = arena_array(r->arena, int64_t, MAX(n, (size_t)1));
    if (!values)
        return ERR_NOMEM;
    size_t filled = 0;
    m = pb_of(bytes);
    while (pb_next(&m, &f)) {
        if (f.number != number)
            continue;
        if (f.wire == 0)
            values[filled++] = (int64_t)f.value;
        struct pb packed = f.wire == 2 ? pb_of(f.bytes) : (struct pb){0};
        uint64_t v;
        while (packed.p != packed.end && pb_varint(&packed, &v))
            values[filled++] = (int64_t)v;
        if (packed.bad)
            return malformed(r, what);
    }
    *ret_values = values;
    *ret_n = filled;
    return 0;
}

static int read_floats(struct reader *r, struct str bytes, uint32_t number,
                       const float **ret_values, size_t *ret_n)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    size_t n = 0;
    while (pb_next(&m, &f)) {
        if (f.number == number)
            n += f.wire == 2 ? f.bytes.n / 4 : 1;
    }
    float *values = arena_array(r->arena, float, MAX(n, (size_t)1));
    if (!values)
        return ERR_NOMEM;
    size_t filled = 0;
    m = pb_of(bytes);
    while (pb_next(&m, &f)) {
        if (f.number != number)
            continue;
        if (f.wire == 5)
            values[filled++] = pb_float(f.value);
        struct pb packed = f.wire == 2 ? pb_of(f.bytes) : (struct pb){0};
        uint64_t v;
        while ((size_t)(packed.end - packed.p) >= 4 && pb_fixed(&packed, 4, &v))
            values[filled++] = pb_float(v);
    }
    *ret_values = values;
    *ret_n = filled;
    return 0;
}

static int check_elements(const struct reader *r, struct onnx_tensor *t)
{
    if (t->n_dims > ONNX_MAX_RANK)
        return err_set(ERR_MODEL, "%s: a tensor with %d dimensions", r->name, t->n_dims);
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0 || (t->dims[i] > 0 && n > (int64_t)ONNX_MAX_BYTES / t->dims[i]))
            return err_set(ERR_MODEL, "%s: tensor '%.*s' has an impossible size", r->name,
                           STR_ARG(t->name));
        n *= t->dims[i];
    }
    t->n_elements = n;
    size_t each = element_bytes(t->type);
    if (t->raw.p && each && t->raw.n != (size_t)n * each)
        return err_set(ERR_MODEL, "%s: tensor '%.*s' holds %zu bytes, its shape needs %zu", r->name,
                       STR_ARG(t->name), t->raw.n, (size_t)n * each);
    return 0;
}

static int read_tensor(struct reader *r, struct str bytes, struct onnx_tensor *t)
{
    *t = (struct onnx_tensor){.message = bytes, .external = {.length = -1}};
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int err = 0;
    bool has_external = false;
    while (err == 0 && pb_next(&m, &f)) {
        switch (f.number) {
        case 2:
            t->data_type = (int)(f.value & 0xffff);
            t->type = tensor_type_of(f.value);
            break;
        case 8:
            t->name = f.bytes;
            break;
        case 9:
            t->raw = f.bytes;
            break;
        case 13:
            has_external = true;
            err = read_external(r, f.bytes, &t->external);
            break;
        case 14:
            t->is_external = f.value == 1;
            break;
        }
    }
    if (err < 0)
        return err;
    if (m.bad)
        return malformed(r, "a tensor");
    size_t n_dims = 0;
    err = read_ints(r, bytes, 1, "a tensor's shape", &t->dims, &n_dims);
    if (err < 0)
        return err;
    t->n_dims = (int)MIN(n_dims, (size_t)ONNX_MAX_RANK + 1);
    err = check_elements(r, t);
    if (err < 0 || !(has_external || t->is_external))
        return err;
    t->is_external = true;
    if (t->external.length < 0)
        t->external.length = t->n_elements * (int64_t)element_bytes(t->type);
    return add_external(r, t->external);
}

// Tensors that are not kept: only what they name outside counts.
static int pass_tensor(struct reader *r, struct str bytes)
{
    struct onnx_tensor t;
    return read_tensor(r, bytes, &t);
}

static int pass_sparse_tensor(struct reader *r, struct str bytes)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int err = 0;
    while (err == 0 && pb_next(&m, &f)) {
        if (f.number == 1 || f.number == 2)
            err = pass_tensor(r, f.bytes);
    }
    if (err < 0)
        return err;
    return m.bad ? malformed(r, "a sparse tensor") : 0;
}

static int attribute_field(struct reader *r, const struct pb_field *f, int depth,
                           struct onnx_attribute *a)
{
    switch (f->number) {
    case 1:
        a->name = f->bytes;
        return 0;
    case 2:
        a->f = pb_float(f->value);
        return 0;
    case 3:
        a->i = (int64_t)f->value;
        return 0;
    case 4:
        a->s = f->bytes;
        return 0;
    case 5:
        a->tensor = arena_new(r->arena, struct onnx_tensor);
        return a->tensor ? read_tensor(r, f->bytes, a->tensor) : ERR_NOMEM;
    case 6:
    case 11:
        return read_graph(r, f->bytes, depth + 1, false);
    case 10:
        return pass_tensor(r, f->bytes);
    case 20:
        a->type = (enum onnx_attribute_type)MIN(f->value, (uint64_t)ONNX_ATTRIBUTE_OTHER);
        return 0;
    case 22:
    case 23:
        return pass_sparse_tensor(r, f->bytes);
    default:
        return 0;
    }
}

static int read_attribute(struct reader *r, struct str bytes, int depth, struct onnx_attribute *a)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int err = 0;
    while (err == 0 && pb_next(&m, &f))
        err = attribute_field(r, &f, depth, a);
    if (err < 0)
        return err;
    if (m.bad)
        return malformed(r, "an attribute");
    err = read_floats(r, bytes, 7, &a->floats, &a->n_floats);
    if (err < 0)
        return err;
    return read_ints(r, bytes, 8, "an attribute", &a->ints, &a->n_ints);
}

struct node_lists {
    struct str *inputs;
    struct str *outputs;
    struct onnx_attribute *attributes;
};

static int node_field(struct reader *r, const struct pb_field *f, int depth,
                      const struct node_lists *lists, struct onnx_node *n)
{
    switch (f->number) {
    case 1:
        lists->inputs[n->n_inputs++] = f->bytes;
        return 0;
    case 2:
        lists->outputs[n->n_outputs++] = f->bytes;
        return 0;
    case 3:
        n->name = f->bytes;
        return 0;
    case 4:
        n->op = f->bytes;
        return 0;
    case 5:
        return read_attribute(r, f->bytes, depth, &lists->attributes[n->n_attributes++]);
    case 7:
        n->domain = f->bytes;
        return 0;
    default:
        return 0;
    }
}

static int read_node(struct reader *r, struct str bytes, int depth, struct onnx_node *ret_node)
{
    size_t n_inputs = 0;
    size_t n_outputs = 0;
    size_t n_attributes = 0;
    int err = count_fields(r, bytes, 1, "a node", &n_inputs);
    if (err == 0)
        err = count_fields(r, bytes, 2, "a node", &n_outputs);
    if (err == 0)
        err = count_fields(r, bytes, 5, "a node", &n_attributes);
    if (err < 0)
        return err;
    struct node_lists lists = {
        .inputs = arena_array(r->arena, struct str, n_inputs + 1),
        .outputs = arena_array(r->arena, struct str, n_outputs + 1),
        .attributes = arena_array(r->arena, struct onnx_attribute, n_attributes + 1),
    };
    if (!lists.inputs || !lists.outputs || !lists.attributes)
        return ERR_NOMEM;
    *ret_node = (struct onnx_node){
        .inputs = lists.inputs, .outputs = lists.outputs, .attributes = lists.attributes};
    struct pb m = pb_of(bytes);
    struct pb_field f;
    while (err == 0 && pb_next(&m, &f))
        err = node_field(r, &f, depth, &lists, ret_node);
    return err;
}

static int read_dim(const struct reader *r, struct str bytes, struct onnx_value *v)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int64_t dim = -1;
    struct str name = {NULL, 0};
    while (pb_next(&m, &f)) {
        if (f.number == 1)
            dim = (int64_t)f.value;
        else if (f.number == 2)
            name = f.bytes;
    }
    if (m.bad)
        return malformed(r, "a shape");
    if (v->n_dims >= ONNX_MAX_RANK)
        return err_set(ERR_MODEL, "%s: more than %d dimensions", r->name, ONNX_MAX_RANK);
    v->dims[v->n_dims] = dim > 0 ? dim : -1;
    v->dim_names[v->n_dims++] = name;
    return 0;
}

// Descends value -> type -> tensor type -> shape -> dimension: *level* 0 to 3.
static int read_value(const struct reader *r, struct str bytes, int level, struct onnx_value *v)
{
    static const struct {
        uint32_t down; // the field that leads one level down
        const char *what;
    } levels[] = {{2, "an input or output"}, {1, "a type"}, {2, "a tensor type"}, {1, "a shape"}};
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int err = 0;
    if (level == 3)
        v->n_dims = 0;
    while (err == 0 && pb_next(&m, &f)) {
        if (f.number == levels[level].down && f.wire == 2)
            err = level < 3 ? read_value(r, f.bytes, level + 1, v) : read_dim(r, f.bytes, v);
        else if (level == 0 && f.number == 1)
            v->name = f.bytes;
        else if (level == 2 && f.number == 1)
            v->type = tensor_type_of(f.value);
    }
    if (err < 0)
        return err;
    return m.bad ? malformed(r, levels[level].what) : 0;
}

struct graph_lists {
    struct onnx_node *nodes;
    struct onnx_tensor *initializers;
    struct onnx_value *inputs;
    struct onnx_value *outputs;
    size_t n_nodes, n_initializers, n_inputs, n_outputs;
};

static int graph_field(struct reader *r, const struct pb_field *f, int depth,
                       struct graph_lists *lists)
{
    struct onnx_node node;
    switch (f->number) {
    case 1:
        return read_node(r, f->bytes, depth,
                         lists->nodes ? &lists->nodes[lists->n_nodes++] : &node);
    case 5:
        return lists->initializers
                   ? read_tensor(r, f->bytes, &lists->initializers[lists->n_initializers++])
                   : pass_tensor(r, f->bytes);
    case 11:
        lists->inputs[lists->n_inputs].n_dims = -1;
        return lists->nodes ? read_value(r, f->bytes, 0, &lists->inputs[lists->n_inputs++]) : 0;
    case 12:
        lists->outputs[lists->n_outputs].n_dims = -1;
        return lists->nodes ? read_value(r, f->bytes, 0, &lists->outputs[lists->n_outputs++]) : 0;
    case 15:
        return pass_sparse_tensor(r, f->bytes);
    default:
        return 0;
    }
}

static int allocate_graph(struct reader *r, struct str bytes, struct graph_lists *ret_lists)
{
    size_t n[4] = {0};
    static const uint32_t numbers[4] = {1, 5, 11, 12};
    for (int i = 0; i < 4; i++) {
        int err = count_fields(r, bytes, numbers[i], "the graph", &n[i]);
        if (err < 0)
            return err;
    }
    ret_lists->nodes = arena_array(r->arena, struct onnx_node, n[0] + 1);
    ret_lists->initializers = arena_array(r->arena, struct onnx_tensor, n[1] + 1);
    ret_lists->inputs = arena_array(r->arena, struct onnx_value, n[2] + 1);
    ret_lists->outputs = arena_array(r->arena, struct onnx_value, n[3] + 1);
    bool ok =
        ret_lists->nodes && ret_lists->initializers && ret_lists->inputs && ret_lists->outputs;
    return ok ? 0 : ERR_NOMEM;
}

// Old exporters list every initializer among the inputs as well: only what is left must be fed.
// Both lists are short or the file is old; sorted names would not pay.
static void drop_filled_inputs(struct graph_lists *lists)
{
    size_t kept = 0;
    for (size_t i = 0; i < lists->n_inputs; i++) {
        bool filled = false;
        for (size_t k = 0; k < lists->n_initializers && !filled; k++)
            filled = str_equal(lists->inputs[i].name, lists->initializers[k].name);
        if (!filled)
            lists->inputs[kept++] = lists->inputs[i];
        if (kept > ONNX_MAX_INPUTS)
            break; // the caller refuses so many
    }
    lists->n_inputs = kept;
}

static int read_graph(struct reader *r, struct str bytes, int depth, bool keep)
{
    if (depth > ONNX_MAX_DEPTH)
        return err_set(ERR_MODEL, "%s: graphs nested deeper than %d", r->name, ONNX_MAX_DEPTH);
    struct graph_lists lists = {0};
    int err = keep ? allocate_graph(r, bytes, &lists) : 0;
    struct onnx_value unused = {0};
    if (!keep)
        lists.inputs = lists.outputs = &unused;
    struct pb m = pb_of(bytes);
    struct pb_field f;
    while (err == 0 && pb_next(&m, &f)) {
        if (keep && f.number == 2)
            r->model.graph_name = f.bytes;
        err = graph_field(r, &f, depth, &lists);
    }
    if (err < 0)
        return err;
    if (m.bad)
        return malformed(r, "a graph");
    if (!keep)
        return 0;
    drop_filled_inputs(&lists);
    struct onnx *o = &r->model;
    o->nodes = lists.nodes;
    o->n_nodes = lists.n_nodes;
    o->initializers = lists.initializers;
    o->n_initializers = lists.n_initializers;
    o->inputs = lists.inputs;
    o->n_inputs = lists.n_inputs;
    o->outputs = lists.outputs;
    o->n_outputs = lists.n_outputs;
    for (size_t i = 0; i < o->n_initializers; i++)
        o->n_parameters += o->initializers[i].n_elements;
    return 0;
}

static int read_opset(struct reader *r, struct str bytes)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    struct str domain = {NULL, 0};
    int64_t version = 0;
    while (pb_next(&m, &f)) {
        if (f.number == 1)
            domain = f.bytes;
        else if (f.number == 2)
            version = (int64_t)f.value;
    }
    if (domain.n == 0 || str_is(domain, "ai.onnx"))
        r->model.opset = version;
    return m.bad ? malformed(r, "an operator set") : 0;
}

// FunctionProto: its nodes stand in field 7, where a graph has them in field 1.
static int pass_function(struct reader *r, struct str bytes)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    struct onnx_node node;
    int err = 0;
    while (err == 0 && pb_next(&m, &f)) {
        if (f.number == 7)
            err = read_node(r, f.bytes, 1, &node);
    }
    if (err < 0)
        return err;
    return m.bad ? malformed(r, "a local function") : 0;
}

// TrainingInfoProto: two graphs.
static int pass_training(struct reader *r, struct str bytes)
{
    struct pb m = pb_of(bytes);
    struct pb_field f;
    int err = 0;
    while (err == 0 && pb_next(&m, &f)) {
        if (f.number == 1 || f.number == 2)
            err = read_graph(r, f.bytes, 1, false);
    }
    if (err < 0)
        return err;
    return m.bad ? malformed(r, "training information") : 0;
}

static int model_field(struct reader *r, const struct pb_field *f, struct onnx_pair *metadata,
                       bool *has_graph)
{
    struct onnx *o = &r->model;
    switch (f->number) {
    case 1:
        o->ir_version = (int64_t)f->value;
        return 0;
    case 2:
        o->producer = f->bytes;
        return 0;
    case 3:
        o->producer_version = f->bytes;
        return 0;
    case 7:
        // Readers merge a message given twice, which would hide tensors from our check.
        if (*has_graph)
            return err_set(ERR_MODEL, "%s: two graphs in one file", r->name);
        *has_graph = true;
        return read_graph(r, f->bytes, 0, true);
    case 8:
        return read_opset(r, f->bytes);
    case 14:
        return read_pair(r, f->bytes, &metadata[o->n_metadata++]);
    case 20:
        return pass_training(r, f->bytes);
    case 25:
        return pass_function(r, f->bytes);
    default:
        return 0;
    }
}

static int read_model(struct reader *r, struct str bytes)
{
    size_t n_metadata = 0;
    int err = count_fields(r, bytes, 14, "the file", &n_metadata);
    if (err < 0)
        return err;
    struct onnx_pair *metadata = arena_array(r->arena, struct onnx_pair, n_metadata + 1);
    if (!metadata)
        return ERR_NOMEM;
    r->model.metadata = metadata;
    bool has_graph = false;
    struct pb m = pb_of(bytes);
    struct pb_field f;
    while (err == 0 && pb_next(&m, &f))
        err = model_field(r, &f, metadata, &has_graph);
    if (err < 0)
        return err;
    if (!has_graph || r->model.n_nodes == 0)
        return err_set(ERR_MODEL, "%s: not an ONNX model: it holds no graph", r->name);
    r->model.externals = r->externals;
    return 0;
}

static int reader_create(struct reader **ret_reader)
{
    struct reader *r = mem_new(struct reader);
    if (!r)
        return ERR_NOMEM;
    int err = arena_create(ONNX_MAX_ARENA, &r->arena);
    if (err < 0) {
        mem_free(r);
        return err;
    }
    *ret_reader = r;
    return 0;
}

int onnx_parse(const void *bytes, size_t n, const char *name, struct onnx **ret_onnx)
{
    struct str all = {(const char *)bytes, n};
    int err = onnx_check_format(all, name);
    if (err < 0)
        return err;
    struct reader *r;
    err = reader_create(&r);
    if (err < 0)
        return err;
    r->name = name;
    err = read_model(r, all);
    r->name = NULL;
    if (err < 0) {
        onnx_close(&r->model);
        return err;
    }
    *ret_onnx = &r->model;
    return 0;
}

static int map_file(const char *path, void **ret_map, size_t *ret_n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(errno, "%s", path);
    struct stat st;
    int err = 0;
    *ret_map = NULL;
    *ret_n = 0;
    if (fstat(fd, &st) < 0)
        err = err_set_errno(errno, "%s", path);
    else if (S_ISDIR(st.st_mode))
        err = err_set(ERR_INVALID, "%s: is a directory, not an ONNX file", path);
    else if (!S_ISREG(st.st_mode))
        err = err_set(ERR_INVALID, "%s: is not a regular file", path);
    else if ((uint64_t)st.st_size > ONNX_MAX_BYTES)
        err = err_set(ERR_TOO_BIG, "%s: larger than 2 GiB", path);
    else if (st.st_size > 0) {
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            err = err_set_errno(errno, "%s", path);
        } else {
            *ret_map = map;
            *ret_n = (size_t)st.st_size;
        }
    }
    close(fd);
    return err;
}

int onnx_open(const char *path, struct onnx **ret_onnx)
{
    void *map;
    size_t n;
    int err = map_file(path, &map, &n);
    if (err < 0)
        return err;
    struct onnx *o;
    err = onnx_parse(map, n, path, &o);
    if (err < 0) {
        if (map)
            munmap(map, n);
        return err;
    }
    struct reader *r = (struct reader *)o;
    r->map = map;
    r->n_map = n;
    *ret_onnx = o;
    return 0;
}

void onnx_close(struct onnx *o)
{
    if (!o)
        return;
    struct reader *r = (struct reader *)o;
    if (r->map)
        munmap(r->map, r->n_map);
    mem_free(r->externals);
    arena_destroy(r->arena);
    mem_free(r);
}
