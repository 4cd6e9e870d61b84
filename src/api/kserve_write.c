// SPDX-License-Identifier: Apache-2.0
// kserve_write.c - an inference response of the Open Inference Protocol.

#include <string.h>

#include "api/api_priv.h"
#include "api/kserve.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    LENGTH_BYTES = 4,
};
#define MAX_RESPONSE ((size_t)(512 * MIB))

struct wanted {
    const struct kserve_made *made;
    bool is_binary;
};

static int64_t n_elements(const struct kserve_made *t)
{
    int64_t n = 1;
    for (int d = 0; d < t->n_dims; d++)
        n *= t->dims[d];
    return n;
}

static int choose(const struct kserve_request *k, const struct kserve_response *p,
                  struct wanted *ret, int *ret_n)
{
    int n = 0;
    for (int i = 0; k->n_outputs == 0 && i < p->n_outputs; i++)
        ret[n++] = (struct wanted){&p->outputs[i], k->is_binary_output};
    for (int i = 0; i < k->n_outputs; i++) {
        const struct kserve_output *o = &k->outputs[i];
        const struct kserve_made *made = NULL;
        for (int j = 0; j < p->n_outputs; j++)
            if (strcmp(p->outputs[j].name, o->name) == 0)
                made = &p->outputs[j];
        if (!made)
            return err_set(ERR_INVALID, "model %s has no output '%s'", p->model, o->name);
        ret[n++] = (struct wanted){made, o->has_choice ? o->is_binary : k->is_binary_output};
    }
    *ret_n = n;
    return 0;
}

static size_t binary_size(const struct kserve_made *t)
{
    size_t n = 0;
    if (t->type != KSERVE_BYTES)
        return t->n_bytes;
    for (int64_t i = 0; i < n_elements(t); i++)
        n += LENGTH_BYTES + strlen(t->texts[i]);
    return n;
}

static void put_value(struct json_writer *w, const struct kserve_made *t, int64_t i)
{
    switch (t->type) {
    case KSERVE_BOOL:
        json_bool(w, ((const uint8_t *)t->data)[i] != 0);
        return;
    case KSERVE_UINT8:
        json_int(w, ((const uint8_t *)t->data)[i]);
        return;
    case KSERVE_INT8:
        json_int(w, ((const int8_t *)t->data)[i]);
        return;
    case KSERVE_INT32:
        json_int(w, ((const int32_t *)t->data)[i]);
        return;
    case KSERVE_INT64:
        json_int(w, ((const int64_t *)t->data)[i]);
        return;
    case KSERVE_FP16:
        json_float(w, tensor_from_half(((const uint16_t *)t->data)[i]));
        return;
    case KSERVE_FP32:
        json_float(w, ((const float *)t->data)[i]);
        return;
    case KSERVE_FP64:
        json_double(w, ((const double *)t->data)[i]);
        return;
    default:
        json_cstring(w, t->texts[i]);
        return;
    }
}

static void put_output(struct json_writer *w, const struct wanted *o)
{
    const struct kserve_made *t = o->made;
    json_object(w);
    json_put_text(w, "name", t->name);
    json_put_text(w, "datatype", kserve_type_name(t->type));
    json_key(w, "shape");
    json_array(w);
    for (int d = 0; d < t->n_dims; d++)
        json_int(w, t->dims[d]);
    json_end(w);
    if (o->is_binary) {
        json_key(w, "parameters");
        json_object(w);
        json_put_int(w, "binary_data_size", (int64_t)binary_size(t));
        json_end(w);
    } else {
        json_key(w, "data");
        json_array(w);
        for (int64_t i = 0; i < n_elements(t); i++)
            put_value(w, t, i);
        json_end(w);
    }
    json_end(w);
}

static void put_document(struct str_buf *out, const struct kserve_request *k,
                         const struct kserve_response *p, const struct wanted *outputs, int n)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "model_name", p->model);
    json_put_text(&w, "model_version", "1");
    json_put_known(&w, "id", k->id);
    json_key(&w, "parameters");
    json_object(&w);
    json_put_double(&w, "queue_milliseconds", (double)(p->queue_ns / CLOCK_NS_PER_US) / 1000.0);
    json_put_double(&w, "inference_milliseconds",
                    (double)(p->inference_ns / CLOCK_NS_PER_US) / 1000.0);
    json_end(&w);
    json_key(&w, "outputs");
    json_array(&w);
    for (int i = 0; i < n; i++)
        put_output(&w, &outputs[i]);
    json_end(&w);
    json_end(&w);
}

static void put_binary(struct str_buf *out, const struct kserve_made *t)
{
    if (t->type != KSERVE_BYTES) {
        str_buf_add(out, t->data, t->n_bytes);
        return;
    }
    for (int64_t i = 0; i < n_elements(t); i++) {
        uint32_t length = (uint32_t)strlen(t->texts[i]); // little-endian, as all machines we run on
        str_buf_add(out, &length, LENGTH_BYTES);
        str_buf_add(out, t->texts[i], length);
    }
}

int kserve_reply(struct request *q, const struct kserve_request *k, const struct kserve_response *p)
{
    struct wanted outputs[KSERVE_MAX_TENSORS];
    struct str_buf body = STR_BUF_INIT(MAX_RESPONSE);
    bool has_binary = false;
    int n = 0;
    int r = choose(k, p, outputs, &n);
    if (r < 0)
        return r;
    put_document(&body, k, p, outputs, n);
    size_t n_json = body.n;
    for (int i = 0; i < n; i++) {
        has_binary |= outputs[i].is_binary;
        if (outputs[i].is_binary)
            put_binary(&body, outputs[i].made);
    }
    if (!has_binary)
        return reply_json(q, 200, &body);
    reply_headerf(q, "Inference-Header-Content-Length", "%zu", n_json);
    return reply_buffer(q, 200, "application/octet-stream", &body);
}
