// SPDX-License-Identifier: Apache-2.0
// box.h - axis-aligned boxes and their overlap.
#pragma once

// Pixels, x to the right, y down; x2 and y2 exclusive. A box with x2 <= x1 or y2 <= y1 is empty.
struct box {
    float x1, y1, x2, y2;
};

float box_width(struct box b);  // 0 for an empty box
float box_height(struct box b); // likewise
float box_area(struct box b);
float box_intersection(struct box a, struct box b); // area
float box_iou(struct box a, struct box b);          // 0..1; 0 when both are empty
struct box box_clip(struct box b, float width, float height);
