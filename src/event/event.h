// SPDX-License-Identifier: Apache-2.0
// event.h - something that happened: a topic, a kind, JSON bytes; constant and counted.
//
// Ownership: whoever was given a reference gives it back with event_unref().
// Threads: any.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct event {
    // --- constant after create
    struct str topic;  // "task:01J...", "project:01J..."
    struct str kind;   // "task.progress": what the JSON is
    struct str json;   // one document, not looked at here
    uint64_t sequence; // of this bus, from 1, ascending
    int64_t at_us;     // wall clock
    bool is_state;     // describes the topic wholly: the newest one replaces those before
    bool is_final;     // nothing of this topic follows
};

struct event *event_ref(struct event *e);
void event_unref(struct event **pe); // nulls; NULL inside is a no-op
