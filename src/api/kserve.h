// SPDX-License-Identifier: Apache-2.0
// kserve.h - the tensors of the Open Inference Protocol (KServe v2): requests read, responses
// written, as JSON and with binary data behind it.
//
// Threads: the request's own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "infer/model.h"

struct json_writer;
struct request;

enum {
    KSERVE_MAX_TENSORS = 32,
    KSERVE_MAX_BYTES = 256 * 1024 * 1024, // of a request's tensors together
    KSERVE_MAX_NAME = 512,
    KSERVE_MAX_DEPTH = 20, // of nested JSON: a tensor of eight dimensions and what is around it
};

enum kserve_type {
    KSERVE_TYPE_UNSET,
    KSERVE_BOOL,
    KSERVE_UINT8,
    KSERVE_INT8,
    KSERVE_INT32,
    KSERVE_INT64,
    KSERVE_FP16,
    KSERVE_FP32,
    KSERVE_FP64,
    KSERVE_BYTES,
    KSERVE_N_TYPES,
};
const char *kserve_type_name(enum kserve_type type); // "FP32"
enum kserve_type kserve_type_of(enum tensor_type type);
enum tensor_type kserve_tensor_type(enum kserve_type type); // TENSOR_OTHER for BYTES

struct kserve_input {
    const char *name;
    enum kserve_type type;
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    size_t n_elements;
    void *data; // owned by the request; BYTES: the first element's
    size_t n_bytes;
};

struct kserve_output {
    const char *name;
    bool has_choice, is_binary;
};

struct kserve_request {
    const char *id; // NULL: none
    struct kserve_input inputs[KSERVE_MAX_TENSORS];
    int n_inputs;
    struct kserve_output outputs[KSERVE_MAX_TENSORS]; // wanted; none: all
    int n_outputs;
    bool is_binary_output;     // of outputs that say nothing
    const char *settings_json; // parameters that are settings of detection, as texts
};

// Of the request's body, which came through picture_body_sink. Texts live in the request's arena.
// ERR_DATA (no JSON), ERR_INVALID (the message names the tensor), ERR_TOO_BIG, ERR_NOMEM. On error
// too the request wants kserve_request_finish().
int kserve_read(struct request *q, struct kserve_request *ret) MUST_CHECK;
void kserve_request_finish(struct kserve_request *k);

// An output that is there to be sent. BYTES: *texts*.
struct kserve_made {
    const char *name;
    enum kserve_type type;
    int n_dims;
    int64_t dims[TENSOR_MAX_DIMS];
    const void *data;
    size_t n_bytes;
    const char *const *texts; // one an element
};

struct kserve_response {
    const char *model;
    const struct kserve_made *outputs;
    int n_outputs;
    int64_t queue_ns, inference_ns;
};

// Replies with the outputs that were asked for, in the order of asking. ERR_INVALID: there is none
// of that name; ERR_TOO_BIG, ERR_NOMEM.
int kserve_reply(struct request *q, const struct kserve_request *k,
                 const struct kserve_response *response) MUST_CHECK;
