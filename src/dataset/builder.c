// SPDX-License-Identifier: Apache-2.0
// builder.c - our own detections, one by one, matched to the truth by label and frame.
//
// INVARIANTS
// (1) Objects carry the index of their *frame* in place of a picture until the end: only then it
//     is known whether the source has file names.
// (2) Frames come in any order, but each once.

#include "dataset/dataset_priv.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    MAX_FOREIGN = 8, // labels listed in a notice
};

struct built_frame {
    int64_t frame;
    int64_t pts_us;
    const char *file_name; // NULL: no picture source
};

struct dataset_builder {
    const struct dataset *truth;
    struct draft draft;
    struct label_map *labels;
    struct built_frame *frames;
    size_t n_frames, cap_frames;
    size_t current; // frame that detections belong to
    bool judges_all;
    bool has_names;
    const char *foreign[MAX_FOREIGN]; // labels the truth does not have
    size_t n_foreign;
    bool more_foreign;
    size_t n_foreign_detections, n_known_detections;
};

int dataset_builder_create(const struct dataset *truth, struct dataset_builder **ret_builder)
{
    struct dataset_builder *b = mem_new(struct dataset_builder);
    if (!b)
        return ERR_NOMEM;
    b->truth = truth;
    int r = draft_init(&b->draft);
    if (r == 0)
        r = label_map_create(truth, &b->labels);
    if (r < 0) {
        dataset_builder_destroy(b);
        return r;
    }
    *ret_builder = b;
    return 0;
}

void dataset_builder_destroy(struct dataset_builder *b)
{
    if (!b)
        return;
    draft_finish(&b->draft);
    label_map_destroy(b->labels);
    mem_free(b->frames);
    mem_free(b);
}

int dataset_builder_frame(struct dataset_builder *b, int64_t frame, int64_t pts_us,
                          const char *file_name)
{
    if (frame < 0)
        return err_set(ERR_INVALID, "frame %lld is negative", (long long)frame);
    if (b->n_frames >= DATASET_MAX_PICTURES)
        return err_set(ERR_TOO_BIG, "more than %d frames", DATASET_MAX_PICTURES);
    int r = MEM_GROW(b->frames, b->cap_frames, b->n_frames);
    if (r < 0)
        return r;
    struct built_frame f = {.frame = frame, .pts_us = pts_us};
    if (file_name) {
        f.file_name = arena_strndup(b->draft.arena, file_name, strlen(file_name));
        if (!f.file_name)
            return ERR_NOMEM;
        b->has_names = true;
    }
    b->current = b->n_frames;
    b->frames[b->n_frames++] = f;
    return 0;
}

void dataset_builder_turn_to(struct dataset_builder *b, size_t frame_index)
{
    assert(frame_index < b->n_frames);
    b->current = frame_index;
}

void dataset_builder_judge_all(struct dataset_builder *b)
{
    b->judges_all = true;
}

static int note_foreign(struct dataset_builder *b, const char *label)
{
    b->n_foreign_detections++;
    for (size_t i = 0; i < b->n_foreign; i++) {
        if (strcmp(b->foreign[i], label) == 0)
            return 0;
    }
    if (b->n_foreign == MAX_FOREIGN) {
        b->more_foreign = true;
        return 0;
    }
    const char *copy = arena_strndup(b->draft.arena, label, strlen(label));
    if (!copy)
        return ERR_NOMEM;
    b->foreign[b->n_foreign++] = copy;
    return 0;
}

int dataset_builder_add(struct dataset_builder *b, const struct dataset_detection *d)
{
    if (b->n_frames == 0)
        return err_set(ERR_INVALID, "a detection before the first frame");
    if (!isfinite(d->x) || !isfinite(d->y) || !isfinite(d->w) || !isfinite(d->h) ||
        !isfinite(d->confidence))
        return err_set(ERR_INVALID, "frame %lld: a detection's numbers are not all finite",
                       (long long)b->frames[b->current].frame);
    const char *label = d->label ? d->label : "";
    int32_t class_index = label_map_find(b->labels, str_of(label));
    if (class_index < 0)
        return note_foreign(b, label);
    b->n_known_detections++;
    const struct dataset_object o = {.picture = (int32_t)b->current,
                                     .class_index = class_index,
                                     .x = d->x,
                                     .y = d->y,
                                     .w = d->w,
                                     .h = d->h,
                                     .area = d->w * d->h,
                                     .confidence = d->confidence,
                                     .track_id = d->track_id > 0 ? d->track_id : -1};
    return draft_object(&b->draft, &o, NULL);
}

int dataset_builder_notice(struct dataset_builder *b, const char *text)
{
    return draft_notice(&b->draft, "%s", text);
}

// ---- the end

struct tally {
    size_t n_unlisted; // inferred frames that the truth does not list
    size_t n_again;    // that were inferred before
};

