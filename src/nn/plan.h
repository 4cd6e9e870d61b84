// SPDX-License-Identifier: Apache-2.0
// plan.h - a graph compiled for this CPU: a flat list of steps over one block of memory.
//
// A plan is made once and shared; who runs it has an instance: the block of memory in which the
// steps work. One instance computes one picture in one thread, so a picture's result does not
// depend on how many others are in work.
//
// INVARIANTS
// (1) A plan is constant after plan_compile(): weights are reordered once, for all instances.
// (2) Two values share memory only where the later one is first written after the last read of the
// earlier one.
//
// Ownership: plans are counted; an instance holds its plan. A plan keeps nothing of its graph.
// Threads: a plan: any number at once. An instance: one at a time.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "nn/tensor.h"

struct graph;
struct plan;
struct plan_instance;
struct str_buf;

enum plan_precision {
    PLAN_PRECISION_UNSET, // fp32
    PLAN_FP32,
    PLAN_BF16, // weights and activations; sums in fp32
    PLAN_INT8,
};

enum {
    PLAN_MAX_ARENA = 1 << 30, // bytes of one instance
};

// What one convolution is computed in, where that is not the plan's precision. Found by the name of
// the value that it makes.
struct plan_layer {
    const char *name;
    enum plan_precision precision;
};

// The range that a value was seen in: what INT8 needs for every input and output of a convolution.
// With the means of an input's channels, biases are corrected for the rounding of weights.
struct plan_range {
    const char *name;
    float min, max;
    const float *means;
    int n_means; // 0: unknown
};

// A detection head whose decoding need not be run for all of its anchors: those that a detector
// wants are decoded by themselves (plan_rows()). A head is cut off only where that gives the bits
// of the whole network's output; the plan finds out by itself.
enum plan_cut {
    PLAN_CUT_NONE,
    PLAN_CUT_BINS,  // (1, 4 + classes and more, anchors) or (1, anchors, ...): centre and size from
                    // distances in bins or as they are, classes by sigmoid (YOLOv8, v9, 11, 12)
    PLAN_CUT_GRIDS, // (1, anchors, 5 + classes): three boxes a cell, sigmoids all over (YOLOv5, v7)
};

// Zero is the default.
struct plan_opts {
    enum plan_precision precision;
    enum plan_cut cut;
    int cut_output;  // of the graph's outputs
    int cut_columns; // of a row, at least: what the head reads
    const struct plan_layer *layers;
    int n_layers;
    const struct plan_range *ranges;
    int n_ranges;
    // The floats of input *byte_input*, (1, 3, H, W), are bytes times this. 0: not known.
    float byte_scale;
    int byte_input;
};

// ERR_UNSUPPORTED: a step that has no code here (the message names it), or INT8 without a range for
// a value. ERR_UNAVAILABLE: the precision on this CPU, or a build without oneDNN. ERR_TOO_BIG:
// PLAN_MAX_ARENA. ERR_NOMEM.
int plan_compile(const struct graph *g, const struct plan_opts *opts,
                 struct plan **ret_plan) MUST_CHECK;
struct plan *plan_ref(struct plan *p);
void plan_unref(struct plan **pp);
size_t plan_weight_bytes(const struct plan *p);
size_t plan_arena_bytes(const struct plan *p); // of one instance
double plan_operations(const struct plan *p);  // multiplications and additions of one run
// One line a step: what it does, by which code, where its values lie.
void plan_describe(const struct plan *p, struct str_buf *out);
// "oneDNN 2.6.3"; NULL in a build without it.
const char *plan_library(void);
// Whether plan_run() takes *byte_input* as it was before it became floats, too: a tensor (1, H, W,
// 3) of bytes. So it is in INT8, where the network begins with a convolution of bytes whose scale
// is *byte_scale*; results are the same, and quicker.
bool plan_takes_bytes(const struct plan *p);
// Whether this CPU computes in *precision* faster than in fp32.
bool plan_precision_pays(enum plan_precision precision);

int plan_instance_create(struct plan *p,
                         struct plan_instance **ret_instance) MUST_CHECK; // ERR_NOMEM
void plan_instance_destroy(struct plan_instance *i);                      // NULL is a no-op
// inputs[i] are the graph's, in the types of the file; outputs[i] are filled in and lie in the
// instance until its next run. ERR_MODEL: an input of another shape or type. Bytes: see
// plan_takes_bytes(). ERR_CANCELLED.
int plan_run(struct plan_instance *i, const struct tensor *inputs, int n_inputs,
             struct tensor *outputs, int n_outputs) MUST_CHECK;
// While *stop* (borrowed; NULL: never) is true, runs end between two steps: ERR_CANCELLED.
void plan_instance_set_stop(struct plan_instance *i, const atomic_bool *stop);

// Whether the head was cut off.
bool plan_is_cut(const struct plan *p);
// Of a plan that is cut: plan_run() as far as the head's raw maps.
int plan_run_cut(struct plan_instance *i, const struct tensor *inputs, int n_inputs) MUST_CHECK;

// Rows of the output: the numbers of one anchor each, side by side, without what follows the
// classes.
struct plan_rows {
    const float *values;
    size_t n;
    int n_columns;
};

// After plan_run_cut(): the anchors in which a class (GRIDS: the objectness) reaches *floor*
// (0..1), and perhaps some in which it nearly does, in their order. They lie in the instance until
// the next call. ERR_NOMEM, ERR_CANCELLED.
int plan_rows(struct plan_instance *i, float floor, struct plan_rows *ret_rows) MUST_CHECK;

// Called for each value that a convolution reads or makes, in a plan of FP32, while it runs:
// *n_pixels* times *n_channels* numbers, pixels *pixel_stride* apart.
typedef void plan_observer(void *arg, const char *name, const float *values, size_t n_pixels,
                           size_t n_channels, size_t pixel_stride);
void plan_instance_observe(struct plan_instance *i, plan_observer *fn, void *arg);

// Times the steps of all further runs.
int plan_instance_profile(struct plan_instance *i) MUST_CHECK; // ERR_NOMEM
void plan_profile_describe(const struct plan_instance *i, struct str_buf *out);
