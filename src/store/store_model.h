// SPDX-License-Identifier: Apache-2.0
// store_model.h - registered ONNX files and what inspection says of them.
#pragma once

#include "store/store.h"

struct store_blob;
struct store_dropped;

enum store_model_status {
    STORE_MODEL_UNSET,
    STORE_MODEL_UPLOADED, // not inspected yet
    STORE_MODEL_READY,
    STORE_MODEL_FAILED,
    STORE_MODEL_N_STATUSES,
};
const char *store_model_status_name(int status);
int store_model_status_parse(const char *name);

struct store_model {
    const char *id;
    const char *name; // unique
    enum store_model_status status;
    const char *blob_key; // NULL: built in
    const char *sha256;
    int64_t n_bytes;
    const char *head;
    const char *labels_json;      // ["person", ...]
    const char *input_json;       // {"width":640,...}
    const char *description_json; // everything else inspection says, "why" included
    const char *error;
    const char *created_by;
    int64_t created_at_us, updated_at_us;
};

// ERR_EXISTS (the name).
int store_model_create(struct store *s, const struct store_model *m, const struct store_blob *blob,
                       char ret_id[ID_BYTES]) MUST_CHECK;
// By id, or by name where there is no such id.
int store_model_get(struct store *s, const char *id_or_name, struct arena *a,
                    struct store_model *ret) MUST_CHECK;
// Writes status, head, labels, input, description and error.
int store_model_set_inspection(struct store *s, const struct store_model *m) MUST_CHECK;
// ERR_CONFLICT while tasks that are queued or running name it. Sessions keep its name and digest.
int store_model_delete(struct store *s, const char *id, struct store_dropped *dropped) MUST_CHECK;
int store_model_list(struct store *s, enum store_model_status status, const struct store_page *page,
                     int (*row)(void *arg, const struct store_model *m), void *arg,
                     struct store_next *ret_next) MUST_CHECK;
