// SPDX-License-Identifier: Apache-2.0
// cmd_model_bench.c - `assay model bench`: how fast a model is on this machine, and how much memory
// it takes.
//
// A row is one way of running it: one worker, then one a core. A picture's milliseconds are those
// of pixels to tensor, engine, head and NMS in its worker; pictures per second are of all workers.

#include <malloc.h>
#include <math.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/model_bench.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/detector.h"
#include "vision/frame.h"

enum {
    DEFAULT_REPEAT = 30,
    MAX_REPEAT = 100000,
    WARM_UP = 3, // pictures a worker that are not counted
    MAX_ROWS = 8,
    TEXT_MAX = 256 * 1024,
};

struct bench_settings {
    const char *json;
    int64_t repeat;
    bool profile;
};

static struct bench_settings settings = {.repeat = DEFAULT_REPEAT};
static struct model_opts model_settings;
static struct engine_opts engine_settings;

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct bench_settings, "json", json, "FILE", "write JSON to a file, - for standard output", NULL),
    OPT_INT(struct bench_settings, "repeat", repeat, 1, MAX_REPEAT, "N", "pictures a worker runs for each row", "30"),
    OPT_BOOL(struct bench_settings, "profile", profile, "then what each step of the native engine costs, one worker"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    {engine_options, &engine_settings, "Engine"},
    {model_options, &model_settings, "Model"},
};

// What one way of running gave.
struct row {
    const char *engine; // constant texts
    const char *precision;
    int threads; // that work on one picture
    int workers; // pictures side by side
    double min_ms, median_ms, max_ms;
    double pictures_per_second;
    int64_t resident_bytes;
    double operations;    // of a picture; 0: unknown
    double peak;          // operations a second of one core, in this precision
    double share_of_peak; // of all workers' cores; 0: unknown
};

// One row being measured.
struct run {
    struct detector *detector;
    struct detector_stream *stream;
    struct frame_pool *pool;
    int64_t *run_ns; // of each picture that counts
    size_t n;        // such pictures
    size_t n_warm_up;
    size_t n_inside; // pictures on their way at any time
};

static int64_t resident_bytes(void)
{
    long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*s %ld", &n_pages) != 1)
        n_pages = 0;
    fclose(f);
    return (int64_t)n_pages * sysconf(_SC_PAGESIZE);
}

// Texture of every kind, the same each time: a network's speed hardly depends on what it sees.
static void paint(struct frame *f)
{
    uint32_t x = 1;
    for (size_t i = 0; i < f->n_bytes; i++) {
        x = x * 1664525u + 1013904223u;
        f->rgb[i] = (uint8_t)(i / 1920 + (x >> 27));
    }
}

static int push_one(struct run *run)
{
    struct frame *f = NULL;
    int r = frame_pool_get(run->pool, 0, &f);
    if (r < 0)
        return r;
    const struct model_input *input = &detector_model(run->detector)->input;
    int w = 0;
    int h = 0;
    detector_input_size(run->detector, &w, &h);
    f->letterbox = letterbox_make(LETTERBOX_STRETCH, w, h, w, h, input->fill);
    r = detector_push(run->stream, &f);
    frame_unref(&f);
    return r;
}

// *ret_ns*: how long its run took; NULL: nobody wants to know.
static int take_one(struct run *run, int64_t *ret_ns)
{
    struct detector_result *result = NULL;
    int r = detector_receive(run->stream, &result);
    if (r < 0)
        return r;
    if (result->error)
        r = err_set((enum err)result->error, "%s", result->message);
    else if (ret_ns)
        *ret_ns = result->run_ns;
    detector_result_free(&result);
    return r;
}

// *n* pictures, of which so many are inside that no worker waits; *ret_run_ns*: of each, or NULL.
static int run_some(struct run *run, size_t n, int64_t *ret_run_ns)
{
    int r = 0;
    size_t n_pushed = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        while (r == 0 && n_pushed < MIN(n, i + run->n_inside)) {
            r = push_one(run);
            n_pushed++;
        }
        if (r == 0)
            r = take_one(run, ret_run_ns ? &ret_run_ns[i] : NULL);
    }
    return r;
}

