// SPDX-License-Identifier: Apache-2.0
// backdrop.h - what stands still behind everybody: sky, ground, walls.
#pragma once

struct view;

// Covers the whole canvas.
void backdrop_draw(const struct view *v);

// Metres along the street that can be seen.
void backdrop_reach(const struct view *v, double *ret_from, double *ret_to);
