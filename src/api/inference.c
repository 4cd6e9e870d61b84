// SPDX-License-Identifier: Apache-2.0
// inference.c - a picture through the desk of a model, or out of the cache.
//
// What the cache keeps of a picture: struct kept, the detections, and their labels one after the
// other, each with its zero.

#include "api/inference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "api/api_priv.h"
#include "base/arena.h"
#include "base/cache.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/tell_name.h"
#include "blob/blob.h"
#include "infer/desk.h"
#include "infer/detector.h"
#include "infer/model_cache.h"
#include "vision/frame.h"

enum {
    KEY_BYTES = CACHE_MAX_TEXT,
};
#define MAX_KEPT ((size_t)(4 * MIB)) // of one picture's detections

struct kept {
    int32_t width, height, decoded_width, decoded_height;
    char precision[INFERENCE_PRECISION_BYTES];
    uint64_t n;
};

// --- models

// The error of a model is told with its name in place of where its blob lies.
static int tell_of_loading(int r, const char *path, const char *name)
{
    char text[ERR_MESSAGE_BYTES];
    size_t n = strlen(path);
    err_copy_message(r, text, sizeof(text));
    if (strncmp(text, path, n) == 0)
        return err_set((enum err)r, "%s%s", name, text + n);
    return strstr(text, path) ? tell_name(r, path, name)
                              : err_set((enum err)r, "%s: %s", name, text);
}

int inference_take_model(struct request *q, const char *id_or_name,
                         const struct engine_opts *engine, struct inference_model *ret)
{
    struct api *a = api_of(q);
    char path[BLOB_PATH_BYTES];
    int r = api_find_model(q, id_or_name, &ret->row);
    if (r == 0 && !ret->row.blob_key)
        r = err_set(ERR_CONFLICT, "model %s has no file", ret->row.name);
    if (r == 0)
        r = blob_path(a->opts.blob, ret->row.blob_key, path);
    if (r < 0)
        return r;
    const struct model_wanted wanted = {
        .key = ret->row.id, .name = ret->row.name, .model = {.path = path}, .engine = engine};
    int64_t began_ns = clock_now_ns();
    r = model_cache_take(a->opts.models, &wanted, &ret->detector);
    if (r < 0) // one that was deleted meanwhile is not broken, it is gone
        r = tell_of_loading(r, path, ret->row.name);
    if (r < 0) {
        char why[ERR_MESSAGE_BYTES];
        err_copy_message(r, why, sizeof(why));
        struct store_model again;
        int gone = api_find_model(q, ret->row.id, &again);
        enum err is = r == ERR_NOT_FOUND ? ERR_CONFLICT : (enum err)r; // its calibration is absent
        return gone < 0 ? gone : err_set(is, "%s", why);
    }
    ret->load_ns = clock_now_ns() - began_ns;
    return 0;
}

void inference_give_back(struct request *q, struct inference_model *m)
{
    model_cache_give_back(api_of(q)->opts.models, m->detector);
    m->detector = NULL;
}

bool inference_is_gone(void *arg)
{
    return request_is_gone((const struct request *)arg);
}

int inference_enter(struct request *q, const struct inference_model *m, struct desk **ret_desk,
                    int64_t *ret_wait_ns)
{
    struct desk *k = model_cache_desk(api_of(q)->opts.models, m->detector);
    int64_t wait_ns = 0;
    int r = desk_enter(k, &(struct detector_waiter){inference_is_gone, q}, &wait_ns);
    if (r == ERR_BUSY)
        reply_retry_after(q, desk_retry_after(k));
    if (r < 0)
        return r;
    *ret_desk = k;
    *ret_wait_ns += wait_ns;
    return 0;
}

int inference_failure(const struct inference_model *m, int r)
{
    return r < 0 ? tell_name(r, detector_model(m->detector)->path, m->row.name) : r;
}

// --- the cache

// When the model was calibrated: once more gives other detections in 8 bits. 0: never.
static int64_t calibrated_ns(const struct api *a, const struct store_model *m)
{
    char model[BLOB_PATH_BYTES];
    char path[BLOB_PATH_BYTES + sizeof(BLOB_INT8_SUFFIX)];
    struct stat st;
    if (!m->blob_key || blob_path(a->opts.blob, m->blob_key, model) < 0) {
        err_clear(); // whoever runs it says so
        return 0;
    }
    (void)snprintf(path, sizeof(path), "%s%s", model, BLOB_INT8_SUFFIX);
    return stat(path, &st) < 0 ? 0
                               : (int64_t)st.st_mtim.tv_sec * CLOCK_NS_PER_S + st.st_mtim.tv_nsec;
}

