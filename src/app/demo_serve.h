// SPDX-License-Identifier: Apache-2.0
// demo_serve.h - hands what `assay demo` made to the server in this process, and serves it: a
// project with the clip, its truth, the model, and a session in which the server's own workers run
// and judge them.
//
// Threads: the main one.
#pragma once

#include <stdbool.h>

#include "base/attr.h"

struct app_call;
struct engine_opts;

// What the demo made or was given: existing files. Texts are borrowed.
struct demo_project {
    const char *name; // of the project: "demo"
    const char *dir;  // everything is in here; the server's data in DIR/server
    const char *video;
    const char *truth;
    const char *model;
    const struct engine_opts *engine;
};

// Whether the server can take the user's own video and truth: files, no folders and addresses.
// ERR_UNSUPPORTED names the one that it cannot. NULL is passed over.
int demo_serve_check(const char *video, const char *truth) MUST_CHECK;
// Serves until it is interrupted; a project of that name from an earlier run is replaced.
// ERR_CANCELLED (interrupted before it was all there), what serving_start() and the server say.
int demo_serve(const struct demo_project *p, const struct app_call *call) MUST_CHECK;
