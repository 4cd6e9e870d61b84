// SPDX-License-Identifier: Apache-2.0
// kserve_read.c - an inference request of the Open Inference Protocol.
//
// Members of an object come in any order. Data that stands before its datatype and shape is passed
// over and read in a second pass, when they are known.

#include <float.h>
#include <math.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/kserve.h"
#include "api/picture_body.h"
#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"

// clang-format off
static const struct {
    const char *name;
    enum tensor_type type;
} types[KSERVE_N_TYPES] = {
    [KSERVE_TYPE_UNSET] = {"unknown", TENSOR_OTHER},
    [KSERVE_BOOL] = {"BOOL", TENSOR_BOOL},    [KSERVE_UINT8] = {"UINT8", TENSOR_UINT8},
    [KSERVE_INT8] = {"INT8", TENSOR_INT8},    [KSERVE_INT32] = {"INT32", TENSOR_INT32},
    [KSERVE_INT64] = {"INT64", TENSOR_INT64}, [KSERVE_FP16] = {"FP16", TENSOR_FLOAT16},
    [KSERVE_FP32] = {"FP32", TENSOR_FLOAT32}, [KSERVE_FP64] = {"FP64", TENSOR_FLOAT64},
    [KSERVE_BYTES] = {"BYTES", TENSOR_OTHER},
};
// clang-format on

// Settings of detection among the parameters, for a picture as input.
static const char *const settings[] = {"class_confidence", "classes", "confidence", "iou",
                                       "max_detections"};

#define MAX_HALF 65504.0

enum {
    N_SETTINGS = ARRAY_LEN(settings),
    LENGTH_BYTES = 4, // before each element of BYTES
};

// What an input is while it is read.
struct partial {
    struct kserve_input *input;
    bool has_shape, has_type, has_data;
    bool wants_data;  // in the second pass
    int64_t n_binary; // bytes behind the JSON; -1: the data is in the JSON
};

struct reading {
    struct request *request;
    struct kserve_request *k;
    struct json_reader *json;
    struct partial partials[KSERVE_MAX_TENSORS];
    const char *settings[N_SETTINGS];
    struct str binary; // what is left of it
    size_t n_bytes;    // of all tensors
    bool is_second;    // pass: only data is taken
    bool wants_second;
    int n_seen; // inputs of this pass
};

const char *kserve_type_name(enum kserve_type type)
{
    return types[type].name;
}

enum kserve_type kserve_type_of(enum tensor_type type)
{
    for (int i = 1; i < KSERVE_BYTES; i++)
        if (types[i].type == type)
            return (enum kserve_type)i;
    return KSERVE_TYPE_UNSET;
}

enum tensor_type kserve_tensor_type(enum kserve_type type)
{
    return types[type].type;
}

// --- pieces

static int keep_text(struct reading *g, const struct json_event *e, const char *what,
                     const char **ret)
{
    if (e->type != JSON_STRING || e->text.n > KSERVE_MAX_NAME || memchr(e->text.p, 0, e->text.n))
        return json_error(g->json, "%s is not a text of at most %d bytes", what, KSERVE_MAX_NAME);
    *ret = arena_strndup(request_arena(g->request), e->text.p, e->text.n);
    return *ret ? 0 : ERR_NOMEM;
}

// Calls for each member; the callback reads or skips its value.
static int each_member(struct reading *g, void *of,
                       int (*member)(struct reading *g, void *of, const struct json_event *key))
{
    struct json_event e;
    int r = json_next(g->json, &e);
    if (r == 0 && e.type != JSON_OBJECT)
        return json_error(g->json, "an object is expected");
    while (r == 0 && (r = json_next(g->json, &e)) == 0 && e.type != JSON_OBJECT_END)
        r = member(g, of, &e);
    return r;
}

static int next_value(struct reading *g, enum json_type type, const char *what,
                      struct json_event *e)
{
    int r = json_next(g->json, e);
    return r < 0 || e->type == type ? r : json_error(g->json, "%s has the wrong type", what);
}

// --- data in JSON

