// SPDX-License-Identifier: Apache-2.0
// store_bench.c - the store with a million detections and ten thousand videos: every list and
// dashboard query timed, detections streamed, tasks accepted while four sets are written.
//
//   store_bench DIR [VIDEOS]       DIR is made, and stays
// Prints Markdown for bench/RESULTS.md.

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "store/store_audit.h"
#include "store/store_blob.h"
#include "store/store_detection.h"
#include "store/store_model.h"
#include "store/store_project.h"
#include "store/store_session.h"
#include "store/store_stats.h"
#include "store/store_task.h"
#include "store/store_truth.h"
#include "store/store_user.h"
#include "store/store_video.h"
#include "vision/detection.h"

enum {
    SETS = 10,
    DETECTIONS = 100000, // of each set
    PER_FRAME = 10,
    SESSIONS = 1000,
    ROUNDS = 200,
    WRITERS = 4,
};

static struct {
    struct store *s;
    struct arena *a;
    char project[ID_BYTES], user[ID_BYTES], model[ID_BYTES], session[ID_BYTES];
    char video[ID_BYTES], set[ID_BYTES], task[ID_BYTES]; // the last with detections
    char middle[STORE_CURSOR_BYTES];                     // of the videos' pages
    int64_t n_videos;
} b;

static const char *labels[80];
static long pace_ns; // between two frames of a writer

static void must(int r)
{
    if (r < 0) {
        fprintf(stderr, "store_bench: %s\n", err_message(r));
        exit(1);
    }
}

static void name_labels(void)
{
    static char names[80][16];
    for (int i = 0; i < 80; i++) {
        snprintf(names[i], sizeof(names[i]), "label %d", i);
        labels[i] = names[i];
    }
}

// ---- filling

static void write_detections(const char *video, int64_t n, char set_id[ID_BYTES],
                             char task_id[ID_BYTES], unsigned seed)
{
    static const char *const kinds[] = {"process"};
    const struct store_claim claim = {kinds, 1, "bench", 600000};
    struct store_task task;
    struct store_lease lease;
    struct store_set_writer *w;
    struct arena *a;
    must(arena_create(0, &a));
    must(store_task_create(
        b.s,
        &(struct store_task){
            .kind = "process", .priority = 9, .project_id = b.project, .video_id = video},
        NULL, 0, task_id));
    must(store_task_claim(b.s, &claim, a, &task, &lease));
    const struct store_set_opts opts = {.kind = STORE_SET_DETECTIONS,
                                        .video_id = task.video_id,
                                        .lease = &lease,
                                        .header_json = "{}",
                                        .flags = COLUMNS_TRACKS};
    must(store_set_begin(b.s, &opts, &w));
    for (int64_t f = 0; f < n / PER_FRAME; f++) {
        struct detection d[PER_FRAME];
        for (int i = 0; i < PER_FRAME; i++) {
            float x = (float)rand_r(&seed) / 1e6f;
            d[i] = (struct detection){
                .box = {x, x / 2, x + 50.3f, x / 2 + 80.7f},
                .confidence = (float)(rand_r(&seed) % 10000) / 10000.0f,
                .class_id = rand_r(&seed) % 1000 == 0 ? 79 : (int)(rand_r(&seed) % 10),
                .track_id = i + 1};
        }
        must(store_set_add_detections(w, f, f * 33367, d, PER_FRAME, labels, 80));
        if (pace_ns)
            nanosleep(&(struct timespec){0, pace_ns}, NULL);
    }
    must(store_set_finish(&w, "{}", set_id));
    must(store_task_succeed(b.s, &lease, "{}"));
    arena_destroy(a);
}

static void fill_videos(void)
{
    static char probe[2000];
    memset(probe, ' ', sizeof(probe) - 1);
    for (int64_t i = 0; i < b.n_videos; i++) {
        char key[ID_BYTES];
        char task[ID_BYTES];
        char name[40];
        if (i % 500 == 0)
            must(store_begin(b.s));
        id_make(key);
        snprintf(name, sizeof(name), "clip %" PRId64 ".mp4", i);
        const struct store_blob blob = {key, "0123456789abcdef", 1000000 + i};
        const struct store_video v = {.project_id = b.project,
                                      .name = name,
                                      .status = i % 10 ? STORE_VIDEO_READY : STORE_VIDEO_FAILED,
                                      .duration_us = 30000000,
                                      .n_frames = 900,
                                      .probe_json = probe};
        must(store_video_create(b.s, &v, &blob, NULL, b.video));
        must(store_truth_create(b.s, &(struct store_truth){.video_id = b.video}, NULL, NULL, task,
                                NULL));
        must(store_task_create(
            b.s,
            &(struct store_task){.kind = "probe", .project_id = b.project, .video_id = b.video},
            NULL, 0, task));
        if (i % 3 == 0)
            must(store_task_cancel(b.s, task, NULL));
        must(store_audit_add(b.s, &(struct store_audit){.action = "video.create",
                                                        .user_id = b.user,
                                                        .object_id = b.video}));
        if (i == b.n_videos / 2)
            snprintf(b.middle, sizeof(b.middle), "%s", b.video);
        if (i % 500 == 499 || i == b.n_videos - 1)
            must(store_end(b.s, 0));
    }
}

