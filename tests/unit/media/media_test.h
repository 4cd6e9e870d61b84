// SPDX-License-Identifier: Apache-2.0
// media_test.h - what the tests of the media room share: test data, a temporary folder, whole runs
// of a source.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "media/annotate.h"
#include "media/source.h"
#include "vision/detection.h"
#include "vision/picture.h"

enum {
    MEDIA_TEST_PATH_BYTES = 2048,
};

// The path of a file of the test data; skips the test where there is none.
static inline const char *media_test_data(const char *name)
{
    static char path[MEDIA_TEST_PATH_BYTES];
    const char *data = getenv("ASSAY_TEST_DATA");
    if (!data || access(data, R_OK) != 0) {
        print_message("no test data: set ASSAY_TEST_DATA\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/%s", data, name);
    return path;
}

static char media_test_folder[MEDIA_TEST_PATH_BYTES / 4];

static inline void media_test_remove_folder(void)
{
    rmdir(media_test_folder);
}

// The path of a file in this program's temporary folder, which goes when it is empty at the end.
static inline const char *media_test_temp(const char *name)
{
    char *folder = media_test_folder;
    static char paths[4][MEDIA_TEST_PATH_BYTES];
    static int turn;
    if (!folder[0]) {
        atexit(media_test_remove_folder);
        const char *base = getenv("TMPDIR");
        snprintf(folder, sizeof(media_test_folder), "%s/assay-media-XXXXXX", base ? base : "/tmp");
        assert_non_null(mkdtemp(folder));
    }
    char *path = paths[turn++ % 4];
    snprintf(path, MEDIA_TEST_PATH_BYTES, "%s/%s", folder, name);
    return path;
}

static inline void media_test_write(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

// What a whole run of a source gave.
struct media_test_run {
    int open_result, end_result;
    char message[512]; // of the error, where there was one
    struct source_counts counts;
    int kind, width, height, coded_width, coded_height, rotation;
    int64_t n_given;
    int64_t first_pts_us, last_pts_us;
    int64_t first_ordinal, last_ordinal;
    int picture_width, picture_height; // of the last picture
};

static inline struct media_test_run media_test_run(const struct source_opts *opts)
{
    struct media_test_run run = {0};
    struct source *s = NULL;
    run.open_result = source_open(opts, &s);
    if (run.open_result < 0) {
        err_copy_message(run.open_result, run.message, sizeof(run.message));
        return run;
    }
    const struct source_info *info = source_info(s);
    run.kind = (int)info->kind;
    run.width = info->width;
    run.height = info->height;
    run.coded_width = info->coded_width;
    run.coded_height = info->coded_height;
    run.rotation = info->rotation;
    struct picture *p;
    while ((run.end_result = source_next(s, &p)) == 0) {
        if (run.n_given++ == 0) {
            run.first_pts_us = p->pts_us;
            run.first_ordinal = p->ordinal;
        } else {
            assert_true(p->pts_us > run.last_pts_us);
            assert_true(p->ordinal > run.last_ordinal);
        }
        run.last_pts_us = p->pts_us;
        run.last_ordinal = p->ordinal;
        run.picture_width = p->width;
        run.picture_height = p->height;
        picture_unref(&p);
    }
    err_copy_message(run.end_result, run.message, sizeof(run.message));
    run.counts = source_counts(s);
    assert_int_equal(run.counts.decoded, run.n_given + run.counts.skipped);
    assert_int_equal(source_next(s, &p), run.end_result); // the end stays the end
    source_close(s);
    return run;
}

// A gray-to-white picture whose luma tells its frame: (x + y + n) % 200 + 20.
static inline struct picture *media_test_picture(int width, int height, int n)
{
    struct picture *p;
    assert_int_equal(picture_create(PICTURE_YUV_PLANAR, width, height, 8, 1, 1, &p), 0);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            picture_plane(p, 0)[y * p->strides[0] + x] = (uint8_t)((x + y + n) % 200 + 20);
    }
    for (int i = 1; i < 3; i++)
        memset(picture_plane(p, i), 128, (size_t)p->strides[i] * (size_t)((height + 1) / 2));
    p->ordinal = n;
    return p;
}

// A video of *n* frames at the given times.
static inline void media_test_video(const char *path, int width, int height, const int64_t *pts_us,
                                    int n)
{
    struct video_writer *w;
    assert_int_equal(video_writer_open(path, width, height, 25, 1, &w), 0);
    for (int i = 0; i < n; i++) {
        struct picture *p = media_test_picture(width, height, i);
        p->pts_us = pts_us[i];
        assert_int_equal(video_writer_add(w, p, NULL, 0, NULL, 0), 0);
        picture_unref(&p);
    }
    assert_int_equal(video_writer_close(&w), 0);
    assert_null(w);
}
