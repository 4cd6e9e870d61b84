// SPDX-License-Identifier: Apache-2.0
// box.c - arithmetic of boxes.

#include "vision/box.h"

#include "base/attr.h"

float box_width(struct box b)
{
    return b.x2 > b.x1 ? b.x2 - b.x1 : 0;
}

float box_height(struct box b)
{
    return b.y2 > b.y1 ? b.y2 - b.y1 : 0;
}

float box_area(struct box b)
{
    return box_width(b) * box_height(b);
}

float box_intersection(struct box a, struct box b)
{
    struct box both = {MAX(a.x1, b.x1), MAX(a.y1, b.y1), MIN(a.x2, b.x2), MIN(a.y2, b.y2)};
    return box_area(both);
}

float box_iou(struct box a, struct box b)
{
    float shared = box_intersection(a, b);
    float all = box_area(a) + box_area(b) - shared;
    return all > 0 ? shared / all : 0;
}

static float clip(float v, float limit)
{
    return v < 0 ? 0 : MIN(v, limit);
}

struct box box_clip(struct box b, float width, float height)
{
    return (struct box){clip(b.x1, width), clip(b.y1, height), clip(b.x2, width),
                        clip(b.y2, height)};
}
