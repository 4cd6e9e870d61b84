// SPDX-License-Identifier: Apache-2.0
// session_events.c - reads the events of a session's video, and leaves out what is not judged.

#include "task/session_events.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "pipeline/classes.h"
#include "store/store_session.h"
#include "task/kind.h"
#include "task/outside_settings.h"
#include "task/session_files.h"
#include "task/session_pieces.h"

// What boxes show, each appearance an event.
static int read_boxes(const char *path, enum dataset_role role,
                      const struct outside_settings *settings, struct event_list **ret_list)
{
    const bool is_truth = role == DATASET_TRUTH;
    const struct dataset_read_opts opts = {0}; // on their own
    struct dataset *d;
    int r = dataset_read_with(path, &opts, &d);
    if (r < 0)
        return r;
    r = event_list_of(d, is_truth ? 0 : EVALUATION_AT_CONFIDENCE,
                      (int64_t)(settings->event_gap_ms * 1000), ret_list);
    dataset_destroy(d);
    return r;
}

static int keep(struct arena *a, const struct event_list *from, struct event_list *to)
{
    *to = (struct event_list){.items = arena_array(a, struct event, from->n), .n = from->n};
    if (!to->items)
        return ERR_NOMEM;
    for (size_t i = 0; i < from->n; i++) {
        to->items[i] = from->items[i];
        to->items[i].label = arena_strndup(a, from->items[i].label, strlen(from->items[i].label));
        if (!to->items[i].label)
            return ERR_NOMEM;
    }
    return 0;
}

static int read_list(struct task_run *run, const char *path, enum dataset_role role, bool is_list,
                     const struct outside_settings *settings, struct event_list *ret)
{
    struct event_list *list = NULL;
    int r = is_list ? event_list_read(path, &list) : read_boxes(path, role, settings, &list);
    if (r == 0)
        r = keep(task_run_arena(run), list, ret);
    event_list_destroy(list);
    return r;
}

static bool is_wanted(const char *label, const char *const *classes, size_t n)
{
    bool is = n == 0;
    for (size_t i = 0; !is && i < n; i++)
        is = strcmp(classes[i], label) == 0;
    return is;
}

static void choose(struct event_list *l, int64_t *beside, const char *const *classes, size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (!is_wanted(l->items[i].label, classes, n))
            continue;
        if (beside)
            beside[n_kept] = beside[i];
        l->items[n_kept++] = l->items[i];
    }
    l->n = n_kept;
}

static int wanted(struct task_run *run, const struct outside_settings *settings,
                  const char ***ret_classes, size_t *ret_n)
{
    *ret_classes = NULL;
    *ret_n = 0;
    return settings->classes
               ? classes_split(settings->classes, task_run_arena(run), ret_classes, ret_n)
               : 0;
}

int session_events_truth(struct task_run *run, const struct session_file_video *v,
                         const struct outside_settings *settings, struct event_list *ret_truth)
{
    const char **classes;
    size_t n;
    int r = wanted(run, settings, &classes, &n);
    if (r < 0)
        return r;
    r = read_list(run, v->truth, DATASET_TRUTH, v->has_event_truth, settings, ret_truth);
    if (r < 0)
        return err_prefix(r, "truth of %s", v->name);
    choose(ret_truth, NULL, classes, n);
    return 0;
}

int session_events_read(struct task_run *run, const struct store_session *session,
                        const struct session_file_video *v, const struct outside_settings *settings,
                        struct session_events *ret_events)
{
    struct session_events e = {.arrival_us = NULL};
    const char **classes;
    size_t n;
    int r = wanted(run, settings, &classes, &n);
    if (r < 0)
        return r;
    r = v->has_event_detections
            ? session_pieces_events(run, session->id, v->id, &e.detections, &e.arrival_us)
            : read_list(run, v->detections, DATASET_DETECTIONS, false, settings, &e.detections);
    if (r < 0)
        return err_prefix(r, "detections of %s", v->name);
    choose(&e.detections, e.arrival_us, classes, n);
    *ret_events = e;
    return 0;
}

int session_events_check(const struct session_files *files)
{
    if (files->n_events == files->n_videos)
        return 0;
    const char *with = "", *without = "";
    for (size_t i = 0; i < files->n_videos; i++) {
        const struct session_file_video *v = &files->videos[i];
        if (v->has_event_truth || v->has_event_detections)
            with = v->name;
        else
            without = v->name;
    }
    return err_set(ERR_INVALID, "%s is judged by events and %s by boxes: make a session for each",
                   with, without);
}
