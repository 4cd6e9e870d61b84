// SPDX-License-Identifier: Apache-2.0
// q_blob.c - which blobs rows need.

#include "base/mem.h"
#include "store/store_blob.h"
#include "store/store_priv.h"

enum {
    ADD,
    REMOVE,
    USED,
    EACH,
    USAGE,
    USAGE_ALL,
    OF_PROJECT,
    OF_VIDEO,
    OF_MODEL,
    OF_SESSION,
};

// clang-format off
const struct query queries_blob[] = {
    [ADD] = {"blob_add",
        "INSERT INTO blobs (\"key\", sha256, n_bytes, project_id, video_id, model_id, session_id, created_at_us) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"},
    [REMOVE] = {"blob_remove", "DELETE FROM blobs WHERE \"key\" = $1"},
    [USED] = {"blob_used", "SELECT 1 FROM blobs WHERE \"key\" = $1"},
    [EACH] = {"blob_each",
        "SELECT \"key\", sha256, n_bytes FROM blobs WHERE \"key\" > $1 ORDER BY \"key\" LIMIT $2"},
    [USAGE] = {"blob_usage",
        "SELECT (SELECT coalesce(sum(amount), 0) FROM counts WHERE project_id = $1 AND what = 'blobs') + "
        "(SELECT coalesce(sum(CASE WHEN length > received THEN length ELSE received END), 0) "
        "FROM uploads WHERE project_id = $1)"},
    [USAGE_ALL] = {"blob_usage_all",
        "SELECT (SELECT coalesce(sum(amount), 0) FROM counts WHERE what = 'blobs') + "
        "(SELECT coalesce(sum(CASE WHEN length > received THEN length ELSE received END), 0) "
        "FROM uploads)"},
    [OF_PROJECT] = {"blob_of_project", "SELECT \"key\" FROM blobs WHERE project_id = $1"},
    [OF_VIDEO] = {"blob_of_video", "SELECT \"key\" FROM blobs WHERE video_id = $1"},
    [OF_MODEL] = {"blob_of_model", "SELECT \"key\" FROM blobs WHERE model_id = $1"},
    [OF_SESSION] = {"blob_of_session", "SELECT \"key\" FROM blobs WHERE session_id = $1"},
    {0},
};
// clang-format on

static const struct field fields[] = {
    FIELD(struct store_blob, key, FIELD_TEXT),
    FIELD(struct store_blob, sha256, FIELD_TEXT),
    FIELD(struct store_blob, n_bytes, FIELD_I64),
};

void store_dropped_finish(struct store_dropped *d)
{
    mem_free(d->keys);
    *d = (struct store_dropped){0};
}

int dropped_add(struct store_dropped *d, const char *key)
{
    int r = MEM_GROW(d->keys, d->cap, d->n);
    if (r < 0)
        return r;
    snprintf(d->keys[d->n++], ID_BYTES, "%s", key);
    return 0;
}

int blob_add(struct store *s, const struct store_blob *blob, struct blob_owner owner)
{
    if (!blob->key || !id_is_valid(str_of(blob->key)))
        return err_set(ERR_INVALID, "blob '%.40s' is no key", blob->key ? blob->key : "");
    struct run run;
    IGNORE(run_open(s, &queries_blob[ADD], &run)); // sticky
    run_fields(&run, 1, fields, ARRAY_LEN(fields), blob);
    run_text(&run, 4, owner.project_id);
    run_text(&run, 5, owner.video_id);
    run_text(&run, 6, owner.model_id);
    run_text(&run, 7, owner.session_id);
    run_int(&run, 8, store_now_us(s));
    return run_done(&run, NULL);
}

int blob_remove(struct store *s, const char *key, struct store_dropped *dropped)
{
    int r = dropped_add(dropped, key);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_blob[REMOVE], &run)); // sticky
    run_text(&run, 1, key);
    return run_done(&run, NULL);
}

static int collect(struct store *s, const struct query *q, const char *id, struct store_dropped *d)
{
    int r = 0;
    struct run run;
    IGNORE(run_open(s, q, &run)); // sticky
    run_text(&run, 1, id);
    while (r == 0 && run_step(&run))
        r = dropped_add(d, run_get_text(&run, 0));
    return run_end(&run, r);
}

static const struct {
    const char *noun;
    int blobs; // the query of their keys
} owners[] = {
    [OWNER_PROJECT] = {"project", OF_PROJECT},
    [OWNER_VIDEO] = {"video", OF_VIDEO},
    [OWNER_MODEL] = {"model", OF_MODEL},
    [OWNER_SESSION] = {"session", OF_SESSION},
};

int owner_delete(struct store *s, enum owner owner, const struct query *del, const char *id,
                 struct store_dropped *dropped)
{
    size_t before = dropped->n;
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = collect(s, &queries_blob[owners[owner].blobs], id, dropped);
    if (r == 0)
        r = run_on(s, del, owners[owner].noun, id);
    if (r == 0)
        r = task_recount(s);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}

int store_blob_keep(struct store *s, const struct store_blob *blob, const char *project_id,
                    const char *video_id)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = blob_add(s, blob, (struct blob_owner){.project_id = project_id, .video_id = video_id});
    return write_end(s, r);
}

int store_blob_release(struct store *s, const char *key, struct store_dropped *dropped)
{
    struct store_dropped own = {0};
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = write_end(s, blob_remove(s, key, dropped ? dropped : &own));
    store_dropped_finish(&own);
    return r;
}

int store_blob_used(struct store *s, const char *key, bool *ret_used)
{
    struct run run;
    IGNORE(run_open(s, &queries_blob[USED], &run)); // sticky
    run_text(&run, 1, key);
    bool used = run_step(&run);
    int r = run_end(&run, 0);
    if (r == 0)
        *ret_used = used;
    return r;
}

int store_blob_each(struct store *s, int (*each)(void *arg, const struct store_blob *blob),
                    void *arg)
{
    struct store_next next = {0};
    do { // page by page: no transaction stays open while the callback works
        struct store_page page = {STORE_PAGE_MAX, next.cursor};
        struct store_next after = {0};
        struct store_blob b = {0};
        struct list l;
        list_open(s, &queries_blob[EACH], &page, "", &l);
        while (l.r == 0 && list_next(&l, fields, ARRAY_LEN(fields), &b))
            l.r = each(arg, &b);
        int r = list_end(&l, &after);
        if (r < 0)
            return r;
        next = after;
    } while (*next.cursor);
    return 0;
}

int store_blob_usage(struct store *s, const char *project_id, int64_t *ret_bytes)
{
    struct run run;
    IGNORE(run_open(s, &queries_blob[project_id ? USAGE : USAGE_ALL], &run)); // sticky
    if (project_id)
        run_text(&run, 1, project_id);
    int64_t n = run_step(&run) ? run_get_int(&run, 0) : 0;
    int r = run_end(&run, 0);
    if (r == 0)
        *ret_bytes = n;
    return r;
}
