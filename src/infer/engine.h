// SPDX-License-Identifier: Apache-2.0
// engine.h - the seam under the detector: a loaded model that turns one input tensor into output
// tensors.
//
// One table entry per engine (native, onnxruntime, the choice between them, stub for tests). An
// engine is loaded once and shared; each worker has its own context, so contexts run side by side.
// On a CPU an engine runs one picture in one thread: results do not depend on threads, batch or
// company.
//
// Ownership: engine_destroy() after all contexts are gone.
// Threads: create and destroy: the owner; a context: one thread at a time.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/opt.h"
#include "infer/model.h"

struct calibration;
struct plan_rows;
struct quantization;
struct str_buf;

enum engine_device {
    DEVICE_UNSET, // cpu
    DEVICE_CPU,
    DEVICE_CUDA,
    DEVICE_TENSORRT,
    DEVICE_WEBGPU,
    DEVICE_OPENVINO,
};

enum engine_precision {
    PRECISION_UNSET, // auto
    PRECISION_FP32,
    PRECISION_BF16,
    PRECISION_INT8,
};

enum {
    ENGINE_CHOICE_NATIVE = 1, // of engine_opts.engine
};

struct engine_opts {
    int engine;      // index in engine_choices: auto, native, onnxruntime
    int precision;   // enum engine_precision
    int device;      // enum engine_device
    int64_t threads; // pictures side by side; 0: one a core [worker count is the detector's;
                     // devices other than cpu: 1]
    double max_loss; // of calibrated int8, for precision auto to choose it; 0: it never does
    // Quantising (native engine): what observes an FP32 run, and what INT8 is made with in place of
    // the file beside the model. Borrowed while the engine lives; NULL: none.
    struct calibration *calibration;
    const struct quantization *quantization;
    // What each step of the plan costs, written when a context ends (native engine). Borrowed while
    // the engine lives, for one context; NULL: nothing is timed.
    struct str_buf *profile;
    int64_t batch; // pictures in one call on a GPU, taken at once from the lane on a CPU; 0: chosen
};

struct engine;
struct engine_context;

// ERR_UNAVAILABLE: the runtime library or the device's provider is absent; the message says what is
// missing and where it was looked for. ERR_MODEL: the runtime refuses the model. ERR_UNSUPPORTED,
// ERR_NOMEM.
int engine_create(struct model *m, const struct engine_opts *opts,
                  struct engine **ret_engine) MUST_CHECK;
void engine_destroy(struct engine *e);
const char *engine_name(const struct engine *e);           // "onnxruntime"
const char *engine_precision_name(const struct engine *e); // what it computes in: "fp32", "int8"
const char *engine_describe(const struct engine *e);       // "ONNX Runtime 1.30.0, CPU, fp32"
// Multiplications and additions of one picture; 0: unknown (ONNX Runtime).
double engine_operations(const struct engine *e);
// The most of them a second that one core does in the engine's precision, measured (kernel_peak()).
double engine_peak(const struct engine *e);
int engine_max_batch(const struct engine *e); // pictures one call may hold: 1 on a CPU

// Whether the picture may be given as its bytes, R G B, (1, height, width, 3), too. Always what the
// model's file says is taken.
bool engine_takes_bytes(const struct engine *e);

int engine_context_create(struct engine *e, struct engine_context **ret_context) MUST_CHECK;
void engine_context_destroy(struct engine_context *c);
// While *stop* (borrowed) is true no run begins, and one that goes on ends between two operators:
// ERR_CANCELLED. Nor does a context of engine auto wait for another one's trial. Runs of ONNX
// Runtime on a CPU that take longer than ORT_WATCH_LIMIT_S are ended as well, and there are no more
// of that engine: ERR_MODEL.
void engine_context_set_stop(struct engine_context *c, const atomic_bool *stop);
// inputs[i] belongs to model_info.inputs[i]. outputs[i] is filled for model_info.outputs[i].
// ERR_MODEL (the message is the runtime's, or it took too long), ERR_NOMEM, ERR_CANCELLED.
int engine_run(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               struct tensor *outputs, int n_outputs) MUST_CHECK;

// engine_run() for a head that can do with single rows of its output: an engine that has cut the
// head off (nn/plan.h) computes no outputs then; *ret_is_cut* says so, and engine_rows() gives the
// rows. Else it is engine_run().
int engine_run_for_head(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                        struct tensor *outputs, int n_outputs, bool *ret_is_cut) MUST_CHECK;
// Of the last run that was cut: plan_rows() of the head's output. ERR_NOMEM.
int engine_rows(struct engine_context *c, float floor, struct plan_rows *ret_rows) MUST_CHECK;

// engine_run() whose outputs are no result but show a head what it needs to see.
int engine_warm(struct engine_context *c, const struct tensor *inputs, int n_inputs,
                struct tensor *outputs, int n_outputs) MUST_CHECK;

// With engine auto it may be unknown yet which engine runs the model: pictures of real input
// settle it. Who has some before the first result goes out tries them; else the first picture of
// engine_run() settles it alone. Either way all results are of one engine, and engine_name() and
// the like say which once it is settled.
enum engine_trial {
    ENGINE_TRIAL_UNSET,
    ENGINE_TRIAL_MORE, // others follow
    ENGINE_TRIAL_LAST, // settles it
};
bool engine_is_settled(const struct engine *e);
// Nothing happens where it is settled. One context tries at a time; the others wait for it. Errors
// of engine_run().
int engine_try(struct engine_context *c, const struct tensor *inputs, int n_inputs,
               enum engine_trial trial) MUST_CHECK;

// The version of the ONNX Runtime found, its path and providers, for `assay doctor`.
// ERR_UNAVAILABLE says why not.
int engine_runtime_describe(char *ret_text, size_t n_bytes) MUST_CHECK;
// Likewise of the native engine: what it stands on and the precisions of this CPU.
int engine_native_describe(char *ret_text, size_t n_bytes) MUST_CHECK;

int engine_choice(const char *name); // the value of engine_opts.engine; 0 (auto) for other names

// Rows for --engine, --precision, --device, --threads, --batch; target struct engine_opts.
extern const struct opt engine_options[];
