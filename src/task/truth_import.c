// SPDX-License-Identifier: Apache-2.0
// truth_import.c - reads, writes as COCO, and puts the row.

#include "task/truth_import.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/tell_name.h"
#include "dataset/dataset.h"
#include "dataset/event_list.h"
#include "dataset/write.h"
#include "store/store_blob.h"
#include "store/store_truth.h"
#include "store/store_upload.h"
#include "task/kind.h"

#define MAX_TEXT (1 * MIB)

static int format_of(const char *name, enum dataset_format *ret_format)
{
    *ret_format = DATASET_FORMAT_UNSET;
    if (!name || !*name)
        return 0;
    for (int i = 1; i < DATASET_N_FORMATS; i++) {
        if (strcmp(dataset_format_name((enum dataset_format)i), name) == 0) {
            *ret_format = (enum dataset_format)i;
            return 0;
        }
    }
    return err_set(ERR_INVALID, "no format '%.40s' (see: assay convert --help)", name);
}

static const char *kept(struct arena *a, struct str_buf *text, int *r)
{
    if (*r == 0)
        *r = str_buf_check(text);
    const char *own = *r == 0 ? arena_strndup(a, str_buf_text(text), text->n) : NULL;
    if (*r == 0 && !own)
        *r = ERR_NOMEM;
    str_buf_finish(text);
    return own;
}

static int put_labels(const struct dataset *d, struct arena *a, const char **ret_json)
{
    struct str_buf out = STR_BUF_INIT(MAX_TEXT);
    struct json_writer w;
    int r = 0;
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; i < d->n_classes; i++)
        json_cstring(&w, d->classes[i].name);
    json_end(&w);
    *ret_json = kept(a, &out, &r);
    return r;
}

static int put_notices(const struct dataset *d, const struct dataset_losses *losses,
                       struct arena *a, const char **ret_json)
{
    struct str_buf out = STR_BUF_INIT(MAX_TEXT);
    struct json_writer w;
    int r = 0;
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; i < d->n_notices; i++)
        json_cstring(&w, d->notices[i]);
    for (size_t i = 0; i < losses->n; i++) {
        const char *line = arena_printf(a, "%zu %s", losses->rows[i].n, losses->rows[i].what);
        r = line ? r : ERR_NOMEM;
        json_cstring(&w, line);
    }
    json_end(&w);
    *ret_json = kept(a, &out, &r);
    return r;
}

static int read_truth(const struct task_tools *t, const struct truth_wanted *w,
                      struct dataset **ret_dataset)
{
    char path[BLOB_PATH_BYTES];
    enum dataset_format format;
    int r = format_of(w->format, &format);
    if (r == 0)
        r = blob_path(t->blob, w->source->key, path);
    if (r < 0)
        return r;
    r = dataset_read(path, DATASET_TRUTH, format, NULL, ret_dataset);
    return r < 0 ? tell_name(r, path, w->name) : 0;
}

static int write_coco(const struct task_tools *t, const struct dataset *d,
                      struct dataset_losses *losses, struct blob_info *ret_blob)
{
    char path[BLOB_PATH_BYTES];
    const struct dataset_write_opts opts = {.format = DATASET_COCO, .role = DATASET_TRUTH};
    int r = blob_temp_path(t->blob, ".json", path);
    if (r < 0)
        return r;
    r = dataset_write(d, path, &opts, losses);
    if (r == 0)
        r = blob_adopt(t->blob, path, ret_blob);
    if (r < 0)
        (void)unlink(path);
    return r;
}

static struct store_blob row_of(const struct blob_info *b)
{
    return (struct store_blob){.key = b->key, .sha256 = b->sha256, .n_bytes = b->n_bytes};
}

// The truth (*coco* NULL: it has no boxes), and the upload's end: both or neither.
static int put_row(const struct task_tools *t, const struct store_truth *row,
                   const struct truth_wanted *w, const struct blob_info *coco,
                   struct truth_imported *ret)
{
    const struct store_blob original = row_of(w->source);
    const struct store_blob made = coco ? row_of(coco) : (struct store_blob){0};
    int r = store_begin(t->store);
    if (r < 0)
        return r;
    if (w->task_id) // its row becomes the truth's
        r = store_blob_release(t->store, w->source->key, NULL);
    if (r == 0)
        r = store_truth_create(t->store, row, &original, coco ? &made : NULL, ret->id,
                               &ret->version);
    if (r == 0 && w->upload_id)
        r = store_upload_delete(t->store, w->upload_id);
    return store_end(t->store, r);
}

