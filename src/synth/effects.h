// SPDX-License-Identifier: Apache-2.0
// effects.h - what weather and camera do to a finished picture: rain, blur of what moves, exposure,
// the sensor's noise.
//
// Threads: one at a time for one raster.
#pragma once

#include <stdint.h>

#include "synth/raster.h"
#include "synth/synth.h"

struct picture;

// Smears the pixels of *id* within *where* by *pixels* to the side.
void effects_blur(struct raster *r, uint16_t id, struct extent where, double pixels);
// *wind* leans the streaks.
void effects_rain(struct raster *r, uint64_t hash, double wind);

// 1: the light fits.
double effects_exposure(uint64_t place_seed, enum synth_condition c, double time);

// Exposure and noise; from the raster to *out*, an RGB picture of its size.
void effects_sensor(const struct raster *r, uint64_t hash, enum synth_condition c, double exposure,
                    struct picture *out);
