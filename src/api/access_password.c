// SPDX-License-Identifier: Apache-2.0
// access_password.c - how many passwords are hashed side by side.

#include "api/access_priv.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/thread.h"

enum {
    MAX_AT_ONCE = 2,  // of 64 MiB each
    MAX_WAITING = 16, // more are told to come again
    MAX_WAIT_MS = 5000,
};

_Static_assert((int)ACCESS_PASSWORD_HASH_BYTES == (int)SECRET_PASSWORD_HASH_BYTES, "one length");

struct access_gate {
    struct lock lock;
    struct cond changed;
    // --- guarded by lock
    int n_inside, n_waiting;
};

int access_gate_create(struct access_gate **ret_gate)
{
    struct access_gate *g = mem_new(struct access_gate);
    if (!g)
        return ERR_NOMEM;
    int r = lock_init(&g->lock, LOCK_RANK_HTTP);
    if (r == 0 && (r = cond_init(&g->changed)) < 0)
        lock_finish(&g->lock);
    if (r < 0)
        mem_free(g);
    else
        *ret_gate = g;
    return r;
}

void access_gate_destroy(struct access_gate *g)
{
    if (!g)
        return;
    cond_finish(&g->changed);
    lock_finish(&g->lock);
    mem_free(g);
}

static int enter(struct access_gate *g)
{
    int64_t deadline_ns = clock_now_ns() + MAX_WAIT_MS * CLOCK_NS_PER_MS;
    bool in_time = true;
    lock_acquire(&g->lock);
    if (g->n_waiting < MAX_WAITING) {
        g->n_waiting++;
        while (g->n_inside == MAX_AT_ONCE && in_time)
            in_time = cond_wait(&g->changed, &g->lock, deadline_ns);
        g->n_waiting--;
    }
    bool is_in = g->n_inside < MAX_AT_ONCE;
    g->n_inside += is_in;
    lock_release(&g->lock);
    return is_in ? 0 : err_set(ERR_BUSY, "too many are logging in at once");
}

static void leave(struct access_gate *g)
{
    lock_acquire(&g->lock);
    g->n_inside--;
    cond_signal(&g->changed);
    lock_release(&g->lock);
}

int access_password_check(struct api *a, const char *password, const char *hash,
                          int (*still)(void *arg), void *arg, bool *ret_stale)
{
    int r = enter(a->gate);
    if (r < 0)
        return r;
    r = still ? still(arg) : 0;
    if (r == 0)
        r = secret_password_check(str_of(password), hash, ret_stale);
    leave(a->gate);
    return r;
}

int access_password_hash(struct api *a, const char *password,
                         char ret_hash[ACCESS_PASSWORD_HASH_BYTES])
{
    int r = enter(a->gate);
    if (r < 0)
        return r;
    r = secret_password_hash(str_of(password), ret_hash);
    leave(a->gate);
    return r;
}
