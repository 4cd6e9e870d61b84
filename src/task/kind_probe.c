// SPDX-License-Identifier: Apache-2.0
// kind_probe.c - "probe": counts a new video in a confined child, keeps a thumbnail, and asks for a
// preview where browsers could not play the original.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "base/tell_name.h"
#include "blob/blob.h"
#include "event/announce.h"
#include "media/child_jobs.h"
#include "media/frame_at.h"
#include "media/probe.h"
#include "store/store_blob.h"
#include "store/store_video.h"
#include "task/kinds.h"
#include "task/page.h"
#include "task/probe_json.h"

enum {
    TIMEOUT_MS = 3600 * 1000,
    CPU_LIMIT_S = 3600,
    THUMBNAIL_WIDTH = 320, // pixels
    QUALITY = 80,
};
#define MAX_DURATION_S 9e12 // which whole microseconds hold
#define MAX_JPEG       (1 * MIB)
#define MAX_FACTS      (1 * MIB)

struct probing {
    struct task_run *run;
    struct store_video video;
    char path[BLOB_PATH_BYTES];
    struct probe_result *result;
    struct str_buf facts; // probe_json
    struct blob_info thumbnail;
    bool has_thumbnail;
    struct store_dropped dropped;
};

// What current browsers play without help: H.264 of 8 bits in MP4, VP8, VP9 and AV1 in WebM or MP4.
static bool is_playable(const struct probe_result *p)
{
    bool is_mp4 = strstr(p->container, "mp4") != NULL;
    bool is_webm = strstr(p->container, "webm") != NULL;
    bool is_plain =
        strcmp(p->pixel_format, "yuv420p") == 0 || strcmp(p->pixel_format, "yuvj420p") == 0;
    if (strcmp(p->codec, "h264") == 0)
        return is_mp4 && is_plain;
    bool is_web = strcmp(p->codec, "vp8") == 0 || strcmp(p->codec, "vp9") == 0 ||
                  strcmp(p->codec, "av1") == 0;
    return is_web && is_plain && (is_webm || is_mp4);
}

static void fill(struct probing *g)
{
    const struct probe_result *p = g->result;
    struct store_video *v = &g->video;
    v->status = STORE_VIDEO_READY;
    v->error = NULL;
    v->container = p->container;
    v->codec = p->codec;
    v->width = p->width;
    v->height = p->height;
    v->rotation = p->rotation;
    v->n_frames = p->n_frames;
    bool is_told = p->duration_s > 0 && p->duration_s < MAX_DURATION_S;
    v->duration_us = is_told ? (int64_t)(p->duration_s * 1e6) : 0;
    if (v->duration_us <= 0 && p->n_frames > 1)
        v->duration_us = p->last_pts_us - p->first_pts_us + p->min_distance_us;
    v->frame_rate =
        p->frame_rate_num > 0 ? (double)p->frame_rate_num / (double)p->frame_rate_den : 0;
    v->is_variable = p->is_variable;
    v->is_playable = is_playable(p);
    v->probe_json = str_buf_text(&g->facts);
}

// A tenth into the video: its very beginning is often black. One that cannot be had is missing.
static int take_thumbnail(struct probing *g)
{
    struct source_mark mark;
    int64_t ordinal = g->result->n_frames / 10;
    bool has_mark = probe_json_mark(str_buf_text(&g->facts), ordinal, &mark);
    const struct frame_at f = {.path = g->path,
                               .ordinal = ordinal,
                               .mark = has_mark ? &mark : NULL,
                               .max_width = THUMBNAIL_WIDTH,
                               .quality = QUALITY};
    struct str_buf jpeg = STR_BUF_INIT(MAX_JPEG);
    int r = child_frame(task_run_tools(g->run)->program, &f, &jpeg);
    if (r < 0) {
        log_warning(NULL, "%s: no thumbnail: %s", g->video.name, err_message(r));
        err_clear();
    } else {
        r = blob_put(task_run_tools(g->run)->blob, jpeg.p, jpeg.n, &g->thumbnail);
        g->has_thumbnail = r == 0;
    }
    str_buf_finish(&jpeg);
    return r == ERR_NOSPACE || r == ERR_NOMEM ? r : 0;
}

