// SPDX-License-Identifier: Apache-2.0
// session_files.c - writes what the store holds in the formats that dataset reads.

#include "task/session_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "store/store_detection.h"
#include "store/store_session.h"
#include "store/store_truth.h"
#include "store/store_video.h"
#include "task/kind.h"
#include "task/session_pieces.h"

enum {
    MAX_LINE = 32 * 1024 * 1024,
    MAX_VIDEOS = 10000, // of a session
};

// --- detections, as a file of `detect`

static void put_detection(struct json_writer *w, const struct columns *c,
                          const struct columns_detection *d)
{
    json_object(w);
    json_key(w, "label");
    json_cstring(w, c->labels[d->label].text);
    json_key(w, "confidence");
    json_float(w, d->confidence);
    json_key(w, "bounding_box");
    json_object(w);
    json_key(w, "x");
    json_float(w, d->x);
    json_key(w, "y");
    json_float(w, d->y);
    json_key(w, "width");
    json_float(w, d->w);
    json_key(w, "height");
    json_float(w, d->h);
    json_end(w);
    if (d->track_id > 0) {
        json_key(w, "track_id");
        json_int(w, d->track_id);
    }
    json_end(w);
}

static void put_frame(struct str_buf *out, const struct columns *c, const struct columns_frame *f)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "type");
    json_cstring(&w, "frame");
    json_key(&w, "frame");
    json_int(&w, f->frame);
    json_key(&w, "pts_us");
    json_int(&w, f->pts_us);
    json_key(&w, "detections");
    json_array(&w);
    for (uint32_t i = 0; i < f->n; i++)
        put_detection(&w, c, &c->detections[f->first + i]);
    json_end(&w);
    json_end(&w);
    str_buf_putc(out, '\n');
}

static int write_block(struct file_out *file, const struct columns *c, struct str_buf *line)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_frames; i++) {
        str_buf_reset(line);
        put_frame(line, c, &c->frames[i]);
        r = str_buf_check(line);
        if (r == 0)
            r = file_out_write(file, line->p, line->n);
    }
    return r;
}

static int write_text(struct file_out *file, const char *text)
{
    return file_out_write(file, text, strlen(text));
}

static int write_blocks(struct task_run *run, const char *set_id, struct file_out *file)
{
    const struct store_set_filter filter = {.set_id = set_id};
    struct store_set_stream *stream;
    int r = store_set_stream_open(task_run_tools(run)->store, &filter, &stream);
    if (r < 0)
        return r;
    struct str_buf line = STR_BUF_INIT(MAX_LINE);
    const struct columns *block;
    while (r == 0 && (r = store_set_stream_next(stream, &block)) == 0) {
        r = write_block(file, block, &line);
        if (r == 0)
            r = task_run_check(run);
    }
    str_buf_finish(&line);
    store_set_stream_close(stream);
    return r == ERR_EOF ? 0 : r;
}

static int write_set(struct task_run *run, const char *set_id, const char *path)
{
    struct file_out *file;
    int r = file_out_open(path, &file);
    if (r < 0)
        return r;
    r = write_text(file, "{\"type\":\"header\",\"assay\":\"" ASSAY_VERSION "\"}\n");
    if (r == 0)
        r = write_blocks(run, set_id, file);
    if (r == 0)
        r = write_text(file, "{\"type\":\"summary\",\"interrupted\":false}\n");
    if (r == 0)
        return file_out_commit(&file);
    file_out_abort(&file);
    return r;
}

// --- which videos

struct gathering {
    struct task_run *run;
    const struct store_session *session;
    struct session_files *files;
    const char *const *only;
    size_t n_only;
    struct store_session_video *videos; // as in the session; texts in the arena
    size_t n, cap;
    int error;
};

static const char *copy(struct gathering *g, const char *text)
{
    if (!text)
        return NULL;
    const char *own = arena_strndup(task_run_arena(g->run), text, strlen(text));
    if (!own)
        g->error = ERR_NOMEM;
    return own;
}

