// SPDX-License-Identifier: Apache-2.0
// maker.h - does a truth file itself say that a program made its boxes? Annotation programs mark
// boxes that a detector proposed and nobody touched; who exports pseudo labels often says so.
//
// Such truth may be the work of the very model that is judged by it: readers say it in a notice.
//
// Threads: none; pure functions.
#pragma once

#include <stdbool.h>

#include "base/str.h"

#define MAKER_OF_BOXES \
    "boxes are marked as made by a program: truth that the judged model itself made says nothing"

// Of a box's "source": "auto", "prediction"; "manual" and "semi-auto" are people's.
bool maker_is_program(struct str source);
// Of a description of the file: "pseudo labels by ...", "auto-annotated".
bool maker_is_program_in(struct str text);
