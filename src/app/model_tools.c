// SPDX-License-Identifier: Apache-2.0
// model_tools.c - `model bench` and `model quantize` for the server's tasks: the same code, asked
// in a child that may read the files in question and no more.

#include "app/model_tools.h"

#include <stdio.h>
#include <string.h>

#include "app/model_bench.h"
#include "app/quantize.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_shape.h"
#include "base/str.h"
#include "infer/model.h"
#include "nn/quantization.h"

enum {
    PATH_BYTES = 4096,
    NAME_BYTES = 1024,
    BENCH_REPEAT = 20, // pictures a worker
    LIMIT_S = 3600,
    MAX_FILES = 256,
};
#define MAX_ANSWER (1 * MIB)
#define MAX_MEMORY ((int64_t)(32 * GIB)) // of addresses: the runtime reserves far more than it uses

static int copy_text(const char *text, char *ret_text, size_t max)
{
    size_t n = text ? strlen(text) : 0;
    if (n >= max)
        return err_set(ERR_INVALID, "%.80s: is too long", text);
    if (n > 0)
        memcpy(ret_text, text, n);
    ret_text[n] = '\0';
    return 0;
}

// A crash of the child is the model's.
static int blame_model(int r)
{
    return r == ERR_MEDIA ? err_set(ERR_MODEL, "the process that worked on it: %s", err_message(r))
                          : r;
}

// What a child answered in *answered*, as *shape* has it.
static int take_answer(int r, struct str_buf *answered, const struct json_shape *shape,
                       struct str_buf *out)
{
    if (r == 0) {
        r = json_shape_copy(str_buf_view(answered), shape, "its answer", out);
        if (r == ERR_DATA)
            r = err_set(ERR_MEDIA, "answered nonsense: %s", err_message(r));
    }
    str_buf_finish(answered);
    return blame_model(r);
}

// --- bench

