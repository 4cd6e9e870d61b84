// SPDX-License-Identifier: Apache-2.0
// q_key.c - API keys.

#include "store/store_key.h"
#include "store/store_priv.h"

enum {
    CREATE,
    FIND,
    GET,
    REVOKE,
    USED,
    LIST,
    LIST_USER,
};

#define COLUMNS(p)                                                                                 \
    p "id, " p "name, " p "hash, " p "user_id, " p "project_id, " p "role, " p "created_at_us, " p \
      "last_used_us, " p "expires_at_us"

// clang-format off
const struct query queries_key[] = {
    [CREATE] = {"key_create", "INSERT INTO api_keys (" COLUMNS("") ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"},
    [FIND] = {"key_find",
        "SELECT " COLUMNS("k.") " FROM api_keys k LEFT JOIN users u ON u.id = k.user_id "
        "WHERE k.hash = $1 AND (k.expires_at_us = 0 OR k.expires_at_us > $2) AND coalesce(u.is_disabled, 0) = 0"},
    [GET] = {"key_get", "SELECT " COLUMNS("") " FROM api_keys WHERE id = $1"},
    [REVOKE] = {"key_revoke", "DELETE FROM api_keys WHERE id = $1"},
    [USED] = {"key_used", "UPDATE api_keys SET last_used_us = $2 WHERE id = $1"},
    [LIST] = {"key_list", "SELECT " COLUMNS("") " FROM api_keys WHERE id < $1 ORDER BY id DESC LIMIT $2"},
    [LIST_USER] = {"key_list_user",
        "SELECT " COLUMNS("") " FROM api_keys WHERE user_id = $3 AND id < $1 ORDER BY id DESC LIMIT $2"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_key, id, FIELD_TEXT),
    FIELD(struct store_key, name, FIELD_TEXT),
    FIELD(struct store_key, hash, FIELD_TEXT),
    FIELD(struct store_key, user_id, FIELD_TEXT),
    FIELD(struct store_key, project_id, FIELD_TEXT),
    FIELD_OF(struct store_key, role, store_role),
    FIELD(struct store_key, created_at_us, FIELD_I64),
    FIELD(struct store_key, last_used_us, FIELD_I64),
    FIELD(struct store_key, expires_at_us, FIELD_I64),
};
// clang-format on

int store_key_create(struct store *s, const struct store_key *k, char ret_id[ID_BYTES])
{
    char id[ID_BYTES];
    struct store_key row = *k;
    int r = check_name("key", k->name);
    if (r == 0 && (!k->role || !k->hash))
        r = err_set(ERR_INVALID, "key '%s': it has no role", k->name);
    if (r == 0)
        r = take_id(k->id, id);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    row.id = id;
    row.created_at_us = store_now_us(s);
    row.last_used_us = 0;
    r = run_insert(s, &queries_key[CREATE], fields, ARRAY_LEN(fields), &row);
    if (r == ERR_CONFLICT)
        r = err_set(r, "key '%s': its user or its project does not exist", k->name);
    r = write_end(s, r);
    if (r == 0)
        memcpy(ret_id, id, ID_BYTES);
    return r;
}

int store_key_find(struct store *s, const char *hash, struct arena *a, struct store_key *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_key[FIND], &run)); // sticky
    run_text(&run, 1, hash);
    run_int(&run, 2, store_now_us(s));
    return run_one(&run, fields, ARRAY_LEN(fields), "key", "", a, ret);
}

int store_key_get(struct store *s, const char *id, struct arena *a, struct store_key *ret)
{
    return run_get(s, &queries_key[GET], fields, ARRAY_LEN(fields), "key", id, a, ret);
}

int store_key_revoke(struct store *s, const char *id)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    return write_end(s, run_on(s, &queries_key[REVOKE], "key", id));
}

int store_key_used(struct store *s, const char *id)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_key[USED], &run)); // sticky
    run_text(&run, 1, id);
    run_int(&run, 2, store_now_us(s));
    return write_end(s, run_done(&run, NULL));
}

int store_key_list(struct store *s, const char *user_id, const struct store_page *page,
                   int (*row)(void *arg, const struct store_key *k), void *arg,
                   struct store_next *ret_next)
{
    struct list l;
    struct store_key k = {0};
    list_open(s, &queries_key[user_id ? LIST_USER : LIST], page, LIST_NEWEST, &l);
    if (user_id)
        run_text(&l.run, 3, user_id);
    while (list_next(&l, fields, ARRAY_LEN(fields), &k))
        l.r = row(arg, &k);
    return list_end(&l, ret_next);
}
