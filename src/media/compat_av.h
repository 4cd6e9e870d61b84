// SPDX-License-Identifier: Apache-2.0
// compat_av.h - libav as this room sees it: FFmpeg 5.1 (Debian 12) to 7.1 (Debian 13) look the
// same behind these few functions.
#pragma once

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/version.h>

// In time base units of the stream; 0 unknown.
static inline int64_t compat_frame_duration(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return f->duration;
#else
    return f->pkt_duration;
#endif
}

// Nine numbers as av_display_rotation_get() takes them, or NULL.
static inline const int32_t *compat_display_matrix(const AVStream *st)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVPacketSideData *side = av_packet_side_data_get(
        st->codecpar->coded_side_data, st->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return side && side->size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)side->data
                                                     : NULL;
#else
    size_t n = 0;
    const uint8_t *bytes = av_stream_get_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, &n);
    return bytes && n >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)bytes : NULL;
#endif
}

static inline bool compat_frame_is_key(const AVFrame *f)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 29, 100) // FFmpeg 6.1
    return (f->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return f->key_frame != 0;
#endif
}
