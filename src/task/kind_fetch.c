// SPDX-License-Identifier: Apache-2.0
// kind_fetch.c - "fetch": the bytes of a video that was given as a URL become its file; after that
// it is a video like any other.
//
// The host's list is asked again here: the row may be older than the options.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "event/announce.h"
#include "fetch/fetch.h"
#include "store/store_blob.h"
#include "store/store_project.h"
#include "store/store_video.h"
#include "task/kinds.h"

enum {
    TIMEOUT_MS = 6 * 3600 * 1000,
    MAX_TYPE = 100, // bytes of a media type that is kept
};

struct fetching {
    struct task_run *run;
    struct store_video video;
    struct store_project project;
    struct blob_writer *writer;
    struct blob_info blob;
    bool is_committed;
    char probe_id[ID_BYTES]; // that was queued with the bytes; "": none was
    const char *type;
    int64_t n_bytes;
};

static bool may_connect(void *arg, const uint8_t address[FETCH_ADDRESS_BYTES])
{
    const struct task_sources *s = task_run_tools(((struct fetching *)arg)->run)->sources;
    return s->allow_private || !s->is_private(address);
}

static int check_quota(struct fetching *f, const char *project_id, int64_t quota, int64_t n_bytes)
{
    int64_t used = 0;
    if (quota <= 0)
        return 0;
    int r = store_blob_usage(task_run_tools(f->run)->store, project_id, &used);
    if (r == 0 && n_bytes > quota - used)
        r = err_set(ERR_NOSPACE, "the quota of %.1f MB does not hold it", (double)quota / 1e6);
    return r;
}

static int check_quotas(struct fetching *f, int64_t n_bytes)
{
    const struct task_sources *s = task_run_tools(f->run)->sources;
    int64_t own = f->project.quota_bytes;
    int r = check_quota(f, f->project.id, own > 0 ? own : s->project_quota_bytes, n_bytes);
    return r == 0 ? check_quota(f, NULL, s->quota_bytes, n_bytes) : r;
}

static int begin(void *arg, int64_t n_bytes, const char *type)
{
    struct fetching *f = (struct fetching *)arg;
    if (type && strlen(type) < MAX_TYPE)
        f->type = arena_printf(task_run_arena(f->run), "%s", type);
    int r = check_quotas(f, MAX(n_bytes, 0));
    return r == 0 ? blob_writer_create(task_run_tools(f->run)->blob, n_bytes, &f->writer) : r;
}

static int take(void *arg, const void *bytes, size_t n)
{
    struct fetching *f = (struct fetching *)arg;
    f->n_bytes += (int64_t)n;
    return blob_write(f->writer, bytes, n);
}

static int check(void *arg, int64_t n_bytes, int64_t n_total)
{
    struct fetching *f = (struct fetching *)arg;
    struct store_task_progress p = {.message = "fetching"};
    if (n_total > 0)
        p.progress = MIN((double)n_bytes / (double)n_total, 1.0);
    task_run_report(f->run, &p);
    return task_run_check(f->run);
}

static int check_source(const struct task_sources *s, const char *url)
{
    struct fetch_where w;
    int r = fetch_parse(url, &w);
    if (r == 0 && (!s || !fetch_is_listed(&w, s->hosts, s->n_hosts)))
        r = err_set(ERR_FORBIDDEN, "host '%s' is not one that files are fetched from", w.host);
    return r;
}

static int note_open(void *arg, const struct store_task *t)
{
    *(bool *)arg = *(bool *)arg || !store_task_is_over(t->status);
    return 0;
}

static struct store_task probe_of(const struct fetching *f)
{
    return (struct store_task){.kind = "probe",
                               .priority = 1,
                               .project_id = f->video.project_id,
                               .video_id = f->video.id,
                               .created_by = task_run_row(f->run)->created_by};
}

