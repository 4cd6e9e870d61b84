// SPDX-License-Identifier: Apache-2.0
// frame_times.c - the times that packets bear, put in order; or those of the decoded frames.

#include "media/frame_times.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/media_priv.h"

struct packets {
    struct source_packet *items;
    size_t n, cap;
};

struct times {
    int64_t *items;
    size_t n, cap;
};

static int check_count(const char *path, size_t n)
{
    return n < FRAME_TIMES_MAX
               ? 0
               : err_set(ERR_TOO_BIG, "%s: more than %d frames", path, FRAME_TIMES_MAX);
}

static int add_time(const char *path, struct times *t, int64_t pts_us)
{
    int r = check_count(path, t->n);
    if (r == 0)
        r = MEM_GROW(t->items, t->cap, t->n);
    if (r == 0)
        t->items[t->n++] = pts_us;
    return r;
}

static int by_pts(const void *a, const void *b)
{
    int64_t x = ((const struct source_packet *)a)->pts;
    int64_t y = ((const struct source_packet *)b)->pts;
    return (x > y) - (x < y);
}

static int read_packets(struct source *s, struct packets *p)
{
    for (;;) {
        struct source_packet packet;
        int r = source_packet_next(s, &packet);
        if (r == ERR_EOF)
            return 0;
        if (r == 0)
            r = check_count(s->path, p->n);
        if (r == 0)
            r = MEM_GROW(p->items, p->cap, p->n);
        if (r < 0)
            return r;
        if (!packet.is_dropped)
            p->items[p->n++] = packet;
    }
}

static bool agrees(const struct times *t, const struct frame_times_check *c)
{
    return t->n > 0 && (int64_t)t->n == c->n_frames && t->items[0] == c->first_pts_us &&
           t->items[t->n - 1] == c->last_pts_us;
}

// ERR_UNSUPPORTED: the packets do not tell.
static int of_packets(struct source *s, const struct frame_times_check *check, struct times *t)
{
    struct packets p = {NULL, 0, 0};
    int r = read_packets(s, &p);
    if (r == 0 && p.n > 0)
        qsort(p.items, p.n, sizeof(*p.items), by_pts);
    struct timeline line;
    timeline_init(&line, s->info.time_base_num, s->info.time_base_den, s->info.frame_rate_num,
                  s->info.frame_rate_den);
    for (size_t i = 0; r == 0 && i < p.n; i++)
        r = p.items[i].pts == TIMELINE_NO_PTS
                ? ERR_UNSUPPORTED
                : add_time(s->path, t, timeline_place(&line, p.items[i].pts, p.items[i].duration));
    mem_free(p.items);
    return r == 0 && !agrees(t, check) ? ERR_UNSUPPORTED : r;
}

static int of_frames(struct source *s, struct times *t)
{
    for (;;) {
        int64_t pts_us;
        int64_t ordinal;
        int r = source_step(s, &pts_us, &ordinal);
        if (r == 0)
            r = add_time(s->path, t, pts_us);
        if (r < 0)
            return r == ERR_EOF ? 0 : r;
    }
}

static int read_times(const char *path, const struct frame_times_check *check, struct times *t)
{
    const struct source_opts opts = {.path = path};
    struct source *s;
    int r = source_open(&opts, &s);
    if (r < 0)
        return r;
    r = check ? of_packets(s, check, t) : of_frames(s, t);
    source_close(s);
    return r;
}

int frame_times_read(const char *path, const struct frame_times_check *check, int64_t **ret_times,
                     size_t *ret_n)
{
    struct times t = {NULL, 0, 0};
    int r = check ? read_times(path, check, &t) : ERR_UNSUPPORTED;
    if (r == ERR_UNSUPPORTED) {
        err_clear();
        t.n = 0;
        r = read_times(path, NULL, &t);
    }
    if (r < 0) {
        mem_free(t.items);
        return r;
    }
    *ret_times = t.items;
    *ret_n = t.n;
    return 0;
}
