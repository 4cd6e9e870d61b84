// SPDX-License-Identifier: Apache-2.0
// draft.c - from what a file says to a dataset: identities resolved, the rest dropped and
// said.

#include "dataset/dataset_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    MAX_NOTICE = 16 * 1024, // bytes
    FIRST_VIDEO_SLOTS = 64, // a power of two
};

int draft_init(struct draft *d)
{
    *d = (struct draft){0};
    return arena_create(0, &d->arena);
}

void draft_finish(struct draft *d)
{
    mem_free(d->classes);
    mem_free(d->pictures);
    mem_free(d->objects);
    mem_free(d->others);
    attribute_table_destroy(d->table);
    mem_free(d->videos);
    mem_free(d->video_slots);
    mem_free(d->refs);
    mem_free(d->judged);
    mem_free(d->pts_us);
    mem_free(d->notices);
    arena_destroy(d->arena);
    *d = (struct draft){0};
}

static int check_room(size_t n, size_t max, const char *what)
{
    return n < max ? 0 : err_set(ERR_TOO_BIG, "more than %zu %s", max, what);
}

int draft_class(struct draft *d, int64_t id, struct str label)
{
    int r = check_room(d->n_classes, DATASET_MAX_CLASSES, "classes");
    if (r == 0)
        r = MEM_GROW(d->classes, d->cap_classes, d->n_classes);
    if (r < 0)
        return r;
    const char *name = arena_strndup(d->arena, label.p, label.n);
    if (!name)
        return ERR_NOMEM;
    d->classes[d->n_classes++] = (struct dataset_class){.id = id, .name = name};
    return 0;
}

int draft_picture(struct draft *d, const struct dataset_picture *p)
{
    int r = check_room(d->n_pictures, DATASET_MAX_PICTURES, "pictures");
    if (r == 0)
        r = MEM_GROW(d->pictures, d->cap_pictures, d->n_pictures);
    if (r == 0)
        d->pictures[d->n_pictures++] = *p;
    return r;
}

int draft_object(struct draft *d, const struct dataset_object *o, const struct draft_ref *ref)
{
    assert(d->n_objects == 0 || (ref != NULL) == (d->refs != NULL));
    int r = check_room(d->n_objects, DATASET_MAX_OBJECTS, "objects");
    if (r == 0)
        r = MEM_GROW(d->objects, d->cap_objects, d->n_objects);
    if (r == 0 && ref)
        r = MEM_GROW(d->refs, d->cap_refs, d->n_objects);
    if (r < 0)
        return r;
    if (ref)
        d->refs[d->n_objects] = *ref;
    d->objects[d->n_objects++] = *o;
    return 0;
}

int draft_other(struct draft *d, const struct dataset_object *o)
{
    int r = check_room(d->n_others, DATASET_MAX_OBJECTS, "objects");
    if (r == 0)
        r = MEM_GROW(d->others, d->cap_others, d->n_others);
    if (r == 0)
        d->others[d->n_others++] = *o;
    return r;
}

// The slot of the video of *key*, or the empty one where it belongs.
static size_t video_slot(const struct draft *d, struct str key)
{
    uint32_t h = 2166136261u; // FNV-1a
    for (size_t i = 0; i < key.n; i++)
        h = (h ^ (unsigned char)key.p[i]) * 16777619u;
    size_t k = h & (d->n_video_slots - 1);
    while (d->video_slots[k] && !str_is(key, d->videos[d->video_slots[k] - 1].key))
        k = (k + 1) & (d->n_video_slots - 1);
    return k;
}

static int grow_video_slots(struct draft *d)
{
    size_t n = d->n_video_slots ? 2 * d->n_video_slots : FIRST_VIDEO_SLOTS;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    mem_free(d->video_slots);
    d->video_slots = slots;
    d->n_video_slots = n;
    for (size_t i = 0; i < d->n_videos; i++)
        slots[video_slot(d, str_of(d->videos[i].key))] = (uint32_t)(i + 1);
    return 0;
}

int draft_video(struct draft *d, struct str key, int32_t *ret_video)
{
    int r = 2 * (d->n_videos + 1) > d->n_video_slots ? grow_video_slots(d) : 0;
    if (r < 0)
        return r;
    size_t k = video_slot(d, key);
    if (d->video_slots[k]) {
        *ret_video = (int32_t)d->video_slots[k] - 1;
        return 0;
    }
    r = check_room(d->n_videos, DATASET_MAX_VIDEOS, "videos");
    if (r == 0)
        r = MEM_GROW(d->videos, d->cap_videos, d->n_videos);
    if (r < 0)
        return r;
    char *copy = arena_strndup(d->arena, key.p, key.n);
    if (!copy)
        return ERR_NOMEM;
    d->videos[d->n_videos] = (struct draft_video){.key = copy, .name = copy};
    *ret_video = (int32_t)d->n_videos++;
    d->video_slots[k] = (uint32_t)d->n_videos;
    return 0;
}

