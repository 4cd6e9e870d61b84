// SPDX-License-Identifier: Apache-2.0
// cmd_bench.c - what each part of a frame's way costs on this machine, and what the whole way
// yields.

#include <stdio.h>

#include "app/app.h"
#include "app/bench_parts.h"
#include "app/commands.h"
#include "base/err.h"
#include "base/json.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "infer/engine.h"
#include "infer/model.h"

enum {
    DOCUMENT_MAX = 256 * 1024,
    N_FIGURES = 8,
};

static struct bench_settings {
    int64_t repeat;
    const char *json;
} settings = {.repeat = 5};

static struct source_opts source_opts;
static struct model_opts model_opts;
static struct engine_opts engine_opts;

// clang-format off
static const struct opt rows[] = {
    OPT_INT(struct bench_settings, "repeat", repeat, 1, BENCH_MAX_ROUNDS, "N", "rounds; figures are their median", "5"),
    OPT_TEXT(struct bench_settings, "json", json, "FILE", "write the figures as JSON; - is standard output", NULL),
    OPT_END,
};

static const struct opt_set sets[] = {
    {rows, &settings, "Bench"},
    {model_options, &model_opts, "Model"},
    {engine_options, &engine_opts, "Engine"},
    {source_options, &source_opts, "Source"},
};

// A figure of every round, in the order in which it is printed.
static const struct {
    const char *key;
    const char *text;
    const char *unit;
} figures[N_FIGURES] = {
    {"decode",                    "decode",                  "core-ms a frame"},
    {"letterbox",                 "letterbox",               "core-ms a frame"},
    {"network",                   "network",                 "core-ms a frame"},
    {"head",                      "head and NMS",            "core-ms a frame"},
    {"allowed_frames_per_second", "the parts allow",         "frames a second"},
    {"frames_per_second",         "end to end",              "frames a second"},
    {"share",                     "end to end over allowed", ""},
    {"core_milliseconds",         "end to end, CPU",         "core-ms a frame"},
};
// clang-format on

struct bench_result {
    struct bench_spread figures[N_FIGURES];
    int64_t n_frames;
    int n_cores;
    size_t n_rounds;
};

static int measure(struct detector *d, const char *path, struct bench_result *ret_result)
{
    struct bench_parts_opts opts = {
        .source = source_opts, .detector = d, .cores = thread_n_cores()};
    opts.source.path = path;
    double samples[N_FIGURES][BENCH_MAX_ROUNDS];
    struct bench_round round = {0};
    size_t n = 0;
    while (n < (size_t)settings.repeat && !app_is_interrupted()) {
        int r = bench_round_run(&opts, &round);
        if (r < 0)
            return r;
        double allowed = bench_allowed_fps(&round, opts.cores);
        const double values[N_FIGURES] = {
            round.decode,
            round.letterbox,
            round.network,
            round.head,
            allowed,
            round.whole_frames_per_second,
            allowed > 0 ? round.whole_frames_per_second / allowed : 0,
            round.whole_core_ms,
        };
        for (size_t i = 0; i < N_FIGURES; i++)
            samples[i][n] = values[i];
        n++;
    }
    if (n == 0)
        return err_set(ERR_CANCELLED, "interrupted before the first round ended");
    for (size_t i = 0; i < N_FIGURES; i++)
        ret_result->figures[i] = bench_spread_of(samples[i], n);
    ret_result->n_frames = round.n_frames;
    ret_result->n_cores = opts.cores;
    ret_result->n_rounds = n;
    return 0;
}

static void print_text(const struct bench_result *result, const struct detector *d,
                       const char *path)
{
    printf("%s, %s, %lld frames, %zu rounds, %d cores\n", path, detector_engine(d),
           (long long)result->n_frames, result->n_rounds, result->n_cores);
    printf("%-26s %10s %10s %10s\n", "", "median", "min", "max");
    for (size_t i = 0; i < N_FIGURES; i++) {
        const struct bench_spread *s = &result->figures[i];
        printf("%-26s %10.3f %10.3f %10.3f  %s\n", figures[i].text, s->median, s->min, s->max,
               figures[i].unit);
    }
}

static void put_spread(struct json_writer *w, const char *key, const struct bench_spread *s)
{
    json_key(w, key);
    json_object(w);
    json_key(w, "min");
    json_double(w, s->min);
    json_key(w, "median");
    json_double(w, s->median);
    json_key(w, "max");
    json_double(w, s->max);
    json_end(w);
}

static int write_json(const struct bench_result *result, const struct detector *d, const char *path)
{
    struct str_buf out = STR_BUF_INIT(DOCUMENT_MAX);
    struct json_writer w;
    json_writer_init(&w, &out);
    w.pretty = true;
    json_object(&w);
    json_key(&w, "source");
    json_cstring(&w, path);
    json_key(&w, "engine");
    json_cstring(&w, detector_engine(d));
    json_key(&w, "frames");
    json_int(&w, result->n_frames);
    json_key(&w, "rounds");
    json_int(&w, (int64_t)result->n_rounds);
    json_key(&w, "cores");
    json_int(&w, result->n_cores);
    json_key(&w, "parts_milliseconds");
    json_object(&w);
    for (size_t i = 0; i < 4; i++)
        put_spread(&w, figures[i].key, &result->figures[i]);
    json_end(&w);
    json_key(&w, "end_to_end");
    json_object(&w);
    for (size_t i = 4; i < N_FIGURES; i++)
        put_spread(&w, figures[i].key, &result->figures[i]);
    json_end(&w);
    json_end(&w);
    str_buf_putc(&out, '\n');
    int r = str_buf_check(&out);
    if (r == 0)
        r = app_write(settings.json, &out);
    str_buf_finish(&out);
    return r;
}

static int run_on(const char *path)
{
    struct model *m = NULL;
    struct detector *d = NULL;
    struct bench_result result = {0};
    int r = model_open(&model_opts, &m);
    if (r == 0)
        r = detector_create(m, &engine_opts, &d);
    if (r == 0)
        r = measure(d, path, &result);
    if (r == 0)
        print_text(&result, d, path);
    if (r == 0 && settings.json)
        r = write_json(&result, d, path);
    detector_destroy(d);
    model_unref(&m);
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments != 1)
        return app_usage_error(&command_bench, "one SOURCE is needed, %zu given",
                               call->n_arguments);
    if (!model_opts.path)
        return app_usage_error(&command_bench, "--model is needed");
    source_opts.allow_network = true;
    int r = run_on(call->arguments[0]);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_bench = {
    .name = "bench",
    .summary = "measures decode, letterbox, network and head, each alone, and all of it end to end",
    .usage = "SOURCE --model FILE [options]",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
