// SPDX-License-Identifier: Apache-2.0
// fuzz_kserve.c - inference requests of the Open Inference Protocol, raw and in a form, with binary
// tensors behind the JSON: what is taken has the bytes that its shape and type make.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "api/kserve.h"
#include "api/picture_body.h"
#include "base/json.h"
#include "request_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static volatile uint8_t sink; // what was read is used

static void check_input(const struct kserve_input *t)
{
    const uint8_t *p = t->data;
    uint64_t n = 1;
    uint8_t sum = 0;
    assert(t->name && strlen(t->name) <= KSERVE_MAX_NAME && p);
    assert(t->type > KSERVE_TYPE_UNSET && t->type < KSERVE_N_TYPES);
    assert(t->n_dims >= 0 && t->n_dims <= TENSOR_MAX_DIMS);
    for (int i = 0; i < t->n_dims; i++) {
        assert(t->dims[i] >= 0);
        n *= (uint64_t)t->dims[i];
    }
    assert(n == t->n_elements);
    if (t->type == KSERVE_BYTES)
        assert(n == 1);
    else
        assert(t->n_bytes == n * tensor_type_bytes(kserve_tensor_type(t->type)));
    for (size_t i = 0; i < t->n_bytes; i++)
        sum = (uint8_t)(sum + p[i]);
    sink = sum;
}

static void check_json(const char *text)
{
    const struct json_reader_opts opts = {.text = str_of(text), .name = "settings"};
    struct json_reader *reader;
    struct json_event e;
    if (json_reader_create(&opts, &reader) < 0)
        return;
    int r = 0;
    do
        r = json_next(reader, &e);
    while (r == 0 && e.type != JSON_END);
    assert(r == 0);
    json_reader_destroy(reader);
}

static void read_request(struct request *q)
{
    static struct kserve_request k;
    int r = kserve_read(q, &k);
    if (r == 0) {
        assert(k.n_inputs >= 0 && k.n_inputs <= KSERVE_MAX_TENSORS);
        assert(k.n_outputs >= 0 && k.n_outputs <= KSERVE_MAX_TENSORS);
        for (int i = 0; i < k.n_inputs; i++)
            check_input(&k.inputs[i]);
        for (int i = 0; i < k.n_outputs; i++)
            assert(k.outputs[i].name);
        check_json(k.settings_json);
    } else {
        assert(r == ERR_DATA || r == ERR_INVALID || r == ERR_TOO_BIG || r == ERR_NOMEM ||
               r == ERR_BUSY);
        assert(err_message(r)[0]);
    }
    kserve_request_finish(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str body;
    struct request *q = make_request(bytes, n, &body);
    if (!q)
        return 0;
    int r = picture_body_sink.begin(q);
    size_t half = body.n / 2;
    if (r == 0 && half > 0)
        r = picture_body_sink.data(q, body.p, half);
    if (r == 0 && body.n > half)
        r = picture_body_sink.data(q, body.p + half, body.n - half);
    if (r == 0)
        read_request(q);
    request_destroy(q);
    err_clear();
    return 0;
}