int draft_notice(struct draft *d, const char *format, ...)
{
    struct str_buf text = STR_BUF_INIT(MAX_NOTICE);
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(&text, format, ap);
    va_end(ap);
    char *copy = text.failed ? NULL : arena_strndup(d->arena, str_buf_text(&text), text.n);
    int r = copy ? MEM_GROW(d->notices, d->cap_notices, d->n_notices) : ERR_NOMEM;
    if (r == 0)
        d->notices[d->n_notices++] = copy;
    str_buf_finish(&text);
    return r;
}

int draft_notice_negative(struct draft *d, size_t n)
{
    if (n == 0)
        return 0;
    return n == 1 ? draft_notice(d, "1 box has a negative size and overlaps nothing")
                  : draft_notice(d, "%zu boxes have a negative size and overlap nothing", n);
}

// ---- identities

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// Numbers first, then texts.
static int compare_ids(const struct dataset_id *a, const struct dataset_id *b)
{
    if (a->text && b->text)
        return strcmp(a->text, b->text);
    if (a->text || b->text)
        return a->text ? 1 : -1;
    return compare_numbers(a->number, b->number);
}

static struct dataset_id picture_id(const struct dataset_picture *p)
{
    return (struct dataset_id){.number = p->id, .text = p->text_id};
}

static int compare_classes(const void *a, const void *b)
{
    const struct dataset_class *x = a;
    const struct dataset_class *y = b;
    return compare_numbers(x->id, y->id);
}

static int compare_pictures(const void *a, const void *b)
{
    const struct dataset_id x = picture_id(a);
    const struct dataset_id y = picture_id(b);
    return compare_ids(&x, &y);
}

// Sorts, stably, what may be sorted already. Merge sort of elements of *size* bytes.
static int sort_stable(void *base, size_t n, size_t size,
                       int (*compare)(const void *, const void *))
{
    unsigned char *from = base;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = compare(from + (i - 1) * size, from + i * size) <= 0;
    if (sorted)
        return 0;
    unsigned char *other = mem_calloc(n, size);
    if (!other)
        return ERR_NOMEM;
    unsigned char *to = other;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = MIN(lo + width, n);
            size_t hi = MIN(lo + 2 * width, n);
            size_t i = lo;
            size_t j = mid;
            for (size_t k = lo; k < hi; k++) {
                bool left = j == hi || (i < mid && compare(from + i * size, from + j * size) <= 0);
                memcpy(to + k * size, from + (left ? i++ : j++) * size, size);
            }
        }
        unsigned char *swap = from;
        from = to;
        to = swap;
    }
    if (from != base)
        memcpy(base, from, n * size);
    mem_free(other);
    return 0;
}

// Of equal ids the last stays, as in the reference implementation. Returns how many were dropped.
static size_t drop_doubles(void *base, size_t *pn, size_t size,
                           int (*compare)(const void *, const void *))
{
    unsigned char *p = base;
    size_t n = 0;
    for (size_t i = 0; i < *pn; i++) {
        if (n > 0 && compare(p + (n - 1) * size, p + i * size) == 0)
            n--;
        memmove(p + n * size, p + i * size, size);
        n++;
    }
    size_t dropped = *pn - n;
    *pn = n;
    return dropped;
}

static int sort_identities(struct draft *d)
{
    int r = sort_stable(d->classes, d->n_classes, sizeof(*d->classes), compare_classes);
    if (r == 0)
        r = sort_stable(d->pictures, d->n_pictures, sizeof(*d->pictures), compare_pictures);
    if (r < 0)
        return r;
    size_t n = drop_doubles(d->classes, &d->n_classes, sizeof(*d->classes), compare_classes);
    if (n > 0)
        r = draft_notice(d, "%zu class ids are listed more than once: the last one counts", n);
    n = drop_doubles(d->pictures, &d->n_pictures, sizeof(*d->pictures), compare_pictures);
    if (r == 0 && n > 0)
        r = draft_notice(d, "%zu picture ids are listed more than once: the last one counts", n);
    return r;
}

static int32_t find_class(const struct dataset_class *classes, size_t n, int64_t id)
{
    const struct dataset_class key = {.id = id};
    const struct dataset_class *found =
        n ? bsearch(&key, classes, n, sizeof(*classes), compare_classes) : NULL;
    return found ? (int32_t)(found - classes) : -1;
}

