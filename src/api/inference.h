// SPDX-License-Identifier: Apache-2.0
// inference.h - one picture, one model, its detections: what /api/v1/inference/image and KServe's
// picture input share.
//
// A picture that was looked at in the last five minutes, by the same model with the same settings,
// is answered from memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "store/store_model.h"
#include "vision/detection.h"

struct api;
struct detector;
struct engine_opts;
struct json_writer;
struct request;

struct inference_wanted {
    const char *model;         // id or name
    const char *settings_json; // of detection; canonical: it is part of the cache's key
    struct str picture;
    bool whole;    // a JPEG is not decoded smaller than it is
    bool is_fresh; // not out of the cache
};

// Milliseconds are null where a stage did not happen.
struct inference_times {
    int64_t digest_ns, load_ns, queue_ns, decode_ns, letterbox_ns, inference_ns;
};

enum {
    INFERENCE_PRECISION_BYTES = 16,
};

struct inference_seen {
    const char *model;                         // name
    char precision[INFERENCE_PRECISION_BYTES]; // "fp32": what it computed in
    int width, height;                         // of the upright picture
    int decoded_width, decoded_height;
    size_t n;
    const struct detection *items;
    const char *const *labels; // one an item
    bool is_cached;
    struct inference_times times;
};

// Everything lives in the request's arena. ERR_NOT_FOUND (the model), ERR_CONFLICT (it has no
// file), ERR_INVALID (settings), ERR_MEDIA, ERR_TOO_BIG, ERR_BUSY (Retry-After is set),
// ERR_CANCELLED (the client went), ERR_MODEL, ERR_NOMEM.
int inference_run(struct request *q, const struct inference_wanted *w,
                  struct inference_seen *ret) MUST_CHECK;
void inference_put_times(struct json_writer *w, const struct inference_seen *s, int64_t total_ns);

// A model that requests use: found, loaded where it is not, counted until it is given back.
struct inference_model {
    struct store_model row; // in the request's arena
    struct detector *detector;
    int64_t load_ns; // that this request waited for it
};
// *engine* (may be NULL) over what the server runs models with.
int inference_take_model(struct request *q, const char *id_or_name,
                         const struct engine_opts *engine, struct inference_model *ret) MUST_CHECK;
void inference_give_back(struct request *q, struct inference_model *m);
// A place at the model's desk, for as long as the client is there; desk_leave() ends it. ERR_BUSY:
// Retry-After is set.
struct desk;
bool inference_is_gone(void *request); // whether its client is
// An error of the model's detector, told with the model's name in place of where its blob lies.
int inference_failure(const struct inference_model *m, int r) MUST_CHECK;
int inference_enter(struct request *q, const struct inference_model *m, struct desk **ret_desk,
                    int64_t *ret_wait_ns) MUST_CHECK;
