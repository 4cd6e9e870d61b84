// SPDX-License-Identifier: Apache-2.0
// child_jobs.c - questions to children as plain structs, answers checked before they are used.

#include "media/child_jobs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/answer_check.h"
#include "media/frame_at.h"
#include "media/frame_times.h"
#include "media/picture_file.h"
#include "media/probe.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    PATH_BYTES = 4096,
    PROBE_LIMIT_S = 3600,
    FRAME_LIMIT_S = 120,
    PICTURE_LIMIT_S = 30,
    MAX_JPEG = 64 * 1024 * 1024,
    MAX_PICTURE_BYTES = 64 * 1024 * 1024, // of a posted picture as stored
    ASKED_NICENESS = 1,                   // somebody waits for it, unlike for videos
};
#define MAX_PREPARED (64 * MIB)
#define MAX_TIMES    ((size_t)FRAME_TIMES_MAX * sizeof(int64_t))

static int copy_path(const char *path, char ret_path[PATH_BYTES])
{
    size_t n = strlen(path);
    if (n >= PATH_BYTES)
        return err_set(ERR_INVALID, "%s: path is too long", path);
    memcpy(ret_path, path, n + 1);
    return 0;
}

// Errors of the child itself do not know what it looked at.
static int name_error(int r, const char *name)
{
    if (r < 0 && !strstr(err_message(r), name))
        return err_prefix(r, "%s", name);
    return r;
}

static int nonsense(const char *name)
{
    return err_set(ERR_MEDIA, "%s: the decoder answered nonsense", name);
}

// --- probe

struct probe_request {
    int64_t stream_index, max_pixels;
    int32_t has_stream_index;
    char path[PATH_BYTES];
};

static int answer_probe(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    struct probe_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    const struct source_opts opts = {.path = q.path,
                                     .stream_index = q.stream_index,
                                     .has_stream_index = q.has_stream_index != 0,
                                     .max_pixels = q.max_pixels};
    struct probe_result *p = mem_new(struct probe_result);
    if (!p)
        return ERR_NOMEM;
    int r = probe_file(&opts, p);
    if (r == 0)
        str_buf_add(out, p, sizeof(*p));
    mem_free(p);
    return r;
}

static bool streams_hold(const struct probe_result *p)
{
    for (size_t i = 0; i < MIN(p->n_streams, (size_t)PROBE_MAX_STREAMS); i++)
        if (!answer_name_holds(p->streams[i].type, sizeof(p->streams[i].type)) ||
            !answer_name_holds(p->streams[i].codec, sizeof(p->streams[i].codec)))
            return false;
    return true;
}

static bool marks_hold(const struct probe_result *p)
{
    if (p->n_marks > PROBE_MAX_MARKS)
        return false;
    for (size_t i = 0; i < p->n_marks; i++)
        if (p->marks[i].ordinal < 0 || p->marks[i].ordinal >= p->n_frames ||
            !answer_time_holds(p->marks[i].pts_us) ||
            (i > 0 && p->marks[i].ordinal <= p->marks[i - 1].ordinal))
            return false;
    return true;
}

static bool texts_hold(const struct probe_result *p)
{
    return answer_name_holds(p->container, sizeof(p->container)) &&
           answer_name_holds(p->codec, sizeof(p->codec)) &&
           answer_name_holds(p->profile, sizeof(p->profile)) &&
           answer_name_holds(p->pixel_format, sizeof(p->pixel_format));
}

static bool frames_hold(const struct probe_result *p)
{
    return answer_ordinal_holds(p->n_frames) && answer_time_holds(p->first_pts_us) &&
           answer_time_holds(p->last_pts_us) && p->first_pts_us <= p->last_pts_us &&
           answer_distance_holds(p->min_distance_us) && answer_distance_holds(p->max_distance_us) &&
           answer_bool_holds(&p->is_variable);
}

static bool probe_holds(const struct probe_result *p)
{
    return (p->kind == SOURCE_VIDEO || p->kind == SOURCE_PICTURES) && p->stream_index >= 0 &&
           texts_hold(p) && answer_side_holds(p->width) && answer_side_holds(p->height) &&
           answer_side_holds(p->coded_width) && answer_side_holds(p->coded_height) &&
           answer_rotation_holds(p->rotation) && p->frame_rate_num >= 0 && p->frame_rate_den > 0 &&
           isfinite(p->duration_s) && frames_hold(p) && answer_counts_hold(&p->counts) &&
           streams_hold(p) && marks_hold(p);
}

