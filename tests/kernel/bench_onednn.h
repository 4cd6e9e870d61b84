// SPDX-License-Identifier: Apache-2.0
// bench_onednn.h - the layers of a network of YOLOv8n's shape (640x640), timed one after the other.
#pragma once

// *what*: NULL (all), or a type and instruction set such as "u8:avx512vnni". Returns the exit
// status.
int bench_conv(const char *what);

struct kernel_conv_opts;
struct kernel_view;
struct onednn_conv;

// The same convolution by oneDNN in one thread, without the activation. NULL: no oneDNN, or it does
// not take it.
struct onednn_conv *onednn_conv_create(const struct kernel_conv_opts *opts,
                                       const struct kernel_view *in, const struct kernel_view *out);
void onednn_conv_run(struct onednn_conv *c, void *in, void *out);
void onednn_conv_destroy(struct onednn_conv *c); // NULL is a no-op
