// SPDX-License-Identifier: Apache-2.0
// r_kserve.c - the Open Inference Protocol (KServe v2) over HTTP: health, models, inference.
//
// Inference takes a model's own tensors, or one picture: an input of datatype BYTES, whatever its
// name, with the outputs boxes, confidences, class_ids and labels (docs/SERVER.md).

#include <string.h>

#include "api/api_priv.h"
#include "api/inference.h"
#include "api/kserve.h"
#include "api/picture_body.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/server.h"
#include "infer/desk.h"
#include "infer/detector.h"

enum {
    MAX_SMALL = 1024 * 1024,
    CORNERS = 4,
};

// Errors are {"error": text} in this protocol.
static int answer(struct request *q, int r)
{
    if (r >= 0 || reply_was_made(q))
        return r;
    int status = err_http_status(r);
    if (status == 500)
        return r; // what broke inside is the log's
    struct str_buf body = STR_BUF_INIT(MAX_SMALL);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "error", err_message(r));
    json_end(&w);
    return reply_json(q, status, &body);
}

static int check_version(struct request *q)
{
    const struct route *route = request_route(q);
    if (!route->about)
        return 0;
    struct str version = request_parameter(q, "version");
    return str_is(version, "1")
               ? 0
               : err_set(ERR_NOT_FOUND, "version '%.*s' does not exist; there is version 1",
                         (int)MIN(version.n, (size_t)40), version.p);
}

static int model_of(struct request *q, struct store_model *ret)
{
    const char *name;
    int r = check_version(q);
    if (r == 0)
        r = api_parameter(q, "model", &name);
    return r == 0 ? api_find_model(q, name, ret) : r;
}

// --- the server

static int server_metadata(struct request *q)
{
    struct str_buf body = STR_BUF_INIT(MAX_SMALL);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "name", "assay");
    json_put_text(&w, "version", ASSAY_VERSION);
    json_key(&w, "extensions");
    json_array(&w);
    json_cstring(&w, "binary_tensor_data");
    json_end(&w);
    json_end(&w);
    return reply_json(q, 200, &body);
}

static int put_flag(struct request *q, int status, const char *key, bool value, const char *name)
{
    struct str_buf body = STR_BUF_INIT(MAX_SMALL);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_known(&w, "name", name);
    json_put_bool(&w, key, value);
    json_end(&w);
    return reply_json(q, status, &body);
}

static int server_live(struct request *q)
{
    return put_flag(q, 200, "live", true, NULL);
}

static int server_ready(struct request *q)
{
    const struct api_tools *t = &api_of(q)->opts.tools;
    bool is_ready = !server_is_draining(request_server(q)) && t->check_ready(t->arg) == 0;
    return put_flag(q, is_ready ? 200 : 503, "ready", is_ready, NULL);
}

// --- a model

// "float32" as the inspection says it is "FP32" here.
static const char *type_named(struct str name)
{
    for (int i = 1; i < KSERVE_BYTES; i++) {
        enum tensor_type t = kserve_tensor_type((enum kserve_type)i);
        if (str_is(name, tensor_type_name(t)))
            return kserve_type_name((enum kserve_type)i);
    }
    return "UNKNOWN";
}

// Copies the inspection's "inputs" and "outputs", whose types have other names here.
static int put_tensors(struct json_writer *w, const char *description)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(description), .name = "description"};
    struct json_event e;
    int r = json_reader_create(&opts, &reader);
    if (r < 0)
        return r;
    int depth = 0;
    bool is_type = false;
    bool is_tensors = false;
    while ((r = json_next(reader, &e)) == 0 && e.type != JSON_END) {
        if (depth == 1 && e.type == JSON_KEY)
            is_tensors = str_is(e.text, "inputs") || str_is(e.text, "outputs");
        depth += (e.type == JSON_OBJECT) + (e.type == JSON_ARRAY);
        depth -= (e.type == JSON_OBJECT_END) + (e.type == JSON_ARRAY_END);
        if (!is_tensors || depth == 0)
            continue;
        if (is_type && e.type == JSON_STRING)
            json_cstring(w, type_named(e.text));
        else if (e.type == JSON_KEY && str_is(e.text, "type"))
            json_key(w, "datatype");
        else
            json_copy_event(w, &e);
        is_type = e.type == JSON_KEY && str_is(e.text, "type");
    }
    json_reader_destroy(reader);
    return r;
}

