// SPDX-License-Identifier: Apache-2.0
// synth.h - labelled synthetic road scenes: pictures and exactly what is in them.
//
// A frame is a function of the settings and its number: frames may be made in any order, and the
// same settings give the same pictures and truth, byte for byte, on every machine with IEEE
// arithmetic.
//
// Ownership: synth_destroy().
// Threads: one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct picture;
struct synth;

enum synth_class {
    SYNTH_PEDESTRIAN,
    SYNTH_CYCLIST,
    SYNTH_MOTORCYCLIST,
    SYNTH_WHEELCHAIR_USER,
    SYNTH_SCOOTER_RIDER,
    SYNTH_N_CLASSES
};
extern const char *const synth_labels[SYNTH_N_CLASSES];

enum synth_condition {
    SYNTH_CONDITION_UNSET,
    SYNTH_DAY,
    SYNTH_DUSK,
    SYNTH_NIGHT,
    SYNTH_RAIN,
    SYNTH_FOG,
    SYNTH_N_CONDITIONS
};
extern const char *const synth_condition_names[SYNTH_N_CONDITIONS];

enum synth_camera {
    SYNTH_CAMERA_UNSET, // each place of a clip has its own
    SYNTH_STANDING,
    SYNTH_MOVING,
};

enum {
    SYNTH_MIN_SIDE = 64,
    SYNTH_MAX_SIDE = 4096,
    SYNTH_MAX_FPS = 240,
    SYNTH_MAX_SECONDS = 24 * 3600,
    SYNTH_MAX_OBJECTS = 512, // in one frame
    // What a truth object needs in order to be judged; below it is marked "ignore".
    SYNTH_MIN_HEIGHT = 16, // pixels of the visible box
    SYNTH_MIN_WIDTH = 5,   // likewise
    SYNTH_MIN_PIXELS = 60, // visible ones
    SYNTH_MIN_SHARE_PERCENT = 25,
};

// Zero is the default everywhere.
struct synth_opts {
    uint64_t seed;
    double seconds;      // 0: 20
    int width, height;   // 0: 1280, 720
    double fps;          // 0: 25
    double density;      // of people; 0: 1
    unsigned conditions; // BIT(enum synth_condition), in their order; 0: all
    enum synth_camera camera;
    bool variable_rate;
    bool mask_only; // a test mode: truth without pictures
};

// What is seen of one labelled object. Boxes are whole pixels.
struct synth_object {
    enum synth_class class_id;
    int64_t track_id;                            // one object, one id, in the whole clip
    int x, y, width, height;                     // of the visible part
    int full_x, full_y, full_width, full_height; // of all of it, also outside the frame
    int64_t n_visible, n_full;                   // pixels
    double visible_share;                        // n_visible / n_full
    double truncation;                           // share of its pixels outside the frame
    double occlusion;                            // share of those inside that others hide
    double distance;                             // metres
    uint16_t mask_id;                            // in synth_mask()
    bool ignore;
};

struct synth_frame {
    int64_t ordinal;
    int64_t pts_us;
    enum synth_condition condition;
    enum synth_camera camera;
    int place;                          // which of the clip's places, from 0
    double exposure;                    // 1: none too bright, none too dark
    struct picture *picture;            // borrowed: valid until the next frame; NULL with mask_only
    const struct synth_object *objects; // likewise; nearest first
    size_t n_objects;
};

// ERR_INVALID (a setting out of range), ERR_NOMEM.
int synth_create(const struct synth_opts *opts, struct synth **ret_synth) MUST_CHECK;
void synth_destroy(struct synth *s); // NULL is a no-op
int64_t synth_n_frames(const struct synth *s);
const struct synth_opts *synth_settings(const struct synth *s); // defaults filled in
void synth_rate(const struct synth *s, int *ret_num, int *ret_den);
// Frame *n*, 0 .. synth_n_frames() - 1. ERR_NOMEM.
int synth_draw(struct synth *s, int64_t n, struct synth_frame *ret_frame) MUST_CHECK;
// Whose each pixel of the last frame is: height rows of width; 0: nobody's that is labelled.
const uint16_t *synth_mask(const struct synth *s);
// The same frame with nothing in it but one object, and that whole; for tests of the truth.
int synth_draw_alone(struct synth *s, int64_t n, uint16_t mask_id,
                     struct synth_frame *ret_frame) MUST_CHECK;

// The clip's truth, frame by frame, as COCO JSON and as MOT text; docs/SYNTH.md explains both.
//
// Ownership: synth_truth_finish().
struct synth_truth {
    struct str_buf images, objects, mot; // rows so far; for synth_truth_coco() and _mot()
    int64_t n_objects;
};
void synth_truth_init(struct synth_truth *t);
void synth_truth_finish(struct synth_truth *t);
void synth_truth_add(struct synth_truth *t, const struct synth *s, const struct synth_frame *f);
// ERR_TOO_BIG, ERR_NOMEM.
int synth_truth_coco(struct synth_truth *t, const struct synth *s, struct str_buf *out) MUST_CHECK;
int synth_truth_mot(struct synth_truth *t, struct str_buf *out) MUST_CHECK;
