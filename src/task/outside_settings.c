// SPDX-License-Identifier: Apache-2.0
// outside_settings.c - the table of settings of sessions from outside.

#include "task/outside_settings.h"

#include "base/opt.h"
#include "base/str.h"
#include "eval/temporal.h"

#define EVENT_GAP_MS 1000.

// clang-format off
#define O struct outside_settings
static const struct opt rows[] = {
    OPT_TEXT(O, "classes", classes, "A,B", "judge only these labels of the truth", "all"),
    OPT_DOUBLE(O, "event-gap-ms", event_gap_ms, 0, 86400000, "MS", "boxes judged as events: a label that was not seen for so long appears anew", "1000"),
    OPT_DOUBLE(O, "latency-threshold-ms", latency_threshold_ms, 0, 86400000, "MS", "what is seen by then is in time", "100"),
    OPT_DOUBLE(O, "tolerance-ms", tolerance_ms, 0, 60000, "MS", "how far in time a detection or an event may be from its truth", "100"),
    OPT_END,
};
#undef O
// clang-format on

int outside_settings_read(const char *json, struct arena *a, struct outside_settings *ret_settings)
{
    struct outside_settings o = {.tolerance_ms = TEMPORAL_TOLERANCE_MS,
                                 .latency_threshold_ms = TEMPORAL_LATENCY_THRESHOLD_MS,
                                 .event_gap_ms = EVENT_GAP_MS};
    const struct opt_set sets[] = {{rows, &o, NULL}};
    int r = json && *json ? opt_parse_json(str_of(json), "settings", sets, 1, NULL, a) : 0;
    if (r == 0)
        *ret_settings = o;
    return r;
}
