// SPDX-License-Identifier: Apache-2.0
// schema_priv.h - the numbered migrations of schema/, embedded.
#pragma once

struct schema_step {
    int version; // from 1, without gaps
    const char *name;
    const char *up, *down;
};

extern const struct schema_step schema_steps[];
extern const int schema_n_steps;
