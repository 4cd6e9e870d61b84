// SPDX-License-Identifier: Apache-2.0
// event_files.c - tells lists of events from boxes, and reads them.

#include "app/event_files.h"

#include "app/formats.h"
#include "base/err.h"
#include "dataset/event_list.h"

// Formats whose pictures may have times; what else there is, is read as a list.
static bool has_boxes(const char *path)
{
    enum dataset_format f;
    int r = dataset_recognise(path, &f);
    if (r < 0)
        err_clear(); // reading the list will say what is wrong
    return r == 0 && (f == DATASET_JSONL || f == DATASET_CSV || f == DATASET_COCO);
}

int app_events_read(const char *path, enum dataset_role role, double at_confidence, double gap_ms,
                    struct event_list **ret_list)
{
    if (!has_boxes(path))
        return event_list_read(path, ret_list);
    const struct dataset_read_opts opts = {0}; // on their own
    const bool is_truth = role == DATASET_TRUTH;
    struct dataset *d;
    int r = app_dataset_read(path, &opts, &d);
    if (r < 0)
        return r;
    r = event_list_of(d, is_truth ? 0 : at_confidence, (int64_t)(gap_ms * 1000), ret_list);
    dataset_destroy(d);
    return r < 0 ? err_prefix(r, "%s", path) : 0;
}
