// SPDX-License-Identifier: Apache-2.0
// child_kinds.c - the table of what confined children do.

#include "app/child_kinds.h"

#include "app/child_model.h"
#include "app/model_tools.h"

#include "base/attr.h"
#include "base/child.h"
#include "media/child_jobs.h"
#include "media/child_source.h"

int app_child_main(const char *kind)
{
    const struct child_kind kinds[] = {
        {CHILD_SOURCE_KIND, child_source_run},
        child_probe_kind,
        child_frame_kind,
        child_times_kind,
        child_picture_kind,
        child_preview_kind,
        child_model_kind,
        child_bench_kind,
        child_quantize_kind,
    };
    return child_main(kind, kinds, ARRAY_LEN(kinds));
}
