// SPDX-License-Identifier: Apache-2.0
// probe.c - counting a stream by decoding it.

#include "media/probe.h"

#include <stdio.h>

#include "base/err.h"
#include "media/media_priv.h"

enum {
    MIN_MARK_DISTANCE = 10, // frames: nearer ones save nothing
};

static void copy_text(char *to, size_t n, const char *text)
{
    snprintf(to, n, "%s", text ? text : "");
}

static void describe(const struct source *s, struct probe_result *p)
{
    const struct source_info *i = source_info(s);
    p->kind = i->kind;
    copy_text(p->container, sizeof(p->container), i->container);
    copy_text(p->codec, sizeof(p->codec), i->codec);
    copy_text(p->pixel_format, sizeof(p->pixel_format), i->pixel_format);
    p->stream_index = i->stream_index;
    p->width = i->width;
    p->height = i->height;
    p->coded_width = i->coded_width;
    p->coded_height = i->coded_height;
    p->rotation = i->rotation;
    p->frame_rate_num = i->frame_rate_num;
    p->frame_rate_den = i->frame_rate_den;
    p->duration_s = i->duration_s;
    s->impl->describe(s, p);
}

static void add_frame(struct probe_result *p, int64_t pts_us)
{
    if (p->n_frames == 0) {
        p->first_pts_us = pts_us;
    } else {
        int64_t distance = pts_us - p->last_pts_us;
        if (p->n_frames == 1 || distance < p->min_distance_us)
            p->min_distance_us = distance;
        if (p->n_frames == 1 || distance > p->max_distance_us)
            p->max_distance_us = distance;
    }
    p->last_pts_us = pts_us;
    p->n_frames++;
}

// Key frames, not nearer to each other than *min_distance* frames, which doubles whenever the list
// is full.
static void add_mark(struct probe_result *p, int64_t ordinal, int64_t pts_us, int64_t *min_distance)
{
    if (p->n_marks > 0 && ordinal - p->marks[p->n_marks - 1].ordinal < *min_distance)
        return;
    if (p->n_marks == PROBE_MAX_MARKS) {
        for (size_t i = 0; i < PROBE_MAX_MARKS / 2; i++)
            p->marks[i] = p->marks[2 * i];
        p->n_marks = PROBE_MAX_MARKS / 2;
        *min_distance = 2 * (p->marks[1].ordinal - p->marks[0].ordinal);
    }
    p->marks[p->n_marks++] = (struct source_mark){.ordinal = ordinal, .pts_us = pts_us};
}

// Rounding to the container's ticks moves each time by half a tick at most: distances of an even
// rate differ by one tick, and by one microsecond of our own rounding.
static bool is_variable(const struct probe_result *p, const struct source_info *i)
{
    double tick_us = i->time_base_den > 0 ? 1e6 * i->time_base_num / i->time_base_den : 0;
    return (double)(p->max_distance_us - p->min_distance_us) > tick_us + 2;
}

static int count(struct source *s, struct probe_result *p)
{
    int64_t min_distance = MIN_MARK_DISTANCE;
    for (;;) {
        int64_t pts_us;
        int64_t ordinal;
        int r = source_step(s, &pts_us, &ordinal);
        if (r == ERR_EOF)
            return 0;
        if (r < 0)
            return r;
        add_frame(p, pts_us);
        if (s->is_at_key)
            add_mark(p, ordinal, pts_us, &min_distance);
    }
}

int probe_file(const struct source_opts *opts, struct probe_result *ret_result)
{
    struct source *s;
    struct probe_result p = {0};
    int r = source_open(opts, &s);
    if (r < 0)
        return r;
    describe(s, &p);
    r = count(s, &p);
    p.is_variable = is_variable(&p, source_info(s));
    p.counts = source_counts(s);
    source_close(s);
    if (r < 0)
        return r;
    *ret_result = p;
    return 0;
}