static bool is_wanted(const struct gathering *g, const char *video_id)
{
    bool is = !g->only;
    for (size_t i = 0; !is && i < g->n_only; i++)
        is = strcmp(g->only[i], video_id) == 0;
    return is;
}

// In the list's callback the store must not be called: the rows are kept first.
static int keep_video(void *arg, const struct store_session_video *v)
{
    struct gathering *g = (struct gathering *)arg;
    if (!is_wanted(g, v->video_id))
        return 0;
    if (g->n == g->cap)
        return err_set(ERR_TOO_BIG, "the session has more than %d videos", MAX_VIDEOS);
    g->videos[g->n++] = (struct store_session_video){.session_id = copy(g, v->session_id),
                                                     .video_id = copy(g, v->video_id),
                                                     .position = v->position,
                                                     .truth_id = copy(g, v->truth_id),
                                                     .set_id = copy(g, v->set_id),
                                                     .piece_format = copy(g, v->piece_format)};
    return g->error;
}

static int list_videos(struct gathering *g)
{
    struct store_next next = {""};
    g->cap = MAX_VIDEOS;
    g->videos = arena_array(task_run_arena(g->run), struct store_session_video, g->cap);
    if (!g->videos)
        return ERR_NOMEM;
    do {
        const struct store_page page = {.limit = STORE_PAGE_MAX, .cursor = next.cursor};
        struct store_next after;
        int r = store_session_videos(task_run_tools(g->run)->store, g->session->id, &page,
                                     keep_video, g, &after);
        if (r < 0)
            return r;
        next = after;
    } while (next.cursor[0]);
    return 0;
}

static int make_directory(const char *path)
{
    return mkdir(path, 0700) < 0 ? err_set_errno(errno, "%s", path) : 0;
}

// A truth that is a list of events stays as it came; any other is read as COCO.
static int link_truth(struct gathering *g, const char *truth_id, struct session_file_video *v)
{
    const struct task_tools *t = task_run_tools(g->run);
    struct store_truth truth;
    char blob[BLOB_PATH_BYTES];
    int r = store_truth_get(t->store, truth_id, task_run_arena(g->run), &truth);
    if (r < 0)
        return r;
    v->has_event_truth = truth.format && strcmp(truth.format, "events") == 0;
    const char *key = v->has_event_truth ? truth.original_key : truth.coco_key;
    if (!key)
        return err_set(ERR_DATA, "the truth '%s' was not read", truth.name ? truth.name : truth_id);
    v->truth = arena_printf(task_run_arena(g->run), "%s/truth/%s.json", g->files->directory, v->id);
    if (!v->truth)
        return ERR_NOMEM;
    r = blob_path(t->blob, key, blob);
    if (r == 0 && symlink(blob, v->truth) < 0)
        r = err_set_errno(errno, "%s", v->truth);
    return r;
}

static bool is_external(const struct gathering *g)
{
    return g->session->source == STORE_SESSION_EXTERNAL;
}

static int write_detections(struct gathering *g, const struct store_session_video *row,
                            struct session_file_video *v)
{
    const char *ending = is_external(g) ? session_pieces_ending(row->piece_format) : ".jsonl";
    v->has_event_detections = !ending;
    if (!ending)
        return 0;
    v->detections = arena_printf(task_run_arena(g->run), "%s/detections/%s%s", g->files->directory,
                                 v->id, ending);
    if (!v->detections)
        return ERR_NOMEM;
    return is_external(g) ? session_pieces_write(g->run, g->session->id, v->id, row->piece_format,
                                                 v->detections)
                          : write_set(g->run, row->set_id, v->detections);
}

