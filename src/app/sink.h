// SPDX-License-Identifier: Apache-2.0
// sink.h - where the detections of one source go: a file (or standard output) in one of the formats
// of the table in sink.c.
//
// The file is written beside its final name and renamed at the end, whatever the end was, unless
// writing itself failed: then the part is removed and the error says so. A source that could not be
// opened leaves nothing.
//
// Ownership: the caller destroys the sink after the pipeline has run.
// Threads: create and destroy: the owner; in between the pipeline's, one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "infer/model.h"
#include "pipeline/pipeline.h"

struct file_out;
struct json_writer;
struct model_info;
struct sink;
struct video_writer;

enum sink_kind {
    SINK_UNSET, // by the ending of the path
    SINK_JSONL, // CONTRACTS, "Files"
    SINK_COCO,  // results array of pycocotools
    SINK_CSV,
    SINK_MOT, // text of MOTChallenge
    SINK_MP4, // boxes drawn
    SINK_N_KINDS
};

// What headers say and drawings need; the same for all sources of a run.
struct sink_about {
    const struct model_info *model; // borrowed, as all here
    // Writes the members (key and value) of the "settings" object; NULL: none.
    void (*settings)(const void *arg, struct json_writer *w);
    const void *arg;
};

// How a format writes. *line* is emptied before each call and written after it as one whole.
struct sink_impl {
    const char *name;   // as in --format
    const char *ending; // with the dot
    bool wants_pictures;
    int (*begin)(struct sink *s, const struct source_info *source);
    int (*frame)(struct sink *s, const struct frame *f, const struct detection *d, size_t n);
    int (*end)(struct sink *s, const struct pipeline_summary *sum);
};

struct sink {
    // --- constant after create
    const struct sink_impl *impl;
    struct sink_about about;
    char *path;
    // --- from begin to end
    struct file_out *out;
    struct str_buf line;
    bool failed;        // writing did: nothing more is written
    bool is_coco_model; // labels are COCO's 80: results carry COCO's category ids
    bool is_pictures;
    bool has_items;                                  // COCO: a comma is due
    int frame_rate[2];                               // of the source
    uint64_t classes_written[MODEL_MAX_LABELS / 64]; // MOT: a bit each, to tell what was lost
    int width, height;          // that the source announced; pictures and some streams differ
    struct video_writer *video; // MP4 only, from the first frame on
};

extern const struct sink_impl sink_jsonl;
extern const struct sink_impl sink_coco;
extern const struct sink_impl sink_csv;
extern const struct sink_impl sink_mot;
extern const struct sink_impl sink_mp4;

// "auto" and the names of the formats, for an option.
extern const char *const sink_choices[];

// By the ending of *path*; "-" is JSON lines. ERR_INVALID lists the endings.
int sink_kind_of(const char *path, enum sink_kind *ret_kind) MUST_CHECK;
const struct sink_impl *sink_impl_of(enum sink_kind kind);

// *path* is copied. ERR_INVALID (a drawing on standard output), ERR_NOMEM.
int sink_create(enum sink_kind kind, const char *path, const struct sink_about *about,
                struct sink **ret_sink) MUST_CHECK;
// Removes what was not ended. NULL is a no-op.
void sink_destroy(struct sink *s);
struct pipeline_sink sink_calls(struct sink *s);
bool sink_has_failed(const struct sink *s);

// For the formats: the label of a class, or NULL where the model names none.
const char *sink_label(const struct sink *s, int class_id);
