// SPDX-License-Identifier: Apache-2.0
// av_input_priv.h - opening a media file or URL with libav, bounded and without surprises. Private
// to the room; shows libav types.
//
// Local files are opened by us and read through our own small buffer: libav opens nothing by
// itself, so a file cannot make it read another one, and a name cannot be taken for a protocol.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "media/compat_av.h"
#include "media/truncation.h"

struct source;

struct av_input {
    AVFormatContext *format;
    AVIOContext *io;             // ours, for local files; NULL for URLs
    int fd;                      // likewise; -1
    bool is_pipe;                // no regular file
    const struct source *source; // borrowed: interrupts and deadlines
};

// Opens, reads the header, finds what the streams are. ERR_MEDIA, ERR_NOT_FOUND, ERR_IO,
// ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_CANCELLED, ERR_TIMEOUT, ERR_NOMEM.
int av_input_open(struct source *s, struct av_input *ret_input) MUST_CHECK;
// A local regular file from its beginning once more, as if opened anew.
int av_input_reopen(struct source *s, struct av_input *in) MUST_CHECK;
void av_input_close(struct av_input *in); // half-opened ones too

// True where the file is shorter than its outermost sizes say.
bool av_input_is_truncated(const struct av_input *in, enum truncation_scope scope);
// Sets ERR_MEDIA: that the file is cut, where it is, else "path: *otherwise*".
int av_input_no_stream(const struct source *s, const struct av_input *in, const char *otherwise);
// What libav's max_pixels must be for pictures of *max_pixels* to pass; larger ones that still do
// are ours to refuse.
int64_t av_input_decoder_pixels(int64_t max_pixels);

// True for "http://..." and the like.
bool av_input_is_url(const char *path);
// Sets the error for what libav returned: its cause in plain words where known.
int av_input_error(const struct source *s, int av_error, const char *what);
