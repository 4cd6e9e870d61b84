// SPDX-License-Identifier: Apache-2.0
// truth_import.c - reads, writes as COCO, and puts the row.

#include "task/truth_import.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "dataset/dataset.h"
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

// The path in messages is the server's, wherever it stands in them; the user knows the file by its
// name.
static int tell_name(int r, const char *path, const char *name)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    const char *at = strstr(text, path);
    return at ? err_set((enum err)r, "%.*s%s%s", (int)(at - text), text, name, at + strlen(path))
              : r;
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

// The truth, and the upload's end: both or neither.
static int put_row(const struct task_tools *t, const struct store_truth *row,
                   const struct truth_wanted *w, const struct blob_info *coco,
                   struct truth_imported *ret)
{
    const struct store_blob original = row_of(w->source);
    const struct store_blob made = row_of(coco);
    int r = store_begin(t->store);
    if (r < 0)
        return r;
    r = store_truth_create(t->store, row, &original, &made, ret->id, &ret->version);
    if (r == 0 && w->upload_id)
        r = store_upload_delete(t->store, w->upload_id);
    return store_end(t->store, r);
}

static int import(const struct task_tools *t, const struct truth_wanted *w, const struct dataset *d,
                  struct arena *a, struct truth_imported *ret)
{
    struct dataset_losses losses = {.n = 0};
    struct blob_info coco;
    struct store_truth row = {.id = w->upload_id,
                              .video_id = w->video_id,
                              .format = d->format,
                              .name = w->name,
                              .n_objects = (int64_t)d->n_objects,
                              .n_frames = (int64_t)d->n_pictures,
                              .created_by = w->created_by};
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

int truth_import(const struct task_tools *tools, const struct truth_wanted *wanted, struct arena *a,
                 struct truth_imported *ret_truth)
{
    struct dataset *d;
    int r = read_truth(tools, wanted, &d);
    if (r < 0)
        return r;
    r = import(tools, wanted, d, a, ret_truth);
    dataset_destroy(d);
    return r;
}
