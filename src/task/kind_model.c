// SPDX-License-Identifier: Apache-2.0
// kind_model.c - "bench" and "quantize": work on a model that takes longer than a request, done in
// a confined child whose answer becomes the task's result.

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "blob/blob.h"
#include "infer/model_cache.h"
#include "store/store_model.h"
#include "store/store_truth.h"
#include "store/store_video.h"
#include "task/kinds.h"

enum {
    TIMEOUT_MS = 3600 * 1000,
    FRAMES = 32,
    MAX_FRAMES = 256,
};
#define MAX_RESULT ((size_t)(1 * MIB))
#define MAX_LOSS   0.01

struct work {
    struct task_run *run;
    struct store_model model;
    char model_path[BLOB_PATH_BYTES];
    struct str_buf result;
};

static int find_model(struct work *w)
{
    const struct task_tools *t = task_run_tools(w->run);
    const struct store_task *row = task_run_row(w->run);
    if (!row->model_id)
        return err_set(ERR_NOT_FOUND, "the model is gone");
    int r = store_model_get(t->store, row->model_id, task_run_arena(w->run), &w->model);
    if (r == 0 && !w->model.blob_key)
        r = err_set(ERR_INVALID, "%s: only uploaded models can be worked on", w->model.name);
    return r == 0 ? blob_path(t->blob, w->model.blob_key, w->model_path) : r;
}

// Errors are told with the names of what they are about, never with where that lies.
static int tell(const struct work *w, int r)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    size_t n = strlen(w->model_path);
    if (n > 0 && strncmp(text, w->model_path, n) == 0)
        return err_set((enum err)r, "%s%s", w->model.name, text + n);
    return strstr(text, "/blobs/") ? err_set((enum err)r, "%s: cannot be worked on", w->model.name)
                                   : r;
}

static int end(struct work *w, int r)
{
    if (r == 0)
        r = str_buf_check(&w->result);
    if (r == 0)
        r = task_run_set_result(w->run, str_buf_text(&w->result));
    str_buf_finish(&w->result);
    return r < 0 ? tell(w, r) : 0;
}

static int run_bench(struct task_run *run)
{
    const struct task_tools *t = task_run_tools(run);
    struct work w = {.run = run, .result = STR_BUF_INIT(MAX_RESULT)};
    int r = find_model(&w);
    if (r == 0)
        r = t->model_tools->bench(t->program, w.model_path, w.model.name, task_run_stop_flag(run),
                                  &w.result);
    return end(&w, r);
}

// --- int8

struct settings {
    int64_t frames;
    double max_loss;
};

// {"frames":32,"max_loss":0.01}, as the api wrote it.
static int read_settings(const char *json, struct settings *s)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(json), .name = "settings"};
    struct json_event e;
    *s = (struct settings){.frames = FRAMES, .max_loss = MAX_LOSS};
    if (!json || !*json)
        return 0;
    int r = json_reader_create(&opts, &reader);
    if (r < 0)
        return r;
    bool is_frames = false;
    bool is_loss = false;
    while ((r = json_next(reader, &e)) == 0 && e.type != JSON_END) {
        if (e.type == JSON_NUMBER && is_frames && e.is_integer)
            s->frames = e.integer;
        if (e.type == JSON_NUMBER && is_loss)
            s->max_loss = e.number;
        is_frames = e.type == JSON_KEY && str_is(e.text, "frames");
        is_loss = e.type == JSON_KEY && str_is(e.text, "max_loss");
    }
    json_reader_destroy(reader);
    if (r == 0 && (s->frames < 2 || s->frames > MAX_FRAMES || s->max_loss < 0 || s->max_loss > 1))
        r = err_set(ERR_INVALID, "settings: frames are 2 to %d, max_loss is 0 to 1", MAX_FRAMES);
    return r;
}

// The newest truth of the video as COCO; "" where it has none.
static int find_truth(struct work *w, const char *video_id, char ret_path[BLOB_PATH_BYTES])
{
    const struct task_tools *t = task_run_tools(w->run);
    struct store_truth truth;
    ret_path[0] = '\0';
    int r = store_truth_of_video(t->store, video_id, 0, task_run_arena(w->run), &truth);
    if (r == ERR_NOT_FOUND) {
        err_clear();
        return 0;
    }
    if (r == 0 && truth.coco_key)
        r = blob_path(t->blob, truth.coco_key, ret_path);
    return r;
}

// What the child made stands beside the model, or nowhere.
static int keep_made(struct work *w, const char *path, int r)
{
    const struct task_tools *t = task_run_tools(w->run);
    if (r == 0)
        r = task_run_check(w->run);
    if (r == 0)
        r = blob_put_beside(t->blob, w->model.blob_key, BLOB_INT8_SUFFIX, path);
    if (r < 0)
        IGNORE(unlink(path)); // it may not be there
    else
        model_cache_unload(t->models, w->model.id,
                           NULL); // those that are loaded know nothing of it
    return r;
}

static int quantize(struct work *w, const struct store_video *video, const struct settings *s)
{
    const struct task_tools *t = task_run_tools(w->run);
    char video_path[BLOB_PATH_BYTES];
    char truth_path[BLOB_PATH_BYTES];
    char out[BLOB_PATH_BYTES];
    int r = blob_path(t->blob, video->blob_key, video_path);
    if (r == 0)
        r = find_truth(w, video->id, truth_path);
    if (r == 0)
        r = blob_temp_path(t->blob, ".json", out);
    if (r < 0)
        return r;
    size_t n_folder = (size_t)(strrchr(out, '/') - out);
    const struct task_quantize wanted = {.model_path = w->model_path,
                                         .video_path = video_path,
                                         .video_name = video->name,
                                         .truth_path = truth_path[0] ? truth_path : NULL,
                                         .out_folder =
                                             arena_strndup(task_run_arena(w->run), out, n_folder),
                                         .out_path = out,
                                         .n_frames = (int)s->frames,
                                         .max_loss = s->max_loss};
    if (!wanted.out_folder)
        return ERR_NOMEM;
    r = t->model_tools->quantize(t->program, &wanted, task_run_stop_flag(w->run), &w->result);
    return keep_made(w, out, r);
}

static int run_quantize(struct task_run *run)
{
    const struct store_task *row = task_run_row(run);
    struct work w = {.run = run, .result = STR_BUF_INIT(MAX_RESULT)};
    struct store_video video;
    struct settings s;
    int r = find_model(&w);
    if (r == 0 && !row->video_id)
        r = err_set(ERR_NOT_FOUND, "the video is gone");
    if (r == 0)
        r = store_video_get(task_run_tools(run)->store, row->video_id, task_run_arena(run), &video);
    if (r == 0 && !video.blob_key)
        r = err_set(ERR_INVALID, "%s: only uploaded videos are read", video.name);
    if (r == 0)
        r = read_settings(row->settings_json, &s);
    if (r == 0)
        r = quantize(&w, &video, &s);
    return end(&w, r);
}

const struct task_kind task_kind_bench = {
    .name = "bench", .timeout_ms = TIMEOUT_MS, .run = run_bench};
const struct task_kind task_kind_quantize = {
    .name = "quantize", .timeout_ms = TIMEOUT_MS, .run = run_quantize};
