// SPDX-License-Identifier: Apache-2.0
// synth_clip.c - a synthetic scene as files, watched: progress, and an interrupt stops it.

#include "app/synth_clip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/progress.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "media/annotate.h"
#include "synth/synth.h"
#include "vision/picture.h"

enum {
    MAX_PATH_BYTES = 8192,
    MAX_TRUTH_BYTES = 2000 * 1000 * 1000,
};

// A clip on its way.
struct clip {
    const struct synth_clip *opts;
    struct synth *synth;
    struct synth_truth truth;
    int64_t n_total;
    _Atomic int64_t n_done;
    atomic_bool stop;
};

static void cancel(void *arg)
{
    atomic_store(&((struct clip *)arg)->stop, true);
}

static struct progress_now read_progress(void *arg)
{
    struct clip *c = (struct clip *)arg;
    return (struct progress_now){.done = atomic_load(&c->n_done), .total = c->n_total};
}

static int path_in(const struct clip *c, const char *name, struct str_buf *path)
{
    *path = STR_BUF_INIT(MAX_PATH_BYTES);
    str_buf_printf(path, "%s/%s", c->opts->dir, name);
    return str_buf_check(path);
}

static int write_frames(struct clip *c, struct video_writer *w)
{
    for (int64_t n = 0; n < c->n_total; n++) {
        struct synth_frame f;
        if (atomic_load(&c->stop))
            return err_set(ERR_CANCELLED,
                           "%s: interrupted after %" PRId64 " frames, no clip is written",
                           c->opts->dir, n);
        int r = synth_draw(c->synth, n, &f);
        if (r == 0)
            r = video_writer_add(w, f.picture, NULL, 0, NULL, 0);
        if (r < 0)
            return r;
        synth_truth_add(&c->truth, c->synth, &f);
        atomic_store(&c->n_done, n + 1);
    }
    return 0;
}

static int write_clip(struct clip *c)
{
    struct str_buf path;
    struct video_writer *w = NULL;
    const struct synth_opts *o = synth_settings(c->synth);
    int num, den;
    synth_rate(c->synth, &num, &den);
    int r = path_in(c, SYNTH_CLIP_VIDEO, &path);
    if (r == 0)
        r = video_writer_open(str_buf_text(&path), o->width, o->height, num, den, &w);
    str_buf_finish(&path);
    if (r < 0)
        return r;
    r = write_frames(c, w);
    if (r < 0)
        video_writer_abort(&w);
    return r < 0 ? r : video_writer_close(&w);
}

static int write_file(const struct clip *c, const char *name, struct str_buf *text)
{
    struct str_buf path;
    int r = path_in(c, name, &path);
    if (r == 0)
        r = app_write(str_buf_text(&path), text);
    str_buf_finish(&path);
    return r;
}

static int write_truth(struct clip *c)
{
    struct str_buf text = STR_BUF_INIT(MAX_TRUTH_BYTES);
    int r = synth_truth_coco(&c->truth, c->synth, &text);
    if (r == 0)
        r = write_file(c, SYNTH_CLIP_TRUTH, &text);
    str_buf_reset(&text);
    if (r == 0 && c->opts->wants_mot)
        r = synth_truth_mot(&c->truth, &text);
    if (r == 0 && c->opts->wants_mot)
        r = write_file(c, SYNTH_CLIP_MOT, &text);
    str_buf_finish(&text);
    return r;
}

static void say(const struct clip *c, int64_t begun_ns)
{
    const double seconds = (double)(clock_now_ns() - begun_ns) / 1e9;
    log_info(NULL, "%s: %" PRId64 " frames, %" PRId64 " objects, %.1f s, %.0f fps", c->opts->dir,
             c->n_total, c->truth.n_objects, seconds,
             (double)c->n_total / (seconds > 0 ? seconds : 1));
}

static int write_all(struct clip *c)
{
    const struct progress_opts p = {
        .is_quiet = c->opts->is_quiet, .label = "synth", .read = read_progress, .arg = c};
    struct progress *progress = NULL;
    int r = progress_start(&p, &progress);
    if (r < 0)
        return r;
    const int64_t begun_ns = clock_now_ns();
    app_on_interrupt(cancel, c);
    r = write_clip(c);
    if (r == 0)
        r = write_truth(c);
    app_on_interrupt(NULL, NULL);
    progress_stop(&progress);
    if (r == 0 && !c->opts->is_quiet)
        say(c, begun_ns);
    return r;
}

int synth_clip_write(struct synth *s, const struct synth_clip *opts)
{
    struct clip c = {.opts = opts, .synth = s, .n_total = synth_n_frames(s)};
    if (mkdir(opts->dir, 0777) < 0 && errno != EEXIST)
        return err_set_errno(errno, "%s", opts->dir);
    synth_truth_init(&c.truth);
    int r = write_all(&c);
    synth_truth_finish(&c.truth);
    return r;
}
