// SPDX-License-Identifier: Apache-2.0
// q_model.c - registered models.

#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_priv.h"

enum {
    CREATE,
    GET,
    INSPECTED,
    IN_USE,
    DELETE,
    LIST,
};

#define COLUMNS                                                                    \
    "id, name, status, blob_key, sha256, n_bytes, head, labels_json, input_json, " \
    "description_json, error, created_by, created_at_us, updated_at_us"

// clang-format off
const struct query queries_model[] = {
    [CREATE] = {"model_create",
        "INSERT INTO models (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"},
    [GET] = {"model_get",
        "SELECT " COLUMNS " FROM models WHERE id = $1 OR name = $1 "
        "ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1"},
    [INSPECTED] = {"model_inspected",
        "UPDATE models SET status = $2, head = $3, labels_json = $4, input_json = $5, description_json = $6, "
        "error = $7, updated_at_us = $8 WHERE id = $1"},
    [IN_USE] = {"model_in_use",
        "SELECT id FROM tasks WHERE model_id = $1 AND status IN ('queued', 'running') LIMIT 1"},
    [DELETE] = {"model_delete", "DELETE FROM models WHERE id = $1"},
    [LIST] = {"model_list",
        "SELECT " COLUMNS " FROM models WHERE id < $1 AND (CAST($3 AS TEXT) IS NULL OR status = $3) "
        "ORDER BY id DESC LIMIT $2"},
    {0},
};

static const char *const statuses[] = {
    [STORE_MODEL_UPLOADED] = "uploaded",
    [STORE_MODEL_READY] = "ready",
    [STORE_MODEL_FAILED] = "failed",
};
ENUM_FUNCTIONS(store_model_status, statuses)

static const struct field fields[] = {
    FIELD(struct store_model, id, FIELD_TEXT),
    FIELD(struct store_model, name, FIELD_TEXT),
    FIELD_OF(struct store_model, status, store_model_status),
    FIELD(struct store_model, blob_key, FIELD_TEXT),
    FIELD(struct store_model, sha256, FIELD_TEXT),
    FIELD(struct store_model, n_bytes, FIELD_I64),
    FIELD(struct store_model, head, FIELD_TEXT),
    FIELD(struct store_model, labels_json, FIELD_TEXT),
    FIELD(struct store_model, input_json, FIELD_TEXT),
    FIELD(struct store_model, description_json, FIELD_TEXT),
    FIELD(struct store_model, error, FIELD_TEXT),
    FIELD(struct store_model, created_by, FIELD_TEXT),
    FIELD(struct store_model, created_at_us, FIELD_I64),
    FIELD(struct store_model, updated_at_us, FIELD_I64),
};

// What inspection writes, after the id.
static const struct field inspected_fields[] = {
    FIELD(struct store_model, id, FIELD_TEXT),
    FIELD_OF(struct store_model, status, store_model_status),
    FIELD(struct store_model, head, FIELD_TEXT),
    FIELD(struct store_model, labels_json, FIELD_TEXT),
    FIELD(struct store_model, input_json, FIELD_TEXT),
    FIELD(struct store_model, description_json, FIELD_TEXT),
    FIELD(struct store_model, error, FIELD_TEXT),
};
// clang-format on

static int check_json(const struct store_model *m)
{
    int r = check_text("model: labels", m->labels_json, STORE_JSON_MAX);
    if (r == 0)
        r = check_text("model: description", m->description_json, STORE_JSON_MAX);
    return r;
}

int store_model_create(struct store *s, const struct store_model *m, const struct store_blob *blob,
                       char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_model row = *m;
    int r = check_name("model", m->name);
    if (r == 0)
        r = check_json(m);
    if (r == 0)
        r = take_id(m->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.status = m->status ? m->status : STORE_MODEL_UPLOADED;
    row.created_at_us = row.updated_at_us = store_now_us(s);
    if (blob) {
        row.blob_key = blob->key;
        row.sha256 = blob->sha256;
        row.n_bytes = blob->n_bytes;
    }
    r = run_insert(s, &queries_model[CREATE], fields, ARRAY_LEN(fields), &row);
    if (r == ERR_EXISTS)
        r = err_set(r, "model '%s' exists already", m->name);
    if (r == 0 && blob)
        r = blob_add(s, blob, (struct blob_owner){.model_id = id});
    r = write_end(s, r);
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_model_get(struct store *s, const char *id_or_name, struct arena *a,
                    struct store_model *ret)
{
    return run_get(s, &queries_model[GET], fields, ARRAY_LEN(fields), "model", id_or_name, a, ret);
}

int store_model_set_inspection(struct store *s, const struct store_model *m)
{
    int r = check_json(m);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_model[INSPECTED], &run)); // sticky
    run_fields(&run, 1, inspected_fields, ARRAY_LEN(inspected_fields), m);
    run_int(&run, 8, store_now_us(s));
    return write_end(s, run_done_one(&run, "model", m->id));
}

static int check_unused(struct store *s, const char *id)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, &queries_model[IN_USE], &run)); // sticky
    run_text(&run, 1, id);
    if (run_step(&run))
        r = err_set(ERR_CONFLICT, "model '%.40s' is used by task '%s'", id, run_get_text(&run, 0));
    return run_end(&run, r);
}

int store_model_delete(struct store *s, const char *id, struct store_dropped *dropped)
{
    size_t before = dropped->n;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = check_unused(s, id);
    if (r == 0)
        r = owner_delete(s, OWNER_MODEL, &queries_model[DELETE], id, dropped);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}

int store_model_list(struct store *s, enum store_model_status status, const struct store_page *page,
                     int (*row)(void *arg, const struct store_model *m), void *arg,
                     struct store_next *ret_next)
{
    struct list l;
    struct store_model m = {0};
    list_open(s, &queries_model[LIST], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, store_model_status_name((int)status));
    while (list_next(&l, fields, ARRAY_LEN(fields), &m))
        l.r = row(arg, &m);
    return list_end(&l, ret_next);
}
