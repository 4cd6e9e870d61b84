// SPDX-License-Identifier: Apache-2.0
// kind_preview.c - "preview": what browsers can play in place of a video that they cannot, with the
// same frames at the same times.

#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "blob/blob.h"
#include "media/child_jobs.h"
#include "store/store_blob.h"
#include "store/store_video.h"
#include "task/kinds.h"
#include "task/page.h"

enum {
    TIMEOUT_MS = 6 * 3600 * 1000,
};

struct previewing {
    struct task_run *run;
    struct store_video video;
    struct blob_info preview;
    bool has_preview;
    struct store_dropped dropped;
};

static int write_end(void *arg)
{
    struct previewing *g = (struct previewing *)arg;
    const struct store_blob b = {
        .key = g->preview.key, .sha256 = g->preview.sha256, .n_bytes = g->preview.n_bytes};
    return store_video_set_blob(task_run_tools(g->run)->store, task_run_lease(g->run), g->video.id,
                                STORE_VIDEO_BLOB_PREVIEW, &b, &g->dropped);
}

static int make(struct previewing *g)
{
    const struct task_tools *t = task_run_tools(g->run);
    const struct store_task *row = task_run_row(g->run);
    char path[BLOB_PATH_BYTES];
    char out_path[BLOB_PATH_BYTES];
    if (!row->video_id)
        return err_set(ERR_INVALID, "the task names no video");
    int r = store_video_get(t->store, row->video_id, task_run_arena(g->run), &g->video);
    if (r == 0 && !g->video.blob_key)
        return err_set(ERR_INVALID, "%s: only uploaded videos have previews", g->video.name);
    if (r == 0)
        r = blob_path(t->blob, g->video.blob_key, path);
    if (r == 0)
        r = blob_check_space(t->blob, g->video.n_bytes);
    if (r == 0)
        r = blob_temp_path(t->blob, ".mp4", out_path);
    if (r < 0)
        return r;
    r = child_preview(t->program, path, out_path, TIMEOUT_MS * CLOCK_NS_PER_MS);
    if (r == 0)
        r = blob_adopt(t->blob, out_path, &g->preview);
    g->has_preview = r == 0;
    if (r < 0)
        (void)unlink(out_path);
    return r == 0 ? task_run_commit(g->run, write_end, g) : r;
}

static int run_preview(struct task_run *run)
{
    struct previewing *g = arena_new(task_run_arena(run), struct previewing);
    if (!g)
        return ERR_NOMEM;
    g->run = run;
    int r = make(g);
    if (r < 0 && g->has_preview)
        IGNORE(blob_delete(task_run_tools(run)->blob, g->preview.key));
    task_delete_blobs(run, &g->dropped);
    return r;
}

const struct task_kind task_kind_preview = {
    .name = "preview", .timeout_ms = TIMEOUT_MS, .run = run_preview};