static void fill_sessions(void)
{
    struct store_dropped dropped = {0};
    must(store_begin(b.s));
    for (int i = 0; i < SESSIONS; i++) {
        const struct store_session x = {.project_id = b.project, .model_id = b.model};
        const struct store_session_video v = {.video_id = b.video};
        const struct store_result result = {.verdict =
                                                i % 4 ? STORE_VERDICT_PASSED : STORE_VERDICT_FAILED,
                                            .ap = 0.5,
                                            .ap50 = 0.7,
                                            .metrics_json = "{}"};
        must(store_session_create(b.s, &x, &v, 1, b.session));
        must(store_session_set_status(b.s, NULL, b.session, STORE_SESSION_RUNNING, NULL));
        must(store_session_set_result(b.s, NULL, b.session, &result, NULL, &dropped));
        if (i % 5)
            must(store_session_set_status(b.s, NULL, b.session, STORE_SESSION_SUCCEEDED, NULL));
    }
    must(store_end(b.s, 0));
}

static void fill(void)
{
    must(store_project_create(b.s, &(struct store_project){.name = "bench"}, b.project));
    must(store_user_create(b.s, &(struct store_user){.name = "anna"}, b.user));
    must(store_user_set_role(b.s, b.project, b.user, STORE_ROLE_EDITOR));
    must(store_model_create(b.s, &(struct store_model){.name = "m"}, NULL, b.model));
    fill_videos();
    fill_sessions();
    int64_t before_ns = clock_now_ns();
    for (int i = 0; i < SETS; i++)
        write_detections(b.video, DETECTIONS, b.set, b.task, (unsigned)i + 1);
    double s = (double)(clock_now_ns() - before_ns) / 1e9;
    struct store_set set;
    must(store_set_get(b.s, b.set, b.a, &set));
    struct store_state state;
    store_state(b.s, &state);
    printf("%" PRId64
           " videos, %d sessions, %d detections in %d sets; written at %.0f detections a "
           "second; %.1f bytes a detection as stored; the database has %.1f MB.\n\n",
           b.n_videos, SESSIONS, SETS * DETECTIONS, SETS, SETS * DETECTIONS / s,
           (double)set.n_bytes / (double)set.n_detections,
           (double)(state.database_bytes + state.wal_bytes) / 1e6);
}

// ---- timing

static int compare(const void *x, const void *y)
{
    double p = *(const double *)x;
    double q = *(const double *)y;
    return p < q ? -1 : p > q;
}

static void print_times(const char *what, double *ms, double *cpu_ms, size_t n)
{
    qsort(ms, n, sizeof(*ms), compare);
    qsort(cpu_ms, n, sizeof(*cpu_ms), compare);
    printf("| %s | %.3f | %.3f | %.3f | %.3f | %.3f |\n", what, ms[n / 2], ms[n * 99 / 100],
           ms[n - 1], cpu_ms[n / 2], cpu_ms[n - 1]);
}

// Of this thread: what a query takes where nobody else wants the cores.
static int64_t cpu_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * CLOCK_NS_PER_S + t.tv_nsec;
}

#define ROW(type)                                          \
    static int row_##type(void *arg, const struct type *x) \
    {                                                      \
        (void)x;                                           \
        ++*(int *)arg;                                     \
        return 0;                                          \
    }
ROW(store_project)
ROW(store_video)
ROW(store_session)
ROW(store_task)
ROW(store_audit)
ROW(store_set)
ROW(store_detection)

static int n_rows;

static void projects(const struct store_page *p)
{
    must(store_project_list(b.s, NULL, p, row_store_project, &n_rows, NULL));
}

static void videos(const struct store_video_filter *f, const struct store_page *p)
{
    must(store_video_list(b.s, f, p, row_store_video, &n_rows, NULL));
}

static void sessions(const struct store_session_filter *f, const struct store_page *p)
{
    must(store_session_list(b.s, f, p, row_store_session, &n_rows, NULL));
}

static void tasks(const struct store_task_filter *f, const struct store_page *p)
{
    must(store_task_list(b.s, f, p, row_store_task, &n_rows, NULL));
}

