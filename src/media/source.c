// SPDX-License-Identifier: Apache-2.0
// source.c - opening by kind, and the counting that all kinds share.
//
// INVARIANTS
// (1) counts.decoded = pictures given + counts.skipped; counts.decoded = ordinals handed out.
// (2) Ordinals count from the stream's start: nothing seeks, frames before start come out of the
//     decoder (some hardly decoded, see skim.h) and are skipped.
// (3) Once next has returned an error, it returns that error for ever.

#include "media/source.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/opt.h"
#include "media/media_priv.h"
#include "media/picture_list.h"
#include "vision/picture.h"

static const char *const unfiltered_names[] = {"none", "unreferenced", "all", NULL};

const char *source_unfiltered_name(int unfiltered)
{
    assert(unfiltered >= SOURCE_UNFILTERED_NONE && unfiltered <= SOURCE_UNFILTERED_ALL);
    return unfiltered_names[unfiltered];
}

// clang-format off
const struct opt source_options[] = {
    OPT_DOUBLE(struct source_opts, "end", end_s, 0, 1e9, "SECONDS",
               "stop at this time, in seconds from the first frame", "the end"),
    OPT_BOOL(struct source_opts, "isolated", isolated,
             "decode in a child process without network, files and most of the system: for files "
             "that nobody vouches for"),
    OPT_BOOL(struct source_opts, "live", live, "drop frames rather than lag behind"),
    OPT_INT(struct source_opts, "max-frames", max_frames, 0, 1e15, "N",
            "stop after so many frames", "all"),
    OPT_CHOICE(struct source_opts, "skip-loop-filter", unfiltered, unfiltered_names, "FRAMES",
               "decode without the loop filter, faster and with other pixels: unreferenced (frames "
               "that no other refers to) or all (what is off adds up until the next key frame)",
               "none"),
    OPT_DOUBLE(struct source_opts, "start", start_s, 0, 1e9, "SECONDS",
               "skip what is before this time, in seconds from the first frame", "0"),
    OPT_INT(struct source_opts, "stream-index", stream_index, -1, 1e6, "N",
            "stream of the container to use", "the best video stream"),
    OPT_INT(struct source_opts, "stride", stride, 1, 1e9, "N", "use every N-th frame", "1"),
    OPT_END,
};
// clang-format on

bool source_is_interrupted(const struct source *s)
{
    return atomic_load_explicit(&s->interrupted, memory_order_relaxed) ||
           (s->opts.stop && atomic_load_explicit(s->opts.stop, memory_order_relaxed));
}

bool source_must_stop(const struct source *s)
{
    return source_is_interrupted(s) || clock_now_ns() > s->deadline_ns;
}

void source_set_deadline(struct source *s)
{
    s->deadline_ns = clock_now_ns() + SOURCE_IO_TIMEOUT_S * CLOCK_NS_PER_S;
}

void source_count_undecodable(struct source *s, const char *reason)
{
    if (s->counts.undecodable++ == 0)
        snprintf(s->counts.undecodable_reason, sizeof(s->counts.undecodable_reason), "%s", reason);
}

static int check_opts(const struct source_opts *o)
{
    if (o->stride < 0 || o->max_frames < 0 || o->max_pixels < 0 || o->threads < 0)
        return err_set(ERR_INVALID, "%s: stride, max-frames and threads cannot be negative",
                       o->path);
    if (o->isolated && (o->prepare.width <= 0 || o->prepare.height <= 0))
        return err_set(ERR_INVALID, "%s: an isolated source prepares pictures for a model",
                       o->path);
    if (!(o->start_s >= 0) || !(o->end_s >= 0))
        return err_set(ERR_INVALID, "%s: start and end cannot be negative", o->path);
    if (o->end_s > 0 && o->end_s <= o->start_s)
        return err_set(ERR_INVALID, "%s: end (%g s) is not after start (%g s)", o->path, o->end_s,
                       o->start_s);
    return 0;
}

static int create(const struct source_opts *opts, struct source **ret_source)
{
    struct source *s = mem_new(struct source);
    if (!s)
        return ERR_NOMEM;
    s->opts = *opts;
    s->path = mem_strdup(opts->path);
    if (!s->path) {
        mem_free(s);
        return ERR_NOMEM;
    }
    s->opts.path = s->path;
    if (s->opts.stride == 0)
        s->opts.stride = 1;
    if (s->opts.max_pixels == 0)
        s->opts.max_pixels = SOURCE_MAX_PIXELS;
    s->info.path = s->path;
    s->info.frame_rate_den = 1;
    atomic_init(&s->interrupted, false);
    *ret_source = s;
    return 0;
}

int source_open(const struct source_opts *opts, struct source **ret_source)
{
    struct source *s;
    int r = check_opts(opts);
    if (r < 0)
        return r;
    r = create(opts, &s);
    if (r < 0)
        return r;
    if (opts->isolated)
        s->impl = &source_remote;
    else
        s->impl = picture_list_is_for(s->path) ? &source_pictures : &source_video;
    source_set_deadline(s);
    media_log_begin(&s->log);
    r = s->impl->open(s);
    media_log_end();
    if (r < 0) {
        source_close(s);
        return r;
    }
    *ret_source = s;
    return 0;
}

