// SPDX-License-Identifier: Apache-2.0
// event_list.c - boxes in time as events: when something appears.

#include "dataset/event_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"

// A box that counts.
struct sighting {
    int32_t class_index;
    int64_t track_id; // -1 for all where there are no tracks
    int64_t time_us;
    double confidence;
};

static int compare_sightings(const void *a, const void *b)
{
    const struct sighting *x = a;
    const struct sighting *y = b;
    if (x->class_index != y->class_index)
        return x->class_index < y->class_index ? -1 : 1;
    if (x->track_id != y->track_id)
        return x->track_id < y->track_id ? -1 : 1;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (x->confidence < y->confidence) - (x->confidence > y->confidence); // the surer first
}

static int64_t time_of(const struct dataset *d, int32_t picture)
{
    if (d->pts_us && d->pts_us[picture] != INT64_MIN)
        return d->pts_us[picture];
    return d->pictures[picture].pts_us;
}

static int gather(const struct dataset *d, double min_confidence, struct sighting *ret,
                  size_t *ret_n)
{
    bool has_tracks = false;
    size_t n = 0;
    for (size_t i = 0; i < d->n_objects && !has_tracks; i++)
        has_tracks = d->objects[i].track_id >= 0;
    for (size_t i = 0; i < d->n_objects; i++) {
        const struct dataset_object *o = &d->objects[i];
        if (o->ignore || o->confidence < min_confidence || (has_tracks && o->track_id < 0))
            continue;
        const int64_t time_us = time_of(d, o->picture);
        if (time_us == INT64_MIN)
            return err_set(ERR_DATA, "boxes without presentation times are no events in time");
        ret[n++] = (struct sighting){o->class_index, o->track_id, time_us, o->confidence};
    }
    *ret_n = n;
    return 0;
}

static int add(struct event_list *l, size_t *cap, const struct dataset *d, const struct sighting *s)
{
    const char *label = d->classes[s->class_index].name;
    if (l->n == EVENTS_MAX)
        return err_set(ERR_TOO_BIG, "more than %d events", EVENTS_MAX);
    int r = MEM_GROW(l->items, *cap, l->n);
    if (r < 0)
        return r;
    const char *copy = arena_strndup(l->arena, label, strlen(label));
    if (!copy)
        return ERR_NOMEM;
    l->items[l->n++] = (struct event){copy, s->time_us, s->confidence};
    return 0;
}

static bool is_new(const struct sighting *before, const struct sighting *s, int64_t gap_us)
{
    if (!before || before->class_index != s->class_index || before->track_id != s->track_id)
        return true;
    return s->track_id < 0 && s->time_us - before->time_us > gap_us;
}

int event_list_of(const struct dataset *d, double min_confidence, int64_t gap_us,
                  struct event_list **ret_list)
{
    if (d->n_videos > 1)
        return err_set(ERR_DATA, "boxes of %zu videos are no events of one clock", d->n_videos);
    struct event_list *l = mem_new(struct event_list);
    struct sighting *s = mem_array(struct sighting, MAX(d->n_objects, 1));
    size_t n = 0, cap = 0;
    int r = l && s ? arena_create(0, &l->arena) : ERR_NOMEM;
    if (r == 0)
        r = gather(d, min_confidence, s, &n);
    if (r == 0 && n > 0)
        qsort(s, n, sizeof(*s), compare_sightings);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (is_new(i > 0 ? &s[i - 1] : NULL, &s[i], gap_us))
            r = add(l, &cap, d, &s[i]);
    }
    mem_free(s);
    if (r < 0)
        event_list_destroy(l);
    else
        *ret_list = l;
    return r;
}
