// SPDX-License-Identifier: Apache-2.0
// detection.c - a growing array of detections.

#include "vision/detection.h"

#include "base/mem.h"

int detection_list_add(struct detection_list *l, struct detection d)
{
    int r = MEM_GROW(l->items, l->cap, l->n);
    if (r < 0)
        return r;
    l->items[l->n++] = d;
    return 0;
}

void detection_list_clear(struct detection_list *l)
{
    l->n = 0;
}

void detection_list_finish(struct detection_list *l)
{
    mem_free(l->items);
    *l = (struct detection_list){0};
}