static int metadata(struct request *q)
{
    struct store_model m;
    struct str_buf body = STR_BUF_INIT(MAX_SMALL);
    struct json_writer w;
    int r = model_of(q, &m);
    if (r == 0 && !m.description_json)
        r = err_set(ERR_CONFLICT, "model %s was not inspected", m.name);
    if (r < 0)
        return r;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "name", m.name);
    json_key(&w, "versions");
    json_array(&w);
    json_cstring(&w, "1");
    json_end(&w);
    json_put_text(&w, "platform", "onnx_onnxv1");
    r = put_tensors(&w, m.description_json);
    json_end(&w);
    if (r < 0) {
        str_buf_finish(&body);
        return r;
    }
    return reply_json(q, 200, &body);
}

static int model_metadata(struct request *q)
{
    return answer(q, metadata(q));
}

static int readiness(struct request *q)
{
    struct store_model m;
    int r = model_of(q, &m);
    if (r < 0)
        return r;
    bool is_ready = m.status == STORE_MODEL_READY && m.blob_key; // it is loaded when it is asked
    return put_flag(q, is_ready ? 200 : 503, "ready", is_ready, m.name);
}

static int model_ready(struct request *q)
{
    return answer(q, readiness(q));
}

// --- inference on a picture

static int reply_picture(struct request *q, const struct kserve_request *k,
                         const struct inference_seen *s)
{
    float *boxes = arena_array(request_arena(q), float, s->n *CORNERS + 1);
    float *confidences = arena_array(request_arena(q), float, s->n + 1);
    int32_t *class_ids = arena_array(request_arena(q), int32_t, s->n + 1);
    if (!boxes || !confidences || !class_ids)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n; i++) {
        const struct detection *d = &s->items[i];
        const float corners[CORNERS] = {d->box.x1, d->box.y1, d->box.x2, d->box.y2};
        memcpy(&boxes[i * CORNERS], corners, sizeof(corners));
        confidences[i] = d->confidence;
        class_ids[i] = d->class_id;
    }
    int64_t n = (int64_t)s->n;
    const struct kserve_made outputs[] = {
        {"boxes", KSERVE_FP32, 2, {n, CORNERS}, boxes, s->n * sizeof(float) * CORNERS, NULL},
        {"confidences", KSERVE_FP32, 1, {n}, confidences, s->n * sizeof(float), NULL},
        {"class_ids", KSERVE_INT32, 1, {n}, class_ids, s->n * sizeof(int32_t), NULL},
        {"labels", KSERVE_BYTES, 1, {n}, NULL, 0, s->labels},
    };
    const struct kserve_response response = {.model = s->model,
                                             .outputs = outputs,
                                             .n_outputs = ARRAY_LEN(outputs),
                                             .queue_ns = s->times.queue_ns,
                                             .inference_ns = s->times.inference_ns};
    return kserve_reply(q, k, &response);
}

static int infer_picture(struct request *q, const struct kserve_request *k, const char *model)
{
    const struct kserve_input *t = &k->inputs[0];
    struct inference_seen seen;
    const struct inference_wanted wanted = {.model = model,
                                            .settings_json = k->settings_json,
                                            .picture = {(const char *)t->data, t->n_bytes}};
    int r = t->n_bytes > 0 ? inference_run(q, &wanted, &seen)
                           : err_set(ERR_INVALID, "input '%s' is empty", t->name);
    return r == 0 ? reply_picture(q, k, &seen) : r;
}

// --- inference on tensors

// The model's inputs in its own order.
static int order_inputs(const struct kserve_request *k, const struct model_info *info,
                        struct tensor *ret)
{
    for (int i = 0; i < info->n_inputs; i++) {
        const struct kserve_input *found = NULL;
        for (int j = 0; j < k->n_inputs; j++)
            if (strcmp(k->inputs[j].name, info->inputs[i].name) == 0)
                found = &k->inputs[j];
        if (!found)
            return err_set(ERR_INVALID, "the model's input '%s' is missing", info->inputs[i].name);
        ret[i] = (struct tensor){.type = kserve_tensor_type(found->type),
                                 .n_dims = found->n_dims,
                                 .data = found->data,
                                 .n_bytes = found->n_bytes};
        memcpy(ret[i].dims, found->dims, sizeof(ret[i].dims));
    }
    if (k->n_inputs != info->n_inputs)
        return err_set(ERR_INVALID, "%d inputs, the model has %d", k->n_inputs, info->n_inputs);
    return 0;
}