// A video's two files, and its row among the judged.
static int add_video(struct gathering *g, const struct store_session_video *row)
{
    struct session_files *f = g->files;
    const struct task_tools *t = task_run_tools(g->run);
    bool has_detections = is_external(g) ? row->piece_format != NULL : row->set_id != NULL;
    if (!row->truth_id || !has_detections) {
        f->n_without_truth += !row->truth_id;
        f->n_without_detections += row->truth_id != NULL;
        return 0;
    }
    struct store_video video;
    char blob[BLOB_PATH_BYTES] = "";
    int r = store_video_get(t->store, row->video_id, task_run_arena(g->run), &video);
    if (r == 0 && video.blob_key)
        r = blob_path(t->blob, video.blob_key, blob);
    if (r < 0)
        return r;
    struct session_file_video *v = &f->videos[f->n_videos++];
    *v = (struct session_file_video){.id = row->video_id,
                                     .name = video.name,
                                     .truth_id = row->truth_id,
                                     .position = row->position,
                                     .path = blob[0] ? copy(g, blob) : NULL,
                                     .probe_json = video.probe_json,
                                     .width = video.width,
                                     .height = video.height,
                                     .duration_us = MAX(video.duration_us, 0)};
    r = link_truth(g, row->truth_id, v);
    if (r == 0)
        r = write_detections(g, row, v);
    f->n_events += v->has_event_truth || v->has_event_detections;
    return r < 0 ? r : g->error;
}

// One video is read as the command line reads it: as files, not as a folder of one.
static void name_inputs(struct session_files *f)
{
    if (f->n_videos == 1) {
        snprintf(f->truth, sizeof(f->truth), "%s", f->videos[0].truth);
        snprintf(f->detections, sizeof(f->detections), "%s",
                 f->videos[0].detections ? f->videos[0].detections : "");
        return;
    }
    snprintf(f->truth, sizeof(f->truth), "%.4000s/truth", f->directory);
    snprintf(f->detections, sizeof(f->detections), "%.4000s/detections", f->directory);
}

static int make_directories(struct session_files *f, struct blob *blob)
{
    char path[BLOB_PATH_BYTES];
    int r = blob_temp_path(blob, "", path);
    if (r == 0)
        r = make_directory(path);
    if (r < 0)
        return r;
    snprintf(f->directory, sizeof(f->directory), "%s", path);
    snprintf(path, sizeof(path), "%.4000s/truth", f->directory);
    r = make_directory(path);
    snprintf(path, sizeof(path), "%.4000s/detections", f->directory);
    return r == 0 ? make_directory(path) : r;
}

int session_files_make(struct task_run *run, const struct store_session *session,
                       const char *const *only, size_t n_only, struct session_files *ret_files)
{
    *ret_files = (struct session_files){0};
    struct gathering g = {
        .run = run, .session = session, .files = ret_files, .only = only, .n_only = n_only};
    int r = list_videos(&g);
    if (r == 0)
        r = make_directories(ret_files, task_run_tools(run)->blob);
    if (r == 0) {
        ret_files->videos = arena_array(task_run_arena(run), struct session_file_video, g.n + 1);
        r = ret_files->videos ? 0 : ERR_NOMEM;
    }
    for (size_t i = 0; r == 0 && i < g.n; i++)
        r = add_video(&g, &g.videos[i]);
    if (r == 0)
        name_inputs(ret_files);
    return r;
}

void session_files_remove(struct session_files *f)
{
    char path[BLOB_PATH_BYTES + 64];
    if (!f->directory[0])
        return;
    for (size_t i = 0; i < f->n_videos; i++) {
        if (f->videos[i].truth)
            (void)unlink(f->videos[i].truth);
        if (f->videos[i].detections)
            (void)unlink(f->videos[i].detections);
    }
    // What a failure left half made is the blob room's, which empties its folder at every start.
    snprintf(path, sizeof(path), "%s/truth", f->directory);
    (void)rmdir(path);
    snprintf(path, sizeof(path), "%s/detections", f->directory);
    (void)rmdir(path);
    (void)rmdir(f->directory);
    f->directory[0] = '\0';
}
