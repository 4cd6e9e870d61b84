// SPDX-License-Identifier: Apache-2.0
// ort_device.h - ONNX Runtime's execution providers behind --device.
#pragma once

#include "base/attr.h"
#include "infer/engine.h"

struct OrtApi;
struct OrtSessionOptions;

// Puts the provider of *device* into *options*; for the CPU there is nothing to put. The device
// asked for or ERR_UNAVAILABLE with what is missing: never another one in its place.
int ort_device_append(const struct OrtApi *api, struct OrtSessionOptions *options,
                      enum engine_device device) MUST_CHECK;
const char *ort_device_label(enum engine_device device); // "CPU", "CUDA"
