// SPDX-License-Identifier: Apache-2.0
// props.h - what stands and drives in the street and has no label: trees, lamp posts, signs,
// posters with people on them, cars.
#pragma once

#include <stdint.h>

#include "synth/view.h"

enum prop_kind {
    PROP_UNSET,
    PROP_TREE,
    PROP_LAMP,
    PROP_SIGN,
    PROP_POSTER,
    PROP_BENCH,
    PROP_CAR,
    PROP_VAN,
};

struct prop {
    enum prop_kind kind;
    uint64_t hash;
    double along, across;
    int direction; // cars: along the street, or against it
    double travelled;
};

void prop_draw(const struct view *v, const struct prop *p);
// What stands at post *k* of the kerb; kind is PROP_UNSET where nothing does.
struct prop prop_at(const struct view *v, int64_t k, int side);
#define PROP_SPACING 6.0 // metres between posts

void car_draw(const struct view *v, const struct prop *p);
