// SPDX-License-Identifier: Apache-2.0
// demo_video.c - the judged video with its outcome drawn.
//
// The clip is decoded a second time: what is found, missed or false is known only once all of it is
// judged, and boxes of every confidence from 0.001 on would hide the picture.

#include "app/demo_video.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/progress.h"
#include "app/report_html.h"
#include "app/validate_run.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "media/annotate.h"
#include "media/source.h"
#include "report/metrics_json.h"
#include "vision/picture.h"

enum {
    MAX_MARKS = 1000, // on one picture
    SMALL = 8,        // of these, one above the other, would fill the picture
    N_CAPTIONS = 4,
};

struct demo_video {
    const struct validate_judged *judged;
    struct outcome outcome;
    size_t next; // of the outcome's pictures: where the search for the next one begins
    const char *path;
    struct source *source;
    struct video_writer *writer;
    int height; // of the picture at hand
    struct mark marks[MAX_MARKS];
    char texts[MAX_MARKS][MARK_TEXT_BYTES];
    int64_t n_total;
    _Atomic int64_t n_done;
    atomic_bool stop;
};

static void cancel(void *arg)
{
    atomic_store(&((struct demo_video *)arg)->stop, true);
}

static struct progress_now read_progress(void *arg)
{
    struct demo_video *v = (struct demo_video *)arg;
    return (struct progress_now){.done = atomic_load(&v->n_done), .total = v->n_total};
}

// Frames come in the order of the outcome, so the search ends at once; NULL: not judged.
static const struct outcome_picture *find(struct demo_video *v, const struct picture *p)
{
    const struct outcome *o = &v->outcome;
    const bool is_files = source_info(v->source)->kind == SOURCE_PICTURES;
    for (size_t i = 0; i < o->n_pictures; i++) {
        const size_t k = (v->next + i) % o->n_pictures;
        if (app_html_is_picture(v->judged->truth, v->judged->detections, &o->pictures[k], p,
                                is_files)) {
            v->next = k + 1;
            return &o->pictures[k];
        }
    }
    return NULL;
}

static void put_text(struct demo_video *v, size_t k, const struct outcome_object *o)
{
    static const char *const words[OUTCOME_N_KINDS] = {
        [OUTCOME_MISSED] = "missed ", [OUTCOME_FALSE_ALARM] = "false "};
    const struct dataset *d = v->judged->detections;
    struct str_buf text = STR_BUF_INIT(KIB);
    str_buf_printf(&text, "%s%s", words[o->kind] ? words[o->kind] : "",
                   v->judged->truth->classes[o->class_index].name);
    if (o->detection != OUTCOME_NONE)
        str_buf_printf(&text, " %.2f", d->objects[o->detection].confidence);
    const size_t n = MIN(text.n, (size_t)MARK_TEXT_BYTES - 1);
    for (size_t i = 0; i < n; i++)
        v->texts[k][i] = str_buf_text(&text)[i];
    v->texts[k][n] = '\0';
    str_buf_finish(&text);
}

static struct mark mark_of(struct demo_video *v, size_t k, const struct outcome_object *o)
{
    static const enum mark_kind kinds[OUTCOME_N_KINDS] = {[OUTCOME_FOUND] = MARK_FOUND,
                                                          [OUTCOME_MISSED] = MARK_MISSED,
                                                          [OUTCOME_FALSE_ALARM] = MARK_FALSE_ALARM,
                                                          [OUTCOME_IGNORED] = MARK_IGNORED};
    // The detector's box where there is one: that is what is shown as found.
    const struct dataset_object *b = o->detection != OUTCOME_NONE
                                         ? &v->judged->detections->objects[o->detection]
                                         : &v->judged->truth->objects[o->truth];
    const bool is_small = b->h * SMALL < v->height; // words would hide it
    const struct mark m = {
        .box = {(float)b->x, (float)b->y, (float)(b->x + b->w), (float)(b->y + b->h)},
        .kind = kinds[o->kind],
        .text = is_small || o->kind == OUTCOME_IGNORED ? NULL : v->texts[k]};
    if (m.text)
        put_text(v, k, o);
    return m;
}

