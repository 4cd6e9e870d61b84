// SPDX-License-Identifier: Apache-2.0
// source_remote.c - a source that lives in a confined child process.
//
// INVARIANTS
// (1) Nothing the child says is used before check_message() has held it against the request.
// (2) Pixels may change under our hands when the child lies; they are only ever copied.
// (3) The shared memory and the child's socket live until the source is closed and every picture
//     has been given back.

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/answer_check.h"
#include "media/child_source.h"
#include "media/media_priv.h"
#include "media/remote_priv.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    SILENCE_S = 60,  // of a child that has something to do: it hangs
    LOOK_UP_MS = 50, // for an interruption
};

// Shared by the source and the pictures it gave.
struct remote {
    // --- constant after open
    struct child *child; // NULL once the source is closed; see *lock*
    size_t slot_bytes;
    uint8_t *slots;
    char container[REMOTE_TEXT_BYTES], codec[REMOTE_TEXT_BYTES], pixel_format[REMOTE_TEXT_BYTES];
    // --- the source's thread
    struct remote_message message;
    bool has_last; // a picture was given, with:
    int64_t last_ordinal, last_us;
    // --- under lock
    struct lock lock;
    bool is_out[REMOTE_SLOTS]; // in a picture that somebody holds
    int n_users;               // the source and those pictures
};

struct remote_holder {
    struct picture picture; // first: release() gets a pointer to it
    struct letterbox letterbox;
    struct remote *remote;
    int slot;
    char *file;
};

static void remote_drop(struct remote *m)
{
    lock_acquire(&m->lock);
    bool is_last = --m->n_users == 0;
    lock_release(&m->lock);
    if (!is_last)
        return;
    if (m->slots)
        munmap(m->slots, m->slot_bytes * REMOTE_SLOTS);
    lock_finish(&m->lock);
    mem_free(m);
}

static void give_slot_back(struct remote *m, int slot)
{
    int32_t number = slot;
    lock_acquire(&m->lock);
    m->is_out[slot] = false;
    // A child that is gone misses nothing. One that never reads them would have us wait for ever,
    // with the lock: an honest one leaves REMOTE_SLOTS of them unread at most.
    if (m->child)
        IGNORE(child_try_send(m->child, &number, sizeof(number)));
    lock_release(&m->lock);
}

static void release_holder(struct picture *p)
{
    struct remote_holder *h = (struct remote_holder *)p;
    give_slot_back(h->remote, h->slot);
    remote_drop(h->remote);
    mem_free(h->file);
    mem_free(h);
}

// --- opening