static int ask_for_preview(struct probing *g)
{
    const struct store_task t = {.kind = "preview",
                                 .priority = -1,
                                 .project_id = g->video.project_id,
                                 .video_id = g->video.id};
    char id[ID_BYTES];
    return store_task_create(task_run_tools(g->run)->store, &t, NULL, 0, id);
}

static int write_end(void *arg)
{
    struct probing *g = (struct probing *)arg;
    struct store *s = task_run_tools(g->run)->store;
    const struct store_lease *lease = task_run_lease(g->run);
    int r = store_video_set_probe(s, lease, &g->video);
    const struct store_blob thumbnail = {
        .key = g->thumbnail.key, .sha256 = g->thumbnail.sha256, .n_bytes = g->thumbnail.n_bytes};
    if (r == 0 && g->has_thumbnail)
        r = store_video_set_blob(s, lease, g->video.id, STORE_VIDEO_BLOB_THUMBNAIL, &thumbnail,
                                 &g->dropped);
    if (r == 0 && !g->video.is_playable && !g->video.preview_key)
        r = ask_for_preview(g);
    return r;
}

// A file that is no video is not tried again: its row says why.
static int write_failure(struct probing *g, int error)
{
    char message[ERR_MESSAGE_BYTES];
    err_copy_message(error, message, sizeof(message));
    const char *text = message;
    size_t n = strlen(g->path);
    if (strncmp(text, g->path, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        text += n + 2; // where its blob lies is nobody's business
    struct store_video v = g->video;
    v.status = STORE_VIDEO_FAILED;
    v.error = text;
    int r = store_video_set_probe(task_run_tools(g->run)->store, task_run_lease(g->run), &v);
    return r < 0 ? r : err_set((enum err)error, "%s: %s", g->video.name, text);
}

static int probe(struct probing *g)
{
    const struct task_tools *t = task_run_tools(g->run);
    struct arena *a = task_run_arena(g->run);
    const struct store_task *row = task_run_row(g->run);
    if (!row->video_id)
        return err_set(ERR_INVALID, "the task names no video");
    int r = store_video_get(t->store, row->video_id, a, &g->video);
    if (r == 0 && !g->video.blob_key && g->video.source_url) {
        const char *why = g->video.error ? g->video.error : "it could not be fetched";
        return write_failure(g, err_set(ERR_DATA, "%s", why));
    }
    if (r == 0 && !g->video.blob_key)
        return err_set(ERR_INVALID, "%s: only uploaded videos are probed", g->video.name);
    if (r == 0)
        r = blob_path(t->blob, g->video.blob_key, g->path);
    if (r < 0)
        return r;
    const struct source_opts opts = {.path = g->path, .stream_index = -1, .has_stream_index = true};
    r = child_probe(t->program, &opts, CPU_LIMIT_S, g->result);
    if (r < 0)
        return err_may_retry(r) ? tell_name(r, g->path, g->video.name) : write_failure(g, r);
    probe_json_put(g->result, &g->facts);
    r = str_buf_check(&g->facts);
    if (r == 0)
        r = take_thumbnail(g);
    fill(g);
    return r == 0 ? task_run_commit(g->run, write_end, g) : r;
}

static int run_probe(struct task_run *run)
{
    struct probing *g = arena_new(task_run_arena(run), struct probing);
    if (!g)
        return ERR_NOMEM;
    g->run = run;
    g->facts = STR_BUF_INIT(MAX_FACTS);
    g->result = arena_new(task_run_arena(run), struct probe_result);
    int r = g->result ? probe(g) : ERR_NOMEM;
    if (r == 0 && !g->video.is_playable)
        announce_queued(task_run_tools(run)->bus);
    if (r < 0 && g->has_thumbnail)
        IGNORE(blob_delete(task_run_tools(run)->blob, g->thumbnail.key));
    task_delete_blobs(run, &g->dropped);
    str_buf_finish(&g->facts);
    return r;
}

const struct task_kind task_kind_probe = {
    .name = "probe", .timeout_ms = TIMEOUT_MS, .run = run_probe};