static int import(const struct task_tools *t, const struct truth_wanted *w, const struct dataset *d,
                  struct arena *a, struct truth_imported *ret)
{
    struct dataset_losses losses = {.n = 0};
    struct blob_info coco;
    struct store_truth row = {.id = w->task_id ? w->task_id : w->upload_id,
                              .video_id = w->video_id,
                              .format = d->format,
                              .name = w->name,
                              .n_objects = (int64_t)d->n_objects,
                              .n_frames = (int64_t)d->n_pictures,
                              .created_by = w->created_by,
                              .has_after = w->has_after,
                              .after = w->after};
    int r = put_labels(d, a, &row.labels_json);
    if (r == 0)
        r = write_coco(t, d, &losses, &coco);
    if (r < 0)
        return r;
    r = put_notices(d, &losses, a, &row.notices_json);
    if (r == 0)
        r = put_row(t, &row, w, &coco, ret);
    if (r < 0)
        IGNORE(blob_delete(t->blob, coco.key));
    ret->format = arena_strndup(a, row.format, strlen(row.format));
    ret->n_objects = row.n_objects;
    ret->n_frames = row.n_frames;
    ret->notices_json = row.notices_json;
    return r;
}

// ---- lists of events: kept as they came

static bool is_listed(const struct event_list *l, size_t i)
{
    bool is = false;
    for (size_t k = 0; !is && k < i; k++)
        is = strcmp(l->items[k].label, l->items[i].label) == 0;
    return is;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int put_event_labels(const struct event_list *l, struct arena *a, const char **ret_json)
{
    struct str_buf out = STR_BUF_INIT(MAX_TEXT);
    const char **labels = arena_array(a, const char *, EVENTS_MAX_LABELS);
    struct json_writer w;
    size_t n = 0;
    int r = labels ? 0 : ERR_NOMEM;
    for (size_t i = 0; r == 0 && i < l->n && n < EVENTS_MAX_LABELS; i++)
        if (!is_listed(l, i))
            labels[n++] = l->items[i].label;
    if (r == 0)
        qsort(labels, n, sizeof(*labels), compare_labels);
    json_writer_init(&w, &out);
    json_array(&w);
    for (size_t i = 0; r == 0 && i < n; i++)
        json_cstring(&w, labels[i]);
    json_end(&w);
    *ret_json = kept(a, &out, &r);
    return r;
}

static int import_list(const struct task_tools *t, const struct truth_wanted *w,
                       const struct event_list *l, struct arena *a, struct truth_imported *ret)
{
    struct store_truth row = {.id = w->task_id ? w->task_id : w->upload_id,
                              .video_id = w->video_id,
                              .format = "events",
                              .name = w->name,
                              .n_objects = (int64_t)l->n,
                              .notices_json = "[]",
                              .created_by = w->created_by,
                              .has_after = w->has_after,
                              .after = w->after};
    int r = put_event_labels(l, a, &row.labels_json);
    if (r == 0)
        r = put_row(t, &row, w, NULL, ret);
    ret->format = row.format;
    ret->n_objects = row.n_objects;
    ret->n_frames = 0;
    ret->notices_json = row.notices_json;
    return r;
}

static int import_events(const struct task_tools *t, const struct truth_wanted *w, struct arena *a,
                         struct truth_imported *ret)
{
    char path[BLOB_PATH_BYTES];
    struct event_list *l;
    int r = blob_path(t->blob, w->source->key, path);
    if (r < 0)
        return r;
    r = event_list_read(path, &l);
    if (r < 0)
        return tell_name(r, path, w->name);
    r = import_list(t, w, l, a, ret);
    event_list_destroy(l);
    return r;
}

// What no reader of boxes knows may be a list of events; what is neither is told as the former.
static int import_other(const struct task_tools *t, const struct truth_wanted *w, struct arena *a,
                        struct truth_imported *ret, int error)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(error, text, sizeof(text));
    int r = import_events(t, w, a, ret);
    return r == ERR_DATA ? err_set((enum err)error, "%s", text) : r;
}

int truth_import(const struct task_tools *tools, const struct truth_wanted *wanted, struct arena *a,
                 struct truth_imported *ret_truth)
{
    struct dataset *d;
    if (wanted->format && strcmp(wanted->format, "events") == 0)
        return import_events(tools, wanted, a, ret_truth);
    int r = read_truth(tools, wanted, &d);
    if (r == ERR_UNSUPPORTED && !wanted->format)
        return import_other(tools, wanted, a, ret_truth, r);
    if (r < 0)
        return r;
    r = import(tools, wanted, d, a, ret_truth);
    dataset_destroy(d);
    return r;
}
