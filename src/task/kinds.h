// SPDX-License-Identifier: Apache-2.0
// kinds.h - every kind of task; one file each.
#pragma once

#include "task/kind.h"

// A new video: what it is (docs/FILES.md, probe), a thumbnail, and whether browsers can play it.
extern const struct task_kind task_kind_probe;
// An H.264 proxy with the same times, for a video that browsers cannot play.
extern const struct task_kind task_kind_preview;
// A video through a model into a set of detections. settings_json: options of `detect`.
extern const struct task_kind task_kind_process;
// A session's detections against its truths: metrics, verdict, outcomes, and the page.
extern const struct task_kind task_kind_evaluate;
// A file of annotations that is too large for a request becomes a truth. settings_json: {"blob",
// "sha256", "bytes", "name", "format", "after"}.
extern const struct task_kind task_kind_import;
// The page of a session that was judged, made anew.
extern const struct task_kind task_kind_report;
// What differs between two sessions. settings_json: {"with": ID of the other}.
extern const struct task_kind task_kind_compare;
// The bytes of a video that was given as a URL.
extern const struct task_kind task_kind_fetch;
// How fast a model is on this machine, by engine and precision; and calibrated to int8 on a video,
// with its measured loss. The result is the row's.
extern const struct task_kind task_kind_bench, task_kind_quantize;
extern const struct task_kind *const task_kinds[]; // all of them; NULL ends
