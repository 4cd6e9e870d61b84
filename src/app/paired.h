// SPDX-License-Identifier: Apache-2.0
// paired.h - what `compare` and `gate` share: options, reading, and the comparison of two runs.
#pragma once

#include "base/attr.h"
#include "base/opt.h"
#include "eval/comparison.h"

struct dataset;

struct paired_opts {
    const char *truth;
    int truth_format, detections_format; // enum dataset_format
    const char *classes;
    double confidence; // PAIRED_ANY_CONFIDENCE: none
    double at_confidence;
    int64_t seed, resamples, block;
};

#define PAIRED_ANY_CONFIDENCE (-1e300)
#define PAIRED_DEFAULTS                                                                     \
    {                                                                                       \
        .confidence = PAIRED_ANY_CONFIDENCE, .at_confidence = 0.25, .seed = BOOTSTRAP_SEED, \
        .resamples = BOOTSTRAP_RESAMPLES                                                    \
    }

extern const struct opt paired_options[];

struct paired {
    struct dataset *truth, *a, *b;
    struct comparison c;
    const char **notices; // of the arena
    size_t n_notices;
};

// Reads truth and detections and compares them; *b* NULL: figures of *a* alone. ERR_INVALID (a
// class the truth lacks), and what reading gives. paired_finish() in any case.
int paired_run(const struct paired_opts *o, const char *a, const char *b, struct arena *arena,
               struct paired *ret_paired) MUST_CHECK;
void paired_finish(struct paired *p); // zeroed is a no-op