static int put_integer(struct reading *g, const struct kserve_input *t, size_t i,
                       const struct json_event *e)
{
    // clang-format off
    static const struct { int64_t min, max; } ranges[KSERVE_N_TYPES] = {
        [KSERVE_UINT8] = {0, UINT8_MAX}, [KSERVE_INT8] = {INT8_MIN, INT8_MAX},
        [KSERVE_INT32] = {INT32_MIN, INT32_MAX}, [KSERVE_INT64] = {INT64_MIN, INT64_MAX},
    };
    // clang-format on
    if (e->type != JSON_NUMBER || !e->is_integer || e->integer < ranges[t->type].min ||
        e->integer > ranges[t->type].max)
        return json_error(g->json, "input '%s': not a number of %s", t->name, types[t->type].name);
    if (t->type == KSERVE_UINT8 || t->type == KSERVE_INT8)
        ((uint8_t *)t->data)[i] = (uint8_t)e->integer;
    else if (t->type == KSERVE_INT32)
        ((int32_t *)t->data)[i] = (int32_t)e->integer;
    else
        ((int64_t *)t->data)[i] = e->integer;
    return 0;
}

static int put_number(struct reading *g, const struct kserve_input *t, size_t i,
                      const struct json_event *e)
{
    if (t->type == KSERVE_BOOL) {
        if (e->type != JSON_BOOL)
            return json_error(g->json, "input '%s': neither true nor false", t->name);
        ((uint8_t *)t->data)[i] = e->boolean;
        return 0;
    }
    if (t->type != KSERVE_FP16 && t->type != KSERVE_FP32 && t->type != KSERVE_FP64)
        return put_integer(g, t, i, e);
    if (e->type != JSON_NUMBER)
        return json_error(g->json, "input '%s': not a number", t->name);
    if (t->type != KSERVE_FP64 && fabs(e->number) > (t->type == KSERVE_FP32 ? FLT_MAX : MAX_HALF))
        return json_error(g->json, "input '%s': not a number of %s", t->name, types[t->type].name);
    if (t->type == KSERVE_FP32)
        ((float *)t->data)[i] = (float)e->number;
    else if (t->type == KSERVE_FP64)
        ((double *)t->data)[i] = e->number;
    else
        ((uint16_t *)t->data)[i] = tensor_to_half((float)e->number);
    return 0;
}

static int put_base64(struct reading *g, struct kserve_input *t, const struct json_event *e)
{
    size_t n = 0;
    if (e->type != JSON_STRING)
        return json_error(g->json, "input '%s': not a text", t->name);
    size_t max = e->text.n / 4 * 3;
    int r = picture_body_hold(g->request, max);
    if (r < 0)
        return r;
    t->data = mem_aligned(max + 1);
    if (!t->data)
        return ERR_NOMEM;
    if (!base64_decode(e->text, t->data, max, &n))
        return json_error(g->json, "input '%s': bytes in JSON are written in base64", t->name);
    t->n_bytes = n;
    return 0;
}

// Nested or flat, in row-major order; the number of values is what counts.
static int read_json_data(struct reading *g, struct kserve_input *t)
{
    struct json_event e;
    size_t n = 0;
    int depth = 0;
    int r = next_value(g, JSON_ARRAY, "'data'", &e);
    for (depth = 1; r == 0 && depth > 0;) {
        r = json_next(g->json, &e);
        if (r < 0)
            break;
        if (e.type == JSON_ARRAY) {
            depth++;
        } else if (e.type == JSON_ARRAY_END) {
            depth--;
        } else if (n == t->n_elements) {
            return json_error(g->json, "input '%s' has more than the %zu values of its shape",
                              t->name, n);
        } else {
            r = t->type == KSERVE_BYTES ? put_base64(g, t, &e) : put_number(g, t, n, &e);
            n++;
        }
    }
    if (r == 0 && n < t->n_elements)
        return json_error(g->json, "input '%s' has %zu values, its shape %zu", t->name, n,
                          t->n_elements);
    return r;
}

// --- an input

static int count_elements(struct reading *g, struct kserve_input *t)
{
    size_t n = 1;
    for (int d = 0; d < t->n_dims; d++) {
        if (t->dims[d] > 0 && n > KSERVE_MAX_BYTES / (size_t)t->dims[d])
            return err_set(ERR_TOO_BIG, "input '%s' is larger than %d MiB", t->name,
                           KSERVE_MAX_BYTES / (int)MIB);
        n *= (size_t)t->dims[d];
    }
    t->n_elements = n;
    if (t->type == KSERVE_BYTES)
        return n == 1
                   ? 0
                   : err_set(ERR_INVALID, "input '%s': one element at a time, not %zu", t->name, n);
    t->n_bytes = n * tensor_type_bytes(types[t->type].type);
    g->n_bytes += t->n_bytes;
    if (g->n_bytes > KSERVE_MAX_BYTES)
        return err_set(ERR_TOO_BIG, "the inputs are larger than %d MiB",
                       KSERVE_MAX_BYTES / (int)MIB);
    return 0;
}