int child_probe(const char *program, const struct source_opts *opts, int64_t cpu_seconds,
                struct probe_result *ret_result)
{
    struct probe_request q = {.stream_index = opts->stream_index,
                              .max_pixels = opts->max_pixels,
                              .has_stream_index = opts->has_stream_index};
    int r = copy_path(opts->path, q.path);
    if (r < 0)
        return r;
    struct str_buf answer = STR_BUF_INIT(sizeof(*ret_result));
    const struct child_limits limits = {.cpu_seconds = cpu_seconds, .readable = {q.path}};
    r = child_ask(program, child_probe_kind.name, &limits, &q, sizeof(q), -1,
                  PROBE_LIMIT_S * CLOCK_NS_PER_S, &answer);
    r = name_error(r, opts->path);
    if (r == 0 && answer.n != sizeof(*ret_result))
        r = nonsense(opts->path);
    if (r == 0) {
        memcpy(ret_result, answer.p, sizeof(*ret_result));
        if (probe_holds(ret_result))
            answer_counts_clean(&ret_result->counts);
        else
            r = nonsense(opts->path);
    }
    str_buf_finish(&answer);
    return r;
}

// --- one frame

struct frame_request {
    int64_t ordinal;
    struct source_mark mark;
    struct picture_window part;
    int32_t has_mark, max_width, quality;
    char path[PATH_BYTES];
};

static int answer_frame(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    struct frame_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    const struct frame_at f = {.path = q.path,
                               .ordinal = q.ordinal,
                               .mark = q.has_mark ? &q.mark : NULL,
                               .part = q.part,
                               .max_width = q.max_width,
                               .quality = q.quality};
    return frame_at_jpeg(&f, out);
}

int child_frame(const char *program, const struct frame_at *f, struct str_buf *out)
{
    struct frame_request q = {.ordinal = f->ordinal,
                              .mark = f->mark ? *f->mark : (struct source_mark){0},
                              .part = f->part,
                              .has_mark = f->mark != NULL,
                              .max_width = f->max_width,
                              .quality = f->quality};
    int r = copy_path(f->path, q.path);
    if (r < 0)
        return r;
    const struct child_limits limits = {
        .cpu_seconds = FRAME_LIMIT_S, .niceness = ASKED_NICENESS, .readable = {q.path}};
    r = child_ask(program, child_frame_kind.name, &limits, &q, sizeof(q), -1,
                  FRAME_LIMIT_S * CLOCK_NS_PER_S, out);
    r = name_error(r, f->path);
    const unsigned char *start = (const unsigned char *)str_buf_text(out);
    if (r == 0 && (out->n < 4 || start[0] != 0xFF || start[1] != 0xD8))
        r = nonsense(f->path);
    return r;
}

// --- the times of all frames

struct times_request {
    struct frame_times_check check;
    int32_t has_check;
    char path[PATH_BYTES];
};

static int answer_times(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    struct times_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    int64_t *times;
    size_t n_times;
    int r = frame_times_read(q.path, q.has_check ? &q.check : NULL, &times, &n_times);
    if (r < 0)
        return r;
    str_buf_add(out, times, n_times * sizeof(*times));
    mem_free(times);
    return str_buf_check(out);
}

static bool times_hold(const struct str_buf *answer)
{
    const int64_t *times = (const int64_t *)(const void *)answer->p;
    size_t n = answer->n / sizeof(*times);
    if (n == 0 || answer->n % sizeof(*times) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!answer_time_holds(times[i]) || (i > 0 && times[i] <= times[i - 1]))
            return false;
    return true;
}

int child_frame_times(const char *program, const char *path, const struct frame_times_check *check,
                      int64_t **ret_times, size_t *ret_n)
{
    struct times_request q = {.has_check = check != NULL};
    if (check)
        q.check = *check;
    int r = copy_path(path, q.path);
    if (r < 0)
        return r;
    struct str_buf answer = STR_BUF_INIT(MAX_TIMES);
    const struct child_limits limits = {.cpu_seconds = PROBE_LIMIT_S, .readable = {q.path}};
    r = child_ask(program, child_times_kind.name, &limits, &q, sizeof(q), -1,
                  PROBE_LIMIT_S * CLOCK_NS_PER_S, &answer);
    r = name_error(r, path);
    if (r == 0 && !times_hold(&answer))
        r = nonsense(path);
    if (r == 0) {
        *ret_n = answer.n / sizeof(int64_t);
        *ret_times = (int64_t *)(void *)str_buf_take(&answer);
    }
    str_buf_finish(&answer);
    return r;
}

// --- a posted picture

struct picture_request {
    int64_t max_pixels;
    int32_t rule, width, height, fill;
    char name[PATH_BYTES];
};

// The prepared pixels follow.
struct picture_answer {
    int32_t src_width, src_height;
};

static int read_all(int fd, struct str_buf *out)
{
    char piece[4096];
    for (off_t at = 0;;) {
        ssize_t n = pread(fd, piece, sizeof(piece), at);
        if (n < 0)
            return err_set(ERR_IO, "the picture cannot be read");
        if (n == 0)
            return str_buf_check(out);
        str_buf_add(out, piece, (size_t)n);
        at += n;
    }
}

