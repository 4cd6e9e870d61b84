// SPDX-License-Identifier: Apache-2.0
// media_priv.h - what the files of this room share: a source, and the seam behind it.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/media_log.h"
#include "media/source.h"
#include "media/timeline.h"

struct picture;
struct probe_result;

enum {
    SOURCE_IO_TIMEOUT_S = 30, // of one step: an open, a packet
};

// What a packet says of the frame in it, in the stream's time base.
struct source_packet {
    int64_t pts; // TIMELINE_NO_PTS: nothing
    int64_t duration;
    bool is_dropped; // an edit list leaves its frame out
};

// A kind of source. Each call stands between media_log_begin() and _end().
struct source_impl {
    // Fills s->info and s->state. On error close() is called too.
    int (*open)(struct source *s);
    // Steps to the next picture in presentation order without making it. ERR_EOF.
    int (*advance)(struct source *s, int64_t *ret_pts_us);
    // The picture stepped to. ERR_MEDIA: it could not be decoded; the source goes on.
    int (*take)(struct source *s, int64_t pts_us, int64_t ordinal, struct picture **ret_picture);
    // NULL, or does all the work of source_next() and keeps the counts; advance and take are not
    // called then.
    int (*next)(struct source *s, struct picture **ret_picture);
    // NULL: cannot. See source_seek(); the frame found is the next that advance gives.
    int (*seek)(struct source *s, int64_t pts_us);
    // NULL: there are no packets. The next one of the stream, not decoded: see
    // source_packet_next().
    int (*packet)(struct source *s, struct source_packet *ret_packet);
    void (*close)(struct source *s);
    void (*describe)(const struct source *s, struct probe_result *result); // the parts info lacks
};

extern const struct source_impl source_video;
extern const struct source_impl source_pictures;
extern const struct source_impl source_remote;

struct source {
    // --- constant after open
    struct source_opts opts;
    char *path;
    struct source_info info;
    const struct source_impl *impl;
    void *state; // of the impl
    // --- the caller's thread only
    struct source_counts counts;
    struct media_log log;
    int64_t next_ordinal;
    int64_t n_given;
    int64_t first_pts_us;
    bool is_at_key;      // the frame stepped to can be decoded by itself
    int64_t deadline_ns; // of the step under way
    int ended;           // 0, or what every later source_next() returns
    char end_message[512];
    void (*on_step)(void *arg); // NULL, or called after each step
    void *on_step_arg;
    // --- atomic
    atomic_bool interrupted;
};

bool source_is_interrupted(const struct source *s);
// For libav's callbacks: interrupted, or past the deadline of this step.
bool source_must_stop(const struct source *s);
void source_set_deadline(struct source *s);
// Counts a refused packet or file and keeps the first reason.
void source_count_undecodable(struct source *s, const char *reason);
// Whether the caller asked for this frame.
bool source_wants(const struct source *s, int64_t pts_us, int64_t ordinal);
// The next picture without making it, counted as decoded. Behind source_next() and probe_file().
int source_step(struct source *s, int64_t *ret_pts_us, int64_t *ret_ordinal) MUST_CHECK;
// The next packet, in the order they lie, in place of any step. ERR_EOF. ERR_UNSUPPORTED: this kind
// of source has none.
int source_packet_next(struct source *s, struct source_packet *ret_packet) MUST_CHECK;
