// SPDX-License-Identifier: Apache-2.0
// quantization.c - the file of a model's 8 bits, read and written.

#include "nn/quantization.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char format_name[] = "assay-int8";

enum {
    FORMAT_VERSION = 1,
};

static const char *const measures[] = {
    [QUANTIZATION_AP] = "ap",
    [QUANTIZATION_AGREEMENT] = "agreement",
};

static const char *const precisions[] = {
    [PLAN_FP32] = "fp32",
    [PLAN_BF16] = "bf16",
    [PLAN_INT8] = "int8",
};

char *quantization_path(const char *model_path)
{
    const char *dot = strrchr(model_path, '.');
    const char *slash = strrchr(model_path, '/');
    size_t n = dot && (!slash || dot > slash + 1) ? (size_t)(dot - model_path) : strlen(model_path);
    static const char ending[] = ".int8.json";
    char *path = (char *)mem_calloc(n + sizeof(ending), 1);
    if (!path)
        return NULL;
    memcpy(path, model_path, n);
    memcpy(path + n, ending, sizeof(ending));
    return path;
}

// --- writing

static void write_ranges(struct json_writer *w, const struct quantization *q)
{
    json_key(w, "ranges");
    json_array(w);
    for (int i = 0; i < q->n_ranges; i++) {
        const struct plan_range *r = &q->ranges[i];
        json_object(w);
        json_key(w, "name");
        json_cstring(w, r->name);
        json_key(w, "min");
        json_float(w, r->min);
        json_key(w, "max");
        json_float(w, r->max);
        json_key(w, "means");
        json_array(w);
        for (int k = 0; k < r->n_means; k++)
            json_float(w, r->means[k]);
        json_end(w);
        json_end(w);
    }
    json_end(w);
}

static void write_layers(struct json_writer *w, const struct quantization *q)
{
    json_key(w, "layers");
    json_array(w);
    for (int i = 0; i < q->n_layers; i++) {
        json_object(w);
        json_key(w, "name");
        json_cstring(w, q->layers[i].name);
        json_key(w, "precision");
        json_cstring(w, precisions[q->layers[i].precision]);
        json_end(w);
    }
    json_end(w);
}

static void write_all(struct json_writer *w, const struct quantization *q)
{
    json_object(w);
    json_key(w, "format");
    json_cstring(w, format_name);
    json_key(w, "version");
    json_int(w, FORMAT_VERSION);
    json_key(w, "model_sha256");
    json_cstring(w, q->model_sha256);
    json_key(w, "calibration");
    json_object(w);
    json_key(w, "source");
    json_cstring(w, q->source);
    json_key(w, "sha256");
    json_cstring(w, q->source_sha256);
    json_key(w, "frames");
    json_int(w, q->n_frames);
    json_end(w);
    json_key(w, "loss");
    json_object(w);
    json_key(w, "measure");
    json_cstring(w, measures[q->measure]);
    json_key(w, "fp32");
    json_double(w, q->fp32);
    json_key(w, "int8");
    json_double(w, q->int8);
    json_key(w, "loss");
    json_double(w, q->loss);
    json_end(w);
    write_layers(w, q);
    write_ranges(w, q);
    json_end(w);
}

int quantization_write(const struct quantization *q, const char *path)
{
    struct str_buf text = {.max = QUANTIZATION_MAX_BYTES};
    struct json_writer w;
    json_writer_init(&w, &text);
    w.pretty = false;
    write_all(&w, q);
    str_buf_putc(&text, '\n');
    struct file_out *out = NULL;
    int r = str_buf_check(&text);
    if (r == 0)
        r = file_out_open(path, &out);
    if (r == 0)
        r = file_out_write(out, text.p, text.n);
    if (r == 0)
        r = file_out_commit(&out);
    else
        file_out_abort(&out);
    str_buf_finish(&text);
    return r;
}

// --- reading