static int put_prepared(const struct picture_request *q, const struct picture *p,
                        struct str_buf *out)
{
    const struct picture_answer a = {.src_width = p->width, .src_height = p->height};
    const struct letterbox lb = letterbox_make((enum letterbox_rule)q->rule, p->width, p->height,
                                               q->width, q->height, (uint8_t)q->fill);
    size_t n = (size_t)q->width * (size_t)q->height * 3;
    uint8_t *rgb = (uint8_t *)mem_aligned(n);
    struct letterbox_scratch *scratch = NULL;
    int r = rgb ? letterbox_scratch_create(CPU_ISA_UNSET, &scratch) : ERR_NOMEM;
    if (r == 0)
        r = letterbox_run(scratch, &lb, p, rgb);
    if (r == 0) {
        str_buf_add(out, &a, sizeof(a));
        str_buf_add(out, rgb, n);
        r = str_buf_check(out);
    }
    letterbox_scratch_destroy(scratch);
    mem_free(rgb);
    return r;
}

static int decode_prepared(const struct picture_request *q, const struct str_buf *bytes,
                           struct str_buf *out)
{
    struct picture_decoder *d;
    struct picture *p = NULL;
    int r = picture_decoder_create(q->max_pixels, &d);
    if (r < 0)
        return r;
    r = picture_decode(d, q->name, bytes->p, bytes->n, &p, NULL);
    if (r == 0)
        r = put_prepared(q, p, out);
    picture_unref(&p);
    picture_decoder_destroy(d);
    return r;
}

static int answer_picture(const void *request, size_t n, int fd, struct str_buf *out)
{
    struct picture_request q;
    if (n != sizeof(q) || fd < 0)
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    struct str_buf bytes = STR_BUF_INIT(MAX_PICTURE_BYTES);
    int r = read_all(fd, &bytes);
    if (r == 0)
        r = decode_prepared(&q, &bytes, out);
    str_buf_finish(&bytes);
    return r;
}

// A picture that owns its answer.
struct asked_picture {
    struct picture picture; // first: release() gets a pointer to it
    struct letterbox letterbox;
    char *answer;
};

static void release_asked(struct picture *p)
{
    struct asked_picture *h = (struct asked_picture *)p;
    mem_free(h->answer);
    mem_free(h);
}

static int take_prepared(struct str_buf *answer, const char *name, int64_t max_pixels,
                         const struct source_prepare *q, struct picture **ret_picture)
{
    struct picture_answer a;
    size_t n = (size_t)q->width * (size_t)q->height * 3;
    if (answer->n != sizeof(a) + n)
        return nonsense(name);
    memcpy(&a, answer->p, sizeof(a));
    if (a.src_width == 0 || a.src_height == 0 || !answer_side_holds(a.src_width) ||
        !answer_side_holds(a.src_height) || (int64_t)a.src_width * a.src_height > max_pixels)
        return nonsense(name);
    struct asked_picture *h = mem_new(struct asked_picture);
    if (!h)
        return ERR_NOMEM;
    h->letterbox = letterbox_make(q->rule, a.src_width, a.src_height, q->width, q->height, q->fill);
    h->answer = str_buf_take(answer);
    h->picture = (struct picture){
        .layout = PICTURE_RGB,
        .width = q->width,
        .height = q->height,
        .bit_depth = 8,
        .planes = {(const uint8_t *)h->answer + sizeof(a)},
        .strides = {(ptrdiff_t)q->width * 3},
        .prepared = &h->letterbox,
        .release = release_asked,
    };
    atomic_init(&h->picture.refs, 1);
    *ret_picture = &h->picture;
    return 0;
}

int child_picture(const char *program, const char *name, int fd, int64_t max_pixels,
                  const struct source_prepare *prepare, struct picture **ret_picture)
{
    struct picture_request q = {.max_pixels = max_pixels,
                                .rule = (int32_t)prepare->rule,
                                .width = prepare->width,
                                .height = prepare->height,
                                .fill = prepare->fill};
    int r = copy_path(name, q.name);
    if (r < 0)
        return r;
    struct str_buf answer = STR_BUF_INIT(MAX_PREPARED);
    const struct child_limits limits = {.cpu_seconds = PICTURE_LIMIT_S, .niceness = ASKED_NICENESS};
    r = child_ask(program, child_picture_kind.name, &limits, &q, sizeof(q), fd,
                  PICTURE_LIMIT_S * CLOCK_NS_PER_S, &answer);
    r = name_error(r, name);
    if (r == 0)
        r = take_prepared(&answer, name, max_pixels, prepare, ret_picture);
    str_buf_finish(&answer);
    return r;
}

// --- the children

static int run_probe(int socket)
{
    return child_answer(socket, sizeof(struct probe_result), answer_probe);
}

static int run_frame(int socket)
{
    return child_answer(socket, MAX_JPEG, answer_frame);
}

static int run_times(int socket)
{
    return child_answer(socket, MAX_TIMES, answer_times);
}

static int run_picture(int socket)
{
    return child_answer(socket, MAX_PREPARED, answer_picture);
}

const struct child_kind child_probe_kind = {"probe", run_probe};
const struct child_kind child_frame_kind = {"frame", run_frame};
const struct child_kind child_times_kind = {"times", run_times};
const struct child_kind child_picture_kind = {"picture", run_picture};
