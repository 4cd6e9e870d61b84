// SPDX-License-Identifier: Apache-2.0
// r_inference.c - a posted picture and what a model sees in it.

#include <string.h>

#include "api/api_priv.h"
#include "api/inference.h"
#include "api/picture_body.h"
#include "base/clock.h"
#include "base/err.h"

enum {
    MAX_SETTINGS = 16 * 1024,
};

// Settings of detection that mean something for one picture, in the order of the cache's key.
static const char *const settings[] = {
    "class_confidence", "classes", "confidence", "engine", "iou", "max_detections", "precision"};
// What else may be asked.
static const char *const others[] = {"decode", "model"};

static bool is_among(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int check_name(void *arg, const char *name, const char *value)
{
    (void)arg;
    (void)value;
    if (is_among(settings, ARRAY_LEN(settings), name) || is_among(others, ARRAY_LEN(others), name))
        return 0;
    return err_set(ERR_INVALID,
                   "no parameter '%.80s'; there are model, confidence, iou, classes, "
                   "class_confidence, max_detections, engine, precision, decode",
                   name);
}

// {"confidence":"0.4",...}: values as they were given, names in one order.
static int put_settings(struct request *q, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        json_put_known(&w, settings[i], picture_body_field(q, settings[i]));
    json_end(&w);
    return str_buf_check(out);
}

static int read_decode(struct request *q, bool *ret_whole)
{
    const char *text = picture_body_field(q, "decode");
    *ret_whole = text && strcmp(text, "full") == 0;
    if (!text || *ret_whole || strcmp(text, "reduced") == 0)
        return 0;
    return err_set(ERR_INVALID, "decode: '%.40s' is neither full nor reduced", text);
}

static bool wants_fresh(const struct request *q)
{
    const char *caching = request_header(q, "Cache-Control");
    return caching && (strstr(caching, "no-cache") || strstr(caching, "no-store"));
}

static void put_item(struct json_writer *w, const struct detection *d, const char *label)
{
    json_object(w);
    json_put_int(w, "class_id", d->class_id);
    json_put_text(w, "label", label);
    json_key(w, "confidence");
    json_float(w, d->confidence);
    json_key(w, "bounding_box");
    json_object(w);
    json_key(w, "x");
    json_float(w, d->box.x1);
    json_key(w, "y");
    json_float(w, d->box.y1);
    json_key(w, "width");
    json_float(w, d->box.x2 - d->box.x1);
    json_key(w, "height");
    json_float(w, d->box.y2 - d->box.y1);
    json_end(w);
    json_end(w);
}

static int reply_seen(struct request *q, const struct inference_seen *s)
{
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "model", s->model);
    json_put_text(&w, "precision", s->precision);
    json_put_int(&w, "width", s->width);
    json_put_int(&w, "height", s->height);
    json_put_int(&w, "decoded_width", s->decoded_width);
    json_put_int(&w, "decoded_height", s->decoded_height);
    json_key(&w, "detections");
    json_array(&w);
    for (size_t i = 0; i < s->n; i++)
        put_item(&w, &s->items[i], s->labels[i]);
    json_end(&w);
    json_put_bool(&w, "cached", s->is_cached);
    json_key(&w, "milliseconds");
    inference_put_times(&w, s, clock_now_ns() - request_started_ns(q));
    json_end(&w);
    return reply_json(q, 200, &body);
}

static int inference_image(struct request *q)
{
    struct str_buf json = STR_BUF_INIT(MAX_SETTINGS);
    struct inference_wanted wanted = {.is_fresh = wants_fresh(q)};
    struct inference_seen seen;
    int r = picture_body(q, &wanted.picture);
    if (r == 0)
        r = picture_body_each(q, check_name, NULL);
    if (r == 0)
        r = read_decode(q, &wanted.whole);
    if (r == 0)
        r = put_settings(q, &json);
    wanted.model = picture_body_field(q, "model");
    wanted.settings_json = str_buf_text(&json);
    if (r == 0 && (!wanted.model || !*wanted.model))
        r = err_set(ERR_INVALID, "'model' is needed: the name or id of a model");
    if (r == 0)
        r = inference_run(q, &wanted, &seen);
    str_buf_finish(&json);
    return r == 0 ? reply_seen(q, &seen) : r;
}

const struct route api_routes_inference[] = {
    {"POST", "/api/v1/inference/image", inference_image, .role = API_VIEWER,
     .rate_class = API_RATE_COSTLY, .sink = &picture_body_sink},
    {0},
};
