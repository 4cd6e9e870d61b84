// SPDX-License-Identifier: Apache-2.0
// demo_serve.h - where `assay demo` hands what it made to the server, if the build has one.
//
// Threads: the main one.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct app_call;

// What the demo made or was given: existing files. Texts are borrowed.
struct demo_project {
    const char *name; // of the project: "demo"
    const char *dir;  // everything is in here; server data may go to a directory of its own
    const char *video;
    const char *truth;
    const char *model;
    const char *detections; // .jsonl of the judged run
    const char *report;
};

// Whether the project can be served: --serve always is refused at once where it cannot.
bool demo_serve_is_possible(void);
// Serves the project until it is interrupted. *ret_status: the exit status. ERR_UNSUPPORTED
// (it cannot be), and what the server says when it cannot start.
int demo_serve(const struct demo_project *p, const struct app_call *call,
               int *ret_status) MUST_CHECK;