// Sets map[frame index] to the truth's picture or -1, and what is judged.
static void map_frames(struct dataset_builder *b, const struct frame_map *m, int32_t *map,
                       struct tally *t)
{
    for (size_t i = 0; i < b->truth->n_pictures; i++)
        b->draft.pts_us[i] = INT64_MIN;
    for (size_t i = 0; i < b->n_frames; i++) {
        map[i] = frame_map_find(m, b->frames[i].frame, b->frames[i].file_name);
        if (map[i] < 0) {
            t->n_unlisted++;
        } else if (b->draft.judged[map[i]]) {
            t->n_again++;
            map[i] = -1;
        } else {
            b->draft.judged[map[i]] = true;
            b->draft.pts_us[map[i]] = b->frames[i].pts_us;
        }
    }
}

static void move_objects(struct draft *d, const int32_t *map)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_objects; i++) {
        struct dataset_object o = d->objects[i];
        o.picture = map[o.picture];
        if (o.picture >= 0)
            d->objects[n++] = o;
    }
    d->n_objects = n;
}

static int frame_notices(struct dataset_builder *b, const struct frame_map *m,
                         const struct tally *t)
{
    const size_t n_judged = b->n_frames - t->n_unlisted - t->n_again;
    const size_t n_pictures = b->truth->n_pictures;
    int r = 0;
    if (b->judges_all)
        r = draft_notice(&b->draft,
                         "frames without detections have no row: all %zu pictures of the truth are "
                         "judged",
                         n_pictures);
    else if (n_judged < n_pictures)
        r = draft_notice(&b->draft,
                         "%zu of %zu pictures of the truth were not inferred: not judged",
                         n_pictures - n_judged, n_pictures);
    if (r == 0 && t->n_unlisted > 0)
        r = draft_notice(&b->draft, "%zu of %zu inferred frames are not in the truth: not judged%s",
                         t->n_unlisted, b->n_frames,
                         frame_map_is_by_name(m) ? " (pictures are matched by file name)" : "");
    if (r == 0 && t->n_again > 0)
        r = draft_notice(&b->draft, "%zu frames came more than once: the first one is judged",
                         t->n_again);
    if (r == 0 && frame_map_is_doubtful(m, b->truth))
        r = draft_notice(&b->draft, "the truth's picture ids are texts, and frames belong to them "
                                    "in the order of the texts: \"f10\" before \"f2\"");
    return r;
}

// The first few labels of the truth, where none of ours is among them: a matter of spelling?
static void add_truth_labels(const struct dataset_builder *b, struct str_buf *text)
{
    const struct dataset *t = b->truth;
    if (b->n_known_detections > 0 || t->n_classes == 0)
        return;
    str_buf_printf(text, "; the truth has ");
    for (size_t i = 0; i < MIN(t->n_classes, (size_t)MAX_FOREIGN); i++)
        str_buf_printf(text, "%s%.80s", i ? ", " : "", t->classes[i].name);
    if (t->n_classes > MAX_FOREIGN)
        str_buf_printf(text, ", ...");
}

static int doubled_notice(struct dataset_builder *b)
{
    const char *label = label_map_doubled(b->labels);
    if (!label)
        return 0;
    return draft_notice(&b->draft,
                        "the truth has several classes called '%.80s': detections count for the "
                        "first of them",
                        label);
}

static int label_notice(struct dataset_builder *b)
{
    if (b->n_foreign_detections == 0)
        return 0;
    struct str_buf text = STR_BUF_INIT(8 * KIB);
    for (size_t i = 0; i < b->n_foreign; i++)
        str_buf_printf(&text, "%s%.80s", i ? ", " : "", b->foreign[i]);
    if (b->more_foreign)
        str_buf_printf(&text, ", ...");
    add_truth_labels(b, &text);
    int r = str_buf_check(&text);
    if (r == 0)
        r = draft_notice(&b->draft,
                         "%zu detections of classes that the truth does not have were "
                         "left out: %s",
                         b->n_foreign_detections, str_buf_text(&text));
    str_buf_finish(&text);
    return r;
}

static int match_to_truth(struct dataset_builder *b)
{
    struct frame_map *m = NULL;
    int r = frame_map_create(b->truth, b->has_names, &m);
    if (r < 0)
        return r;
    struct tally t = {0};
    int32_t *map = mem_array(int32_t, b->n_frames);
    b->draft.judged = mem_array(bool, b->truth->n_pictures);
    b->draft.pts_us = mem_array(int64_t, b->truth->n_pictures);
    if (map && b->draft.judged && b->draft.pts_us) {
        map_frames(b, m, map, &t);
        move_objects(&b->draft, map);
        r = frame_notices(b, m, &t);
        for (size_t i = 0; b->judges_all && i < b->truth->n_pictures; i++)
            b->draft.judged[i] = true;
    } else {
        r = ERR_NOMEM;
    }
    mem_free(map);
    frame_map_destroy(m);
    if (r == 0)
        r = doubled_notice(b);
    return r < 0 ? r : label_notice(b);
}

int dataset_builder_finish(struct dataset_builder **pb, struct dataset **ret_dataset)
{
    struct dataset_builder *b = *pb;
    *pb = NULL;
    int r = match_to_truth(b);
    if (r == 0)
        r = draft_to_dataset(&b->draft, b->judges_all ? "csv" : "assay-jsonl", b->truth,
                             ret_dataset);
    dataset_builder_destroy(b);
    return r;
}
