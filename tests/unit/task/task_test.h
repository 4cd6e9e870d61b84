// SPDX-License-Identifier: Apache-2.0
// task_test.h - tasks as a server runs them: a store, blobs, a bus and a pool of one worker, with
// kinds of the test's own or the real ones. Include it after cmocka.h.
#pragma once

#include "store_test.h"

#include "base/clock.h"
#include "blob/blob.h"
#include "event/bus.h"
#include "store/store_truth.h"
#include "task/kinds.h"
#include "task/pool.h"
#include "task/truth_import.h"

enum {
    TASK_DEADLINE_S = 60,
};

struct tasks {
    struct test *t;
    struct task_tools tools;
};

static inline int tasks_setup(void **state)
{
    struct tasks *x = calloc(1, sizeof(*x));
    void *inner = NULL;
    OK(setup(&inner));
    x->t = inner;
    const struct blob_opts opts = {.directory = x->t->directory};
    OK(blob_open(&opts, &x->tools.blob));
    OK(bus_create(NULL, &x->tools.bus));
    x->tools.store = x->t->store;
    // A video without a file: its pictures cannot be had.
    const struct store_video v = {.project_id = x->t->project, .name = "clip.mp4"};
    OK(store_video_create(x->t->store, &v, NULL, NULL, x->t->video));
    *state = x;
    return 0;
}

static inline int tasks_teardown(void **state)
{
    struct tasks *x = *state;
    void *inner = x->t;
    bus_destroy(x->tools.bus);
    blob_close(x->tools.blob);
    free(x);
    return teardown(&inner);
}

// Runs one task of *kind* to its end; the row lives in the test's arena.
static inline struct store_task run_task(struct tasks *x, const struct task_kind *kind,
                                         const char *session_id, const char *settings)
{
    const struct task_kind *const kinds[] = {kind, NULL};
    const struct task_pool_opts opts = {
        .tools = x->tools, .kinds = kinds, .n_workers = 1, .name = "test", .poll_ms = 20};
    const struct store_task row = {.kind = kind->name,
                                   .project_id = x->t->project,
                                   .session_id = session_id,
                                   .settings_json = settings,
                                   .max_attempts = 1};
    int64_t deadline = clock_now_ns() + TASK_DEADLINE_S * CLOCK_NS_PER_S;
    struct task_pool *pool;
    struct store_task t;
    char id[ID_BYTES];
    OK(store_task_create(x->t->store, &row, NULL, 0, id));
    OK(task_pool_create(&opts, &pool));
    do {
        assert_true(clock_now_ns() < deadline);
        clock_sleep_ns(2 * CLOCK_NS_PER_MS);
        OK(store_task_get(x->t->store, id, x->t->arena, &t));
    } while (!store_task_is_over(t.status));
    task_pool_destroy(pool);
    return t;
}

// A truth of one object in each of two frames.
#define TASK_TEST_TRUTH                                                                   \
    "{\"images\":[{\"id\":1,\"frame\":0,\"width\":100,\"height\":100,\"pts_us\":0},"      \
    "{\"id\":2,\"frame\":1,\"width\":100,\"height\":100,\"pts_us\":40000}],"              \
    "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[10,10,20,20]," \
    "\"area\":400,\"iscrowd\":0},{\"id\":2,\"image_id\":2,\"category_id\":1,"             \
    "\"bbox\":[40,40,20,20],\"area\":400,\"iscrowd\":0}],"                                \
    "\"categories\":[{\"id\":1,\"name\":\"car\"}]}"

static inline void put_truth(struct tasks *x, const char *text, char ret_id[ID_BYTES])
{
    struct blob_info blob;
    struct truth_imported made;
    OK(blob_put(x->tools.blob, text, strlen(text), &blob));
    const struct truth_wanted w = {.video_id = x->t->video, .name = "truth.json", .source = &blob};
    OK(truth_import(&x->tools, &w, x->t->arena, &made));
    memcpy(ret_id, made.id, ID_BYTES);
}

// An external session over the test's video, with its newest truth.
static inline void make_session(struct tasks *x, const char *truth_id, const char *settings,
                                const char *profile, char ret_id[ID_BYTES])
{
    const struct store_session s = {.project_id = x->t->project,
                                    .source = STORE_SESSION_EXTERNAL,
                                    .model_name = "camera",
                                    .settings_json = settings,
                                    .profile_json = profile};
    const struct store_session_video v = {.video_id = x->t->video, .truth_id = truth_id};
    OK(store_session_create(x->t->store, &s, &v, 1, ret_id));
}
