// SPDX-License-Identifier: Apache-2.0
// event_files.h - files of timed events as commands are given them: lists, or boxes with times.
#pragma once

#include "base/attr.h"
#include "dataset/dataset.h"

struct event_list;

#define EVENT_FILES_GAP_MS 1000.

// A list, or the appearances of what boxes show: boxes of detections from *at_confidence* on, a
// label without track ids anew after *gap_ms*. Errors as event_list_read() and event_list_of().
int app_events_read(const char *path, enum dataset_role role, double at_confidence, double gap_ms,
                    struct event_list **ret_list) MUST_CHECK;
