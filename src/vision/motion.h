// SPDX-License-Identifier: Apache-2.0
// motion.h - where a tracked box is and where it will be: the Kalman filter of SORT's descendants.
#pragma once

#include "vision/box.h"

// Centre x and y, aspect (width / height) and height, each with its speed per frame. Noise is
// independent between the four and nothing couples them, so the 8 x 8 covariance of the papers is
// four of 2 x 2.
struct motion {
    struct motion_part {
        double place, speed;
        double var_place, covar, var_speed;
    } x, y, aspect, height;
};

struct motion motion_make(struct box b); // at rest; *b* is not empty
void motion_predict(struct motion *m);   // one frame on
void motion_correct(struct motion *m, struct box seen);
struct box motion_box(const struct motion *m);
