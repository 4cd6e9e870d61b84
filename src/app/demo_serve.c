// SPDX-License-Identifier: Apache-2.0
// demo_serve.c - the demo's files as a project of the server, and the server until Ctrl-C.

#include "app/demo_serve.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "app/desktop.h"
#include "app/progress.h"
#include "app/self_client.h"
#include "app/serving.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"

enum {
    LOOK_MS = 200,
    STOP_SECONDS = 3,
    MAX_BODY = 16 * 1024 * 1024,
    MAX_STATUS = 32,
    MAX_ERROR = 512,
    HEX_BYTES = 65,
};

struct handing {
    // --- constant
    const struct demo_project *project;
    const char *url;
    struct arena *arena;
    // --- as they come
    char project_id[ID_BYTES], video_id[ID_BYTES], model_id[ID_BYTES], session_id[ID_BYTES];
    char task_id[ID_BYTES]; // of the run over the video
    struct str_buf answer;  // the last
    // --- any thread
    atomic_llong n_done, n_frames;
};

int demo_serve_check(const char *video, const char *truth)
{
    const char *const files[] = {video, truth};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct stat st;
        if (files[i] && (stat(files[i], &st) < 0 || !S_ISREG(st.st_mode)))
            return err_set(ERR_UNSUPPORTED,
                           "%s: the server takes files only; begin without --serve always",
                           files[i]);
    }
    return 0;
}

// ---- asking

static int ask(struct handing *h, const char *method, const char *path, const char *json,
               const char *file)
{
    const struct self_request w = {
        .url = h->url, .method = method, .path = path, .json = json, .file = file};
    if (app_is_interrupted())
        return err_set(ERR_CANCELLED, "interrupted before the server had it all");
    str_buf_reset(&h->answer);
    return self_ask(&w, &h->answer);
}

static int get(struct handing *h, const char *path)
{
    return path ? ask(h, "GET", path, NULL, NULL) : ERR_NOMEM;
}

static int keep_id(struct handing *h, const char *member, char ret_id[ID_BYTES])
{
    int r = self_text(str_buf_view(&h->answer), member, ret_id, ID_BYTES);
    return r == 0 && !*ret_id ? err_set(ERR_DATA, "the server's answer has no '%s'", member) : r;
}

// POSTs the object that *body* holds.
static int post(struct handing *h, const char *path, struct str_buf *body)
{
    int r = str_buf_check(body);
    if (r == 0)
        r = ask(h, "POST", path, str_buf_text(body), NULL);
    str_buf_finish(body);
    return r;
}

// "/api/v1/models?name=..."
static int send_file(struct handing *h, const char *method, const char *path, const char *file,
                     const char *name)
{
    const char *slash = strrchr(file, '/');
    struct str_buf whole = STR_BUF_INIT(64 * KIB);
    str_buf_puts(&whole, path);
    self_put_escaped(&whole, name ? name : slash ? slash + 1 : file);
    int r = str_buf_check(&whole);
    if (r == 0)
        r = ask(h, method, str_buf_text(&whole), NULL, file);
    str_buf_finish(&whole);
    return r;
}

// ---- what the project holds

static int drop_earlier(struct handing *h)
{
    const struct self_item wanted = {.key = "name", .value = h->project->name, .member = "id"};
    char id[ID_BYTES];
    int r = get(h, "/api/v1/projects?limit=100");
    if (r == 0)
        r = self_item_text(str_buf_view(&h->answer), &wanted, id, sizeof(id));
    if (r < 0 || !*id)
        return r;
    const char *path = arena_printf(h->arena, "/api/v1/projects/%s", id);
    return path ? ask(h, "DELETE", path, NULL, NULL) : ERR_NOMEM;
}

static int make_project(struct handing *h)
{
    struct str_buf body = STR_BUF_INIT(64 * KIB);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "name", h->project->name);
    json_put_text(&w, "description", "What `assay demo` made and judged");
    json_end(&w);
    int r = post(h, "/api/v1/projects", &body);
    return r == 0 ? keep_id(h, "id", h->project_id) : r;
}