static int32_t find_picture(const struct dataset_picture *pictures, size_t n,
                            const struct dataset_id *id)
{
    const struct dataset_picture key = {.id = id->number, .text_id = id->text};
    const struct dataset_picture *found =
        n ? bsearch(&key, pictures, n, sizeof(*pictures), compare_pictures) : NULL;
    return found ? (int32_t)(found - pictures) : -1;
}

// Gives every object its indices and drops those without.
static int resolve(struct draft *d, const struct dataset *with, bool is_truth)
{
    size_t n = 0;
    size_t n_no_picture = 0;
    size_t n_no_class = 0;
    for (size_t i = 0; i < d->n_objects; i++) {
        struct dataset_object o = d->objects[i];
        o.picture = find_picture(with->pictures, with->n_pictures, &d->refs[i].picture);
        o.class_index = find_class(with->classes, with->n_classes, d->refs[i].class_id);
        n_no_picture += o.picture < 0;
        n_no_class += o.picture >= 0 && o.class_index < 0;
        if (o.picture >= 0 && o.class_index >= 0)
            d->objects[n++] = o;
    }
    d->n_objects = n;
    const char *what = is_truth ? "annotations" : "detections";
    int r = 0;
    if (n_no_picture > 0)
        r = draft_notice(d, "%zu %s of pictures that the truth does not list were left out",
                         n_no_picture, what);
    if (r == 0 && n_no_class > 0)
        r = draft_notice(d, "%zu %s of classes that the truth does not list were left out",
                         n_no_class, what);
    return r;
}

// ---- the dataset

struct whole {
    struct dataset d; // first: dataset_destroy() is given its address
    bool borrows;     // classes and pictures are those of the truth
};

// Names into the arena; detections have the truth's videos.
static int name_videos(const struct draft *d, const struct dataset *truth, struct whole *w)
{
    w->d.videos = truth ? truth->videos : arena_array(d->arena, char *, d->n_videos + 1);
    w->d.n_videos = truth ? truth->n_videos : d->n_videos;
    if (truth)
        return 0;
    if (!w->d.videos)
        return ERR_NOMEM;
    for (size_t i = 0; i < d->n_videos; i++)
        w->d.videos[i] = d->videos[i].name;
    return 0;
}

static void move_arrays(struct draft *d, const struct dataset *truth, struct whole *w)
{
    w->borrows = truth != NULL;
    w->d.classes = truth ? truth->classes : d->classes;
    w->d.n_classes = truth ? truth->n_classes : d->n_classes;
    w->d.pictures = truth ? truth->pictures : d->pictures;
    w->d.n_pictures = truth ? truth->n_pictures : d->n_pictures;
    w->d.objects = d->objects;
    w->d.n_objects = d->n_objects;
    w->d.others = d->others;
    w->d.n_others = d->n_others;
    draft_give_attributes(d, &w->d);
    w->d.judged = d->judged;
    w->d.pts_us = d->pts_us;
    w->d.n_judged = w->d.n_pictures;
    if (d->judged) {
        w->d.n_judged = 0;
        for (size_t i = 0; i < w->d.n_pictures; i++)
            w->d.n_judged += d->judged[i];
    }
    w->d.notices = d->notices;
    w->d.n_notices = d->n_notices;
    w->d.arena = d->arena;
    if (!truth) {
        d->classes = NULL;
        d->pictures = NULL;
    }
    d->objects = NULL;
    d->others = NULL;
    d->judged = NULL;
    d->pts_us = NULL;
    d->notices = NULL;
    d->arena = NULL;
}

int draft_to_dataset(struct draft *d, const char *format, const struct dataset *truth,
                     struct dataset **ret_dataset)
{
    struct whole *w = mem_new(struct whole);
    int r = w ? 0 : ERR_NOMEM;
    if (r == 0 && !truth)
        r = sort_identities(d);
    if (r == 0 && d->refs) {
        const struct dataset own = {.classes = d->classes,
                                    .n_classes = d->n_classes,
                                    .pictures = d->pictures,
                                    .n_pictures = d->n_pictures};
        r = resolve(d, truth ? truth : &own, !truth);
    }
    if (r == 0)
        r = name_videos(d, truth, w);
    if (r < 0) {
        mem_free(w);
        draft_finish(d);
        return r;
    }
    move_arrays(d, truth, w);
    w->d.format = format;
    draft_finish(d);
    *ret_dataset = &w->d;
    return 0;
}

void dataset_destroy(struct dataset *d)
{
    if (!d)
        return;
    struct whole *w = (struct whole *)d;
    if (!w->borrows) {
        mem_free(d->classes);
        mem_free(d->pictures);
    }
    mem_free(d->objects);
    mem_free(d->others);
    mem_free(d->attributes);
    mem_free(d->judged);
    mem_free(d->pts_us);
    mem_free(d->notices);
    arena_destroy(d->arena);
    mem_free(w);
}