// The settings' text may be long: it goes in as a digest.
static struct str key_of(const struct api *a, const struct inference_wanted *w,
                         const struct store_model *m, char text[KEY_BYTES])
{
    unsigned char picture[DIGEST_KEYED_BYTES];
    unsigned char settings[DIGEST_KEYED_BYTES];
    size_t n = 0;
    digest_keyed(w->picture.p, w->picture.n, picture);
    digest_keyed(w->settings_json, strlen(w->settings_json), settings);
    n += (size_t)snprintf(text, KEY_BYTES, "%s|%" PRId64 "|%d|", m->id, calibrated_ns(a, m),
                          w->whole);
    memcpy(text + n, picture, sizeof(picture));
    n += sizeof(picture);
    memcpy(text + n, settings, sizeof(settings));
    return (struct str){text, n + sizeof(settings)};
}

static int read_labels(struct request *q, const char *text, const char *end,
                       struct inference_seen *s)
{
    const char **labels = arena_array(request_arena(q), const char *, s->n + 1);
    if (!labels)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n; i++) {
        const char *zero = memchr(text, '\0', (size_t)(end - text));
        if (!zero)
            return err_set(ERR_INTERNAL, "a prediction in the cache is cut");
        labels[i] = text;
        text = zero + 1;
    }
    s->labels = labels;
    return 0;
}

static int read_kept(struct request *q, struct str bytes, struct inference_seen *s)
{
    struct kept k;
    char *copy = arena_strndup(request_arena(q), bytes.p, bytes.n);
    struct detection *items = NULL;
    memcpy(&k, bytes.p, sizeof(k));
    if (copy)
        items = arena_array(request_arena(q), struct detection, (size_t)k.n + 1);
    if (!items)
        return ERR_NOMEM;
    memcpy(items, copy + sizeof(k), (size_t)k.n * sizeof(*items));
    s->width = k.width;
    s->height = k.height;
    s->decoded_width = k.decoded_width;
    s->decoded_height = k.decoded_height;
    memcpy(s->precision, k.precision, sizeof(s->precision));
    s->n = (size_t)k.n;
    s->items = items;
    return read_labels(q, copy + sizeof(k) + s->n * sizeof(*items), copy + bytes.n, s);
}

static bool find_kept(struct request *q, struct str key, struct inference_seen *s)
{
    struct cache_value *v = cache_find(api_of(q)->predictions, key);
    if (!v)
        return false;
    s->is_cached = read_kept(q, v->bytes, s) == 0;
    cache_value_unref(&v);
    return s->is_cached;
}

static void keep(struct request *q, struct str key, uint64_t ticket, const struct inference_seen *s,
                 const struct store_model *m)
{
    struct str_buf out = STR_BUF_INIT(MAX_KEPT);
    struct kept k = {.width = s->width,
                     .height = s->height,
                     .decoded_width = s->decoded_width,
                     .decoded_height = s->decoded_height,
                     .n = s->n};
    memcpy(k.precision, s->precision, sizeof(k.precision));
    str_buf_add(&out, &k, sizeof(k));
    str_buf_add(&out, s->items, s->n * sizeof(*s->items));
    for (size_t i = 0; i < s->n; i++)
        str_buf_add(&out, s->labels[i], strlen(s->labels[i]) + 1);
    const struct str tag = str_of(m->id);
    if (str_buf_check(&out) == 0)
        (void)cache_put(api_of(q)->predictions,
                        &(struct cache_item){.key = key,
                                             .bytes = str_buf_view(&out),
                                             .ticket = ticket,
                                             .tags = &tag,
                                             .n_tags = 1},
                        NULL);
    else
        err_clear(); // so many detections are not kept
    str_buf_finish(&out);
}

// --- a picture's way

struct work {
    struct request *q;
    const struct inference_wanted *wanted;
    struct inference_model model;
    struct detector_settings settings;
    struct desk *desk;
    struct inference_seen *seen;
};

static int prepare(struct work *w, struct frame *f)
{
    const struct api_tools *t = &api_of(w->q)->opts.tools;
    const struct api_picture_wanted wanted = {.name = "the picture",
                                              .bytes = w->wanted->picture.p,
                                              .n = w->wanted->picture.n,
                                              .detector = w->model.detector,
                                              .whole = w->wanted->whole,
                                              .frame = f};
    struct api_picture_made made;
    int r = t->prepare_picture(t->arg, &wanted, &made);
    if (r < 0)
        return r;
    struct inference_seen *s = w->seen;
    s->width = f->letterbox.src_width;
    s->height = f->letterbox.src_height;
    s->decoded_width = made.decoded_width;
    s->decoded_height = made.decoded_height;
    s->times.decode_ns = made.decode_ns;
    s->times.letterbox_ns = made.letterbox_ns;
    return 0;
}