// The time begins with nothing inside: a picture that the warm-up had begun would come for nothing.
static int run_pictures(struct run *run, int64_t *ret_wall_ns)
{
    int r = run_some(run, run->n_warm_up, NULL);
    int64_t begun = clock_now_ns();
    if (r == 0)
        r = run_some(run, run->n, run->run_ns);
    *ret_wall_ns = clock_now_ns() - begun;
    return r;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void fill_row(const struct run *run, int64_t wall_ns, struct row *ret_row)
{
    qsort(run->run_ns, run->n, sizeof(*run->run_ns), by_value);
    int64_t low = run->run_ns[(run->n - 1) / 2];
    int64_t high = run->run_ns[run->n / 2];
    *ret_row = (struct row){
        .engine = detector_engine_name(run->detector),
        .precision = detector_precision_name(run->detector),
        .threads = 1,
        .workers = detector_n_workers(run->detector),
        .min_ms = (double)run->run_ns[0] / 1e6,
        .median_ms = (double)(low + high) / 2e6,
        .max_ms = (double)run->run_ns[run->n - 1] / 1e6,
        .pictures_per_second = (double)run->n * 1e9 / (double)MAX(wall_ns, 1),
        .resident_bytes = resident_bytes(),
        .operations = detector_operations(run->detector),
        .peak = detector_peak(run->detector),
    };
}

static void run_finish(struct run *run)
{
    detector_stream_close(run->stream);
    if (run->pool)
        frame_pool_destroy(run->pool);
    mem_free(run->run_ns);
    detector_destroy(run->detector);
    malloc_trim(0);
}

static int run_prepare(struct run *run, struct model *m, const struct engine_opts *opts)
{
    static const struct detector_settings plain = {.confidence = 0.25};
    int r = detector_create(m, opts, &run->detector);
    if (r < 0)
        return r;
    size_t n_workers = (size_t)detector_n_workers(run->detector);
    int w = 0;
    int h = 0;
    detector_input_size(run->detector, &w, &h);
    run->n = (size_t)settings.repeat * n_workers;
    run->n_warm_up = WARM_UP * n_workers;
    run->n_inside = 2 * n_workers + (size_t)opts->batch;
    run->run_ns = mem_array(int64_t, run->n);
    if (!run->run_ns)
        return ERR_NOMEM;
    r = frame_pool_create(run->n_inside, w, h, &run->pool);
    if (r < 0)
        return r;
    return detector_stream_open(run->detector, DETECTOR_BULK, &plain, run->n_inside, &run->stream);
}

// The pool's frames keep their pixels while they come and go.
static int paint_all(struct run *run)
{
    struct frame **frames = mem_array(struct frame *, run->n_inside);
    if (!frames)
        return ERR_NOMEM;
    int r = 0;
    for (size_t i = 0; i < run->n_inside && r == 0; i++) {
        r = frame_pool_get(run->pool, 0, &frames[i]);
        if (r == 0)
            paint(frames[i]);
    }
    for (size_t i = 0; i < run->n_inside; i++)
        frame_unref(&frames[i]);
    mem_free(frames);
    return r;
}

static int measure(struct model *m, const struct engine_opts *opts, struct row *ret_row)
{
    struct run run = {0};
    int64_t wall_ns = 0;
    int r = run_prepare(&run, m, opts);
    if (r == 0)
        r = paint_all(&run);
    if (r == 0)
        r = run_pictures(&run, &wall_ns);
    if (r == 0)
        fill_row(&run, wall_ns, ret_row);
    run_finish(&run);
    return r;
}

// One worker, then one a core; rows are added at *n*.
static int measure_way(struct model *m, struct engine_opts opts, struct row *ret_rows, size_t *n)
{
    int64_t n_workers = opts.threads > 0 ? opts.threads : thread_n_cores();
    opts.threads = 1;
    int r = measure(m, &opts, &ret_rows[*n]);
    if (r < 0)
        return r;
    (*n)++;
    opts.threads = n_workers;
    if (n_workers == 1 || (opts.device != DEVICE_UNSET && opts.device != DEVICE_CPU))
        return 0;
    r = measure(m, &opts, &ret_rows[*n]);
    *n += r == 0;
    return r;
}

// What the user named; else every engine in every precision that there is.
static int measure_ways(struct model *m, struct row ret_rows[MAX_ROWS], size_t *ret_n)
{
    static const struct {
        const char *engine;
        enum engine_precision precision;
    } ways[] = {
        {"onnxruntime", PRECISION_UNSET},
        {"native", PRECISION_FP32},
        {"native", PRECISION_BF16},
        {"native", PRECISION_INT8}, // where it was calibrated
    };
    *ret_n = 0;
    bool on_cpu = engine_settings.device == DEVICE_UNSET || engine_settings.device == DEVICE_CPU;
    if (engine_settings.engine || engine_settings.precision || !on_cpu)
        return measure_way(m, engine_settings, ret_rows, ret_n);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct engine_opts opts = engine_settings;
        opts.engine = engine_choice(ways[i].engine);
        opts.precision = (int)ways[i].precision;
        int r = measure_way(m, opts, ret_rows, ret_n);
        bool last = i + 1 == ARRAY_LEN(ways) && *ret_n == 0;
        bool is_absent = r == ERR_UNSUPPORTED || r == ERR_UNAVAILABLE || r == ERR_NOT_FOUND;
        if (r < 0 && (!is_absent || last))
            return r;
        if (r < 0)
            log_info(NULL, "no row for %s: %s", ways[i].engine, err_message(r));
    }
    return 0;
}

