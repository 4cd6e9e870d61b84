// SPDX-License-Identifier: Apache-2.0
// given.h - what tests of datasets and figures write down: files made of texts, datasets read from
// them.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "dataset/dataset.h"

// Reads *text* as a file. Returns what dataset_read() does.
static inline int given_read_as(const char *text, enum dataset_format format,
                                const struct dataset *truth, struct dataset **ret)
{
    char path[] = "/tmp/assay-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const size_t n = strlen(text);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
    int r = dataset_read(path, truth ? DATASET_DETECTIONS : DATASET_TRUTH, format, truth, ret);
    unlink(path);
    return r;
}

static inline int given_read(const char *text, const struct dataset *truth, struct dataset **ret)
{
    return given_read_as(text, DATASET_FORMAT_UNSET, truth, ret);
}

static inline struct dataset *given_truth(const char *text)
{
    struct dataset *d = NULL;
    if (given_read(text, NULL, &d) < 0)
        fail_msg("%s", err_message(ERR_DATA));
    return d;
}

static inline struct dataset *given_detections(const char *text, const struct dataset *truth)
{
    struct dataset *d = NULL;
    if (given_read(text, truth, &d) < 0)
        fail_msg("%s", err_message(ERR_DATA));
    return d;
}

static inline bool given_has_notice(const struct dataset *d, const char *part)
{
    for (size_t i = 0; i < d->n_notices; i++) {
        if (strstr(d->notices[i], part))
            return true;
    }
    return false;
}
