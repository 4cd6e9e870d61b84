// SPDX-License-Identifier: Apache-2.0
// detector.h - model, engine, workers and batcher together: frames in, detections out, many streams
// side by side.
//
// Loaded once, warmed, shared by all who have a lane in it. Each worker thread takes frames from
// two lanes (interactive before bulk), packs them, runs the engine, decodes the head, suppresses
// doubles. Results of one stream come out in the order in which its frames went in.
//
// INVARIANTS
// (1) A frame is in one place: the caller's hand, a lane, a worker, or a result.
// (2) Results of a stream leave in the order its frames entered.
// (3) No frame waits longer than max_delay_ms for company (GPU batches); on a CPU none waits for
// company at all.
//
// Ownership: detector_destroy() after all streams are closed.
// Threads: create, destroy: the owner. A stream: one pushing thread, one receiving thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "infer/engine.h"
#include "infer/model.h"
#include "vision/detection.h"

struct detector;
struct detector_stream;
struct frame;
struct tensor;

enum detector_lane {
    DETECTOR_LANE_UNSET,
    DETECTOR_INTERACTIVE,
    DETECTOR_BULK,
};

// Settings of one stream. Zero means the default in brackets.
struct detector_settings {
    double confidence;             // floor [caller's]; detections below are not given out
    double iou;                    // NMS limit [0.7]
    const bool *classes;           // n_labels entries, NULL: all wanted; copied
    const float *class_confidence; // n_labels entries or NULL: floors per class, above or below
                                   // *confidence*; copied
    int max_detections;            // a picture [300]
};

struct detector_result {
    struct frame *frame; // owned: frame_unref() when done
    struct detection_list detections;
    int error;         // 0, or why this frame failed; the frame counts as failed
    char message[256]; // when error
    int64_t wait_ns;   // in the lane
    int64_t run_ns;    // pack, engine, head, NMS
};

// Loads the model into an engine, warms it with one empty picture (which also settles what the head
// needs to see in values) and starts the workers. Errors of engine_create();
// ERR_MODEL where output shapes contradict the head.
int detector_create(struct model *m, const struct engine_opts *opts,
                    struct detector **ret_detector) MUST_CHECK;
void detector_destroy(struct detector *d);
const struct model_info *detector_model(const struct detector *d);
const char *detector_engine(const struct detector *d);         // engine_describe()
const char *detector_engine_name(const struct detector *d);    // engine_name()
const char *detector_precision_name(const struct detector *d); // engine_precision_name()
double detector_operations(const struct detector *d);          // engine_operations()
double detector_peak(const struct detector *d);                // engine_peak()
int detector_n_workers(const struct detector *d);
int detector_n_a_call(const struct detector *d); // pictures that a worker takes at once
void detector_input_size(const struct detector *d, int *ret_width,
                         int *ret_height); // pixels that frames must have

// *n_ahead* [1]: frames that may wait in the lane before push waits. Results wait for their
// receiver as well: with them, no more than twice *n_ahead* and what the workers hold is inside.
// ERR_NOMEM.
int detector_stream_open(struct detector *d, enum detector_lane lane,
                         const struct detector_settings *settings, size_t n_ahead,
                         struct detector_stream **ret_stream) MUST_CHECK;
// Waits while the stream is full. 0: the detector owns the frame, *pf is NULL. ERR_CLOSED:
// cancelled or ended. ERR_NOMEM. On any error the frame is still the caller's.
int detector_push(struct detector_stream *s, struct frame **pf) MUST_CHECK;
void detector_end(struct detector_stream *s); // no more will be pushed; what is inside comes out
// What is inside is dropped, and a run of nothing else is ended; push and receive return
// ERR_CLOSED. Any thread.
void detector_cancel(struct detector_stream *s);
// The next result in order, owned: detector_result_free(). ERR_EOF after detector_end().
// ERR_CLOSED.
int detector_receive(struct detector_stream *s, struct detector_result **ret_result) MUST_CHECK;
// Who waits and may go away meanwhile: then ERR_CANCELLED.
struct detector_waiter {
    bool (*is_gone)(void *arg); // NULL: waits however long it takes. Asked now and then
    void *arg;
};
int detector_receive_for(struct detector_stream *s, const struct detector_waiter *waiter,
                         struct detector_result **ret_result) MUST_CHECK;
void detector_result_free(struct detector_result **pr);
void detector_stream_close(
    struct detector_stream *s); // cancels, waits for workers to let go, frees

// Under --engine auto it may be open which engine runs the model (engine.h). Whoever has pictures
// of the input before its first push tries a few of them; the texts above say which engine it is
// from then on. A trial waits in the interactive lane like a picture; the frame is borrowed until
// this returns. Any thread. Errors of engine_run() and detector_receive_for(); ERR_NOMEM.
bool detector_is_settled(const struct detector *d);
int detector_try(struct detector *d, const struct detector_waiter *waiter, const struct frame *f,
                 enum engine_trial trial) MUST_CHECK;

// Tensors as the model has them in place of a picture: *inputs* are model_info.n_inputs, in its
// order, borrowed until this returns. It waits in the interactive lane like a picture, and each
// entry of an open batch is an engine call of its own. *ret_outputs* has room for
// model_info.n_outputs; their data is the caller's (detector_tensors_free()). ERR_INVALID: types or
// shapes are not those that the model was loaded with; ERR_TOO_BIG; errors of engine_run() and
// detector_receive_for().
int detector_run_tensors(struct detector *d, const struct detector_waiter *waiter,
                         const struct tensor *inputs, struct tensor *ret_outputs,
                         int64_t *ret_run_ns) MUST_CHECK;
void detector_tensors_free(struct tensor *outputs, int n);

// Since it was created. Any thread.
struct detector_stats {
    int64_t n_pictures; // done well
    int64_t n_failed;
    int64_t wait_ns, run_ns; // sums
};
struct detector_stats detector_stats(struct detector *d);
size_t detector_n_waiting(struct detector *d, enum detector_lane lane); // in that lane
// The model's name in the metrics model_inference_duration_seconds and model_inference_batch_size;
// without one nothing is counted there. Before the first stream.
void detector_set_name(struct detector *d, const char *name);
// From now on its workers are nicer than their starter by so much: in a server requests go before
// inference. Any thread.
void detector_set_niceness(struct detector *d, int niceness);
int detector_register_metrics(void) MUST_CHECK; // ERR_NOMEM

// One picture's way without lanes, for benches and tests: seconds of each part are added up in
// *ret_ns.
struct detector_part_ns {
    int64_t pack, engine, head;
};
int detector_run_once(struct detector *d, const struct frame *f,
                      const struct detector_settings *settings,
                      struct detection_list *ret_detections,
                      struct detector_part_ns *ret_ns) MUST_CHECK;
