// SPDX-License-Identifier: Apache-2.0
// detect_run.c - a watched run: the pipeline in the caller's thread, progress and interrupt beside.

#include "app/detect_run.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/detect_setup.h"
#include "app/progress.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

// --- what the pipeline calls

static int item_begin(void *arg, const struct source_info *source)
{
    struct detect_item *item = (struct detect_item *)arg;
    return item->calls.begin ? item->calls.begin(item->calls.arg, source) : 0;
}

static int item_frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct detect_item *item = (struct detect_item *)arg;
    return item->calls.frame ? item->calls.frame(item->calls.arg, f, d, n) : 0;
}

// The thread of the source is the owner of its messages: they are printed as it ends.
static int item_end(void *arg, const struct pipeline_summary *sum)
{
    struct detect_item *item = (struct detect_item *)arg;
    item->summary = *sum;
    int r = item->calls.end ? item->calls.end(item->calls.arg, sum) : 0;
    item->end_error = r;
    if (sum->error)
        log_error(NULL, "%s", sum->message);
    else if (sum->cut_short)
        log_warning(NULL, "%s: cut short, %" PRId64 " frames decoded: %s", item->path,
                    sum->frames.decoded, sum->message);
    else if (sum->frames.undecodable > 0)
        log_warning(NULL, "%s: %" PRId64 " undecodable, the first: %s", item->path,
                    sum->frames.undecodable, sum->message);
    if (r < 0)
        log_error(NULL, "%s", err_message(r));
    return r;
}

int detect_run_init(struct detect_run *run, const struct detect_setup *setup,
                    const char *const *paths, size_t n_paths, struct arena *a)
{
    if (n_paths == 0)
        return err_set(ERR_INVALID, "which SOURCE? (a file, a folder of pictures, a URL)");
    run->items = arena_array(a, struct detect_item, n_paths);
    if (!run->items)
        return ERR_NOMEM;
    run->setup = setup;
    run->n = n_paths;
    for (size_t i = 0; i < n_paths; i++)
        run->items[i].path = paths[i];
    return 0;
}

static struct pipeline_source source_of(struct detect_run *run, size_t i)
{
    struct detect_item *item = &run->items[i];
    struct pipeline_source s = {
        .opts = run->setup->opts->source,
        .sink = {.arg = item, .begin = item_begin, .frame = item_frame, .end = item_end},
        .keep_pictures = run->keep_pictures,
    };
    s.opts.path = item->path;
    s.opts.allow_network = strstr(item->path, "://") != NULL;
    return s;
}

static struct progress_now progress_of(void *arg)
{
    struct pipeline_progress p = pipeline_progress((struct pipeline *)arg);
    return (struct progress_now){.done = p.frames.decoded, .total = p.n_frames_hint};
}

static void cancel(void *arg)
{
    pipeline_cancel((struct pipeline *)arg);
}

// A file comes as fast as it is read, so that most of it would be dropped and no two runs agree.
static void warn_of_live_files(const struct detect_run *run)
{
    for (size_t i = 0; i < run->n && run->setup->opts->source.live; i++) {
        struct stat st;
        const char *path = run->items[i].path;
        if (stat(path, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
            log_warning(NULL,
                        "%s: --live drops frames, and this source is a file, read at full speed",
                        path);
    }
}

static int run_watched(const struct detect_run *run, struct pipeline *p)
{
    struct str_buf label = STR_BUF_INIT(KIB);
    str_buf_printf(&label, "%zu sources", run->n);
    const struct progress_opts opts = {
        .is_quiet = run->is_quiet,
        .label = run->n == 1 ? run->items[0].path : str_buf_text(&label),
        .read = progress_of,
        .arg = p,
    };
    struct progress *progress = NULL;
    IGNORE(progress_start(&opts, &progress)); // the work matters more than its bar
    app_on_interrupt(cancel, p);
    int r = pipeline_run(p);
    app_on_interrupt(NULL, NULL);
    progress_stop(&progress);
    str_buf_finish(&label);
    err_clear();
    return r;
}

static void add_up(struct detect_run *run)
{
    struct pipeline_summary *t = &run->total;
    for (size_t i = 0; i < run->n; i++) {
        const struct pipeline_summary *s = &run->items[i].summary;
        t->frames.decoded += s->frames.decoded;
        t->frames.inferred += s->frames.inferred;
        t->frames.skipped += s->frames.skipped;
        t->frames.dropped += s->frames.dropped;
        t->frames.failed += s->frames.failed;
        t->frames.undecodable += s->frames.undecodable;
        t->n_detections += s->n_detections;
        t->interrupted |= s->interrupted;
    }
}

// A span without a frame is no error, but hardly what was meant.
static void warn_of_empty_spans(const struct detect_run *run)
{
    const struct source_opts *o = &run->setup->opts->source;
    for (size_t i = 0; i < run->n && (o->start_s > 0 || o->end_s > 0); i++) {
        const struct pipeline_summary *s = &run->items[i].summary;
        const struct frame_counts *c = &s->frames;
        if (s->error || s->interrupted || c->inferred + c->dropped + c->failed > 0)
            continue;
        if (o->end_s > 0)
            log_warning(NULL, "%s: no frame lies between --start %g and --end %g",
                        run->items[i].path, o->start_s, o->end_s);
        else
            log_warning(NULL, "%s: no frame lies after --start %g", run->items[i].path, o->start_s);
    }
}

// An interrupt is told before a broken machine, that before a wrong input.
static int status_of(const struct detect_run *run, bool cancelled)
{
    if (cancelled)
        return err_exit_status(ERR_CANCELLED);
    int worst = 0;
    for (size_t i = 0; i < run->n; i++) {
        const struct detect_item *item = &run->items[i];
        worst = MAX(worst, err_exit_status(item->summary.error));
        worst = MAX(worst, err_exit_status(item->end_error));
    }
    return worst;
}

int detect_run_all(struct detect_run *run, int *ret_status)
{
    const struct detect_setup *setup = run->setup;
    const struct pipeline_opts opts = {
        .detector = setup->detector,
        .settings = setup->settings,
        .track = setup->opts->track,
        .n_side_by_side = (int)setup->opts->side_by_side,
        .want_sha256 = !run->no_sha256,
    };
    struct pipeline_source *sources = mem_array(struct pipeline_source, run->n);
    if (!sources)
        return ERR_NOMEM;
    for (size_t i = 0; i < run->n; i++)
        sources[i] = source_of(run, i);
    struct pipeline *p = NULL;
    int r = pipeline_create(&opts, sources, run->n, &p);
    mem_free(sources);
    if (r < 0)
        return r;
    warn_of_live_files(run);
    int64_t start_ns = clock_now_ns();
    bool cancelled = run_watched(run, p) == ERR_CANCELLED;
    pipeline_destroy(p);
    run->total.seconds = (double)(clock_now_ns() - start_ns) / (double)CLOCK_NS_PER_S;
    add_up(run);
    warn_of_empty_spans(run);
    *ret_status = status_of(run, cancelled);
    if (*ret_status == 0 || cancelled || run->total.frames.decoded > 0 || run->n > 1)
        detect_print_totals(&run->total); // else the error has said it all
    return 0;
}