static void detections(const struct store_set_filter *f, const struct store_page *p)
{
    must(store_set_page(b.s, f, p, row_store_detection, &n_rows, NULL));
}

// One of the queries below; false: there are no more.
static bool ask(int i, const char **ret_what)
{
    static const struct store_page first;
    const struct store_page middle = {0, b.middle};
    const struct store_page most = {STORE_PAGE_MAX, NULL};
    struct store_stats stats;
    struct store_video video;
    struct store_set set;
    switch (i) {
    case 0:
        *ret_what = "projects";
        projects(&first);
        return true;
    case 1:
        *ret_what = "videos of a project";
        videos(&(struct store_video_filter){.project_id = b.project}, &first);
        return true;
    case 2:
        *ret_what = "videos of a project, a page in the middle";
        videos(&(struct store_video_filter){.project_id = b.project}, &middle);
        return true;
    case 3:
        *ret_what = "videos of a project, 1,000 a page";
        videos(&(struct store_video_filter){.project_id = b.project}, &most);
        return true;
    case 4:
        *ret_what = "videos of a project by status";
        videos(&(struct store_video_filter){.project_id = b.project, .status = STORE_VIDEO_FAILED},
               &first);
        return true;
    case 5:
        *ret_what = "videos that a user may see";
        videos(&(struct store_video_filter){.user_id = b.user}, &first);
        return true;
    case 6:
        *ret_what = "a video";
        must(store_video_get(b.s, b.video, b.a, &video));
        return true;
    case 7:
        *ret_what = "sessions of a project";
        sessions(&(struct store_session_filter){.project_id = b.project}, &first);
        return true;
    case 8:
        *ret_what = "sessions of a project by status and verdict";
        sessions(&(struct store_session_filter){.project_id = b.project,
                                                .status = STORE_SESSION_SUCCEEDED,
                                                .verdict = STORE_VERDICT_FAILED},
                 &first);
        return true;
    case 9:
        *ret_what = "tasks";
        tasks(&(struct store_task_filter){0}, &first);
        return true;
    case 10:
        *ret_what = "tasks of a project by kind and status";
        tasks(&(struct store_task_filter){.project_id = b.project,
                                          .kind = "probe",
                                          .status = STORE_TASK_CANCELLED},
              &first);
        return true;
    case 11:
        *ret_what = "tasks of a video";
        tasks(&(struct store_task_filter){.video_id = b.video}, &first);
        return true;
    case 12:
        *ret_what = "audit by user";
        must(store_audit_list(b.s, &(struct store_audit_filter){.user_id = b.user}, &first,
                              row_store_audit, &n_rows, NULL));
        return true;
    case 13:
        *ret_what = "dashboard of a project";
        must(store_stats_get(b.s, b.project, NULL, &stats));
        return true;
    case 14:
        *ret_what = "dashboard of everything";
        must(store_stats_get(b.s, NULL, NULL, &stats));
        return true;
    case 15:
        *ret_what = "dashboard that a user may see";
        must(store_stats_get(b.s, NULL, b.user, &stats));
        return true;
    case 16:
        *ret_what = "the latest detections of a video: which";
        must(store_set_latest(b.s, b.video, b.a, &set));
        return true;
    case 17:
        *ret_what = "sets of a video";
        must(store_set_list(b.s, b.video, &first, row_store_set, &n_rows, NULL));
        return true;
    case 18:
        *ret_what = "detections, the first page";
        detections(&(struct store_set_filter){.set_id = b.set}, &first);
        return true;
    case 19:
        *ret_what = "detections by label (1 of 1,000)";
        detections(&(struct store_set_filter){.set_id = b.set, .label = "label 79"}, &first);
        return true;
    case 20:
        *ret_what = "detections by label and confidence (1 of 100)";
        detections(
            &(struct store_set_filter){.set_id = b.set, .label = "label 3", .min_confidence = 0.9f},
            &first);
        return true;
    case 21:
        *ret_what = "detections from a frame on";
        detections(&(struct store_set_filter){.set_id = b.set, .from_frame = 9000}, &first);
        return true;
    case 22:
        *ret_what = "detections by a label that there is not";
        detections(&(struct store_set_filter){.set_id = b.set, .label = "none"}, &first);
        return true;
    default:
        return false;
    }
}