// One field of an object: what it may be, and where it goes.
struct reading {
    struct json_reader *json;
    struct quantization *q;
    struct plan_range *ranges;
    struct plan_layer *layers;
    float *means; // of the range at hand
    size_t cap_ranges, cap_layers, cap_means;
    int n_means;
    bool has_format;
};

typedef int field_fn(struct reading *d, const char *key, const struct json_event *value);

static int copy_text(struct reading *d, const struct json_event *value, const char **ret_text)
{
    if (value->type != JSON_STRING)
        return json_error(d->json, "a text is expected");
    *ret_text = arena_strndup(d->q->arena, value->text.p, value->text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int copy_digest(struct reading *d, const struct json_event *value, char ret_hex[65])
{
    static const char digits[] = "0123456789abcdef";
    if (value->type != JSON_STRING || value->text.n != 64)
        return json_error(d->json, "64 hex digits are expected");
    for (size_t i = 0; i < 64; i++) {
        if (!memchr(digits, value->text.p[i], 16))
            return json_error(d->json, "64 hex digits are expected");
    }
    memcpy(ret_hex, value->text.p, 64);
    ret_hex[64] = '\0';
    return 0;
}

static int copy_number(struct reading *d, const struct json_event *value, double *ret_number)
{
    if (value->type != JSON_NUMBER || !isfinite(value->number))
        return json_error(d->json, "a number is expected");
    *ret_number = value->number;
    return 0;
}

static int copy_word(struct reading *d, const struct json_event *value, const char *const *words,
                     int n, int *ret_index)
{
    for (int i = 1; i < n && value->type == JSON_STRING; i++) {
        if (words[i] && strlen(words[i]) == value->text.n &&
            memcmp(words[i], value->text.p, value->text.n) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    return json_error(d->json, "'%s' or another known word is expected", words[n - 1]);
}

// The fields of an object whose first event was read, each to *fn*.
static int read_object(struct reading *d, const struct json_event *first, field_fn *fn)
{
    if (first->type != JSON_OBJECT)
        return json_error(d->json, "an object is expected");
    for (;;) {
        struct json_event e;
        char key[64];
        int r = json_next(d->json, &e);
        if (r < 0 || e.type == JSON_OBJECT_END)
            return r;
        size_t n = MIN(e.text.n, sizeof(key) - 1);
        memcpy(key, e.text.p, n);
        key[n] = '\0';
        r = json_next(d->json, &e);
        if (r == 0)
            r = fn(d, key, &e);
        if (r < 0)
            return r;
    }
}

// The objects of an array.
static int read_objects(struct reading *d, const struct json_event *first,
                        int (*fn)(struct reading *d, const struct json_event *first))
{
    if (first->type != JSON_ARRAY)
        return json_error(d->json, "an array is expected");
    for (;;) {
        struct json_event e;
        int r = json_next(d->json, &e);
        if (r < 0 || e.type == JSON_ARRAY_END)
            return r;
        r = fn(d, &e);
        if (r < 0)
            return r;
    }
}

static int skip(struct reading *d, const struct json_event *value)
{
    return json_skip(d->json, value); // fields of later versions
}

static int calibration_field(struct reading *d, const char *key, const struct json_event *value)
{
    double n = 0;
    if (strcmp(key, "source") == 0)
        return copy_text(d, value, &d->q->source);
    if (strcmp(key, "sha256") == 0)
        return copy_digest(d, value, d->q->source_sha256);
    if (strcmp(key, "frames") != 0)
        return skip(d, value);
    int r = copy_number(d, value, &n);
    if (r == 0 && !(n >= 0 && n <= INT32_MAX))
        return json_error(d->json, "a number of frames is expected");
    if (r == 0)
        d->q->n_frames = (int)n;
    return r;
}

static int loss_field(struct reading *d, const char *key, const struct json_event *value)
{
    int measure = 0;
    if (strcmp(key, "fp32") == 0)
        return copy_number(d, value, &d->q->fp32);
    if (strcmp(key, "int8") == 0)
        return copy_number(d, value, &d->q->int8);
    if (strcmp(key, "loss") == 0)
        return copy_number(d, value, &d->q->loss);
    if (strcmp(key, "measure") != 0)
        return skip(d, value);
    int r = copy_word(d, value, measures, ARRAY_LEN(measures), &measure);
    if (r == 0)
        d->q->measure = (enum quantization_measure)measure;
    return r;
}

static int layer_field(struct reading *d, const char *key, const struct json_event *value)
{
    struct plan_layer *layer = &d->layers[d->q->n_layers];
    int precision = 0;
    if (strcmp(key, "name") == 0)
        return copy_text(d, value, &layer->name);
    if (strcmp(key, "precision") != 0)
        return skip(d, value);
    int r = copy_word(d, value, precisions, ARRAY_LEN(precisions), &precision);
    if (r == 0)
        layer->precision = (enum plan_precision)precision;
    return r;
}

static int read_layer(struct reading *d, const struct json_event *first)
{
    if (d->q->n_layers >= QUANTIZATION_MAX_LAYERS)
        return err_set(ERR_TOO_BIG, "more than %d layers", QUANTIZATION_MAX_LAYERS);
    int r = MEM_GROW(d->layers, d->cap_layers, (size_t)d->q->n_layers);
    if (r < 0)
        return r;
    struct plan_layer *layer = &d->layers[d->q->n_layers];
    *layer = (struct plan_layer){0};
    r = read_object(d, first, layer_field);
    if (r == 0 && (!layer->name || layer->precision == PLAN_PRECISION_UNSET))
        return json_error(d->json, "a layer needs 'name' and 'precision'");
    d->q->n_layers += r == 0;
    return r;
}

static int read_means(struct reading *d, const struct json_event *first, struct plan_range *range)
{
    d->n_means = 0;
    if (first->type != JSON_ARRAY)
        return json_error(d->json, "an array is expected");
    for (;;) {
        struct json_event e;
        double v = 0;
        int r = json_next(d->json, &e);
        if (r == 0 && e.type == JSON_ARRAY_END)
            break;
        if (r == 0)
            r = copy_number(d, &e, &v);
        if (r == 0)
            r = MEM_GROW(d->means, d->cap_means, (size_t)d->n_means);
        if (r < 0)
            return r;
        d->means[d->n_means++] = (float)v;
    }
    float *means = (float *)arena_alloc(d->q->arena, (size_t)d->n_means + 1, sizeof(float));
    if (!means)
        return ERR_NOMEM;
    if (d->n_means)
        memcpy(means, d->means, (size_t)d->n_means * sizeof(float));
    range->means = means;
    range->n_means = d->n_means;
    return 0;
}

static int range_field(struct reading *d, const char *key, const struct json_event *value)
{
    struct plan_range *range = &d->ranges[d->q->n_ranges];
    double v = 0;
    if (strcmp(key, "name") == 0)
        return copy_text(d, value, &range->name);
    if (strcmp(key, "means") == 0)
        return read_means(d, value, range);
    bool is_min = strcmp(key, "min") == 0;
    if (!is_min && strcmp(key, "max") != 0)
        return skip(d, value);
    int r = copy_number(d, value, &v);
    if (r == 0)
        *(is_min ? &range->min : &range->max) = (float)v;
    return r;
}

static int read_range(struct reading *d, const struct json_event *first)
{
    if (d->q->n_ranges >= QUANTIZATION_MAX_RANGES)
        return err_set(ERR_TOO_BIG, "more than %d ranges", QUANTIZATION_MAX_RANGES);
    int r = MEM_GROW(d->ranges, d->cap_ranges, (size_t)d->q->n_ranges);
    if (r < 0)
        return r;
    struct plan_range *range = &d->ranges[d->q->n_ranges];
    *range = (struct plan_range){0};
    r = read_object(d, first, range_field);
    if (r == 0 && (!range->name || !(range->min <= 0 && range->max >= 0) || !isfinite(range->min) ||
                   !isfinite(range->max)))
        return json_error(d->json, "a range needs 'name', and 'min' and 'max' around 0");
    d->q->n_ranges += r == 0;
    return r;
}

static int top_field(struct reading *d, const char *key, const struct json_event *value)
{
    if (strcmp(key, "format") == 0) {
        d->has_format = value->type == JSON_STRING && str_is(value->text, format_name);
        return d->has_format ? 0 : json_error(d->json, "'%s' is expected", format_name);
    }
    if (strcmp(key, "version") == 0)
        return value->type == JSON_NUMBER && value->is_integer && value->integer == FORMAT_VERSION
                   ? 0
                   : json_error(d->json, "version %d is expected", FORMAT_VERSION);
    if (strcmp(key, "model_sha256") == 0)
        return copy_digest(d, value, d->q->model_sha256);
    if (strcmp(key, "calibration") == 0)
        return read_object(d, value, calibration_field);
    if (strcmp(key, "loss") == 0)
        return read_object(d, value, loss_field);
    if (strcmp(key, "layers") == 0)
        return read_objects(d, value, read_layer);
    if (strcmp(key, "ranges") == 0)
        return read_objects(d, value, read_range);
    return skip(d, value);
}

static int read_all(struct reading *d)
{
    struct json_event e;
    int r = json_next(d->json, &e);
    if (r == 0)
        r = read_object(d, &e, top_field);
    if (r == 0)
        r = json_next(d->json, &e); // nothing follows
    if (r < 0)
        return r;
    const struct quantization *q = d->q;
    if (!d->has_format || !q->model_sha256[0] || !q->source || !q->source_sha256[0] ||
        q->measure == QUANTIZATION_UNSET)
        return json_error(d->json, "'format', 'model_sha256', 'calibration' and 'loss' are needed");
    return 0;
}

// The arrays move to the arena that *d->q* ends with.
static int keep_arrays(struct reading *d)
{
    struct quantization *q = d->q;
    size_t n_ranges = (size_t)q->n_ranges;
    size_t n_layers = (size_t)q->n_layers;
    struct plan_range *ranges =
        (struct plan_range *)arena_alloc(q->arena, n_ranges + 1, sizeof(*ranges));
    struct plan_layer *layers =
        (struct plan_layer *)arena_alloc(q->arena, n_layers + 1, sizeof(*layers));
    if (!ranges || !layers)
        return ERR_NOMEM;
    if (n_ranges)
        memcpy(ranges, d->ranges, n_ranges * sizeof(*ranges));
    if (n_layers)
        memcpy(layers, d->layers, n_layers * sizeof(*layers));
    q->ranges = ranges;
    q->layers = layers;
    return 0;
}

static int read_text(struct quantization *q, struct str text, const char *path)
{
    struct reading d = {.q = q};
    struct json_reader_opts opts = {.text = text, .name = path};
    int r = json_reader_create(&opts, &d.json);
    if (r == 0)
        r = read_all(&d);
    if (r == 0)
        r = keep_arrays(&d);
    json_reader_destroy(d.json);
    mem_free(d.ranges);
    mem_free(d.layers);
    mem_free(d.means);
    return r;
}

int quantization_read(const char *path, struct quantization **ret_quantization)
{
    char *bytes = NULL;
    size_t n = 0;
    int r = file_read(path, QUANTIZATION_MAX_BYTES, &bytes, &n);
    if (r < 0)
        return r;
    r = quantization_parse((struct str){bytes, n}, path, ret_quantization);
    mem_free(bytes);
    return r;
}

int quantization_parse(struct str text, const char *name, struct quantization **ret_quantization)
{
    struct quantization *q = mem_new(struct quantization);
    int r = q ? arena_create(0, &q->arena) : ERR_NOMEM;
    if (r == 0)
        r = read_text(q, text, name);
    if (r < 0) {
        quantization_destroy(q);
        return r;
    }
    *ret_quantization = q;
    return 0;
}

void quantization_destroy(struct quantization *q)
{
    if (!q)
        return;
    arena_destroy(q->arena);
    mem_free(q);
}
