// SPDX-License-Identifier: Apache-2.0
// janitor.c - removes what nobody needs any more.
//
// A file comes before its row and goes after it, so a crash leaves files without rows, never rows
// without files: each file is asked for. A file whose row is about to be written is young, or its
// part is locked by its writer.

#include "app/janitor.h"

#include "app/data_dir.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "blob/blob.h"
#include "store/store.h"
#include "store/store_audit.h"
#include "store/store_blob.h"
#include "store/store_login.h"
#include "store/store_task.h"
#include "store/store_upload.h"

enum {
    EVERY_S = 60,
    MIN_AGE_S = 3600, // of files while the server runs
    UPLOADS_AT_ONCE = 100,
    PRUNE_ROUNDS = 60, // one in so many rounds removes old rows
};

struct janitor {
    struct janitor_opts opts;
    struct thread thread;
    struct lock lock;
    struct cond wake;
    bool is_stopping; // guarded by lock
};

struct sweep {
    struct store *store;
    struct blob *blob;
    int64_t min_age_us;
    bool has_jumped; // the clock, in this round: ages mean nothing
    struct janitor_found found;
};

// Somebody else was quicker, or holds it now.
static int forgive(int r)
{
    return r == ERR_NOT_FOUND || r == ERR_BUSY ? 0 : r;
}

// Looks at the clock; once more after something looked old, before it goes.
static int look_at_clock(struct sweep *x)
{
    int64_t jump_us = 0;
    int r = store_check_clock(x->store, &jump_us);
    if (r < 0 || jump_us == 0)
        return r;
    x->has_jumped = true;
    log_warning(NULL, "the clock jumped by %lld s: what was to expire is moved by as much",
                (long long)(jump_us / 1000000));
    return 0;
}

static bool is_young(const struct sweep *x, const struct blob_seen *seen)
{
    return x->has_jumped || seen->age_us < x->min_age_us;
}

static int see_blob(void *arg, const struct blob_seen *seen)
{
    struct sweep *x = arg;
    bool used = true;
    if (is_young(x, seen))
        return 0;
    int r = store_blob_used(x->store, seen->name, &used);
    if (r == 0 && !used)
        r = look_at_clock(x);
    if (r < 0 || used || x->has_jumped)
        return r;
    r = blob_delete(x->blob, seen->name);
    if (r == 0) {
        x->found.n_blobs++;
        x->found.n_bytes += seen->n_bytes;
    }
    return forgive(r);
}

static int upload_exists(struct store *s, const char *id)
{
    struct arena *a = NULL;
    struct store_upload u;
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_upload_get(s, id, a, &u);
    arena_destroy(a);
    return r;
}

static int see_part(void *arg, const struct blob_seen *seen)
{
    struct sweep *x = arg;
    if (is_young(x, seen))
        return 0;
    int r = upload_exists(x->store, seen->name);
    if (r != ERR_NOT_FOUND)
        return r;
    r = look_at_clock(x);
    if (r < 0 || x->has_jumped)
        return r;
    r = blob_part_delete(x->blob, seen->name);
    if (r == 0) {
        x->found.n_parts++;
        x->found.n_bytes += seen->n_bytes;
    }
    return forgive(r);
}

// ---- uploads that have expired

struct expired {
    char ids[UPLOADS_AT_ONCE][ID_BYTES];
    int n;
};

static int see_expired(void *arg, const char *id)
{
    struct expired *e = arg;
    snprintf(e->ids[e->n++], ID_BYTES, "%s", id);
    return 0;
}

static int end_upload(struct sweep *x, const char *id)
{
    int r = blob_part_delete(x->blob, id);
    if (r == ERR_BUSY) // somebody is sending it right now
        return 0;
    if (r == 0 || r == ERR_NOT_FOUND)
        r = store_upload_delete(x->store, id);
    x->found.n_uploads += r == 0;
    return forgive(r);
}

static int end_uploads(struct sweep *x)
{
    const struct store_page page = {.limit = UPLOADS_AT_ONCE};
    struct expired e = {.n = 0};
    int r = store_upload_expired(x->store, &page, see_expired, &e);
    if (r == 0 && e.n > 0)
        r = look_at_clock(x);
    for (int i = 0; r == 0 && !x->has_jumped && i < e.n; i++)
        r = end_upload(x, e.ids[i]);
    return r; // more of them in the next round
}

