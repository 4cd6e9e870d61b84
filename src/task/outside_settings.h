// SPDX-License-Identifier: Apache-2.0
// outside_settings.h - settings of a session from outside: how what a system under test posted is
// judged. The same names as options of `evaluate`, with underscores.
#pragma once

#include "base/attr.h"

struct arena;

struct outside_settings {
    const char *classes;         // "a,b"; NULL: all
    double tolerance_ms;         // [100] how far in time a detection or event may be from its truth
    double latency_threshold_ms; // [100] what is seen by then is in time
    double event_gap_ms; // [1000] boxes judged as events: a label unseen for so long appears anew
};

// *json*: an object; NULL, "": the defaults. ERR_INVALID names what is wrong.
int outside_settings_read(const char *json, struct arena *a,
                          struct outside_settings *ret_settings) MUST_CHECK;