static int make_slots(struct remote *m, int *ret_fd)
{
    size_t n = m->slot_bytes * REMOTE_SLOTS;
    int fd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_set_errno(errno, "shared frames");
    void *slots = MAP_FAILED;
    if (ftruncate(fd, (off_t)n) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        slots = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    if (slots == MAP_FAILED) {
        int r = err_set_errno(errno, "shared frames");
        close(fd);
        return r;
    }
    m->slots = (uint8_t *)slots;
    *ret_fd = fd;
    return 0;
}

static int fill_request(const struct source_opts *o, struct remote_request *q)
{
    *q = (struct remote_request){
        .stream_index = o->stream_index,
        .stride = o->stride,
        .start_s = o->start_s,
        .end_s = o->end_s,
        .max_frames = o->max_frames,
        .max_pixels = o->max_pixels,
        .has_stream_index = o->has_stream_index,
        .threads = o->threads,
        .unfiltered = o->unfiltered,
        .allow_network = o->allow_network,
        .rule = (int32_t)o->prepare.rule,
        .width = o->prepare.width,
        .height = o->prepare.height,
        .fill = o->prepare.fill,
    };
    if (strlen(o->path) >= sizeof(q->path))
        return err_set(ERR_INVALID, "%s: path is too long", o->path);
    memcpy(q->path, o->path, strlen(o->path) + 1);
    return 0;
}

// The file or directory itself; of a numbered pattern, the directory.
static void readable_path(const char *path, char ret_path[REMOTE_PATH_BYTES])
{
    snprintf(ret_path, REMOTE_PATH_BYTES, "%s", path);
    if (!strchr(path, '%'))
        return;
    char *slash = strrchr(ret_path, '/');
    snprintf(slash ? slash + (slash == ret_path) : ret_path, 2, "%s", slash ? "" : ".");
}

static int start_child(struct source *s, struct remote *m)
{
    struct remote_request q;
    int fd = -1;
    int r = fill_request(&s->opts, &q);
    if (r == 0)
        r = make_slots(m, &fd);
    if (r < 0)
        return r;
    char readable[REMOTE_PATH_BYTES];
    readable_path(q.path, readable);
    struct child_limits limits = {.network = s->opts.allow_network, .readable = {readable}};
    r = child_start(s->opts.program, CHILD_SOURCE_KIND, &limits, &m->child);
    if (r == 0)
        r = child_send(m->child, &q, sizeof(q), fd);
    close(fd);
    // Where it went already, whoever listens to it is told how.
    return r == ERR_CLOSED && m->child ? 0 : r;
}

// --- what the child says

// Sides of 0: not known before the first picture.
static bool info_holds(const struct remote_info *i)
{
    return (i->kind == SOURCE_VIDEO || i->kind == SOURCE_PICTURES) && i->stream_index >= 0 &&
           answer_side_holds(i->width) && answer_side_holds(i->height) &&
           answer_side_holds(i->coded_width) && answer_side_holds(i->coded_height) &&
           answer_rotation_holds(i->rotation) && i->frame_rate_num >= 0 && i->frame_rate_den > 0 &&
           i->time_base_num >= 0 && i->time_base_den >= 0 && i->n_frames_hint >= 0 &&
           isfinite(i->duration_s) && answer_name_holds(i->container, sizeof(i->container)) &&
           answer_name_holds(i->codec, sizeof(i->codec)) &&
           answer_name_holds(i->pixel_format, sizeof(i->pixel_format));
}

// Behind all that were given before, as frames are numbered and timed.
static bool is_next(const struct remote *m, const struct remote_picture *p)
{
    return answer_ordinal_holds(p->ordinal) && answer_time_holds(p->pts_us) &&
           (!m->has_last || (p->ordinal > m->last_ordinal && p->pts_us > m->last_us));
}

static bool picture_holds(struct remote *m, const struct remote_picture *p)
{
    if (p->slot < 0 || p->slot >= REMOTE_SLOTS || p->src_width == 0 || p->src_height == 0 ||
        !answer_side_holds(p->src_width) || !answer_side_holds(p->src_height) || !is_next(m, p) ||
        !answer_text_holds(p->file, sizeof(p->file)))
        return false;
    lock_acquire(&m->lock);
    bool is_out = m->is_out[p->slot];
    lock_release(&m->lock);
    return !is_out;
}

static bool check_message(const struct source *s, struct remote *m, size_t n)
{
    const struct remote_message *g = &m->message;
    if (n != sizeof(*g) || !answer_counts_hold(&g->counts))
        return false;
    switch (g->kind) {
    case REMOTE_OPENED:
        return s->info.kind == SOURCE_KIND_UNSET && info_holds(&g->info);
    case REMOTE_PICTURE:
        return s->info.kind != SOURCE_KIND_UNSET && picture_holds(m, &g->picture);
    case REMOTE_COUNTS:
        return true;
    case REMOTE_END:
        return g->error < 0 && (g->error == ERR_EOF || g->error == child_error(g->error)) &&
               answer_text_holds(g->text, sizeof(g->text));
    default:
        return false;
    }
}

// The child's last words, or what became of it.
static int child_failed(struct source *s, struct remote *m, const char *what)
{
    lock_acquire(&m->lock);
    struct child *c = m->child;
    m->child = NULL;
    lock_release(&m->lock);
    if (what)
        child_kill(c);
    int r = child_finish(&c);
    if (what)
        return err_set(ERR_MEDIA, "%s: %s", s->path, what);
    // Not the file's doing: another try may go well.
    return err_set(r == ERR_NOMEM ? ERR_NOMEM : ERR_MEDIA, "%s: the decoder %s", s->path,
                   r < 0 ? err_message(r) : "ended without a word");
}

// One message, waiting as long as the child has reason to be silent.
static int receive_message(struct source *s, struct remote *m)
{
    int64_t deadline_ns = clock_now_ns() + SILENCE_S * CLOCK_NS_PER_S;
    int r = ERR_TIMEOUT;
    size_t n = 0;
    int fd = -1;
    while (r == ERR_TIMEOUT) {
        if (source_is_interrupted(s))
            return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
        if (clock_now_ns() > deadline_ns)
            return child_failed(s, m, "the decoder hangs and was ended");
        r = child_receive(m->child, LOOK_UP_MS * CLOCK_NS_PER_MS, &m->message, sizeof(m->message),
                          &n, &fd);
    }
    if (fd >= 0)
        close(fd);
    if (r == ERR_CLOSED)
        return child_failed(s, m, NULL);
    if (r < 0)
        return r;
    if (!check_message(s, m, n))
        return child_failed(s, m, "the decoder spoke nonsense and was ended");
    answer_counts_clean(&m->message.counts);
    s->counts = m->message.counts;
    return 0;
}

// Until a message of *kind*; the end is an error.
static int receive_kind(struct source *s, struct remote *m, enum remote_kind kind)
{
    if (!m->child)
        return err_set(ERR_CLOSED, "%s: the decoder is gone", s->path);
    for (;;) {
        int r = receive_message(s, m);
        if (r < 0)
            return r;
        if (m->message.kind == REMOTE_END)
            return err_set((enum err)m->message.error, "%s", m->message.text);
        if (m->message.kind == (int32_t)kind)
            return 0;
    }
}

static void take_info(struct source *s, struct remote *m)
{
    const struct remote_info *i = &m->message.info;
    snprintf(m->container, sizeof(m->container), "%s", i->container);
    snprintf(m->codec, sizeof(m->codec), "%s", i->codec);
    snprintf(m->pixel_format, sizeof(m->pixel_format), "%s", i->pixel_format);
    s->info = (struct source_info){
        .kind = (enum source_kind)i->kind,
        .path = s->path,
        .container = m->container,
        .codec = m->codec,
        .pixel_format = m->pixel_format,
        .stream_index = i->stream_index,
        .width = i->width,
        .height = i->height,
        .coded_width = i->coded_width,
        .coded_height = i->coded_height,
        .rotation = i->rotation,
        .frame_rate_num = i->frame_rate_num,
        .frame_rate_den = i->frame_rate_den,
        .time_base_num = i->time_base_num,
        .time_base_den = i->time_base_den,
        .n_frames_hint = i->n_frames_hint,
        .duration_s = i->duration_s,
    };
}

static int open_remote(struct source *s)
{
    struct remote *m = mem_new(struct remote);
    if (!m)
        return ERR_NOMEM;
    m->slot_bytes = (size_t)s->opts.prepare.width * (size_t)s->opts.prepare.height * 3;
    m->n_users = 1;
    int r = lock_init(&m->lock, LOCK_RANK_QUEUE);
    if (r < 0) {
        mem_free(m);
        return r;
    }
    s->state = m;
    r = start_child(s, m);
    if (r == 0)
        r = receive_kind(s, m, REMOTE_OPENED);
    if (r == 0)
        take_info(s, m);
    return r;
}

// --- pictures

static int hold_picture(struct source *s, struct remote *m, struct picture **ret_picture)
{
    const struct remote_picture *p = &m->message.picture;
    const struct source_prepare *q = &s->opts.prepare;
    struct remote_holder *h = mem_new(struct remote_holder);
    if (!h)
        return ERR_NOMEM;
    if (p->file[0] && !(h->file = mem_strdup(p->file))) {
        mem_free(h);
        return ERR_NOMEM;
    }
    h->remote = m;
    h->slot = p->slot;
    h->letterbox =
        letterbox_make(q->rule, p->src_width, p->src_height, q->width, q->height, q->fill);
    h->picture = (struct picture){
        .layout = PICTURE_RGB,
        .width = q->width,
        .height = q->height,
        .bit_depth = 8,
        .planes = {m->slots + (size_t)p->slot * m->slot_bytes},
        .strides = {(ptrdiff_t)q->width * 3},
        .pts_us = p->pts_us,
        .ordinal = p->ordinal,
        .file = h->file,
        .prepared = &h->letterbox,
        .release = release_holder,
    };
    atomic_init(&h->picture.refs, 1);
    m->has_last = true;
    m->last_ordinal = p->ordinal;
    m->last_us = p->pts_us;
    lock_acquire(&m->lock);
    m->is_out[p->slot] = true;
    m->n_users++;
    lock_release(&m->lock);
    *ret_picture = &h->picture;
    return 0;
}

static int next_remote(struct source *s, struct picture **ret_picture)
{
    struct remote *m = (struct remote *)s->state;
    int r = receive_kind(s, m, REMOTE_PICTURE);
    return r == 0 ? hold_picture(s, m, ret_picture) : r;
}

static void close_remote(struct source *s)
{
    struct remote *m = (struct remote *)s->state;
    if (!m)
        return;
    lock_acquire(&m->lock);
    struct child *c = m->child;
    m->child = NULL;
    lock_release(&m->lock);
    if (c && !s->ended)
        child_kill(c); // it has nothing that is worth waiting for
    IGNORE(child_finish(&c));
    remote_drop(m);
}

const struct source_impl source_remote = {
    .open = open_remote,
    .next = next_remote,
    .close = close_remote,
};
