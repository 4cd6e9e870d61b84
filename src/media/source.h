// SPDX-License-Identifier: Apache-2.0
// source.h - a file, directory of pictures, numbered pattern or URL becomes upright pictures in
// presentation order.
//
// Frame identity: pts_us is the container's presentation time after edit lists, not shifted,
// rounded to the nearest microsecond; the ordinal counts from 0 at the stream's start in
// presentation order, also with *start_s*.
//
// Ownership: the caller closes the source; pictures given out may outlive it.
// Threads: one at a time; source_interrupt() from any thread.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/opt.h"
#include "vision/letterbox.h"

struct picture;
struct source;

// Which frames are given without H.264's and HEVC's loop filter: faster, with edges between blocks.
enum source_unfiltered {
    SOURCE_UNFILTERED_NONE,
    SOURCE_UNFILTERED_UNREFERENCED, // those that no other frame refers to: none becomes another's
    SOURCE_UNFILTERED_ALL,          // what is off adds up until the next key frame
};

// What an isolated source makes of its pictures before they leave the child.
struct source_prepare {
    enum letterbox_rule rule;
    int width, height; // of the model's rectangle
    uint8_t fill;
};

// Zero means the default.
struct source_opts {
    const char *path; // file, directory, pattern with %d (img%06d.jpg), http(s):// URL; borrowed
                      // during open
    int64_t
        stream_index; // of the container; -1 or (with has_stream_index false) the one libav prefers
    bool has_stream_index;
    int64_t stride; // every n-th frame, counted from ordinal 0 [1]
    double start_s; // seconds of presentation time from the stream's first frame; frames before are
                    // skipped
    double end_s;   // 0: to the end; frames at or after are not decoded further
    int64_t max_frames; // 0: all; counts pictures given out
    int threads;        // of the decoder [1: frame threads hold a picture each, and several
                        // sources side by side fill the cores]
    int unfiltered;     // enum source_unfiltered
    bool allow_network; // http, https, tcp, tls; else files only
    bool live;          // a URL that must not lag: read as fast as it comes
    int64_t max_pixels; // larger pictures are refused [SOURCE_MAX_PIXELS]
    // Decodes and letterboxes in a confined child process (base/child.h), for files that nobody
    // vouches for: pictures come as the model's pixels, see picture.prepared. A child that crashes,
    // hangs or lies is ERR_MEDIA, and nothing else happens to this process. The thread that opens
    // the source must live until it is closed.
    bool isolated;
    struct source_prepare prepare; // isolated only
    const char *program;           // isolated only; what runs as the child [this program]; borrowed
    const atomic_bool *stop; // may be NULL; once true, open and next return ERR_CANCELLED soon
};

enum {
    SOURCE_MAX_PIXELS = 8192 * 8192, // coded pixels of one picture
};

enum source_kind {
    SOURCE_KIND_UNSET,
    SOURCE_VIDEO,
    SOURCE_PICTURES, // every frame is a file of its own and may have its own size
};

struct source_info {
    enum source_kind kind;
    const char *path;      // as given; owned by the source, as all texts here
    const char *container; // libav's name, "pictures"
    const char *codec;
    const char *pixel_format;
    int stream_index;                   // chosen; 0 for pictures
    int width, height;                  // upright
    int coded_width, coded_height;      // as stored
    int rotation;                       // degrees clockwise that were applied: 0, 90, 180, 270
    int frame_rate_num, frame_rate_den; // average; 0/1 unknown
    int time_base_num, time_base_den;
    int64_t n_frames_hint; // from the container, for progress only; 0 unknown
    double duration_s;     // likewise
};

struct source_counts {
    int64_t decoded;              // pictures the decoder gave
    int64_t skipped;              // of those: by stride, or outside start and end
    int64_t skimmed;              // of those: hardly decoded, as no other frame refers to them
    int64_t undecodable;          // packets the decoder refused
    bool cut_short;               // the container ended before it said it would, or with an error
    char cut_reason[256];         // one line, when cut_short
    char undecodable_reason[256]; // of the first refused packet or picture file; "" with none
};

// ERR_NOT_FOUND, ERR_MEDIA (the message names the cause: not media, no video stream, a Git-LFS
// pointer, empty file, encrypted, ...), ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_INVALID, ERR_NOMEM,
// ERR_CANCELLED.
int source_open(const struct source_opts *opts, struct source **ret_source) MUST_CHECK;
void source_close(struct source *s);
const struct source_info *source_info(const struct source *s);
struct source_counts source_counts(const struct source *s);

// The next wanted picture, an owned reference. ERR_EOF: the end (counts tell whether it was cut
// short). ERR_CANCELLED: interrupted. ERR_MEDIA: nothing could be decoded at all. ERR_NOMEM,
// ERR_IO.
int source_next(struct source *s, struct picture **ret_picture) MUST_CHECK;
// Makes a blocked next return ERR_CANCELLED soon. Any thread. (opts.stop also ends a blocked open.)
void source_interrupt(struct source *s);

// A frame at which decoding can begin: a key frame, found by counting from the start.
struct source_mark {
    int64_t ordinal;
    int64_t pts_us;
};

// Before the first next: goes on from *mark*, as if all before it had been skipped without being
// counted. ERR_UNSUPPORTED: this file has no such frame there, or cannot be sought in; the source
// is of no more use and wants to be opened anew.
int source_seek(struct source *s, const struct source_mark *mark) MUST_CHECK;

// SHA-256 of the file's bytes in hex; ERR_UNSUPPORTED for URLs and picture sources.
int source_sha256(const struct source *s, char ret_hex[65]) MUST_CHECK;

// "none", "unreferenced", "all".
const char *source_unfiltered_name(int unfiltered);

// Rows for --stream-index, --stride, --start, --end, --max-frames, --isolated, --live,
// --skip-loop-filter; target struct source_opts.
extern const struct opt source_options[];
