// SPDX-License-Identifier: Apache-2.0
// q_upload.c - uploads under way.

#include "store/store_priv.h"
#include "store/store_upload.h"

enum {
    CREATE,
    GET,
    ADVANCE,
    SET_LENGTH,
    DELETE,
    EXPIRED,
    GRACE,
};

#define COLUMNS                                                                             \
    "id, project_id, purpose, name, content_type, metadata, created_by, length, received, " \
    "created_at_us, expires_at_us"

// clang-format off
const struct query queries_upload[] = {
    [CREATE] = {"upload_create",
        "INSERT INTO uploads (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"},
    [GET] = {"upload_get", "SELECT " COLUMNS ", digest FROM uploads WHERE id = $1"},
    [ADVANCE] = {"upload_advance",
        "UPDATE uploads SET received = $3, digest = $4, "
        "expires_at_us = CASE WHEN $5 > 0 THEN $5 ELSE expires_at_us END "
        "WHERE id = $1 AND received = $2 AND (length < 0 OR length >= $3) AND $3 >= $2"},
    [SET_LENGTH] = {"upload_set_length",
        "UPDATE uploads SET length = $2 WHERE id = $1 AND length < 0 AND received <= $2"},
    [DELETE] = {"upload_delete", "DELETE FROM uploads WHERE id = $1"},
    [EXPIRED] = {"upload_expired",
        "SELECT id FROM uploads WHERE expires_at_us <= $3 AND id > $1 ORDER BY id LIMIT $2"},
    [GRACE] = {"upload_grace", "UPDATE uploads SET expires_at_us = $1 WHERE expires_at_us < $1"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_upload, id, FIELD_TEXT),
    FIELD(struct store_upload, project_id, FIELD_TEXT),
    FIELD(struct store_upload, purpose, FIELD_TEXT),
    FIELD(struct store_upload, name, FIELD_TEXT),
    FIELD(struct store_upload, content_type, FIELD_TEXT),
    FIELD(struct store_upload, metadata, FIELD_TEXT),
    FIELD(struct store_upload, created_by, FIELD_TEXT),
    FIELD(struct store_upload, length, FIELD_I64),
    FIELD(struct store_upload, offset, FIELD_I64),
    FIELD(struct store_upload, created_at_us, FIELD_I64),
    FIELD(struct store_upload, expires_at_us, FIELD_I64),
};
// clang-format on

int store_upload_create(struct store *s, const struct store_upload *u, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_upload row = *u;
    int r = check_text("upload: metadata", u->metadata, STORE_TEXT_MAX);
    if (r == 0)
        r = check_text("upload: name", u->name, STORE_NAME_MAX);
    if (r == 0)
        r = take_id(u->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = store_now_us(s);
    r = run_insert(s, &queries_upload[CREATE], fields, ARRAY_LEN(fields), &row);
    if (r == ERR_CONFLICT)
        r = err_set(r, "project '%.40s' does not exist", u->project_id);
    r = write_end(s, r);
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_upload_get(struct store *s, const char *id, struct arena *a, struct store_upload *ret)
{
    struct store_upload u = {0};
    struct run run;
    IGNORE(run_open(s, &queries_upload[GET], &run)); // sticky
    run_text(&run, 1, id);
    int r = 0;
    if (run_step(&run)) {
        r = run_row(&run, fields, ARRAY_LEN(fields), a, &u);
        const void *digest = sqlite3_column_blob(run.stmt, ARRAY_LEN(fields));
        u.has_digest = digest && sqlite3_column_bytes(run.stmt, ARRAY_LEN(fields)) ==
                                     (int)sizeof(u.digest.state);
        u.is_expired = u.expires_at_us <= store_now_us(s);
        if (u.has_digest)
            memcpy(u.digest.state, digest, sizeof(u.digest.state));
    } else if (run.r == 0) {
        r = err_set(ERR_NOT_FOUND, "upload '%.40s' does not exist", id);
    }
    r = run_end(&run, r);
    if (r == 0)
        *ret = u;
    return r;
}

int store_upload_advance(struct store *s, const char *id, int64_t from, int64_t to,
                         const struct digest *digest, int64_t expires_at_us)
{
    int64_t n = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_upload[ADVANCE], &run)); // sticky
    run_text(&run, 1, id);
    run_int(&run, 2, from);
    run_int(&run, 3, to);
    run_bytes(&run, 4, digest ? digest->state : NULL, digest ? sizeof(digest->state) : 0);
    run_int(&run, 5, expires_at_us);
    r = run_done(&run, &n);
    if (r == 0 && n == 0)
        r = err_set(ERR_CONFLICT,
                    "upload '%.40s' is not at byte %lld, or ends before byte %lld, or is over", id,
                    (long long)from, (long long)to);
    return write_end(s, r);
}

int store_upload_set_length(struct store *s, const char *id, int64_t length)
{
    int64_t n = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_upload[SET_LENGTH], &run)); // sticky
    run_text(&run, 1, id);
    run_int(&run, 2, length);
    r = run_done(&run, &n);
    if (r == 0 && n == 0)
        r = err_set(ERR_CONFLICT, "upload '%.40s' has a length already, or more bytes than %lld",
                    id, (long long)length);
    return write_end(s, r);
}

int store_upload_delete(struct store *s, const char *id)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    return write_end(s, run_on(s, &queries_upload[DELETE], "upload", id));
}

int store_upload_expired(struct store *s, const struct store_page *page,
                         int (*row)(void *arg, const char *id), void *arg)
{
    struct list l;
    struct store_upload u = {0};
    list_open(s, &queries_upload[EXPIRED], page, "", &l);
    run_int(&l.run, 3, store_now_us(s));
    while (list_next(&l, fields, 1, &u))
        l.r = row(arg, u.id);
    return list_end(&l, NULL);
}

int upload_recover(struct store *s)
{
    struct run run;
    IGNORE(run_open(s, &queries_upload[GRACE], &run)); // sticky
    run_int(&run, 1, store_now_us(s) + STORE_UPLOAD_GRACE_MS * INT64_C(1000));
    return run_done(&run, NULL);
}