// The probe that was queued with it may be over, where the fetch was tried again.
static int ask_for_probe(struct fetching *f)
{
    struct store *s = task_run_tools(f->run)->store;
    const struct store_task_filter probes = {.video_id = f->video.id, .kind = "probe"};
    const struct store_task t = probe_of(f);
    struct store_next next;
    bool is_open = false;
    int r = store_task_list(s, &probes, &(struct store_page){0}, note_open, &is_open, &next);
    return r < 0 || is_open ? r : store_task_create(s, &t, NULL, 0, f->probe_id);
}

static void announce_probe(const struct fetching *f)
{
    struct bus *bus = task_run_tools(f->run)->bus;
    const struct store_task t = probe_of(f);
    if (!f->probe_id[0])
        return;
    announce_queued(bus);
    announce_task(bus, &(struct announced_task){
                           .task_id = f->probe_id,
                           .kind = t.kind,
                           .status = store_task_status_name(STORE_TASK_QUEUED),
                           .project_id = t.project_id,
                           .video_id = t.video_id,
                           .changed_status = true,
                       });
}

static int write_end(void *arg)
{
    struct fetching *f = (struct fetching *)arg;
    const struct store_blob blob = {
        .key = f->blob.key, .sha256 = f->blob.sha256, .n_bytes = f->blob.n_bytes};
    int r = check_quotas(f, f->blob.n_bytes); // its length may not have been said
    if (r == 0)
        r = store_video_set_content(task_run_tools(f->run)->store, task_run_lease(f->run),
                                    f->video.id, &blob, f->type);
    return r == 0 ? ask_for_probe(f) : r;
}

// What is not tried again stands in the video's row.
static int write_failure(struct fetching *f, int error)
{
    char message[ERR_MESSAGE_BYTES];
    err_copy_message(error, message, sizeof(message));
    struct store_video v = f->video;
    v.status = STORE_VIDEO_FAILED;
    v.error = message;
    int r = store_video_set_probe(task_run_tools(f->run)->store, task_run_lease(f->run), &v);
    return r < 0 ? r : err_set((enum err)error, "%s: %s", f->video.name, message);
}

static int find(struct fetching *f)
{
    const struct task_tools *t = task_run_tools(f->run);
    struct arena *a = task_run_arena(f->run);
    const char *id = task_run_row(f->run)->video_id;
    if (!id)
        return err_set(ERR_INVALID, "the task names no video");
    int r = store_video_get(t->store, id, a, &f->video);
    if (r == 0 && !f->video.source_url)
        r = err_set(ERR_INVALID, "%s: it is no URL", f->video.name);
    if (r == 0)
        r = store_project_get(t->store, f->video.project_id, a, &f->project);
    return r;
}

static int fetch(struct fetching *f)
{
    const struct task_tools *t = task_run_tools(f->run);
    const struct fetch_calls calls = {
        .may_connect = may_connect, .begin = begin, .take = take, .check = check, .arg = f};
    int r = check_source(t->sources, f->video.source_url);
    if (r == 0)
        r = fetch_run(f->video.source_url, t->sources->max_bytes, &calls);
    if (r == 0)
        r = blob_writer_commit(&f->writer, &f->blob);
    f->is_committed = r == 0;
    if (r == 0)
        r = task_run_commit(f->run, write_end, f);
    bool is_final = r < 0 && r != ERR_CANCELLED && r != ERR_CONFLICT && !err_may_retry(r);
    return is_final ? write_failure(f, r) : r;
}

static int run_fetch(struct task_run *run)
{
    struct fetching *f = arena_new(task_run_arena(run), struct fetching);
    if (!f)
        return ERR_NOMEM;
    f->run = run;
    int r = find(f);
    if (r == 0)
        r = fetch(f);
    blob_writer_abort(&f->writer);
    if (r == 0)
        announce_probe(f);
    if (r < 0 && f->is_committed)
        IGNORE(blob_delete(task_run_tools(run)->blob, f->blob.key)); // else the janitor's
    return r;
}

const struct task_kind task_kind_fetch = {
    .name = "fetch", .timeout_ms = TIMEOUT_MS, .run = run_fetch};
