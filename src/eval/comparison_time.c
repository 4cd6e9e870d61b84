// SPDX-License-Identifier: Apache-2.0
// comparison_time.c - judged pictures in the order of time, video after video.

#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "dataset/order.h"
#include "eval/comparison_priv.h"

enum {
    DEFAULT_FLOOR = 10, // frames: of videos whose times are unknown
};

static int64_t time_of(const struct dataset *truth, struct dataset *const *runs, size_t n_runs,
                       int32_t picture)
{
    for (size_t k = 0; k < n_runs; k++) {
        if (runs[k]->pts_us && runs[k]->pts_us[picture] != INT64_MIN)
            return runs[k]->pts_us[picture];
    }
    return truth->pictures[picture].pts_us;
}

// Seconds from frame to frame of the longest video; NaN where times are unknown.
static double frame_seconds(const struct dataset *truth, struct dataset *const *runs, size_t n_runs,
                            const struct comparison_time *t)
{
    const struct bootstrap_video *longest = NULL;
    for (size_t v = 0; v < t->n_videos; v++) {
        if (!longest || t->videos[v].n > longest->n)
            longest = &t->videos[v];
    }
    if (!longest || longest->n < 2)
        return NAN;
    const int32_t *pictures = t->pictures + longest->first;
    const int64_t first = time_of(truth, runs, n_runs, pictures[0]);
    const int64_t last = time_of(truth, runs, n_runs, pictures[longest->n - 1]);
    if (first == INT64_MIN || last <= first)
        return NAN;
    return (double)(last - first) / 1e6 / (double)(longest->n - 1);
}

// A second of video; 0: pictures, which need nothing of each other.
static size_t floor_of(const struct dataset *truth, double seconds)
{
    if (!isnan(seconds))
        return (size_t)MAX(1, MIN(ceil(1 / seconds), 1e6));
    for (size_t i = 0; i < truth->n_objects; i++) {
        if (truth->objects[i].track_id >= 0) // what has tracks is video
            return DEFAULT_FLOOR;
    }
    bool is_pictures = truth->n_videos == 0 && truth->n_pictures > 0 &&
                       truth->pictures[0].frame < 0 && truth->pictures[0].file_name;
    return is_pictures ? 0 : DEFAULT_FLOOR;
}

static void fill_places(const struct dataset *truth, struct comparison_time *t)
{
    for (size_t i = 0; i < t->n; i++) {
        const int32_t video = truth->pictures[t->pictures[i]].video;
        t->places[t->pictures[i]] = i;
        if (i == 0 || video != truth->pictures[t->pictures[i - 1]].video)
            t->videos[t->n_videos++] = (struct bootstrap_video){.first = i};
        t->videos[t->n_videos - 1].n++;
    }
}

int comparison_time_order(const struct dataset *truth, struct dataset *const *runs, size_t n_runs,
                          struct arena *a, struct comparison_time *ret_time)
{
    const size_t n = truth->n_pictures;
    const bool *judged = runs[0]->judged;
    struct comparison_time t = {
        .pictures = arena_array(a, int32_t, n),
        .errors = arena_array(a, double, n),
        .videos = arena_array(a, struct bootstrap_video, MAX(truth->n_videos, 1)),
        .places = arena_array(a, size_t, n),
    };
    if (!t.pictures || !t.errors || !t.videos || !t.places)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (!judged || judged[i])
            t.pictures[t.n++] = (int32_t)i;
    }
    int r = dataset_sort_pictures(truth, t.pictures, t.n);
    if (r < 0)
        return r;
    fill_places(truth, &t);
    t.frame_seconds = frame_seconds(truth, runs, n_runs, &t);
    t.floor = floor_of(truth, t.frame_seconds);
    *ret_time = t;
    return 0;
}
