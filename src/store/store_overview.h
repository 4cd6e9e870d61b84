// SPDX-License-Identifier: Apache-2.0
// store_overview.h - of each video of a project what one wants to see beside it: its newest truth,
// and the newest session that judged it.
#pragma once

#include "store/store.h"
#include "store/store_session.h"

struct store_overview {
    const char *video_id;
    const char *truth_id; // NULL: none
    int truth_version;
    const char *truth_name, *truth_format;
    int64_t truth_objects, truth_frames;
    const char *session_id; // NULL: none has succeeded
    const char *session_name, *session_model;
    enum store_verdict verdict;
    double ap50;
    int64_t judged_at_us;
};

// In the order of store_video_list().
int store_overview_list(struct store *s, const char *project_id, const struct store_page *page,
                        int (*row)(void *arg, const struct store_overview *o), void *arg,
                        struct store_next *ret_next) MUST_CHECK;