static int copy_result(struct work *w, const struct detector_result *result)
{
    struct inference_seen *s = w->seen;
    const struct model_info *info = detector_model(w->model.detector);
    size_t n = result->detections.n;
    struct detection *items = arena_array(request_arena(w->q), struct detection, n + 1);
    const char **labels = arena_array(request_arena(w->q), const char *, n + 1);
    if (!items || !labels)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        items[i] = result->detections.items[i];
        const char *label = info->labels[items[i].class_id];
        labels[i] = arena_strndup(request_arena(w->q), label, strlen(label));
        if (!labels[i])
            return ERR_NOMEM;
    }
    s->n = n;
    s->items = items;
    s->labels = labels;
    s->times.queue_ns += result->wait_ns;
    s->times.inference_ns = result->run_ns;
    return 0;
}

static int look(struct work *w)
{
    struct frame *f = NULL;
    struct detector_result *result = NULL;
    int r = desk_frame(w->desk, &f);
    if (r == 0)
        r = prepare(w, f);
    if (r == 0)
        r = desk_detect(w->desk, &(struct detector_waiter){inference_is_gone, w->q}, &f,
                        &w->settings, &result);
    if (r == 0)
        r = copy_result(w, result);
    detector_result_free(&result);
    frame_unref(&f);
    return r;
}

static int look_at_desk(struct work *w)
{
    const struct api_tools *t = &api_of(w->q)->opts.tools;
    int r = t->picture_settings(t->arg, w->wanted->settings_json, w->model.detector,
                                request_arena(w->q), &w->settings);
    if (r == 0)
        r = inference_enter(w->q, &w->model, &w->desk, &w->seen->times.queue_ns);
    if (r < 0)
        return r;
    r = look(w);
    desk_leave(w->desk);
    return r;
}

static int run_model(struct request *q, const struct inference_wanted *wanted,
                     struct inference_seen *s)
{
    const struct api_tools *t = &api_of(q)->opts.tools;
    struct work w = {.q = q, .wanted = wanted, .seen = s};
    struct engine_opts engine;
    int r = t->picture_engine(t->arg, wanted->settings_json, request_arena(q), &engine);
    if (r == 0)
        r = inference_take_model(q, wanted->model, &engine, &w.model);
    if (r < 0)
        return r;
    s->times.load_ns = w.model.load_ns;
    r = inference_failure(&w.model, look_at_desk(&w));
    snprintf(s->precision, sizeof(s->precision), "%s", detector_precision_name(w.model.detector));
    inference_give_back(q, &w.model);
    return r;
}

int inference_run(struct request *q, const struct inference_wanted *w, struct inference_seen *ret)
{
    struct store_model m;
    char text[KEY_BYTES];
    *ret = (struct inference_seen){0};
    int r = api_find_model(q, w->model, &m);
    if (r < 0)
        return r;
    ret->model = m.name;
    struct inference_wanted wanted = *w;
    wanted.model = m.id;
    if (w->is_fresh)
        return run_model(q, &wanted, ret);
    int64_t began_ns = clock_now_ns();
    struct str key = key_of(api_of(q), w, &m, text);
    ret->times.digest_ns = clock_now_ns() - began_ns;
    uint64_t ticket = cache_ticket(api_of(q)->predictions);
    if (find_kept(q, key, ret))
        return 0;
    r = run_model(q, &wanted, ret);
    if (r == 0)
        keep(q, key, ticket, ret, &m);
    return r;
}

// --- the times

static void put_ms(struct json_writer *w, const char *key, int64_t ns)
{
    json_key(w, key);
    if (ns > 0)
        json_double(w, (double)(ns / CLOCK_NS_PER_US) / 1000.0);
    else
        json_null(w);
}

void inference_put_times(struct json_writer *w, const struct inference_seen *s, int64_t total_ns)
{
    const struct inference_times *t = &s->times;
    json_object(w);
    put_ms(w, "digest", t->digest_ns);
    put_ms(w, "load", t->load_ns);
    put_ms(w, "queue", t->queue_ns);
    put_ms(w, "decode", t->decode_ns);
    put_ms(w, "letterbox", t->letterbox_ns);
    put_ms(w, "inference", t->inference_ns);
    put_ms(w, "total", total_ns);
    json_end(w);
}