// A network's operations are the same for all engines, but only the native one counts them. More
// workers than cores have no more to share.
static void fill_shares(struct row *row, size_t n)
{
    double operations = 0;
    for (size_t i = 0; i < n; i++)
        operations = fmax(operations, row[i].operations);
    for (size_t i = 0; i < n; i++) {
        double peak = row[i].peak * MIN(row[i].workers, thread_n_cores());
        row[i].share_of_peak = peak > 0 ? operations * row[i].pictures_per_second / peak : 0;
    }
}

static int measure_all(struct model *m, struct row ret_rows[MAX_ROWS], size_t *ret_n)
{
    int r = measure_ways(m, ret_rows, ret_n);
    fill_shares(ret_rows, *ret_n);
    return r;
}

// In the precision that the user named, or that the engine chooses.
static int profile(struct model *m)
{
    struct str_buf steps = STR_BUF_INIT(TEXT_MAX);
    struct str_buf out = STR_BUF_INIT(2 * TEXT_MAX);
    struct engine_opts opts = engine_settings;
    struct row row = {.precision = ""};
    opts.engine = engine_choice("native");
    opts.threads = 1;
    opts.profile = &steps;
    int r = measure(m, &opts, &row);
    str_buf_printf(&out, "\nsteps of the native engine, %s, mean microseconds a picture\n\n",
                   row.precision);
    str_buf_add(&out, str_buf_text(&steps), steps.n);
    if (r == 0)
        r = app_write("-", &out);
    str_buf_finish(&steps);
    str_buf_finish(&out);
    return r;
}

static void put_table(struct str_buf *out, const struct model_info *info, const struct row *row,
                      size_t n)
{
    str_buf_add_printable(out, str_of(info->path));
    str_buf_printf(out, " (%s), %lld pictures a worker\n\n", info->head_name,
                   (long long)settings.repeat);
    str_buf_puts(out, "engine        precision  threads  workers   min ms  median ms   max ms  "
                      "pictures/s  of peak  resident MB\n");
    for (size_t i = 0; i < n; i++) {
        char share[16] = "-";
        if (row[i].share_of_peak > 0)
            snprintf(share, sizeof(share), "%.0f %%", 100 * row[i].share_of_peak);
        str_buf_printf(out, "%-12s  %-9s  %7d  %7d  %7.2f  %9.2f  %7.2f  %10.2f  %7s  %11.1f\n",
                       row[i].engine, row[i].precision, row[i].threads, row[i].workers,
                       row[i].min_ms, row[i].median_ms, row[i].max_ms, row[i].pictures_per_second,
                       share, (double)row[i].resident_bytes / 1e6);
    }
}