// Once type and shape are known.
static int make_room(struct reading *g, struct kserve_input *t)
{
    if (t->data)
        return 0;
    int r = count_elements(g, t);
    if (r < 0 || t->type == KSERVE_BYTES)
        return r;
    r = picture_body_hold(g->request, t->n_bytes);
    if (r < 0)
        return r;
    t->data = mem_aligned(MAX(t->n_bytes, (size_t)1));
    return t->data ? 0 : ERR_NOMEM;
}

static int read_shape(struct reading *g, struct kserve_input *t)
{
    struct json_event e;
    int r = next_value(g, JSON_ARRAY, "'shape'", &e);
    t->n_dims = 0;
    while (r == 0 && (r = json_next(g->json, &e)) == 0 && e.type != JSON_ARRAY_END) {
        if (e.type != JSON_NUMBER || !e.is_integer || e.integer < 0)
            return json_error(g->json, "'shape' is not made of whole numbers");
        if (t->n_dims == TENSOR_MAX_DIMS)
            return json_error(g->json, "'shape' has more than %d dimensions", TENSOR_MAX_DIMS);
        t->dims[t->n_dims++] = e.integer;
    }
    return r;
}

static int read_type(struct reading *g, struct kserve_input *t)
{
    struct json_event e;
    int r = next_value(g, JSON_STRING, "'datatype'", &e);
    if (r < 0)
        return r;
    for (int i = 1; i < KSERVE_N_TYPES; i++)
        if (str_is(e.text, types[i].name))
            t->type = (enum kserve_type)i;
    return t->type ? 0
                   : json_error(g->json, "datatype '%.*s' is none that a model here takes",
                                (int)MIN(e.text.n, (size_t)20), e.text.p);
}

static int input_parameter(struct reading *g, void *of, const struct json_event *key)
{
    struct partial *p = (struct partial *)of;
    struct json_event e;
    if (!str_is(key->text, "binary_data_size"))
        return json_skip(g->json, key);
    int r = next_value(g, JSON_NUMBER, "'binary_data_size'", &e);
    if (r == 0 && (!e.is_integer || e.integer < 0))
        return json_error(g->json, "'binary_data_size' is no number of bytes");
    if (r == 0)
        p->n_binary = e.integer;
    return r;
}

static int read_data(struct reading *g, struct partial *p, const struct json_event *key)
{
    bool is_known = p->has_shape && p->has_type && p->input->name;
    if (g->is_second ? !p->wants_data : !is_known) {
        p->wants_data |= !g->is_second;
        g->wants_second |= !g->is_second;
        return json_skip(g->json, key);
    }
    if (p->has_data)
        return json_error(g->json, "input '%s' has its data twice", p->input->name);
    p->has_data = true;
    int r = make_room(g, p->input);
    return r == 0 ? read_json_data(g, p->input) : r;
}

static int input_member(struct reading *g, void *of, const struct json_event *key)
{
    struct partial *p = (struct partial *)of;
    struct json_event e;
    if (str_is(key->text, "data"))
        return read_data(g, p, key);
    if (g->is_second)
        return json_skip(g->json, key);
    if (str_is(key->text, "name")) {
        int r = json_next(g->json, &e);
        return r == 0 ? keep_text(g, &e, "'name'", &p->input->name) : r;
    }
    if (str_is(key->text, "shape") && !p->has_shape) {
        p->has_shape = true;
        return read_shape(g, p->input);
    }
    if (str_is(key->text, "datatype") && !p->has_type) {
        p->has_type = true;
        return read_type(g, p->input);
    }
    return str_is(key->text, "parameters") ? each_member(g, p, input_parameter)
                                           : json_skip(g->json, key);
}

// --- outputs, parameters, the whole

static int output_parameter(struct reading *g, void *of, const struct json_event *key)
{
    struct kserve_output *o = (struct kserve_output *)of;
    struct json_event e;
    if (!str_is(key->text, "binary_data"))
        return json_skip(g->json, key);
    int r = next_value(g, JSON_BOOL, "'binary_data'", &e);
    if (r == 0) {
        o->has_choice = true;
        o->is_binary = e.boolean;
    }
    return r;
}