static void time_queries(void)
{
    const char *what = "";
    printf("| query | ms, median of %d | 99 %% | at most | ms of a processor, median | at most |\n"
           "|---|---|---|---|---|---|\n",
           ROUNDS);
    for (int i = 0; ask(i, &what); i++) {
        double ms[ROUNDS];
        double cpu_ms[ROUNDS];
        for (int k = 0; k < ROUNDS; k++) {
            size_t mark = arena_mark(b.a);
            int64_t before_ns = clock_now_ns();
            int64_t cpu_before_ns = cpu_now_ns();
            ask(i, &what);
            cpu_ms[k] = (double)(cpu_now_ns() - cpu_before_ns) / 1e6;
            ms[k] = (double)(clock_now_ns() - before_ns) / 1e6;
            arena_rewind(b.a, mark);
        }
        print_times(what, ms, cpu_ms, ROUNDS);
    }
}

// ---- streaming

static double stream(const struct store_set_filter *f, int64_t *ret_bytes)
{
    struct store_set_stream *x;
    const void *p;
    size_t n;
    int r;
    int64_t total = 0;
    int64_t before_ns = clock_now_ns();
    must(store_set_stream_open(b.s, f, &x));
    while ((r = store_set_stream_bytes(x, &p, &n)) == 0)
        total += (int64_t)n;
    if (r != ERR_EOF)
        must(r);
    store_set_stream_close(x);
    *ret_bytes = total;
    return (double)(clock_now_ns() - before_ns) / 1e9;
}

static void time_streams(void)
{
    static const struct {
        const char *what;
        struct store_set_filter filter;
    } rows[] = {
        {"100,000 detections, whole", {0}},
        {"100,000 detections, confidence from 0.25", {.min_confidence = 0.25f}},
        {"100,000 detections, one label of ten", {.label = "label 3"}},
    };
    printf("\n| stream as columns | MB | MB a second, median of %d | least |\n|---|---|---|---|\n",
           ROUNDS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double rate[ROUNDS];
        int64_t bytes = 0;
        struct store_set_filter f = rows[i].filter;
        f.set_id = b.set;
        for (int k = 0; k < ROUNDS; k++) {
            double s = stream(&f, &bytes);
            rate[k] = (double)bytes / 1e6 / s;
        }
        qsort(rate, ROUNDS, sizeof(rate[0]), compare);
        printf("| %s | %.2f | %.0f | %.0f |\n", rows[i].what, (double)bytes / 1e6, rate[ROUNDS / 2],
               rate[0]);
    }
}

// ---- accepting tasks while four sets are written

static atomic_bool done;

static void write_sets(void *arg)
{
    char set[ID_BYTES];
    char task[ID_BYTES];
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!atomic_load(&done))
        write_detections(b.video, 20000, set, task, seed++);
}

static void time_writes(const char *what, bool busy)
{
    enum {
        N = 2000,
    };
    static double ms[N];
    static double cpu_ms[N];
    struct thread writers[WRITERS] = {0};
    atomic_store(&done, false);
    for (int i = 0; busy && i < WRITERS; i++)
        must(thread_start(&writers[i], "writer", write_sets, (void *)(uintptr_t)(i * 1000 + 1)));
    for (int i = 0; i < N; i++) {
        char id[ID_BYTES];
        int64_t before_ns = clock_now_ns();
        int64_t cpu_before_ns = cpu_now_ns();
        must(store_task_create(
            b.s,
            &(struct store_task){.kind = "later", .project_id = b.project, .video_id = b.video},
            NULL, 0, id));
        cpu_ms[i] = (double)(cpu_now_ns() - cpu_before_ns) / 1e6;
        ms[i] = (double)(clock_now_ns() - before_ns) / 1e6;
        struct timespec pause = {0, busy ? 1000000 : 0};
        nanosleep(&pause, NULL);
    }
    atomic_store(&done, true);
    for (int i = 0; i < WRITERS; i++)
        thread_join(&writers[i]);
    print_times(what, ms, cpu_ms, N);
}

int main(int argc, char **argv)
{
    int64_t n_videos = 10000;
    if (argc < 2 || (argc > 2 && str_to_i64(str_of(argv[2]), &n_videos) < 0)) {
        fprintf(stderr, "usage: store_bench DIR [VIDEOS]\n");
        return 2;
    }
    const struct store_opts opts = {.directory = argv[1]};
    b.n_videos = n_videos;
    name_labels();
    must(store_open(&opts, &b.s));
    must(arena_create(0, &b.a));
    fill();
    time_queries();
    time_streams();
    printf("\n| write | ms, median | 99 %% | at most | ms of a processor, median | at most |\n"
           "|---|---|---|---|---|---|\n");
    time_writes("a task is created", false);
    pace_ns = 1000000;
    time_writes("... while four videos are written, 10,000 detections a second each at most", true);
    pace_ns = 0;
    time_writes("... while four are written as fast as they can", true);
    store_close(b.s);
    arena_destroy(b.a);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("\nResident at most: %.1f MB.\n", (double)usage.ru_maxrss / 1024);
    return 0;
}