static void put_row(struct json_writer *w, const struct row *row)
{
    json_object(w);
    json_put_text(w, "engine", row->engine);
    json_put_text(w, "precision", row->precision);
    json_put_int(w, "threads", row->threads);
    json_put_int(w, "workers", row->workers);
    json_key(w, "milliseconds");
    json_object(w);
    json_put_double(w, "min", row->min_ms);
    json_put_double(w, "median", row->median_ms);
    json_put_double(w, "max", row->max_ms);
    json_end(w);
    json_put_double(w, "pictures_per_second", row->pictures_per_second);
    if (row->share_of_peak > 0)
        json_put_double(w, "share_of_peak", row->share_of_peak);
    json_put_int(w, "resident_bytes", row->resident_bytes);
    json_end(w);
}

static void put_json(struct str_buf *out, const struct model_info *info, const struct row *row,
                     size_t n)
{
    struct json_writer w;
    json_writer_init(&w, out);
    w.pretty = true;
    json_object(&w);
    json_put_text(&w, "assay", ASSAY_VERSION);
    json_key(&w, "model");
    json_object(&w);
    json_put_text(&w, "path", info->path);
    json_put_text(&w, "sha256", info->sha256);
    json_put_text(&w, "head", info->head_name);
    json_end(&w);
    json_key(&w, "rows");
    json_array(&w);
    for (size_t i = 0; i < n; i++)
        put_row(&w, &row[i]);
    json_end(&w);
    json_end(&w);
    str_buf_putc(out, '\n');
}

static int write_report(const struct model_info *info, const struct row *row, size_t n)
{
    bool only_json = settings.json && str_is(str_of(settings.json), "-");
    struct str_buf text = STR_BUF_INIT(TEXT_MAX);
    struct str_buf json = STR_BUF_INIT(TEXT_MAX);
    put_table(&text, info, row, n);
    put_json(&json, info, row, n);
    int r = only_json ? 0 : app_write("-", &text);
    if (r == 0 && settings.json)
        r = app_write(settings.json, &json);
    str_buf_finish(&text);
    str_buf_finish(&json);
    return r;
}

int model_bench_json(const char *path, const char *name, int64_t repeat, struct str_buf *out)
{
    const struct model_opts opts = {.path = path};
    struct row measured[MAX_ROWS];
    struct model *m = NULL;
    size_t n = 0;
    settings.repeat = repeat;
    int r = model_open(&opts, &m);
    if (r == 0)
        r = measure_all(m, measured, &n);
    if (r == 0) {
        struct model_info shown = *model_info(m);
        shown.path = name;
        put_json(out, &shown, measured, n);
        r = str_buf_check(out);
    }
    model_unref(&m);
    return r;
}

static int run(const struct app_call *call)
{
    size_t n_models = call->n_arguments + (model_settings.path != NULL);
    if (n_models != 1)
        return app_usage_error(&command_model_bench, "one model FILE is wanted, not %zu", n_models);
    if (settings.profile && settings.json && str_is(str_of(settings.json), "-"))
        return app_usage_error(&command_model_bench,
                               "--profile is text, and --json - leaves no place for it");
    if (!model_settings.path)
        model_settings.path = call->arguments[0];
    struct model *m = NULL;
    int r = model_open(&model_settings, &m);
    if (r < 0)
        return app_fail(r);
    struct row measured[MAX_ROWS];
    size_t n = 0;
    r = measure_all(m, measured, &n);
    if (r == 0)
        r = write_report(model_info(m), measured, n);
    if (r == 0 && settings.profile)
        r = profile(m);
    model_unref(&m);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_model_bench = {
    .name = "model bench",
    .summary = "measures how fast a model is on this machine, and its memory",
    .usage = "FILE [options]",
    .details =
        "Rows for each engine and precision (or for the --engine and --precision given): one "
        "worker,\nthen a worker a core (--threads N: N workers). Each worker\nruns one picture at "
        "a time in one thread: pixels to tensor, network, head "
        "and NMS.\nOf peak: the network's multiplications and additions a second against the most "
        "that "
        "a core\ndoes in that precision, all data in its first cache, measured here.\nResident "
        "memory is that of the whole program at the row's end.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
