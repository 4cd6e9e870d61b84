// SPDX-License-Identifier: Apache-2.0
// r_model.c - models: upload, what was recognised, loading and unloading.

#include <string.h>

#include "api/api_priv.h"
#include "api/arrival.h"
#include "api/inference.h"
#include "base/arena.h"
#include "base/cache.h"
#include "base/clock.h"
#include "base/err.h"
#include "blob/blob.h"
#include "infer/detector.h"
#include "infer/model_cache.h"
#include "store/store_blob.h"
#include "store/store_model.h"
#include "store/store_task.h"
#include "store/store_video.h"

struct loaded {
    const char *id;
    struct model_cache_usage usage;
    const char *engine, *precision; // constant texts
    int n_workers;
};

static void note_loaded(void *arg, const struct model_cache_entry *e)
{
    struct loaded *l = (struct loaded *)arg;
    if (strcmp(e->key, l->id) != 0)
        return;
    l->engine = detector_engine_name(e->detector);
    l->precision = detector_precision_name(e->detector);
    l->n_workers = detector_n_workers(e->detector);
}

// The mean of *n*, in milliseconds; null where there is none.
static void put_mean_ms(struct json_writer *w, const char *key, int64_t ns, int64_t n)
{
    json_key(w, key);
    if (n > 0)
        json_double(w, (double)(ns / n / CLOCK_NS_PER_US) / 1000.0);
    else
        json_null(w);
}

static void put_statistics(struct json_writer *w, const struct model_cache_usage *u)
{
    json_key(w, "statistics");
    json_object(w);
    json_put_int(w, "loads", u->n_loads);
    put_mean_ms(w, "load_milliseconds", u->load_ns, u->n_loads);
    json_put_int(w, "pictures", u->n_pictures);
    json_put_int(w, "failed_pictures", u->n_failed);
    put_mean_ms(w, "inference_milliseconds", u->run_ns, u->n_pictures);
    put_mean_ms(w, "queue_milliseconds", u->wait_ns, u->n_pictures);
    json_put_int(w, "waiting", (int64_t)u->n_waiting);
    json_key(w, "resident_bytes");
    if (u->n_loaded > 0)
        json_int(w, u->resident_bytes);
    else
        json_null(w);
    json_end(w);
}

static void put_model_with(struct json_writer *w, const struct store_model *m,
                           const struct loaded *l)
{
    json_object(w);
    json_put_text(w, "id", m->id);
    json_put_text(w, "name", m->name);
    json_put_text(w, "status", store_model_status_name((int)m->status));
    json_put_text(w, "error", m->error);
    json_put_text(w, "sha256", m->sha256);
    json_put_int(w, "bytes", m->n_bytes);
    json_put_text(w, "head", m->head);
    put_raw(w, "labels", m->labels_json);
    put_raw(w, "input", m->input_json);
    put_raw(w, "description", m->description_json);
    json_put_bool(w, "is_loaded", l->usage.n_loaded > 0);
    json_put_int(w, "users", (int64_t)l->usage.n_users);
    json_put_int(w, "times_used", l->usage.n_taken);
    json_put_text(w, "engine", l->engine);
    json_put_text(w, "precision", l->precision);
    json_key(w, "workers");
    if (l->n_workers > 0)
        json_int(w, l->n_workers);
    else
        json_null(w);
    put_statistics(w, &l->usage);
    put_time(w, "created_at", m->created_at_us);
    put_time(w, "updated_at", m->updated_at_us);
    json_end(w);
}

static void put_one(struct json_writer *w, struct api *a, const struct store_model *m)
{
    struct loaded l = {.id = m->id, .usage = model_cache_usage(a->opts.models, m->id)};
    model_cache_each(a->opts.models, note_loaded, &l);
    put_model_with(w, m, &l);
}

int api_reply_model(struct request *q, int status, const char *id)
{
    struct store_model m;
    int r = api_find_model(q, id, &m);
    if (r < 0)
        return r;
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    put_one(&w, api_of(q), &m);
    return reply_json(q, status, &body);
}

static int model_create(struct request *q)
{
    struct uploaded file;
    char id[ID_BYTES];
    int r = upload_finish(q, &file);
    if (r < 0)
        return r;
    const struct arrival a = {.kind = ARRIVAL_MODEL,
                              .name = upload_field(q, "name"),
                              .file_name = file.name,
                              .blob = file.blob};
    r = arrival_take(q, &a, id);
    if (r < 0)
        return r;
    upload_keep(q);
    return arrival_reply(q, &a, id);
}

static int model_get(struct request *q)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? api_reply_model(q, 200, id) : r;
}

static int model_delete(struct request *q)
{
    struct api *a = api_of(q);
    struct store_dropped dropped = {0};
    struct store_model m;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_find_model(q, id, &m);
    if (r == 0) {
        api_audit_object(q, m.id); // the path may name it by its name
        r = store_model_delete(a->opts.store, m.id, &dropped);
    }
    if (r == 0) {
        model_cache_unload(a->opts.models, m.id, NULL);
        cache_forget_tag(a->predictions, str_of(m.id));
    }
    api_delete_blobs(a, &dropped);
    return r == 0 ? reply_empty(q, 204) : r;
}

struct model_listing {
    struct listing l; // first
    struct api *api;
};

