// SPDX-License-Identifier: Apache-2.0
// bench_parts.c - decode, letterbox, network and head one by one, then all of it as `detect` does
// it.

#include "app/bench_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "infer/detector.h"
#include "pipeline/pipeline.h"
#include "vision/frame.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

static const struct detector_settings settings = {.confidence = 0.25, .iou = 0.7};

static double ms_each(int64_t ns, int64_t n)
{
    return n > 0 ? (double)ns / 1e6 / (double)n : 0;
}

// Decodes everything; keeps references to the first pictures, spread by nothing: real neighbours.
static int measure_decode(const struct bench_parts_opts *opts, struct bench_round *round,
                          struct picture **kept, int *ret_n_kept)
{
    struct source_opts one_thread = opts->source;
    one_thread.threads = 1;
    struct source *source = NULL;
    int64_t begun = clock_process_cpu_ns();
    int r = source_open(&one_thread, &source);
    int64_t n = 0;
    int n_kept = 0;
    while (r == 0) {
        struct picture *picture;
        r = source_next(source, &picture);
        if (r < 0)
            break;
        n++;
        if (n_kept < BENCH_KEPT_PICTURES)
            kept[n_kept++] = picture;
        else
            picture_unref(&picture);
    }
    *ret_n_kept = n_kept;
    round->decode = ms_each(clock_process_cpu_ns() - begun, n);
    round->n_frames = n;
    source_close(source);
    return r == ERR_EOF ? 0 : r;
}

static struct letterbox geometry_of(const struct detector *d, const struct picture *p)
{
    const struct model_input *in = &detector_model(d)->input;
    int width;
    int height;
    detector_input_size(d, &width, &height);
    return letterbox_make(in->rule, p->width, p->height, width, height, in->fill);
}

static int measure_letterbox(const struct bench_parts_opts *opts, struct bench_round *round,
                             struct picture *const *kept, struct frame *const *frames, int n)
{
    struct letterbox_scratch *scratch;
    int r = letterbox_scratch_create(CPU_ISA_UNSET, &scratch);
    if (r < 0)
        return r;
    enum {
        TURNS = 4, // the first one warms the tables
    };
    int64_t begun = 0;
    for (int turn = 0; turn < TURNS && r == 0; turn++) {
        if (turn == 1)
            begun = clock_process_cpu_ns();
        for (int i = 0; i < n && r == 0; i++) {
            frames[i]->letterbox = geometry_of(opts->detector, kept[i]);
            r = letterbox_run(scratch, &frames[i]->letterbox, kept[i], frames[i]->rgb);
        }
    }
    round->letterbox = ms_each(clock_process_cpu_ns() - begun, (int64_t)(TURNS - 1) * n);
    letterbox_scratch_destroy(scratch);
    return r;
}

static int measure_network(const struct bench_parts_opts *opts, struct bench_round *round,
                           struct frame *const *frames, int n)
{
    struct detector_part_ns sum = {0};
    struct detection_list found = {0};
    int r = 0;
    for (int i = 0; i < n && r == 0; i++) {
        struct detector_part_ns ns = {0};
        detection_list_clear(&found);
        r = detector_run_once(opts->detector, frames[i], &settings, &found, &ns);
        sum.pack += ns.pack;
        sum.engine += ns.engine;
        sum.head += ns.head;
    }
    detection_list_finish(&found);
    round->network = ms_each(sum.pack + sum.engine, n);
    round->head = ms_each(sum.head, n);
    return r;
}

static int measure_prepared(const struct bench_parts_opts *opts, struct bench_round *round,
                            struct picture *const *kept, int n)
{
    int width;
    int height;
    detector_input_size(opts->detector, &width, &height);
    struct frame_pool *pool;
    int r = frame_pool_create((size_t)n, width, height, &pool);
    if (r < 0)
        return r;
    struct frame *frames[BENCH_KEPT_PICTURES] = {0};
    for (int i = 0; i < n && r == 0; i++)
        r = frame_pool_get(pool, 0, &frames[i]);
    if (r == 0)
        r = measure_letterbox(opts, round, kept, frames, n);
    if (r == 0)
        r = measure_network(opts, round, frames, n);
    for (int i = 0; i < n; i++)
        frame_unref(&frames[i]);
    frame_pool_destroy(pool);
    return r;
}

static int ignore_begin(void *arg, const struct source_info *source)
{
    return 0;
}

static int ignore_frame(void *arg, const struct frame *frame, const struct detection *d, size_t n)
{
    return 0;
}

static int keep_summary(void *arg, const struct pipeline_summary *summary)
{
    *(struct pipeline_summary *)arg = *summary;
    return 0;
}

static int measure_whole(const struct bench_parts_opts *opts, struct bench_round *round)
{
    struct pipeline_summary summary = {0};
    struct pipeline_source source = {
        .opts = opts->source,
        .sink = {&summary, ignore_begin, ignore_frame, keep_summary},
    };
    struct pipeline_opts pipeline_opts = {.detector = opts->detector, .settings = settings};
    struct pipeline *p;
    int r = pipeline_create(&pipeline_opts, &source, 1, &p);
    if (r < 0)
        return r;
    int64_t cpu = clock_process_cpu_ns();
    int64_t begun = clock_now_ns();
    r = pipeline_run(p);
    double seconds = (double)(clock_now_ns() - begun) / 1e9;
    round->whole_core_ms = ms_each(clock_process_cpu_ns() - cpu, summary.frames.inferred);
    round->whole_frames_per_second = (double)summary.frames.inferred / seconds;
    pipeline_destroy(p);
    return r;
}

int bench_round_run(const struct bench_parts_opts *opts, struct bench_round *ret_round)
{
    struct bench_round round = {0};
    struct picture *kept[BENCH_KEPT_PICTURES] = {0};
    int n_kept = 0;
    int r = measure_decode(opts, &round, kept, &n_kept);
    if (r == 0 && n_kept == 0)
        r = err_set(ERR_MEDIA, "%s: no frame to measure", opts->source.path);
    if (r == 0)
        r = measure_prepared(opts, &round, kept, n_kept);
    for (int i = 0; i < n_kept; i++)
        picture_unref(&kept[i]);
    if (r == 0)
        r = measure_whole(opts, &round);
    if (r == 0)
        *ret_round = round;
    return r;
}

double bench_allowed_fps(const struct bench_round *round, int cores)
{
    double core_ms = round->decode + round->letterbox + round->network + round->head;
    return core_ms > 0 ? cores * 1000.0 / core_ms : 0;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench_spread bench_spread_of(const double *values, size_t n)
{
    double sorted[BENCH_MAX_ROUNDS];
    assert(n > 0 && n <= BENCH_MAX_ROUNDS);
    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), compare_doubles);
    double middle = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return (struct bench_spread){sorted[0], middle, sorted[n - 1]};
}
