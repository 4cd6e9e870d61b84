// SPDX-License-Identifier: Apache-2.0
// metrics.h - counters, gauges and histograms with bounded labels, written as Prometheus reads
// them.
//
// A metric is a static struct in the room that counts; metrics_register() at that room's start
// makes it part of the exposition. Label values come from small known sets (route templates, never
// paths): a metric holds at most *max_series* combinations, later ones are counted as 'other'.
//
//   static struct metric m_frames = METRIC_COUNTER("frames_total", "Frames, by stage", "stage");
//   metric_add(&m_frames, 1, LABELS("decoded"));
//
// Threads: any. Updates take no lock once a combination has been seen; the first use of one does.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct str_buf;

enum {
    METRIC_MAX_LABELS = 4,
    METRIC_MAX_BUCKETS = 24,
    METRIC_MAX_SERIES = 1024,    // the most that max_series may ask for
    METRIC_DEFAULT_SERIES = 256, // where max_series is 0
    METRIC_MAX_VALUE = 120,      // bytes of a label's value; longer ones are cut
};

enum metric_type {
    METRIC_UNSET,
    METRIC_TYPE_COUNTER,
    METRIC_TYPE_GAUGE,
    METRIC_TYPE_HISTOGRAM,
};

struct metric_state;
struct metric_series;

struct metric {
    // --- constant
    const char *name;
    const char *help;
    enum metric_type type;
    const char *labels[METRIC_MAX_LABELS + 1]; // NULL ends
    const double *buckets;                     // histograms: ascending upper bounds, without +Inf
    size_t n_buckets;
    size_t max_series; // 0: METRIC_DEFAULT_SERIES
    // --- metrics.c only
    _Atomic(struct metric_state *) state;
};

// clang-format off
#define METRIC_COUNTER(n, h, ...) {.name = (n), .help = (h), .type = METRIC_TYPE_COUNTER, .labels = {__VA_ARGS__}}
#define METRIC_GAUGE(n, h, ...) {.name = (n), .help = (h), .type = METRIC_TYPE_GAUGE, .labels = {__VA_ARGS__}}
#define METRIC_HISTOGRAM(n, h, bounds, ...) {.name = (n), .help = (h), .type = METRIC_TYPE_HISTOGRAM, \
    .buckets = (bounds), .n_buckets = ARRAY_LEN(bounds), .labels = {__VA_ARGS__}}
// clang-format on

// Bounds that fit most durations, in seconds: 1 ms to 60 s; and small ones: 50 us to 5 s.
extern const double metric_seconds[14];
extern const double metric_short_seconds[16];

// The values of a metric's labels, in order; NULL reads as "".
#define LABELS(...) ((const char *const[METRIC_MAX_LABELS]){__VA_ARGS__})
#define NO_LABELS   NULL

// Part of the exposition from now on, also before the first update (a metric without labels shows
// 0). Registering twice is a no-op; two metrics of one name are our bug (assert). ERR_NOMEM.
int metrics_register(struct metric *m) MUST_CHECK;

// Updates never fail: what cannot be counted for want of memory is lost. A metric that was never
// registered registers itself.
void metric_add(struct metric *m, double v, const char *const *values);     // v >= 0 for counters
void metric_set(struct metric *m, double v, const char *const *values);     // gauges
void metric_observe(struct metric *m, double v, const char *const *values); // histograms
// The present value of a counter or gauge, a histogram's count; 0 where the combination was never
// seen. For tests and for the dashboard.
double metric_value(struct metric *m, const char *const *values);
// Forgets one combination of a gauge (a model was unloaded).
void metric_forget(struct metric *m, const char *const *values);

// For the hottest paths: the combination looked up once. Valid for the process's life. NULL when
// memory is out, which the updates take.
struct metric_series *metric_series(struct metric *m, const char *const *values);
void metric_series_add(struct metric_series *s, double v);
void metric_series_set(struct metric_series *s, double v);
void metric_series_observe(struct metric_series *s, double v);

// Called before each exposition, to set gauges that nobody else keeps up to date. At most 32.
// ERR_TOO_BIG. metrics_remove_refresh() waits for a running exposition.
int metrics_add_refresh(void (*refresh)(void *arg), void *arg) MUST_CHECK;
void metrics_remove_refresh(void (*refresh)(void *arg), void *arg);

// process_cpu_usage_percent (of one core, over the time since the exposition before, at least a
// second), process_cpu_seconds_total, process_memory_bytes (resident), process_open_fds,
// process_start_time_seconds. ERR_NOMEM.
int metrics_register_process(void) MUST_CHECK;

// Text format 0.0.4, sorted by name. Errors are the buffer's.
void metrics_write(struct str_buf *out);
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

// Tests only: every value becomes 0, every combination is forgotten. No other thread may update.
void metrics_test_reset(void);
