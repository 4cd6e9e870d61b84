// SPDX-License-Identifier: Apache-2.0
// labels.h - class names: the tables the field knows by heart.
#pragma once

extern const char
    *const labels_coco80[80]; // in the order of the 80-class models: person, bicycle, car, ...
extern const int labels_coco80_category_id[80]; // COCO category ids 1..90 with holes