static int list_row(void *arg, const struct store_model *m)
{
    struct model_listing *l = (struct model_listing *)arg;
    put_one(&l->l.w, l->api, m);
    return 0;
}

static int model_list(struct request *q)
{
    struct model_listing l = {.api = api_of(q)};
    int r = listing_begin(&l.l, q);
    if (r == 0)
        r = store_model_list(l.api->opts.store, STORE_MODEL_UNSET, &l.l.page, list_row, &l,
                             &l.l.next);
    return listing_end(&l.l, r);
}

static int model_load(struct request *q)
{
    struct inference_model m = {.detector = NULL};
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = inference_take_model(q, id, NULL, &m);
    if (r < 0)
        return r;
    inference_give_back(q, &m);
    api_audit_object(q, m.row.id);
    return api_reply_model(q, 200, m.row.id);
}

static int model_unload(struct request *q)
{
    struct store_model m;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_find_model(q, id, &m);
    if (r < 0)
        return r;
    model_cache_unload(api_of(q)->opts.models, m.id, NULL);
    api_audit_object(q, m.id);
    return api_reply_model(q, 200, m.id);
}

// --- work that takes longer than a request

static int queue_work(struct request *q, struct store_task *t, const char *message)
{
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    char id[ID_BYTES];
    t->max_attempts = 1; // what it says of this machine, or of this model, it says again
    t->created_by = api_user_id(q);
    int r = store_task_create(api_of(q)->opts.store, t, NULL, 0, id);
    if (r < 0)
        return r;
    api_announce_task(api_of(q), t, id);
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "task_id", id);
    json_put_text(&w, "status", store_task_status_name(STORE_TASK_QUEUED));
    json_put_text(&w, "message", message);
    json_end(&w);
    reply_headerf(q, "Location", "/api/v1/tasks/%s/status", id);
    return reply_json(q, 202, &body);
}

static int usable_model(struct request *q, struct store_model *m)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_find_model(q, id, m);
    if (r == 0 && !m->blob_key)
        r = err_set(ERR_CONFLICT, "model %s has no file", m->name);
    return r;
}

static int model_bench(struct request *q)
{
    struct store_model m;
    int r = usable_model(q, &m);
    if (r < 0)
        return r;
    struct store_task t = {.kind = "bench", .model_id = m.id};
    return queue_work(q, &t, "the model will be measured");
}

struct quantize_body {
    const char *video_id;
    int64_t frames;
    const char *max_loss; // JSON
};

static const struct body_field quantize_fields[] = {
    {"video_id", BODY_TEXT, offsetof(struct quantize_body, video_id), .is_needed = true},
    {"frames", BODY_INT, offsetof(struct quantize_body, frames), .max = 256},
    {"max_loss", BODY_JSON, offsetof(struct quantize_body, max_loss)},
    {0},
};

static int quantize_settings(struct request *q, const struct quantize_body *b, const char **ret)
{
    double max_loss = 0.01;
    if (b->frames == 1 || b->frames < 0)
        return err_set(ERR_INVALID, "'frames' is not a whole number from 2 to 256");
    if (b->max_loss &&
        (str_to_double(str_of(b->max_loss), &max_loss) < 0 || max_loss < 0 || max_loss > 1))
        return err_set(ERR_INVALID, "'max_loss' is not a number from 0 to 1");
    *ret = arena_printf(request_arena(q), "{\"frames\":%lld,\"max_loss\":%.6f}",
                        (long long)(b->frames ? b->frames : 32), max_loss);
    return *ret ? 0 : ERR_NOMEM;
}

static int model_quantize(struct request *q)
{
    struct quantize_body b = {.video_id = NULL};
    struct store_video v;
    struct store_model m;
    struct store_task t = {.kind = "quantize"};
    int r = usable_model(q, &m);
    if (r == 0)
        r = body_read(q, quantize_fields, &b);
    if (r == 0)
        r = store_video_get(api_of(q)->opts.store, b.video_id, request_arena(q), &v);
    if (r == 0)
        r = api_check_project(q, v.project_id, API_EDITOR);
    if (r == 0 && v.status == STORE_VIDEO_FAILED)
        r = err_set(ERR_CONFLICT, "video %s cannot be read", v.name);
    if (r == 0)
        r = quantize_settings(q, &b, &t.settings_json);
    if (r < 0)
        return r;
    t.project_id = v.project_id;
    t.video_id = v.id;
    t.model_id = m.id;
    return queue_work(q, &t, "the model will be calibrated on the video's frames");
}

const struct route api_routes_model[] = {
    {"POST", "/api/v1/models", model_create, .role = API_EDITOR, .rate_class = API_RATE_COSTLY,
     .sink = &api_upload_sink},
    {"GET", "/api/v1/models", model_list, .role = API_VIEWER},
    {"GET", "/api/v1/models/{id}", model_get, .role = API_VIEWER},
    {"DELETE", "/api/v1/models/{id}", model_delete, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"POST", "/api/v1/models/{id}/load", model_load, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY},
    {"POST", "/api/v1/models/{id}/unload", model_unload, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"POST", "/api/v1/models/{id}/bench", model_bench, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY},
    {"POST", "/api/v1/models/{id}/quantize", model_quantize, .role = API_EDITOR,
     .rate_class = API_RATE_COSTLY},
    {0},
};
