// SPDX-License-Identifier: Apache-2.0
// q_audit.c - who changed what.

#include "store/store_audit.h"
#include "store/store_priv.h"

enum {
    ADD,
    AMEND,
    LIST,
    LIST_USER,
    LIST_ACTION,
    LIST_OBJECT,
    PRUNE,
};

#define COLUMNS \
    "id, created_at_us, user_id, user_name, client, request_id, action, object_id, detail_json"
#define LISTED "SELECT " COLUMNS " FROM audit WHERE "
#define NEWEST                                        \
    " AND (CAST($3 AS TEXT) IS NULL OR user_id = $3)" \
    " AND (CAST($4 AS TEXT) IS NULL OR action = $4)"  \
    " AND (CAST($5 AS TEXT) IS NULL OR object_id = $5) AND id < $1 ORDER BY id DESC LIMIT $2"

// clang-format off
const struct query queries_audit[] = {
    [ADD] = {"audit_add", "INSERT INTO audit (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"},
    [AMEND] = {"audit_amend", "UPDATE audit SET object_id = $2, detail_json = $3 WHERE id = $1"},
    [LIST] = {"audit_list", LISTED "id <> ''" NEWEST},
    [LIST_USER] = {"audit_list_user", LISTED "user_id = $3" NEWEST},
    [LIST_ACTION] = {"audit_list_action", LISTED "action = $4" NEWEST},
    [LIST_OBJECT] = {"audit_list_object", LISTED "object_id = $5" NEWEST},
    [PRUNE] = {"audit_prune", "DELETE FROM audit WHERE created_at_us < $1"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_audit, id, FIELD_TEXT),
    FIELD(struct store_audit, created_at_us, FIELD_I64),
    FIELD(struct store_audit, user_id, FIELD_TEXT),
    FIELD(struct store_audit, user_name, FIELD_TEXT),
    FIELD(struct store_audit, client, FIELD_TEXT),
    FIELD(struct store_audit, request_id, FIELD_TEXT),
    FIELD(struct store_audit, action, FIELD_TEXT),
    FIELD(struct store_audit, object_id, FIELD_TEXT),
    FIELD(struct store_audit, detail_json, FIELD_TEXT),
};
// clang-format on

int store_audit_add(struct store *s, const struct store_audit *x)
{
    char id[ID_BYTES];
    struct store_audit row = *x;
    int r = check_text("audit: detail", x->detail_json, STORE_JSON_MAX);
    if (r == 0)
        r = take_id(x->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = store_now_us(s);
    return write_end(s, run_insert(s, &queries_audit[ADD], fields, ARRAY_LEN(fields), &row));
}

int store_audit_amend(struct store *s, const struct store_audit *x)
{
    int r = check_text("audit: detail", x->detail_json, STORE_JSON_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_audit[AMEND], &run)); // sticky
    run_text(&run, 1, x->id);
    run_text(&run, 2, x->object_id);
    run_text(&run, 3, x->detail_json);
    return write_end(s, run_done_one(&run, "line", x->id));
}

int store_audit_list(struct store *s, const struct store_audit_filter *filter,
                     const struct store_page *page,
                     int (*row)(void *arg, const struct store_audit *x), void *arg,
                     struct store_next *ret_next)
{
    int q = filter->object_id ? LIST_OBJECT
            : filter->user_id ? LIST_USER
            : filter->action  ? LIST_ACTION
                              : LIST;
    struct list l;
    struct store_audit x = {0};
    list_open(s, &queries_audit[q], page, LIST_NEWEST, &l);
    run_text(&l.run, 3, filter->user_id);
    run_text(&l.run, 4, filter->action);
    run_text(&l.run, 5, filter->object_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &x))
        l.r = row(arg, &x);
    return list_end(&l, ret_next);
}

int store_audit_prune(struct store *s, int64_t before_us, int64_t *ret_n)
{
    int64_t n = 0;
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_audit[PRUNE], &run)); // sticky
    run_int(&run, 1, before_us);
    r = write_end(s, run_done(&run, &n));
    if (r == 0 && ret_n)
        *ret_n = n;
    return r;
}