static int put_video(struct handing *h)
{
    const char *path = arena_printf(h->arena, "/api/v1/videos?project_id=%s&name=", h->project_id);
    int r = path ? send_file(h, "POST", path, h->project->video, NULL) : ERR_NOMEM;
    if (r == 0)
        r = keep_id(h, "id", h->video_id);
    path = r == 0 ? arena_printf(h->arena, "/api/v1/videos/%s/truth?name=", h->video_id) : NULL;
    if (r == 0)
        r = path ? send_file(h, "PUT", path, h->project->truth, NULL) : ERR_NOMEM;
    return r;
}

// Names of models are the server's, not the project's: the same file stays, another one of that
// name goes unless somebody uses it.
static int find_model(struct handing *h, const char *path, bool *ret_is_there)
{
    char sha256[HEX_BYTES];
    char own[HEX_BYTES];
    *ret_is_there = false;
    int r = get(h, path);
    if (r == ERR_NOT_FOUND) {
        err_clear();
        return 0;
    }
    if (r == 0)
        r = file_sha256(h->project->model, own);
    if (r == 0)
        r = self_text(str_buf_view(&h->answer), "sha256", sha256, sizeof(sha256));
    if (r < 0)
        return r;
    *ret_is_there = strcmp(sha256, own) == 0;
    return *ret_is_there ? keep_id(h, "id", h->model_id) : ask(h, "DELETE", path, NULL, NULL);
}

static int put_model(struct handing *h)
{
    bool is_there;
    const char *path = arena_printf(h->arena, "/api/v1/models/%s", h->project->name);
    int r = path ? find_model(h, path, &is_there) : ERR_NOMEM;
    if (r < 0 || is_there)
        return r;
    r = send_file(h, "POST", "/api/v1/models?name=", h->project->model, h->project->name);
    return r == 0 ? keep_id(h, "id", h->model_id) : r;
}

static int begin_session(struct handing *h)
{
    const struct self_item wanted = {.member = "task_id"};
    struct str_buf body = STR_BUF_INIT(64 * KIB);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_put_text(&w, "project_id", h->project_id);
    json_put_text(&w, "name", h->project->name);
    json_put_text(&w, "model", h->model_id);
    json_key(&w, "video_ids");
    json_array(&w);
    json_cstring(&w, h->video_id);
    json_end(&w);
    json_end(&w);
    int r = post(h, "/api/v1/sessions", &body);
    if (r == 0)
        r = keep_id(h, "id", h->session_id);
    if (r == 0)
        r = get(h, arena_printf(h->arena, "/api/v1/sessions/%s/videos", h->session_id));
    return r == 0 ? self_item_text(str_buf_view(&h->answer), &wanted, h->task_id, ID_BYTES) : r;
}

// ---- until it is judged

static struct progress_now read_progress(void *arg)
{
    struct handing *h = (struct handing *)arg;
    return (struct progress_now){atomic_load(&h->n_done), atomic_load(&h->n_frames)};
}

static int note_frames(struct handing *h, const char *path)
{
    int64_t n_done;
    int64_t n_frames;
    int r = get(h, path);
    if (r == 0)
        r = self_int(str_buf_view(&h->answer), "frames_done", &n_done);
    if (r == 0)
        r = self_int(str_buf_view(&h->answer), "frames_total", &n_frames);
    if (r == 0) {
        atomic_store(&h->n_done, n_done);
        atomic_store(&h->n_frames, n_frames);
    }
    return r;
}

static int look(struct handing *h, const char *session, bool *ret_is_done)
{
    char status[MAX_STATUS];
    char why[MAX_ERROR];
    int r = get(h, session);
    if (r == 0)
        r = self_text(str_buf_view(&h->answer), "status", status, sizeof(status));
    if (r < 0)
        return r;
    *ret_is_done = strcmp(status, "succeeded") == 0;
    if (*ret_is_done || strcmp(status, "queued") == 0 || strcmp(status, "running") == 0)
        return 0;
    r = self_text(str_buf_view(&h->answer), "error", why, sizeof(why));
    return r < 0 ? r
                 : err_set(ERR_UNAVAILABLE, "the server's session is %s%s%s", status,
                           *why ? ": " : "", why);
}

