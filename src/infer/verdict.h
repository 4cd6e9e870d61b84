// SPDX-License-Identifier: Apache-2.0
// verdict.h - which models the native engine was seen to compute rightly on this CPU: a small file
// in the user's cache.
//
// A line each: version of the engine, SHA-256 of the model, precision, CPU, verdict. The last line
// of a model counts. A file that cannot be read or written is no error: the comparison runs again.
//
// Threads: any; a line is written with one write().
#pragma once

#include <stdbool.h>

enum verdict { VERDICT_UNSET, VERDICT_NATIVE, VERDICT_ONNXRUNTIME };

enum verdict verdict_read(const char *sha256, const char *precision);
void verdict_write(const char *sha256, const char *precision, bool native);
