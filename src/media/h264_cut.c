// SPDX-License-Identifier: Apache-2.0
// h264_cut.c - walks over the NAL units of a packet and keeps the beginning of each slice.

#include "media/h264_cut.h"

#include <stdbool.h>
#include <string.h>

enum {
    AVCC_VERSION = 1, // first byte of extradata with NAL lengths (ISO 14496-15)
    AVCC_LEAST = 7,
    AVCC_LENGTH_AT = 4,
    START_CODE = 3, // 00 00 01
    NAL_SLICE = 1,
    NAL_SEI = 6,
    NAL_PICTURE_SET = 8,
    NAL_DELIMITER = 9,
    NAL_FILLER = 12,
};

struct nal {
    const uint8_t *prefix; // the length or start code
    const uint8_t *bytes;
    size_t n;
};

struct walk {
    int length_size;
    const uint8_t *at, *end;
};

int h264_cut_length_size(const uint8_t *extradata, size_t n)
{
    bool has_lengths = n >= AVCC_LEAST && extradata[0] == AVCC_VERSION;
    return has_lengths ? (extradata[AVCC_LENGTH_AT] & 3) + 1 : 0;
}

static const uint8_t *find_start_code(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= START_CODE; at++)
        if (at[0] == 0 && at[1] == 0 && at[2] == 1)
            return at;
    return end;
}

static bool next_by_start_code(struct walk *w, struct nal *ret_nal)
{
    const uint8_t *code = find_start_code(w->at, w->end);
    if (code != w->at && (code - w->at > 1 || *w->at != 0))
        return false; // one zero before a start code is part of it
    if (w->end - code <= START_CODE)
        return false;
    const uint8_t *bytes = code + START_CODE;
    const uint8_t *next = find_start_code(bytes, w->end);
    if (next < w->end && next[-1] == 0)
        next--;
    *ret_nal = (struct nal){w->at, bytes, (size_t)(next - bytes)};
    w->at = next;
    return ret_nal->n > 0;
}

static bool next_by_length(struct walk *w, struct nal *ret_nal)
{
    if (w->end - w->at <= w->length_size)
        return false;
    size_t n = 0;
    for (int i = 0; i < w->length_size; i++)
        n = n << 8 | w->at[i];
    const uint8_t *bytes = w->at + w->length_size;
    if (n == 0 || n > (size_t)(w->end - bytes))
        return false;
    *ret_nal = (struct nal){w->at, bytes, n};
    w->at = bytes + n;
    return true;
}

static bool next_nal(struct walk *w, struct nal *ret_nal)
{
    return w->length_size > 0 ? next_by_length(w, ret_nal) : next_by_start_code(w, ret_nal);
}

// An Exp-Golomb number of up to 15 bits is skipped; returns the bit behind it, or *n_bits*: it is
// no such number.
static size_t skip_number(const uint8_t *bytes, size_t n_bits, size_t at)
{
    enum { MOST_ZEROS = 7 };
    size_t zeros = 0;
    while (at + zeros < n_bits && !(bytes[(at + zeros) / 8] >> (7 - (at + zeros) % 8) & 1))
        zeros++;
    size_t next = at + 2 * zeros + 1;
    return zeros <= MOST_ZEROS && next < n_bits ? next : n_bits;
}

// pic_parameter_set_id, seq_parameter_set_id, entropy_coding_mode_flag (no emulation prevention
// can stand before it)
static unsigned entropy_of(const uint8_t *nal, size_t n)
{
    size_t n_bits = n * 8;
    size_t at = skip_number(nal, n_bits, 8);
    at = skip_number(nal, n_bits, at);
    bool is_cabac = at < n_bits && (nal[at / 8] >> (7 - at % 8) & 1);
    return is_cabac ? H264_HAS_CABAC : H264_HAS_OTHER;
}

unsigned h264_cut_entropy(int length_size, const uint8_t *packet, size_t n)
{
    if (n == 0)
        return 0;
    struct walk w = {length_size, packet, packet + n};
    struct nal nal;
    unsigned found = 0;
    while (w.at < w.end && next_nal(&w, &nal))
        if ((nal.bytes[0] & 0x1f) == NAL_PICTURE_SET)
            found |= entropy_of(nal.bytes, nal.n);
    return w.at < w.end ? found | H264_HAS_OTHER : found;
}

// avcC: the sequence sets, then the picture sets, each behind its length.
static unsigned entropy_of_avcc(const uint8_t *extradata, size_t n)
{
    size_t at = AVCC_LENGTH_AT + 1;
    unsigned found = 0;
    for (int kind = 0; kind < 2 && at < n; kind++) {
        int left = extradata[at++] & (kind == 0 ? 0x1f : 0xff);
        for (; left > 0 && at + 2 < n; left--) {
            size_t size = (size_t)extradata[at] << 8 | extradata[at + 1];
            at += 2;
            if (size == 0 || size > n - at)
                return found | H264_HAS_OTHER;
            found |= kind == 1 ? entropy_of(extradata + at, size) : 0;
            at += size;
        }
    }
    return found;
}

unsigned h264_cut_entropy_of_extradata(const uint8_t *extradata, size_t n)
{
    return h264_cut_length_size(extradata, n) > 0 ? entropy_of_avcc(extradata, n)
                                                  : h264_cut_entropy(0, extradata, n);
}

// A slice that nothing refers to, or what tells nothing to later frames.
static bool may_be_cut(const struct nal *nal)
{
    int type = nal->bytes[0] & 0x1f;
    bool is_referred_to = (nal->bytes[0] & 0x60) != 0;
    return (type == NAL_SLICE && !is_referred_to) || type == NAL_SEI || type == NAL_DELIMITER ||
           type == NAL_FILLER;
}

static uint8_t *put(uint8_t *to, int length_size, const struct nal *nal, size_t kept)
{
    size_t n_prefix = (size_t)(nal->bytes - nal->prefix);
    memcpy(to, nal->prefix, n_prefix);
    for (int i = 0; i < length_size; i++)
        to[i] = (uint8_t)(kept >> 8 * (length_size - 1 - i));
    memcpy(to + n_prefix, nal->bytes, kept);
    return to + n_prefix + kept;
}

size_t h264_cut(int length_size, const uint8_t *packet, size_t n, uint8_t *ret_bytes)
{
    struct walk w = {length_size, packet, packet + n};
    uint8_t *to = ret_bytes;
    bool is_cut = false;
    while (w.at < w.end) {
        struct nal nal;
        if (!next_nal(&w, &nal) || !may_be_cut(&nal))
            return 0;
        bool is_long = (nal.bytes[0] & 0x1f) == NAL_SLICE && nal.n > H264_CUT_KEPT;
        is_cut |= is_long;
        to = put(to, length_size, &nal, is_long ? H264_CUT_KEPT : nal.n);
    }
    return is_cut ? (size_t)(to - ret_bytes) : 0;
}
