// SPDX-License-Identifier: Apache-2.0
// pipeline.h - sources to sinks: decode threads letterbox into pooled frames, the detector infers,
// a sink thread hands results on in frame order. A fixed pool of frames per source is all the
// memory that video length could claim.
//
// Every frame is accounted for, per source: decoded = inferred + skipped + dropped + failed.
//
// Ownership: the caller owns the detector and the sinks and outlives the pipeline.
// Threads: pipeline_run() blocks its caller; pipeline_cancel() from any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "infer/detector.h"
#include "media/source.h"
#include "vision/detection.h"

struct frame;
struct pipeline;

struct frame_counts {
    int64_t decoded, inferred, skipped, dropped, failed, undecodable;
};

struct pipeline_summary {
    struct frame_counts frames;
    int64_t n_detections;
    double seconds; // wall time from open to the last result
    bool interrupted;
    bool cut_short;                  // the source ended early; *message* says how
    int error;                       // 0, or why this source stopped, or the first frame failed
    char message[ERR_MESSAGE_BYTES]; // of the error, else of the cut, else of the first undecodable
    char source_sha256[65];          // "" where unknown
};

// What the pipeline tells the room above, from the sink thread; all of one source come from one
// thread, in order.
struct pipeline_sink {
    void *arg;
    // Once, after the source is open. An error stops this source.
    int (*begin)(void *arg, const struct source_info *source);
    // Every inferred frame in presentation order, also without detections. The frame is borrowed
    // during the call. An error (disk full) stops this source and becomes its summary's error.
    int (*frame)(void *arg, const struct frame *frame, const struct detection *d, size_t n);
    // Once for every source, also after errors and cancel; *begin* may not have been called.
    int (*end)(void *arg, const struct pipeline_summary *summary);
};

struct pipeline_source {
    struct source_opts opts;
    struct pipeline_sink sink;
    bool keep_pictures; // the sink draws: frames keep their source picture
};

struct pipeline_opts {
    struct detector *detector;
    struct detector_settings settings;
    bool track;         // ByteTrack ids
    int n_side_by_side; // sources run at once; 0: chosen for the machine (all, when one is live)
    size_t n_frames;    // pool of each source; 0: chosen (workers + a few)
    bool want_sha256;   // of the source's bytes
};

// Progress so far, over all sources; readable while it runs.
struct pipeline_progress {
    struct frame_counts frames;
    int64_t n_detections;
    int64_t n_frames_hint; // 0: unknown
    int n_sources_done;
    int n_sources;
};

int pipeline_create(const struct pipeline_opts *opts, const struct pipeline_source *sources,
                    size_t n_sources, struct pipeline **ret_pipeline) MUST_CHECK;
// Runs everything. 0: all sources ended well; else the first error by order of sources (the others
// still ran to their end; ERR_CANCELLED: pipeline_cancel()).
int pipeline_run(struct pipeline *p) MUST_CHECK;
// Sources read no more; what is in flight is still inferred and handed on, so every sum holds and
// summaries say *interrupted*. A source that is still being opened is given up. Any thread, any
// number of times, before, while and after it runs.
void pipeline_cancel(struct pipeline *p);
struct pipeline_progress pipeline_progress(struct pipeline *p);
void pipeline_destroy(struct pipeline *p);
