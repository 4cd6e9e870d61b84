// SPDX-License-Identifier: Apache-2.0
// outcome_sets.h - what became of every object of a session's videos, as sets that readers filter
// and page: outcomes (found, missed, false alarm), and the pairs that the confusion matrix counts.
//
// A pair's label is "TRUTH\x1fDETECTED", so that a cell of the matrix is one label.
//
// Ownership: outcome_sets_abort() lets go of what was not finished.
// Threads: the task's.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "eval/confusion.h"

struct dataset;
struct outcome;
struct session_files;
struct store_session;
struct store_set_writer;
struct task_run;

#define OUTCOME_BACKGROUND "(background)"

// Pairs in the order in which they are counted. Zero-initialised is empty; heap.
struct confusion_pairs {
    struct confusion_pair {
        uint32_t truth, detection; // CONFUSION_NONE: the background
    } * items;
    size_t n, cap;
    int error; // sticky
};
// For evaluation_opts.confusion.each, with the pairs as arg.
void confusion_pairs_note(void *arg, enum confusion_kind kind, uint32_t truth, uint32_t detection);

struct outcome_sets {
    // --- the caller's
    struct task_run *run;
    const struct store_session *session;
    const struct session_files *files;
    const struct dataset *truth, *detections;
    const struct outcome *outcome;
    const struct confusion_pairs *pairs;
    // --- our own
    struct store_set_writer **outcomes, **confusions; // [video of files]
};

int outcome_sets_write(struct outcome_sets *s) MUST_CHECK;
// In the transaction that ends the task. Of a session from outside the outcomes are the only set
// that a video has.
int outcome_sets_finish(struct outcome_sets *s) MUST_CHECK;
void outcome_sets_abort(struct outcome_sets *s); // also after finish; zeroed is a no-op
