// SPDX-License-Identifier: Apache-2.0
// q_login.c - browsers' sessions, and the lock-out after failures.
//
// Lock-outs run by the steady clock: who waits for a wall clock that jumps, or makes it jump, gains
// no try. Their times in the rows move with it, so that they hold over a restart.

#include "base/clock.h"
#include "store/store_login.h"
#include "store/store_priv.h"

enum {
    CREATE,
    SEEN,
    FIND,
    USED,
    DELETE,
    DELETE_USER,
    PRUNE,
    PRUNE_FAILURES,
    FAILURES,
    SET_FAILURES,
    FORGET,
};

#define COLUMNS "hash, csrf_hash, user_id, client, created_at_us, last_used_us, expires_at_us"

// clang-format off
const struct query queries_login[] = {
    [CREATE] = {"login_create", "INSERT INTO logins (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)"},
    [SEEN] = {"login_seen", "UPDATE users SET last_login_us = $2 WHERE id = $1"},
    [FIND] = {"login_find",
        "SELECT l.hash, l.csrf_hash, l.user_id, l.client, l.created_at_us, l.last_used_us, l.expires_at_us, "
        "u.name, u.role FROM logins l JOIN users u ON u.id = l.user_id "
        "WHERE l.hash = $1 AND l.expires_at_us > $2 AND u.is_disabled = 0"},
    [USED] = {"login_used", "UPDATE logins SET last_used_us = $2, expires_at_us = $3 WHERE hash = $1"},
    [DELETE] = {"login_delete", "DELETE FROM logins WHERE hash = $1"},
    [DELETE_USER] = {"login_delete_user", "DELETE FROM logins WHERE user_id = $1"},
    [PRUNE] = {"login_prune", "DELETE FROM logins WHERE expires_at_us <= $1"},
    [PRUNE_FAILURES] = {"login_prune_failures",
        "DELETE FROM login_failures WHERE last_at_us < $1 AND locked_until_us < $2"},
    [FAILURES] = {"login_failures", "SELECT n, last_at_us, locked_until_us FROM login_failures WHERE subject = $1"},
    [SET_FAILURES] = {"login_set_failures",
        "INSERT INTO login_failures (subject, n, last_at_us, locked_until_us) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (subject) DO UPDATE SET n = excluded.n, last_at_us = excluded.last_at_us, "
        "locked_until_us = excluded.locked_until_us"},
    [FORGET] = {"login_forget", "DELETE FROM login_failures WHERE subject = $1"},
    {0},
};

static const struct field fields[] = {
    FIELD(struct store_login, hash, FIELD_TEXT),
    FIELD(struct store_login, csrf_hash, FIELD_TEXT),
    FIELD(struct store_login, user_id, FIELD_TEXT),
    FIELD(struct store_login, client, FIELD_TEXT),
    FIELD(struct store_login, created_at_us, FIELD_I64),
    FIELD(struct store_login, last_used_us, FIELD_I64),
    FIELD(struct store_login, expires_at_us, FIELD_I64),
    FIELD(struct store_login, user_name, FIELD_TEXT),
    FIELD_OF(struct store_login, role, store_role),
};
// clang-format on

enum {
    N_STORED = 7,
    SUBJECT_MAX = 300,
};

static int64_t us_of_ms(int64_t ms)
{
    return ms * 1000;
}

static int seen(struct store *s, const char *user_id, int64_t now_us)
{
    struct run run;
    IGNORE(run_open(s, &queries_login[SEEN], &run)); // sticky
    run_text(&run, 1, user_id);
    run_int(&run, 2, now_us);
    return run_done(&run, NULL);
}

int store_login_create(struct store *s, const struct store_login *l)
{
    struct store_login row = *l;
    int r = write_begin(s);
    if (r < 0)
        return r;
    row.created_at_us = row.last_used_us = store_now_us(s);
    r = run_insert(s, &queries_login[CREATE], fields, N_STORED, &row);
    if (r == ERR_CONFLICT)
        r = err_set(r, "user '%.40s' does not exist", l->user_id);
    if (r == 0)
        r = seen(s, l->user_id, row.created_at_us);
    return write_end(s, r);
}

int store_login_find(struct store *s, const char *hash, struct arena *a, struct store_login *ret)
{
    struct run run;
    IGNORE(run_open(s, &queries_login[FIND], &run)); // sticky
    run_text(&run, 1, hash);
    run_int(&run, 2, store_now_us(s));
    return run_one(&run, fields, ARRAY_LEN(fields), "login", "", a, ret);
}

int store_login_used(struct store *s, const char *hash, int64_t expires_at_us)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_login[USED], &run)); // sticky
    run_text(&run, 1, hash);
    run_int(&run, 2, store_now_us(s));
    run_int(&run, 3, expires_at_us);
    return write_end(s, run_done(&run, NULL));
}