static int output_member(struct reading *g, void *of, const struct json_event *key)
{
    struct kserve_output *o = (struct kserve_output *)of;
    struct json_event e;
    if (str_is(key->text, "parameters"))
        return each_member(g, o, output_parameter);
    if (!str_is(key->text, "name"))
        return json_skip(g->json, key);
    int r = json_next(g->json, &e);
    return r == 0 ? keep_text(g, &e, "'name'", &o->name) : r;
}

static int parameter(struct reading *g, void *of, const struct json_event *key)
{
    struct json_event e;
    (void)of;
    if (str_is(key->text, "binary_data_output")) {
        int r = next_value(g, JSON_BOOL, "'binary_data_output'", &e);
        g->k->is_binary_output = r == 0 && e.boolean;
        return r;
    }
    for (size_t i = 0; i < N_SETTINGS; i++) {
        if (!str_is(key->text, settings[i]))
            continue;
        int r = json_next(g->json, &e);
        if (r == 0 && e.type != JSON_NUMBER && e.type != JSON_STRING)
            return json_error(g->json, "parameter '%s' is neither a number nor a text",
                              settings[i]);
        if (r < 0)
            return r;
        g->settings[i] = arena_strndup(request_arena(g->request), e.text.p, e.text.n);
        return g->settings[i] ? 0 : ERR_NOMEM;
    }
    return json_skip(g->json, key);
}

// Positions with which json_next() has to give an object; each_member() wants to see it itself, so
// the ends of the arrays are told apart here.
static int each_object(struct reading *g, const char *what,
                       int (*begin)(struct reading *g, void **ret_of),
                       int (*member)(struct reading *g, void *of, const struct json_event *key))
{
    struct json_event e;
    int r = next_value(g, JSON_ARRAY, what, &e);
    while (r == 0 && (r = json_next(g->json, &e)) == 0 && e.type != JSON_ARRAY_END) {
        void *of = NULL;
        if (e.type != JSON_OBJECT)
            return json_error(g->json, "%s is not an array of objects", what);
        r = begin(g, &of);
        while (r == 0 && (r = json_next(g->json, &e)) == 0 && e.type != JSON_OBJECT_END)
            r = member(g, of, &e);
    }
    return r;
}

static int begin_input(struct reading *g, void **ret_of)
{
    if (g->n_seen == KSERVE_MAX_TENSORS)
        return json_error(g->json, "more than %d inputs", KSERVE_MAX_TENSORS);
    struct partial *p = &g->partials[g->n_seen];
    if (!g->is_second)
        *p = (struct partial){.input = &g->k->inputs[g->n_seen], .n_binary = -1};
    g->n_seen++;
    *ret_of = p;
    return 0;
}

static int begin_output(struct reading *g, void **ret_of)
{
    if (g->k->n_outputs == KSERVE_MAX_TENSORS)
        return json_error(g->json, "more than %d outputs", KSERVE_MAX_TENSORS);
    *ret_of = &g->k->outputs[g->k->n_outputs++];
    return 0;
}

static int request_member(struct reading *g, void *of, const struct json_event *key)
{
    struct json_event e;
    (void)of;
    if (str_is(key->text, "inputs")) {
        if (g->n_seen > 0)
            return json_error(g->json, "'inputs' is there twice");
        return each_object(g, "'inputs'", begin_input, input_member);
    }
    if (g->is_second)
        return json_skip(g->json, key);
    if (str_is(key->text, "outputs"))
        return each_object(g, "'outputs'", begin_output, output_member);
    if (str_is(key->text, "parameters"))
        return each_member(g, NULL, parameter);
    if (!str_is(key->text, "id"))
        return json_skip(g->json, key);
    int r = json_next(g->json, &e);
    return r == 0 ? keep_text(g, &e, "'id'", &g->k->id) : r;
}

static int pass(struct reading *g, struct str text)
{
    const struct json_reader_opts opts = {.text = text,
                                          .name = "request",
                                          .max_depth = KSERVE_MAX_DEPTH,
                                          .max_string = INFERENCE_MAX_BODY};
    struct json_event e;
    int r = json_reader_create(&opts, &g->json);
    if (r < 0)
        return r;
    g->n_seen = 0;
    r = each_member(g, NULL, request_member);
    if (r == 0)
        r = json_next(g->json, &e); // nothing may follow
    json_reader_destroy(g->json);
    return r;
}

// --- data behind the JSON

