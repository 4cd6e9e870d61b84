// SPDX-License-Identifier: Apache-2.0
// kind_import.c - "import": a file of annotations that is too large for a request becomes a video's
// newest truth.
//
// The truth bears the task's id: a try that comes again after one that was done finds it there.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_truth.h"
#include "task/kinds.h"
#include "task/page.h"
#include "task/truth_import.h"

enum {
    TIMEOUT_MS = 3600 * 1000,
};

struct importing {
    struct blob_info blob;
    struct truth_wanted wanted;
};

static int copy_key(struct str text, char *to, size_t size)
{
    if (text.n >= size)
        return err_set(ERR_INVALID, "import: a text is too long");
    memcpy(to, text.p, text.n);
    to[text.n] = '\0';
    return 0;
}

static int read_member(struct json_reader *json, struct str name, struct importing *x,
                       struct arena *a)
{
    struct json_event e;
    char key[16] = "";
    int r = copy_key(name, key, sizeof(key));
    if (r == 0)
        r = json_next(json, &e);
    if (r < 0 || e.type == JSON_NULL)
        return r;
    if (strcmp(key, "blob") == 0)
        return copy_key(e.text, x->blob.key, sizeof(x->blob.key));
    if (strcmp(key, "sha256") == 0)
        return copy_key(e.text, x->blob.sha256, sizeof(x->blob.sha256));
    if (strcmp(key, "bytes") == 0)
        x->blob.n_bytes = e.integer;
    if (strcmp(key, "after") == 0) {
        x->wanted.has_after = true;
        x->wanted.after = (int)e.integer;
    }
    bool is_name = strcmp(key, "name") == 0;
    if (!is_name && strcmp(key, "format") != 0)
        return 0;
    const char *text = arena_strndup(a, e.text.p, e.text.n);
    *(is_name ? &x->wanted.name : &x->wanted.format) = text;
    return text ? 0 : ERR_NOMEM;
}

static int read_settings(const char *settings, struct importing *x, struct arena *a)
{
    struct json_reader *json;
    struct json_event e;
    const struct json_reader_opts opts = {.text = str_of(settings ? settings : ""),
                                          .name = "settings"};
    int r = json_reader_create(&opts, &json);
    if (r < 0)
        return r;
    r = json_next(json, &e);
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type == JSON_KEY)
        r = read_member(json, e.text, x, a);
    json_reader_destroy(json);
    return r == 0 && !x->blob.key[0] ? err_set(ERR_INVALID, "the task names no file") : r;
}

// A file that is no truth goes; one that may be tried again stays.
static void let_go(struct task_run *run, const struct importing *x, int error)
{
    struct store_dropped dropped = {0};
    char message[ERR_MESSAGE_BYTES];
    if (err_may_retry(error) || error == ERR_CANCELLED || !x->blob.key[0])
        return;
    err_copy_message(error, message, sizeof(message));
    IGNORE(store_blob_release(task_run_tools(run)->store, x->blob.key, &dropped));
    task_delete_blobs(run, &dropped);
    IGNORE(err_set((enum err)error, "%s", message));
}

static int tell(struct task_run *run, const struct truth_imported *made)
{
    const char *json = arena_printf(task_run_arena(run), "{\"truth_id\":\"%s\",\"version\":%d}",
                                    made->id, made->version);
    return json ? task_run_set_result(run, json) : ERR_NOMEM;
}

static int run_import(struct task_run *run)
{
    struct arena *a = task_run_arena(run);
    const struct store_task *row = task_run_row(run);
    struct importing *x = arena_new(a, struct importing);
    struct truth_imported made = {0};
    struct store_truth there;
    if (!x)
        return ERR_NOMEM;
    int r = store_truth_get(task_run_tools(run)->store, row->id, a, &there);
    if (r == 0) { // an earlier try was done
        memcpy(made.id, row->id, sizeof(made.id));
        made.version = there.version;
        return tell(run, &made);
    }
    if (r != ERR_NOT_FOUND)
        return r;
    r = read_settings(row->settings_json, x, a);
    x->wanted.video_id = row->video_id;
    x->wanted.name = x->wanted.name ? x->wanted.name : "truth";
    x->wanted.source = &x->blob;
    x->wanted.created_by = row->created_by;
    x->wanted.task_id = row->id;
    if (r == 0)
        r = truth_import(task_run_tools(run), &x->wanted, a, &made);
    if (r < 0) {
        let_go(run, x, r);
        return r;
    }
    return tell(run, &made);
}

const struct task_kind task_kind_import = {
    .name = "import", .timeout_ms = TIMEOUT_MS, .run = run_import};