int janitor_sweep(struct store *s, struct blob *b, int64_t min_age_us,
                  struct janitor_found *ret_found)
{
    struct sweep x = {.store = s, .blob = b, .min_age_us = min_age_us};
    int r = look_at_clock(&x);
    if (r == 0 && !x.has_jumped)
        r = end_uploads(&x);
    if (r == 0 && !x.has_jumped)
        r = store_login_prune(s, NULL);
    if (r == 0)
        r = blob_walk(b, see_blob, &x);
    if (r == 0)
        r = blob_walk_parts(b, see_part, &x);
    if (r == 0)
        *ret_found = x.found;
    return r;
}

// By the clock as it was at the start, where that is earlier: by a clock that jumped ahead
// everything would be old.
static int64_t days_ago(const struct janitor_opts *opts, double days)
{
    int64_t now_us = store_now_us(opts->store);
    if (opts->started_wall_us > 0)
        now_us = MIN(now_us, opts->started_wall_us + (clock_now_ns() - opts->started_ns) / 1000);
    return now_us - (int64_t)(days * 86400e6);
}

int janitor_prune(const struct janitor_opts *opts, struct janitor_found *found)
{
    struct store *s = opts->store;
    int64_t n = 0;
    int r = 0;
    if (opts->keep_tasks_days > 0)
        r = store_task_prune(s, days_ago(opts, opts->keep_tasks_days), &n);
    if (r < 0)
        return r;
    found->n_tasks += n;
    n = 0;
    if (opts->keep_audit_days > 0)
        r = store_audit_prune(s, days_ago(opts, opts->keep_audit_days), &n);
    if (r == 0)
        found->n_lines += n;
    return r;
}

// ---- the thread

static void say(const struct janitor_found *f)
{
    if (f->n_blobs + f->n_parts + f->n_uploads > 0)
        log_info(NULL,
                 "removed what nobody needs: %lld files and %lld parts without an owner, %lld "
                 "expired uploads; %.1f MB",
                 (long long)f->n_blobs, (long long)f->n_parts, (long long)f->n_uploads,
                 (double)f->n_bytes / 1e6);
    if (f->n_tasks + f->n_lines > 0)
        log_info(NULL, "removed what is old: %lld tasks, %lld lines of the audit log",
                 (long long)f->n_tasks, (long long)f->n_lines);
}

static int round_of(const struct janitor_opts *opts, int64_t min_age_us, bool prunes)
{
    struct janitor_found found = {0};
    int r = janitor_sweep(opts->store, opts->blob, min_age_us, &found);
    if (opts->directory)
        data_dir_clean(opts->directory);
    if (r == 0 && prunes)
        r = janitor_prune(opts, &found);
    if (r == 0)
        say(&found);
    return r;
}

static void clean(void *arg)
{
    struct janitor *j = arg;
    int n_rounds = 0;
    lock_acquire(&j->lock);
    int64_t next_ns = clock_now_ns() + EVERY_S * CLOCK_NS_PER_S;
    while (!j->is_stopping) {
        if (cond_wait(&j->wake, &j->lock, next_ns))
            continue;
        lock_release(&j->lock);
        int r = round_of(&j->opts, MIN_AGE_S * INT64_C(1000000), ++n_rounds % PRUNE_ROUNDS == 0);
        mem_trim();
        if (r < 0)
            log_warning(NULL, "%s, trying again in a minute", err_message(r));
        next_ns = clock_now_ns() + EVERY_S * CLOCK_NS_PER_S;
        lock_acquire(&j->lock);
    }
    lock_release(&j->lock);
}

int janitor_start(const struct janitor_opts *opts, struct janitor **ret_janitor)
{
    int r = round_of(opts, 0, false);
    if (r < 0)
        return r;
    struct janitor *j = mem_new(struct janitor);
    if (!j)
        return ERR_NOMEM;
    j->opts = *opts;
    j->opts.started_wall_us = store_now_us(opts->store);
    j->opts.started_ns = clock_now_ns();
    r = lock_init(&j->lock, LOCK_RANK_APP);
    if (r == 0)
        r = cond_init(&j->wake);
    if (r == 0)
        r = thread_start(&j->thread, "janitor", clean, j);
    if (r < 0) {
        mem_free(j);
        return r;
    }
    *ret_janitor = j;
    return 0;
}

void janitor_stop(struct janitor *j)
{
    if (!j)
        return;
    lock_acquire(&j->lock);
    j->is_stopping = true;
    cond_broadcast(&j->wake);
    lock_release(&j->lock);
    thread_join(&j->thread);
    cond_finish(&j->wake);
    lock_finish(&j->lock);
    mem_free(j);
}
