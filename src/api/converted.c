// SPDX-License-Identifier: Apache-2.0
// converted.c - truths in other formats, made once.
//
// INVARIANTS
// (1) A truth's version never changes. What its file is made of (the COCO's key, the format, the
//     size of the video's pictures) is the key: an entry is never wrong, only unused.
// (2) The files have no name: whatever ends the process, or an entry, frees their place.
// (3) An entry that is being made has no descriptor, belongs to its maker, and stays.

#include "api/converted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api_priv.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "blob/blob.h"
#include "store/store_truth.h"

enum {
    KEY_BYTES = 128,
    WAIT_MS = 20 * 1000,
    // How much is made of a truth, from above: a file and an entry of the archive a picture, an
    // object in each of them.
    BYTES_OF_FRAME = 8 * 1024,
    BYTES_OF_OBJECT = 2 * 1024,
};

struct entry {
    char key[KEY_BYTES]; // "": free
    int fd;              // -1: it is being made
    const char *ending;
    int64_t n_bytes;
    int64_t used_ns;
};

struct converted {
    // --- guarded by lock
    struct lock lock;
    struct cond changed; // an entry was made, or came to nothing
    struct entry entries[CONVERTED_FILES];
    int n_making;
    int64_t n_bytes;
};

int converted_create(struct converted **ret_cache)
{
    struct converted *c = mem_new(struct converted);
    if (!c)
        return ERR_NOMEM;
    int r = lock_init(&c->lock, LOCK_RANK_APP);
    if (r == 0 && (r = cond_init(&c->changed)) < 0)
        lock_finish(&c->lock);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_cache = c;
    return 0;
}

static void forget_locked(struct converted *c, struct entry *e)
{
    if (e->key[0] && e->fd >= 0) {
        close(e->fd);
        c->n_bytes -= e->n_bytes;
    }
    *e = (struct entry){.key = ""};
}

void converted_destroy(struct converted *c)
{
    if (!c)
        return;
    lock_acquire(&c->lock);
    for (size_t i = 0; i < CONVERTED_FILES; i++)
        forget_locked(c, &c->entries[i]);
    lock_release(&c->lock);
    cond_finish(&c->changed);
    lock_finish(&c->lock);
    mem_free(c);
}

// ---- places

static struct entry *find_locked(struct converted *c, const char *key)
{
    for (size_t i = 0; i < CONVERTED_FILES; i++)
        if (strcmp(c->entries[i].key, key) == 0)
            return &c->entries[i];
    return NULL;
}

// The longest unused but *kept*; NULL: none can go.
static struct entry *oldest_locked(struct converted *c, const struct entry *kept)
{
    struct entry *oldest = NULL;
    for (size_t i = 0; i < CONVERTED_FILES; i++) {
        struct entry *e = &c->entries[i];
        if (e->key[0] && e->fd >= 0 && e != kept && (!oldest || e->used_ns < oldest->used_ns))
            oldest = e;
    }
    return oldest;
}

static struct entry *begin_locked(struct converted *c, const char *key)
{
    _Static_assert((int)CONVERTED_SIDE_BY_SIDE < (int)CONVERTED_FILES, "one is always free");
    struct entry *e = find_locked(c, "");
    if (!e) {
        e = oldest_locked(c, NULL);
        forget_locked(c, e);
    }
    snprintf(e->key, KEY_BYTES, "%s", key);
    e->fd = -1;
    c->n_making++;
    return e;
}

// What was made (*fd* -1: nothing) is the entry's, or, where it is more than may be kept, nobody's
// but the caller's, who has a descriptor of their own.
static void end_locked(struct converted *c, struct entry *e, const struct entry *made)
{
    c->n_making--;
    cond_broadcast(&c->changed);
    if (made->fd < 0 || made->n_bytes > CONVERTED_BYTES) {
        if (made->fd >= 0)
            close(made->fd);
        forget_locked(c, e);
        return;
    }
    e->fd = made->fd;
    e->ending = made->ending;
    e->n_bytes = made->n_bytes;
    e->used_ns = clock_now_ns();
    c->n_bytes += e->n_bytes;
    while (c->n_bytes > CONVERTED_BYTES)
        forget_locked(c, oldest_locked(c, e));
}

// The entry, made, or one that whoever asks has to make (its fd is -1). NULL: too many are being
// made, and go on being so.
static struct entry *await_locked(struct converted *c, const char *key)
{
    int64_t deadline = clock_now_ns() + WAIT_MS * CLOCK_NS_PER_MS;
    for (;;) {
        struct entry *e = find_locked(c, key);
        if (e && e->fd >= 0) {
            e->used_ns = clock_now_ns();
            return e;
        }
        if (!e && c->n_making < CONVERTED_SIDE_BY_SIDE)
            return begin_locked(c, key);
        if (!cond_wait(&c->changed, &c->lock, deadline))
            return NULL;
    }
}

// ---- making

static int own_descriptor(int fd, int *ret_fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return err_set_errno(errno, "the converted truth");
    *ret_fd = own;
    return 0;
}

static int open_made(const char *path, struct entry *ret)
{
    struct stat st;
    ret->fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = ret->fd < 0 || fstat(ret->fd, &st) < 0
                ? err_set(ERR_IO, "the converted truth cannot be read")
                : 0;
    if (r == 0)
        ret->n_bytes = st.st_size;
    return r;
}

static int make(struct api *a, const struct converted_wanted *w, struct entry *ret)
{
    const struct api_tools *t = &a->opts.tools;
    char path[BLOB_PATH_BYTES];
    char out_path[BLOB_PATH_BYTES];
    int64_t most = w->truth->n_frames * BYTES_OF_FRAME + w->truth->n_objects * BYTES_OF_OBJECT;
    int r = blob_check_space(a->opts.blob, most);
    if (r == 0)
        r = blob_path(a->opts.blob, w->truth->coco_key, path);
    if (r == 0)
        r = blob_temp_path(a->opts.blob, ".truth", out_path);
    if (r < 0)
        return r;
    const struct api_export_wanted wanted = {.path = path,
                                             .format = w->format,
                                             .out_path = out_path,
                                             .width = w->width,
                                             .height = w->height};
    r = t->export_truth(t->arg, &wanted, &ret->ending);
    if (r == 0)
        r = open_made(out_path, ret);
    (void)unlink(out_path);
    return r;
}

int converted_open(struct api *a, const struct converted_wanted *w, int *ret_fd,
                   const char **ret_ending)
{
    struct converted *c = a->converted;
    struct entry made = {.fd = -1};
    char key[KEY_BYTES];
    if (snprintf(key, sizeof(key), "%s %dx%d %s", w->truth->coco_key, w->width, w->height,
                 w->format) >= KEY_BYTES)
        return err_set(ERR_INVALID, "no format '%.40s'", w->format);
    lock_acquire(&c->lock);
    struct entry *e = await_locked(c, key);
    bool is_mine = e && e->fd < 0;
    int r = e ? 0 : err_set(ERR_BUSY, "truths are being converted for others: try again");
    if (e && !is_mine) {
        *ret_ending = e->ending;
        r = own_descriptor(e->fd, ret_fd);
    }
    lock_release(&c->lock);
    if (!is_mine)
        return r;
    r = make(a, w, &made);
    if (r == 0)
        r = own_descriptor(made.fd, ret_fd);
    if (r == 0)
        *ret_ending = made.ending;
    lock_acquire(&c->lock);
    end_locked(c, e, &made);
    lock_release(&c->lock);
    return r;
}