static int take_binary(struct reading *g, struct partial *p)
{
    struct kserve_input *t = p->input;
    size_t n = (size_t)p->n_binary;
    if (p->has_data)
        return err_set(ERR_INVALID, "input '%s' has data in the JSON and behind it", t->name);
    if (n > g->binary.n)
        return err_set(ERR_INVALID, "input '%s': %zu bytes are behind the JSON, not %zu", t->name,
                       g->binary.n, n);
    int r = make_room(g, t);
    if (r < 0)
        return r;
    const char *from = g->binary.p;
    g->binary.p += n;
    g->binary.n -= n;
    if (t->type != KSERVE_BYTES && n != t->n_bytes)
        return err_set(ERR_INVALID, "input '%s': %zu bytes, its shape and type make %zu", t->name,
                       n, t->n_bytes);
    if (t->type == KSERVE_BYTES) {
        uint32_t length = 0;
        if (n >= LENGTH_BYTES)
            memcpy(&length, from, LENGTH_BYTES);
        if (n < LENGTH_BYTES || length != n - LENGTH_BYTES)
            return err_set(ERR_INVALID, "input '%s': its element's length is not that of its bytes",
                           t->name);
        from += LENGTH_BYTES;
        n -= LENGTH_BYTES;
        r = picture_body_hold(g->request, n);
        t->data = r == 0 ? mem_aligned(n + 1) : NULL;
        t->n_bytes = n;
        if (!t->data)
            return r < 0 ? r : ERR_NOMEM;
    }
    memcpy(t->data, from, n);
    p->has_data = true;
    return 0;
}

static int finish_inputs(struct reading *g)
{
    for (int i = 0; i < g->k->n_inputs; i++) {
        struct partial *p = &g->partials[i];
        const char *name = p->input->name;
        if (!name || !p->has_shape || !p->has_type)
            return err_set(ERR_INVALID, "input %d lacks its %s", i,
                           !name          ? "name"
                           : p->has_shape ? "datatype"
                                          : "shape");
        int r = p->n_binary >= 0 ? take_binary(g, p) : 0;
        if (r < 0)
            return r;
        if (!p->has_data)
            return err_set(ERR_INVALID, "input '%s' has no data", name);
    }
    for (int i = 0; i < g->k->n_outputs; i++)
        if (!g->k->outputs[i].name)
            return err_set(ERR_INVALID, "output %d lacks its name", i);
    if (g->binary.n > 0)
        return err_set(ERR_INVALID, "%zu bytes behind the JSON belong to no input", g->binary.n);
    return 0;
}

static int put_settings(struct reading *g)
{
    struct str_buf out = STR_BUF_INIT(16 * KIB);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_object(&w);
    for (size_t i = 0; i < N_SETTINGS; i++)
        json_put_known(&w, settings[i], g->settings[i]);
    json_end(&w);
    int r = str_buf_check(&out);
    if (r == 0) {
        g->k->settings_json = arena_strndup(request_arena(g->request), out.p, out.n);
        r = g->k->settings_json ? 0 : ERR_NOMEM;
    }
    str_buf_finish(&out);
    return r;
}

// The JSON, and what is behind it.
static int split(struct request *q, struct str body, struct str *ret_json, struct str *ret_binary)
{
    const char *header = request_header(q, "Inference-Header-Content-Length");
    int64_t n = (int64_t)body.n;
    if (header && (str_to_i64(str_of(header), &n) < 0 || n < 1 || n > (int64_t)body.n))
        return err_set(ERR_INVALID,
                       "Inference-Header-Content-Length: '%.40s' is no number of bytes up to %zu",
                       header, body.n);
    *ret_json = (struct str){body.p, (size_t)n};
    *ret_binary = (struct str){body.p + n, body.n - (size_t)n};
    return 0;
}

int kserve_read(struct request *q, struct kserve_request *ret)
{
    struct reading *g = arena_new(request_arena(q), struct reading);
    struct str body;
    struct str json;
    *ret = (struct kserve_request){.id = NULL};
    if (!g)
        return ERR_NOMEM;
    g->request = q;
    g->k = ret;
    int r = picture_body(q, &body);
    if (r == 0)
        r = split(q, body, &json, &g->binary);
    if (r == 0)
        r = pass(g, json);
    ret->n_inputs = g->n_seen;
    if (r == 0 && g->wants_second) {
        g->is_second = true;
        r = pass(g, json);
    }
    if (r == 0)
        r = finish_inputs(g);
    return r == 0 ? put_settings(g) : r;
}

void kserve_request_finish(struct kserve_request *k)
{
    for (int i = 0; i < KSERVE_MAX_TENSORS; i++) {
        mem_free(k->inputs[i].data);
        k->inputs[i].data = NULL;
    }
}