void source_close(struct source *s)
{
    if (!s)
        return;
    media_log_begin(&s->log);
    s->impl->close(s);
    media_log_end();
    mem_free(s->path);
    mem_free(s);
}

const struct source_info *source_info(const struct source *s)
{
    return &s->info;
}

struct source_counts source_counts(const struct source *s)
{
    return s->counts;
}

void source_interrupt(struct source *s)
{
    atomic_store_explicit(&s->interrupted, true, memory_order_relaxed);
}

static int end_with(struct source *s, int r)
{
    s->ended = r;
    err_copy_message(r, s->end_message, sizeof(s->end_message));
    return r;
}

static int advance(struct source *s, int64_t *ret_pts_us)
{
    if (source_is_interrupted(s))
        return err_set(ERR_CANCELLED, "%s: interrupted", s->path);
    source_set_deadline(s);
    return s->impl->advance(s, ret_pts_us);
}

int source_seek(struct source *s, const struct source_mark *mark)
{
    assert(s->next_ordinal == 0 && !s->ended);
    if (!s->impl->seek)
        return err_set(ERR_UNSUPPORTED, "%s: cannot be sought in", s->path);
    source_set_deadline(s);
    media_log_begin(&s->log);
    int r = s->impl->seek(s, mark->pts_us);
    media_log_end();
    if (r < 0)
        return r;
    s->next_ordinal = mark->ordinal;
    s->first_pts_us = mark->pts_us;
    return 0;
}

int source_step(struct source *s, int64_t *ret_pts_us, int64_t *ret_ordinal)
{
    if (s->ended)
        return err_set((enum err)s->ended, "%s", s->end_message);
    media_log_begin(&s->log);
    int r = advance(s, ret_pts_us);
    media_log_end();
    if (r < 0)
        return end_with(s, r);
    if (s->next_ordinal == 0)
        s->first_pts_us = *ret_pts_us;
    *ret_ordinal = s->next_ordinal++;
    s->counts.decoded++;
    if (s->on_step)
        s->on_step(s->on_step_arg);
    return 0;
}

int source_packet_next(struct source *s, struct source_packet *ret_packet)
{
    if (!s->impl->packet)
        return err_set(ERR_UNSUPPORTED, "%s: has no packets", s->path);
    media_log_begin(&s->log);
    int r = s->impl->packet(s, ret_packet);
    media_log_end();
    return r;
}

// Seconds of the command line are compared in whole microseconds, as times are.
static int64_t us_of(double seconds)
{
    return (int64_t)(seconds * 1e6 + 0.5);
}

static bool is_past_end(const struct source *s, int64_t pts_us)
{
    return s->opts.end_s > 0 && pts_us - s->first_pts_us >= us_of(s->opts.end_s);
}

bool source_wants(const struct source *s, int64_t pts_us, int64_t ordinal)
{
    return ordinal % s->opts.stride == 0 && pts_us - s->first_pts_us >= us_of(s->opts.start_s);
}

static int take(struct source *s, int64_t pts_us, int64_t ordinal, struct picture **ret_picture)
{
    media_log_begin(&s->log);
    int r = s->impl->take(s, pts_us, ordinal, ret_picture);
    media_log_end();
    if (r == ERR_MEDIA) { // this one only: it was never decoded
        s->counts.decoded--;
        source_count_undecodable(s, err_message(r));
    }
    return r;
}

static int nothing_decoded(struct source *s)
{
    return s->counts.undecodable_reason[0]
               ? err_set(ERR_MEDIA, "%s", s->counts.undecodable_reason)
               : err_set(ERR_MEDIA, "%s: nothing could be decoded", s->path);
}

static int next_elsewhere(struct source *s, struct picture **ret_picture)
{
    if (s->ended)
        return err_set((enum err)s->ended, "%s", s->end_message);
    int r = s->impl->next(s, ret_picture);
    return r < 0 ? end_with(s, r) : 0;
}

int source_next(struct source *s, struct picture **ret_picture)
{
    if (s->impl->next)
        return next_elsewhere(s, ret_picture);
    for (;;) {
        if (!s->ended && s->opts.max_frames > 0 && s->n_given >= s->opts.max_frames)
            return end_with(s, err_set(ERR_EOF, "%s: end", s->path));
        int64_t pts_us;
        int64_t ordinal;
        int r = source_step(s, &pts_us, &ordinal);
        if (r == ERR_EOF && s->counts.decoded == 0)
            return end_with(s, nothing_decoded(s));
        if (r < 0)
            return r;
        if (!source_wants(s, pts_us, ordinal) || is_past_end(s, pts_us)) {
            s->counts.skipped++;
            if (is_past_end(s, pts_us))
                return end_with(s, err_set(ERR_EOF, "%s: end", s->path));
            continue;
        }
        r = take(s, pts_us, ordinal, ret_picture);
        if (r == ERR_MEDIA)
            continue;
        if (r < 0)
            return end_with(s, r);
        s->n_given++;
        return 0;
    }
}

int source_sha256(const struct source *s, char ret_hex[65])
{
    if (s->info.kind != SOURCE_VIDEO || strstr(s->path, "://"))
        return err_set(ERR_UNSUPPORTED, "%s: only a local video file has a digest", s->path);
    return file_sha256(s->path, ret_hex);
}