static int reply_tensors(struct request *q, const struct kserve_request *k,
                         const struct inference_model *m, const struct tensor *outputs,
                         struct kserve_response *response)
{
    const struct model_info *info = detector_model(m->detector);
    struct kserve_made made[KSERVE_MAX_TENSORS] = {{0}};
    for (int i = 0; i < info->n_outputs; i++) {
        made[i] = (struct kserve_made){.name = info->outputs[i].name,
                                       .type = kserve_type_of(outputs[i].type),
                                       .n_dims = outputs[i].n_dims,
                                       .data = outputs[i].data,
                                       .n_bytes = outputs[i].n_bytes};
        memcpy(made[i].dims, outputs[i].dims, sizeof(made[i].dims));
        if (!made[i].type)
            return err_set(ERR_UNSUPPORTED, "output '%s' is of a type that cannot be sent",
                           info->outputs[i].name);
    }
    response->model = m->row.name;
    response->outputs = made;
    response->n_outputs = info->n_outputs;
    return kserve_reply(q, k, response);
}

// At the desk: so many at once as the workers take, the others in line.
static int run_tensors(struct request *q, const struct kserve_request *k,
                       const struct inference_model *m)
{
    struct tensor inputs[MODEL_MAX_TENSORS];
    struct tensor outputs[MODEL_MAX_TENSORS] = {{0}};
    struct kserve_response response = {.model = NULL};
    struct desk *desk = NULL;
    int n_outputs = detector_model(m->detector)->n_outputs;
    int r = order_inputs(k, detector_model(m->detector), inputs);
    if (r == 0)
        r = inference_enter(q, m, &desk, &response.queue_ns);
    if (r < 0)
        return r;
    const struct detector_waiter client = {inference_is_gone, q};
    r = desk_settle(desk, &client);
    if (r == 0)
        r = detector_run_tensors(m->detector, &client, inputs, outputs, &response.inference_ns);
    desk_leave(desk);
    r = inference_failure(m, r);
    if (r == 0)
        r = reply_tensors(q, k, m, outputs, &response);
    detector_tensors_free(outputs, n_outputs);
    return r;
}

static int infer_tensors(struct request *q, const struct kserve_request *k, const char *model)
{
    struct inference_model m = {.detector = NULL};
    int r = inference_take_model(q, model, NULL, &m);
    if (r < 0)
        return r;
    r = run_tensors(q, k, &m);
    inference_give_back(q, &m);
    return r;
}

static int model_infer(struct request *q)
{
    struct kserve_request *k = arena_new(request_arena(q), struct kserve_request);
    struct store_model m;
    if (!k)
        return ERR_NOMEM;
    int r = model_of(q, &m);
    if (r < 0)
        return answer(q, r);
    r = kserve_read(q, k);
    if (r == 0 && k->n_inputs == 0)
        r = err_set(ERR_INVALID, "the request has no inputs");
    if (r == 0 && k->n_inputs == 1 && k->inputs[0].type == KSERVE_BYTES)
        r = infer_picture(q, k, m.id);
    else if (r == 0)
        r = infer_tensors(q, k, m.id);
    kserve_request_finish(k);
    return answer(q, r);
}

// clang-format off
#define VERSIONED "1"
const struct route api_routes_kserve[] = {
    {"GET", "/v2", server_metadata, .role = API_VIEWER, .rate_class = API_RATE_READ},
    {"GET", "/v2/health/live", server_live, .rate_class = API_RATE_FREE, .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {"GET", "/v2/health/ready", server_ready, .rate_class = API_RATE_FREE, .flags = ROUTE_NO_LOG | ROUTE_WHILE_DRAINING},
    {"GET", "/v2/models/{model}", model_metadata, .role = API_VIEWER, .rate_class = API_RATE_READ},
    {"GET", "/v2/models/{model}/ready", model_ready, .role = API_VIEWER, .rate_class = API_RATE_READ},
    {"GET", "/v2/models/{model}/versions/{version}", model_metadata, .role = API_VIEWER, .rate_class = API_RATE_READ, .about = VERSIONED},
    {"GET", "/v2/models/{model}/versions/{version}/ready", model_ready, .role = API_VIEWER, .rate_class = API_RATE_READ, .about = VERSIONED},
    {"POST", "/v2/models/{model}/infer", model_infer, .role = API_VIEWER, .rate_class = API_RATE_COSTLY, .sink = &picture_body_sink},
    {"POST", "/v2/models/{model}/versions/{version}/infer", model_infer, .role = API_VIEWER, .rate_class = API_RATE_COSTLY, .sink = &picture_body_sink, .about = VERSIONED},
    {0},
};
// clang-format on