// clang-format off
static const struct json_shape bench_model[] = {
    {.key = "head", .kind = JSON_SHAPE_WORD},
    {.key = "path", .kind = JSON_SHAPE_TEXT},
    {.key = "sha256", .kind = JSON_SHAPE_WORD},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape bench_ms[] = {
    {.key = "max", .kind = JSON_SHAPE_NUMBER},
    {.key = "median", .kind = JSON_SHAPE_NUMBER},
    {.key = "min", .kind = JSON_SHAPE_NUMBER},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape bench_row_members[] = {
    {.key = "engine", .kind = JSON_SHAPE_WORD},
    {.key = "milliseconds", .kind = JSON_SHAPE_OBJECT, .of = bench_ms},
    {.key = "pictures_per_second", .kind = JSON_SHAPE_NUMBER},
    {.key = "precision", .kind = JSON_SHAPE_WORD},
    {.key = "resident_bytes", .kind = JSON_SHAPE_COUNT},
    {.key = "share_of_peak", .kind = JSON_SHAPE_NUMBER, .may_lack = true},
    {.key = "threads", .kind = JSON_SHAPE_COUNT},
    {.key = "workers", .kind = JSON_SHAPE_COUNT},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape bench_row = {.kind = JSON_SHAPE_OBJECT, .of = bench_row_members};
static const struct json_shape bench_members[] = {
    {.key = "assay", .kind = JSON_SHAPE_WORD},
    {.key = "model", .kind = JSON_SHAPE_OBJECT, .of = bench_model},
    {.key = "rows", .kind = JSON_SHAPE_ARRAY, .of = &bench_row},
    {.kind = JSON_SHAPE_UNSET},
};
// clang-format on
static const struct json_shape benched = {.kind = JSON_SHAPE_OBJECT, .of = bench_members};

struct bench_request {
    char path[PATH_BYTES];
    char name[NAME_BYTES];
};

static int answer_bench(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    struct bench_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    return model_bench_json(q.path, q.name, BENCH_REPEAT, out);
}

static int bench(const char *program, const char *path, const char *name, const atomic_bool *stop,
                 struct str_buf *out)
{
    struct bench_request q;
    char beside[PATH_BYTES + 16];
    memset(&q, 0, sizeof(q));
    int r = copy_text(path, q.path, sizeof(q.path));
    if (r == 0)
        r = copy_text(name, q.name, sizeof(q.name));
    if (r < 0)
        return r;
    (void)snprintf(beside, sizeof(beside), "%s.int8.json", path); // where it was calibrated
    const struct child_limits limits = {
        .max_memory = MAX_MEMORY, .max_files = MAX_FILES, .readable = {q.path, beside}};
    struct str_buf answered = STR_BUF_INIT(MAX_ANSWER);
    r = child_ask_until(program, child_bench_kind.name, &limits, &q, sizeof(q),
                        LIMIT_S * CLOCK_NS_PER_S, stop, &answered);
    return take_answer(r, &answered, &benched, out);
}

// --- quantize

// clang-format off
static const struct json_shape measure_members[] = {
    {.key = "fp32", .kind = JSON_SHAPE_NUMBER},
    {.key = "int8", .kind = JSON_SHAPE_NUMBER},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape quantize_members[] = {
    {.key = "AP", .kind = JSON_SHAPE_OBJECT, .of = measure_members, .may_be_null = true},
    {.key = "agreement", .kind = JSON_SHAPE_OBJECT, .of = measure_members, .may_be_null = true},
    {.key = "frames", .kind = JSON_SHAPE_COUNT},
    {.key = "layers_in_fp32", .kind = JSON_SHAPE_COUNT},
    {.key = "loss", .kind = JSON_SHAPE_NUMBER},
    {.key = "source", .kind = JSON_SHAPE_TEXT},
    {.kind = JSON_SHAPE_UNSET},
};
// clang-format on
static const struct json_shape quantized = {.kind = JSON_SHAPE_OBJECT, .of = quantize_members};

struct quantize_request {
    int32_t n_frames;
    int32_t has_truth;
    double max_loss;
    char model[PATH_BYTES];
    char video[PATH_BYTES];
    char truth[PATH_BYTES];
    char out[PATH_BYTES];
    char name[NAME_BYTES];
};

static void put_measure(struct json_writer *w, const char *key, const struct quantization *q,
                        enum quantization_measure measure)
{
    json_key(w, key);
    if (q->measure != measure) {
        json_null(w);
        return;
    }
    json_object(w);
    json_put_double(w, "fp32", q->fp32);
    json_put_double(w, "int8", q->int8);
    json_end(w);
}

static void put_result(const struct quantization *q, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    put_measure(&w, "AP", q, QUANTIZATION_AP);
    put_measure(&w, "agreement", q, QUANTIZATION_AGREEMENT);
    json_put_double(&w, "loss", q->loss);
    json_put_int(&w, "frames", q->n_frames);
    json_put_int(&w, "layers_in_fp32", q->n_layers);
    json_put_text(&w, "source", q->source);
    json_end(&w);
}

static int calibrate(const struct quantize_request *q, struct str_buf *out)
{
    const struct model_opts opts = {.path = q->model};
    const struct quantize_opts wanted = {.source = q->video,
                                         .truth = q->has_truth ? q->truth : NULL,
                                         .n_frames = q->n_frames,
                                         .max_loss = q->max_loss};
    struct model *m = NULL;
    struct quantize *work = NULL;
    int r = model_open(&opts, &m);
    if (r == 0)
        r = quantize_run(m, &wanted, &work);
    if (r == 0) {
        struct quantization made = *quantize_result(work);
        made.source = q->name;
        r = quantization_write(&made, q->out);
        put_result(&made, out);
    }
    quantize_destroy(work);
    model_unref(&m);
    return r;
}

static int answer_quantize(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    struct quantize_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    return calibrate(&q, out);
}

static int fill_request(const struct task_quantize *w, struct quantize_request *q)
{
    memset(q, 0, sizeof(*q));
    q->n_frames = w->n_frames;
    q->max_loss = w->max_loss;
    q->has_truth = w->truth_path != NULL;
    int r = copy_text(w->model_path, q->model, sizeof(q->model));
    if (r == 0)
        r = copy_text(w->video_path, q->video, sizeof(q->video));
    if (r == 0)
        r = copy_text(w->truth_path, q->truth, sizeof(q->truth));
    if (r == 0)
        r = copy_text(w->out_path, q->out, sizeof(q->out));
    return r == 0 ? copy_text(w->video_name, q->name, sizeof(q->name)) : r;
}

static int quantize(const char *program, const struct task_quantize *w, const atomic_bool *stop,
                    struct str_buf *out)
{
    struct quantize_request q;
    int r = fill_request(w, &q);
    if (r < 0)
        return r;
    const struct child_limits limits = {
        .max_memory = MAX_MEMORY,
        .max_files = MAX_FILES,
        .readable = {q.model, q.video, w->truth_path},
        .writable = w->out_folder,
    };
    struct str_buf answered = STR_BUF_INIT(MAX_ANSWER);
    r = child_ask_until(program, child_quantize_kind.name, &limits, &q, sizeof(q),
                        LIMIT_S * CLOCK_NS_PER_S, stop, &answered);
    return take_answer(r, &answered, &quantized, out);
}

// --- the children

static int run_bench(int socket)
{
    return child_answer(socket, MAX_ANSWER, answer_bench);
}

static int run_quantize(int socket)
{
    return child_answer(socket, MAX_ANSWER, answer_quantize);
}

const struct child_kind child_bench_kind = {"bench", run_bench};
const struct child_kind child_quantize_kind = {"quantize", run_quantize};
const struct task_model_tools model_tools = {.bench = bench, .quantize = quantize};
