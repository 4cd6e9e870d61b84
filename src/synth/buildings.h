// SPDX-License-Identifier: Apache-2.0
// buildings.h - the walls of the street: a house for every lot, different by the place's seed.
#pragma once

struct view;

#define BUILDINGS_ZEBRA_SPACING 48.0 // metres between crossings, the first at 0

void buildings_draw(const struct view *v);
