// SPDX-License-Identifier: Apache-2.0
// detection_priv.h - the statements of detections, by name: what finding, writing and reading
// share.
#pragma once

#include "store/store_detection.h"
#include "store/store_priv.h"

enum detection_query {
    SET_CREATE,
    SET_DROP_TASK,
    SET_DROP_SESSION,
    SET_DROP_UNFINISHED,
    SET_DROP_UNFINISHED_OF_TASK,
    SET_GROW,
    SET_FINISH,
    SET_OF_SESSION_VIDEO,
    SET_GET,
    SET_OF_TASK,
    SET_LATEST,
    SET_OF_SESSION,
    SET_LIST,
    SET_PROJECT_OF_VIDEO,
    SET_TAKES,
    SET_ADD_BLOCK,
    SET_ADD_LABEL,
    SET_BLOCK,
    SET_BLOCK_LABEL,
    SET_LABELS,
};

const char *store_set_kind_name(int kind);
int store_set_kind_parse(const char *name);

enum {
    // of a block with objects that have no confidence (misses): above every one that is asked for
    SET_NO_CONFIDENCE = 2,
};
