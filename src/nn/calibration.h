// SPDX-License-Identifier: Apache-2.0
// calibration.h - which ranges a network's values have on the user's own frames, so that 8 bits can
// be laid over them.
//
// A histogram for each value that a convolution reads or makes, and the mean of each channel.
// Values are told apart by name; numbers that are not finite count for nothing.
//
// Ownership: whoever created it destroys it; ranges borrow from it. Threads: one at a time.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "nn/plan.h"

struct calibration;

enum calibration_rule {
    CALIBRATION_WHOLE,        // from the least to the largest number seen
    CALIBRATION_LEAST_SQUARE, // the range whose 8 bits give the least squared error, at most WHOLE
};

enum {
    CALIBRATION_MAX_VALUES = 4096,
    CALIBRATION_MAX_CHANNELS = 1 << 14, // of one value; others have no means
};

int calibration_create(struct calibration **ret_calibration) MUST_CHECK; // ERR_NOMEM
void calibration_destroy(struct calibration *c);                         // NULL is a no-op

// A plan_observer; *arg* is the calibration. What goes wrong in it calibration_ranges() returns.
void calibration_observe(void *arg, const char *name, const float *values, size_t n_pixels,
                         size_t n_channels, size_t pixel_stride);

// The range of a value that is known beforehand, whatever was observed: a picture's. Nothing
// happens where no value has this name.
void calibration_know(struct calibration *c, const char *name, float min, float max);

// *ret_ranges* (*ret_n* of them, borrowed, overwritten by the next call): by name, in the order of
// the first sight. ERR_NOMEM, ERR_TOO_BIG (a limit above), ERR_INVALID (nothing was observed).
int calibration_ranges(struct calibration *c, enum calibration_rule rule,
                       const struct plan_range **ret_ranges, int *ret_n) MUST_CHECK;
