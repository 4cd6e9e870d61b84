// SPDX-License-Identifier: Apache-2.0
// skim.h - tells, before they are decoded, which frames of a video nobody looks at. Shows libav
// types.
//
// Packets are read ahead. A frame comes out after all those whose times are before its own, so the
// times of the packets around it say which ordinal it will have. Where nobody wants that one and no
// frame refers to it, its packet is cut (h264_cut.h).
//
// Nothing rests on that being right: every frame that comes out is looked up. One that is wanted
// and was cut, or one that was cut and did not come out, is a mistake: the caller then decodes the
// file from its start without skimming. What was given out until then is what it would have been.
// So it does where a whole packet turns out to be damaged: what a decoder makes up for the gaps in
// a picture may be anything that was in that memory before.
//
// Ownership: packets are moved in and out. Threads: one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/compat_av.h"
#include "media/media_log.h"

enum {
    SKIM_AHEAD = 8,    // packets: what comes before a frame is sent before it, or soon after
    SKIM_SETTLED = 24, // frames that come out before any packet is cut: streams that begin in the
                       // middle lose some
    SKIM_MOST_SENT = 64,
};

struct skim_packet {
    AVPacket *packet;
    struct media_log log; // of its reading
    int64_t number;       // in the stream
};

// A frame that has not come out yet.
struct skim_sent {
    int64_t pts; // of the stream, may be AV_NOPTS_VALUE
    bool is_cut;
};

struct skim {
    bool is_on;
    bool is_wrong; // a mistake is known
    bool has_cut;
    int length_size;
    unsigned entropy;                     // of all picture parameter sets so far, h264_cut.h
    struct skim_packet queue[SKIM_AHEAD]; // from *first* on, round and round
    int first, n_queued;
    struct skim_sent sent[SKIM_MOST_SENT];
    int n_sent;
    int64_t n_out; // frames that came out
};

// Switches it on, where the codec allows it. ERR_NOMEM.
int skim_start(struct skim *k, const AVCodecParameters *par) MUST_CHECK;
void skim_stop(struct skim *k); // also one that never started; what is queued is dropped

// What *p* holds moves into the queue, which must not be full.
void skim_push(struct skim *k, const struct skim_packet *p);
// The next one to be sent moves into the packet of *ret*; false: none is queued.
bool skim_pop(struct skim *k, struct skim_packet *ret);

// The ordinal that the frame of the packet just popped will have; -1: cannot be known.
int64_t skim_ordinal(const struct skim *k, const AVPacket *packet);
// Cuts the packet if it can be. ERR_NOMEM.
int skim_cut(struct skim *k, AVPacket *packet, bool *ret_is_cut) MUST_CHECK;
// The packet was sent.
void skim_note_sent(struct skim *k, const AVPacket *packet, bool is_cut);
// A frame came out. Returns whether its packet was cut.
bool skim_note_out(struct skim *k, int64_t pts);
// What libav said of a packet that was sent whole.
void skim_note_log(struct skim *k, const struct media_log *log);
// No further frame comes out.
void skim_note_end(struct skim *k);
