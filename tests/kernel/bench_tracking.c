// SPDX-License-Identifier: Apache-2.0
// bench_tracking.c - seconds for the tracking metrics of 10,000 frames with 50 tracks.
//
// Objects walk through a 1920x1080 picture and turn at its edges; results are shaken, miss some,
// swap ids where paths cross and add false ones. Fixed seed. Arguments: frames, tracks.

#include <inttypes.h>
#include <math.h>
#include <sys/resource.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "tracking/tracking.h"

static uint64_t seed = 1;

static double chance(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / 9007199254740992.0;
}

struct walker {
    double x, y, dx, dy;
    int64_t id; // of its result track
};

static void walk(struct walker *w)
{
    w->x += w->dx;
    w->y += w->dy;
    w->dx = w->x < 0 || w->x > 1840 ? -w->dx : w->dx;
    w->dy = w->y < 0 || w->y > 900 ? -w->dy : w->dy;
}

static struct dataset_object object_at(int32_t picture, double x, double y, int64_t id)
{
    return (struct dataset_object){
        .picture = picture, .x = x, .y = y, .w = 80, .h = 180, .confidence = 1, .track_id = id};
}

// One frame: every walker into truth, most of them into results.
static void frame(struct walker *walkers, size_t n, int32_t picture, struct dataset *truth,
                  struct dataset *results)
{
    for (size_t i = 0; i < n; i++) {
        struct walker *w = &walkers[i];
        walk(w);
        truth->objects[truth->n_objects++] = object_at(picture, w->x, w->y, (int64_t)i);
        if (chance() < .002)
            w->id += (int64_t)n;
        double x = w->x + 20 * chance() - 10;
        double y = w->y + 30 * chance() - 15;
        if (chance() < .1) {
            x = 1840 * chance();
            y = 900 * chance();
        }
        results->objects[results->n_objects++] = object_at(picture, x, y, w->id);
    }
}

int main(int argc, char **argv)
{
    int64_t n_frames = 10 * 1000;
    int64_t n_tracks = 50;
    if ((argc > 1 && str_to_i64(str_of(argv[1]), &n_frames) < 0) ||
        (argc > 2 && str_to_i64(str_of(argv[2]), &n_tracks) < 0))
        return 2;
    size_t n = (size_t)(n_frames * n_tracks);
    struct dataset_class class = {.id = 1, .name = "person"};
    struct dataset truth = {.classes = &class, .n_classes = 1, .n_pictures = (size_t)n_frames};
    struct walker *walkers = mem_array(struct walker, (size_t)n_tracks);
    truth.pictures = mem_array(struct dataset_picture, (size_t)n_frames);
    struct dataset results = {.classes = &class, .n_classes = 1, .n_pictures = (size_t)n_frames};
    truth.objects = mem_array(struct dataset_object, n);
    results.objects = mem_array(struct dataset_object, n);
    struct arena *a = NULL;
    if (!walkers || !truth.pictures || !truth.objects || !results.objects ||
        arena_create(0, &a) < 0)
        return 3;
    for (int64_t i = 0; i < n_tracks; i++)
        walkers[i] =
            (struct walker){1840 * chance(), 900 * chance(), 8 * chance() - 4, 4 * chance() - 2, i};
    for (int64_t t = 0; t < n_frames; t++) {
        truth.pictures[t].frame = t;
        frame(walkers, (size_t)n_tracks, (int32_t)t, &truth, &results);
    }
    struct tracking_result r;
    int64_t start = clock_now_ns();
    int err = tracking_evaluate(&truth, &results, NULL, a, &r);
    double seconds = (double)(clock_now_ns() - start) / 1e9;
    if (err < 0) {
        fprintf(stderr, "%s\n", err_message(err));
        return 1;
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%" PRId64 " frames, %" PRId64 " truth tracks, %" PRId64 " result tracks: %.3f s, "
           "%ld MB resident (%zu MB of it the boxes)\n",
           n_frames, r.overall.n_truth_tracks, r.overall.n_result_tracks, seconds,
           use.ru_maxrss / 1024, 2 * n * sizeof(struct dataset_object) / MIB);
    printf("HOTA %.6f MOTA %.6f IDF1 %.6f IDSW %" PRId64 "\n", r.overall.hota, r.overall.mota,
           r.overall.idf1, r.overall.idsw);
    arena_destroy(a);
    mem_free(results.objects);
    mem_free(truth.objects);
    mem_free(truth.pictures);
    mem_free(walkers);
    return 0;
}