static int delete_by(struct store *s, int q, const char *key)
{
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_login[q], &run)); // sticky
    run_text(&run, 1, key);
    return write_end(s, run_done(&run, NULL));
}

int store_login_delete(struct store *s, const char *hash)
{
    return delete_by(s, DELETE, hash);
}

int store_login_delete_user(struct store *s, const char *user_id)
{
    return delete_by(s, DELETE_USER, user_id);
}

int store_login_prune(struct store *s, int64_t *ret_n)
{
    int64_t n = 0;
    int64_t now_us = store_now_us(s);
    int r = write_begin(s);
    if (r < 0)
        return r;
    struct run run;
    IGNORE(run_open(s, &queries_login[PRUNE], &run)); // sticky
    run_int(&run, 1, now_us);
    r = run_done(&run, &n);
    if (r == 0) {
        int64_t steady_us = store_steady_us(s);
        IGNORE(run_open(s, &queries_login[PRUNE_FAILURES], &run)); // sticky
        run_int(&run, 1, steady_us - us_of_ms(STORE_LOGIN_FORGET_MS));
        run_int(&run, 2, steady_us);
        r = run_done(&run, NULL);
    }
    r = write_end(s, r);
    if (r == 0 && ret_n)
        *ret_n = n;
    return r;
}

// ---- failures

struct failures {
    int64_t n, last_at_us, locked_until_us;
};

static int get_failures(struct store *s, const char *subject, int64_t now_us, struct failures *ret)
{
    struct failures f = {0};
    struct run run;
    IGNORE(run_open(s, &queries_login[FAILURES], &run)); // sticky
    run_text(&run, 1, subject);
    if (run_step(&run))
        f = (struct failures){run_get_int(&run, 0), run_get_int(&run, 1), run_get_int(&run, 2)};
    int r = run_end(&run, 0);
    if (f.last_at_us < now_us - us_of_ms(STORE_LOGIN_FORGET_MS))
        f.n = 0;
    *ret = f;
    return r;
}

// A clock that went backwards while nothing ran must not lock anybody out for longer than the
// longest lock.
static int64_t wait_ms(const struct failures *f, int64_t now_us)
{
    int64_t us = f->locked_until_us - now_us;
    return us <= 0 || us > us_of_ms(STORE_LOGIN_LOCK_MAX_MS) ? 0 : (us + 999) / 1000;
}

// A lock and the time of one moment, also while the clock's jump is being written.
static int look(struct store *s, const char *subject, int64_t *ret_now_us, struct failures *ret)
{
    for (;;) {
        int64_t turn = atomic_load(&s->clock_turn);
        int64_t now_us = store_steady_us(s);
        int r = get_failures(s, subject, now_us, ret);
        *ret_now_us = now_us;
        if (r < 0 || (turn % 2 == 0 && atomic_load(&s->clock_turn) == turn))
            return r;
        clock_sleep_ns(CLOCK_NS_PER_MS);
    }
}

int store_login_locked(struct store *s, const char *subject, int64_t *ret_wait_ms)
{
    struct failures f;
    int64_t now_us = 0;
    int r = look(s, subject, &now_us, &f);
    if (r == 0)
        *ret_wait_ms = wait_ms(&f, now_us);
    return r;
}

static int64_t lock_ms(const char *subject, int64_t n_failures)
{
    int64_t n_free =
        str_starts(str_of(subject), "client:") ? STORE_LOGIN_CLIENT_FAILURES : STORE_LOGIN_FAILURES;
    if (n_failures < n_free)
        return 0;
    int64_t ms = STORE_LOGIN_LOCK_MS;
    for (int64_t i = n_free; i < n_failures && ms < STORE_LOGIN_LOCK_MAX_MS; i++)
        ms *= 2;
    return MIN(ms, STORE_LOGIN_LOCK_MAX_MS);
}

int store_login_failed(struct store *s, const char *subject, int64_t *ret_wait_ms)
{
    struct failures f;
    int r = check_text("login: subject", subject, SUBJECT_MAX);
    if (r == 0)
        r = write_begin(s);
    if (r < 0)
        return r;
    int64_t now_us = store_steady_us(s); // no jump is being written now
    r = get_failures(s, subject, now_us, &f);
    if (r == 0) {
        f.n++;
        f.locked_until_us = now_us + us_of_ms(lock_ms(subject, f.n));
        struct run run;
        IGNORE(run_open(s, &queries_login[SET_FAILURES], &run)); // sticky
        run_text(&run, 1, subject);
        run_int(&run, 2, f.n);
        run_int(&run, 3, now_us);
        run_int(&run, 4, f.locked_until_us);
        r = run_done(&run, NULL);
    }
    r = write_end(s, r);
    if (r == 0)
        *ret_wait_ms = wait_ms(&f, now_us);
    return r;
}

int store_login_succeeded(struct store *s, const char *subject)
{
    return delete_by(s, FORGET, subject);
}
