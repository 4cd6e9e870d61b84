// SPDX-License-Identifier: Apache-2.0
// child_jobs.h - media that nobody vouches for, looked at in a confined child process
// (base/child.h): each function asks a child that lives for this one question.
//
// A child that crashes, hangs or answers nonsense is ERR_MEDIA with the file's name and the cause.
// *program* runs as the child; NULL: this program.
// Threads: any; each call is on its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/child.h"

struct frame_at;
struct frame_times_check;
struct picture;
struct probe_result;
struct source_opts;
struct source_prepare;
struct str_buf;

// As probe_file(). A video that takes more than *cpu_seconds* of computing is given up (0: no
// limit).
int child_probe(const char *program, const struct source_opts *opts, int64_t cpu_seconds,
                struct probe_result *ret_result) MUST_CHECK;
// As frame_at_jpeg().
int child_frame(const char *program, const struct frame_at *f, struct str_buf *out) MUST_CHECK;
// As frame_times_read(). *ret_times*: the caller's (mem_free).
int child_frame_times(const char *program, const char *path, const struct frame_times_check *check,
                      int64_t **ret_times, size_t *ret_n) MUST_CHECK;
// The picture that the bytes in *fd* (read from its start) hold, decoded as picture_decode() does
// and made a model's input: see picture.prepared. *name* is for messages. ERR_TOO_BIG: more than
// *max_pixels*.
int child_picture(const char *program, const char *name, int fd, int64_t max_pixels,
                  const struct source_prepare *prepare, struct picture **ret_picture) MUST_CHECK;

// All frames of *path* with their own times as H.264 in the MP4 *out_path*, which appears when it
// is whole; its folder is all that the child may write to. ERR_UNSUPPORTED: no encoder.
int child_preview(const char *program, const char *path, const char *out_path,
                  int64_t timeout_ns) MUST_CHECK;

// What the children run, for the table of child_main().
extern const struct child_kind child_probe_kind, child_frame_kind, child_times_kind,
    child_picture_kind, child_preview_kind;
