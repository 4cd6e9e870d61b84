// SPDX-License-Identifier: Apache-2.0
// ort_runtime.h - the ONNX Runtime library of this process: found, opened and asked for its
// functions once. Only engine_onnxruntime.c, ort_*.c include it.
//
// Ownership: the library stays open until the process ends (it cannot be unloaded safely); the
// environment lives while somebody holds it.
// Threads: any.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct OrtApi;
struct OrtEnv;
struct OrtStatus;

// ERR_UNAVAILABLE: no library; the message names the places that were looked at and what to run.
int ort_runtime_get(const struct OrtApi **ret_api) MUST_CHECK;
const char *ort_runtime_version(void); // "1.30.0"; after a successful get
const char *ort_runtime_path(void);    // likewise

// One environment a process; every hold is given back with ort_runtime_release_env().
int ort_runtime_hold_env(struct OrtEnv **ret_env) MUST_CHECK;
void ort_runtime_release_env(void);

// Frees *status* and sets its text, as one line, behind *what*. 0 where *status* is NULL. *code* is
// replaced by ERR_NOMEM where the runtime ran out of memory.
int ort_runtime_check(struct OrtStatus *status, enum err code, const char *what) MUST_CHECK;

// "CPU, WebGPU": the providers of the library found.
int ort_runtime_providers(char *ret_text, size_t n_bytes) MUST_CHECK;
