// SPDX-License-Identifier: Apache-2.0
// h264_cut.h - H.264 packets of frames that no other frame refers to, cut down to their headers.
//
// A decoder reads the headers of a cut packet as those of the whole one: it begins the same frame,
// gives it the same place and time, and gives it out as it would have. It just decodes hardly any
// of it. So the frames' sequence stays what it was, and only this frame's pixels are lost. That
// holds for slices in CABAC: libav's decoder of CAVLC ends a broken slice within a block, and takes
// what it read of that into the next slice.
//
// Ownership: none. Threads: any; nothing is kept.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    H264_CUT_KEPT = 256, // bytes of a slice: its header, and more than that
};

// How packets hold NAL units, from the stream's extradata: the bytes of a length (1 to 4), or 0:
// start codes.
int h264_cut_length_size(const uint8_t *extradata, size_t n);

// What picture parameter sets say, in the stream's extradata or in a packet. Bits.
enum h264_entropy {
    H264_HAS_CABAC = 1,
    H264_HAS_OTHER = 2, // CAVLC, or one that cannot be read
};
unsigned h264_cut_entropy_of_extradata(const uint8_t *extradata, size_t n);
unsigned h264_cut_entropy(int length_size, const uint8_t *packet, size_t n);

// Writes *packet* cut to *ret_bytes*, room for *n*. Returns its size, 0: it must stay whole (other
// frames may refer to this one, it holds more than slices, it is broken, or already small).
size_t h264_cut(int length_size, const uint8_t *packet, size_t n, uint8_t *ret_bytes);