static int await_session(struct handing *h, bool is_quiet)
{
    const struct progress_opts opts = {
        .is_quiet = is_quiet, .label = "on the server", .read = read_progress, .arg = h};
    const char *session = arena_printf(h->arena, "/api/v1/sessions/%s", h->session_id);
    const char *task = arena_printf(h->arena, "/api/v1/tasks/%s/status", h->task_id);
    struct progress *progress = NULL;
    bool is_done = false;
    int r = session && task ? progress_start(&opts, &progress) : ERR_NOMEM;
    while (r == 0) {
        r = look(h, session, &is_done);
        if (r < 0 || is_done)
            break;
        r = note_frames(h, task);
        clock_sleep_ns(LOOK_MS * CLOCK_NS_PER_MS);
    }
    progress_stop(&progress);
    return r;
}

static int hand_over(struct handing *h, bool is_quiet)
{
    int r = drop_earlier(h);
    if (r == 0)
        r = make_project(h);
    if (r == 0)
        r = put_video(h);
    if (r == 0)
        r = put_model(h);
    if (r == 0)
        r = begin_session(h);
    return r == 0 ? await_session(h, is_quiet) : r;
}

// ---- what is said

// *page*: NULL where the build has none.
static int print(struct handing *h, const char *page, const char *data)
{
    struct str_buf out = STR_BUF_INIT(64 * KIB);
    str_buf_puts(&out, "\nServed until Ctrl-C\n");
    if (page)
        str_buf_printf(&out, "  in a browser          %s\n", page);
    else
        str_buf_puts(&out, "  (this build has no page for the browser)\n");
    str_buf_printf(&out, "  its interface         %s/api/v1/sessions/%s\n", h->url, h->session_id);
    str_buf_puts(&out, "  another time          assay serve --data ");
    str_buf_add_printable(&out, str_of(data));
    str_buf_putc(&out, '\n');
    int r = str_buf_check(&out);
    if (r == 0)
        r = app_write("-", &out);
    str_buf_finish(&out);
    return r;
}

static int show(struct handing *h, const char *data)
{
    const char *page = NULL;
    if (get(h, "/") == 0) {
        page = arena_printf(h->arena, "%s/projects/%s", h->url, h->project_id);
        if (!page)
            return ERR_NOMEM;
    }
    int r = print(h, page, data);
    if (r == 0 && page && isatty(STDOUT_FILENO))
        IGNORE(desktop_open(page)); // the address was printed
    return r;
}

static void note_interrupt(void *arg)
{
    (void)arg; // whoever waits looks
}

static int serve(struct handing *h, const struct app_call *call)
{
    const char *data = arena_printf(call->arena, "%s/server", h->project->dir);
    const struct serving_opts opts = {.listen = "127.0.0.1:0",
                                      .data = data,
                                      .workers = SERVING_WORKERS,
                                      .stop_seconds = STOP_SECONDS,
                                      .no_access_log = true,
                                      .engine = *h->project->engine};
    struct serving *s;
    int r = data ? serving_start(&opts, &s) : ERR_NOMEM;
    if (r < 0)
        return r;
    h->url = serving_url(s);
    r = hand_over(h, call->is_quiet);
    if (r == 0)
        r = show(h, data);
    if (r == 0)
        serving_wait(s);
    char why[ERR_MESSAGE_BYTES]; // closing the rooms may have things to say as well
    err_copy_message(r, why, sizeof(why));
    serving_stop(s);
    return r < 0 ? err_set((enum err)r, "%s", why) : 0;
}

int demo_serve(const struct demo_project *p, const struct app_call *call)
{
    struct handing h = {.project = p, .arena = call->arena, .answer = STR_BUF_INIT(MAX_BODY)};
    app_on_interrupt(note_interrupt, NULL);
    int r = serve(&h, call);
    app_on_interrupt(NULL, NULL);
    str_buf_finish(&h.answer);
    return r;
}