// Errors come last, so that they lie on top.
static size_t put_marks(struct demo_video *v, const struct outcome_picture *p)
{
    static const enum outcome_kind order[] = {OUTCOME_IGNORED, OUTCOME_FOUND, OUTCOME_FALSE_ALARM,
                                              OUTCOME_MISSED};
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (size_t i = 0; i < p->n && n < MAX_MARKS; i++) {
            const struct outcome_object *o = &v->outcome.objects[p->first + i];
            if (o->kind == order[k]) {
                v->marks[n] = mark_of(v, n, o);
                n++;
            }
        }
    }
    return n;
}

static int add(struct demo_video *v, const struct picture *p)
{
    const struct outcome_picture *o = find(v, p);
    char texts[N_CAPTIONS][MARK_TEXT_BYTES];
    v->height = p->height;
    snprintf(texts[0], MARK_TEXT_BYTES, "frame %" PRId64 "%s", p->ordinal, o ? "" : ": not judged");
    snprintf(texts[1], MARK_TEXT_BYTES, "found %" PRId64, o ? o->n_found : 0);
    snprintf(texts[2], MARK_TEXT_BYTES, "missed %" PRId64, o ? o->n_missed : 0);
    snprintf(texts[3], MARK_TEXT_BYTES, "false %" PRId64, o ? o->n_false_alarms : 0);
    const struct mark captions[N_CAPTIONS] = {
        {.kind = MARK_UNSET, .text = texts[0]},
        {.kind = MARK_FOUND, .text = texts[1]},
        {.kind = MARK_MISSED, .text = texts[2]},
        {.kind = MARK_FALSE_ALARM, .text = texts[3]},
    };
    return video_writer_add_marked(v->writer, p, v->marks, o ? put_marks(v, o) : 0, captions,
                                   o ? N_CAPTIONS : 1);
}

// The size is known with the first picture.
static int open_writer(struct demo_video *v, const struct picture *p)
{
    const struct source_info *s = source_info(v->source);
    return v->writer ? 0
                     : video_writer_open(v->path, p->width, p->height, s->frame_rate_num,
                                         s->frame_rate_den, &v->writer);
}

static int add_all(struct demo_video *v)
{
    for (;;) {
        struct picture *p;
        if (atomic_load(&v->stop))
            return err_set(ERR_CANCELLED, "%s: interrupted, no video is written", v->path);
        int r = source_next(v->source, &p);
        if (r == ERR_EOF) {
            err_clear();
            return 0;
        }
        if (r < 0)
            return r;
        r = open_writer(v, p);
        if (r == 0)
            r = add(v, p);
        picture_unref(&p);
        if (r < 0)
            return r;
        atomic_fetch_add(&v->n_done, 1);
    }
}

static int write_watched(struct demo_video *v, bool is_quiet)
{
    const struct progress_opts p = {
        .is_quiet = is_quiet, .label = v->path, .read = read_progress, .arg = v};
    struct progress *progress = NULL;
    int r = progress_start(&p, &progress);
    if (r < 0)
        return r;
    app_on_interrupt(cancel, v);
    r = add_all(v);
    app_on_interrupt(NULL, NULL);
    progress_stop(&progress);
    if (r == 0 && v->writer)
        r = video_writer_close(&v->writer);
    video_writer_abort(&v->writer);
    return r;
}

int demo_video_write(const struct validate_judged *j, const char *path, bool is_quiet,
                     struct arena *a)
{
    struct demo_video *v = arena_new(a, struct demo_video);
    if (!v)
        return ERR_NOMEM;
    v->judged = j;
    v->path = path;
    v->n_total = j->run->frames.decoded;
    int r = outcome_run(j->truth, j->detections, j->evaluation, a, &v->outcome);
    const struct source_opts opts = {.path = j->about->source,
                                     .allow_network = strstr(j->about->source, "://") != NULL};
    if (r == 0)
        r = source_open(&opts, &v->source);
    if (r < 0)
        return r;
    r = write_watched(v, is_quiet);
    source_close(v->source);
    return r;
}
