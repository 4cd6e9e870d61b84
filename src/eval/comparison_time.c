// SPDX-License-Identifier: Apache-2.0
// comparison_time.c - judged pictures in the order of time, video after video.

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/comparison_priv.h"

enum {
    DEFAULT_FLOOR = 10, // frames: of videos whose times are unknown
};

struct place {
    int32_t video, picture;
    int64_t frame;
};

static int compare_places(const void *x, const void *y)
{
    const struct place *a = x;
    const struct place *b = y;
    if (a->video != b->video)
        return a->video < b->video ? -1 : 1;
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return (a->picture > b->picture) - (a->picture < b->picture);
}

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

static void fill_places(const struct place *places, struct comparison_time *t)
{
    for (size_t i = 0; i < t->n; i++) {
        t->pictures[i] = places[i].picture;
        t->places[places[i].picture] = i;
        if (i == 0 || places[i].video != places[i - 1].video)
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
    struct place *places = arena_array(a, struct place, n);
    if (!places || !t.pictures || !t.errors || !t.videos || !t.places)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct dataset_picture *p = &truth->pictures[i];
        if (!judged || judged[i])
            places[t.n++] = (struct place){p->video, (int32_t)i, p->frame};
    }
    if (t.n > 0)
        qsort(places, t.n, sizeof(*places), compare_places);
    fill_places(places, &t);
    t.frame_seconds = frame_seconds(truth, runs, n_runs, &t);
    t.floor = floor_of(truth, t.frame_seconds);
    *ret_time = t;
    return 0;
}
