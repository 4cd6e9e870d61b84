// SPDX-License-Identifier: Apache-2.0
// read_bdd.c - BDD100K JSON: an array of frames, each with its labels; truth and results alike.
//
// Two spellings are about: the benchmark's (video_name, index, attributes in capitals) and the
// later one (videoName, frameIndex, small letters). The eight classes of the benchmark are classes
// of every truth, listed in it or not; others are added as they come.

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset_priv.h"

enum {
    MAX_CLASSES = 1000, // they are found by looking at each
};

static const char *const known_classes[] = {
    "pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
};

struct reader {
    struct json_reader *json;
    struct draft draft;
    const struct dataset *truth; // NULL: truth is read
    struct frame_map *frames;    // detections
    size_t n_no_picture, n_no_class, n_no_box;
    int64_t n_labels;
};

// What a label says; missing parts as below.
struct label {
    double x1, y1, x2, y2;
    double confidence;
    int64_t track_id;
    int32_t class_index; // -1: none
    bool has_box, crowd;
    uint8_t marks; // of enum dataset_mark
};

// The labels of a frame may stand before its name: they wait here for their picture.
struct frame {
    struct dataset_picture picture;
    size_t first_object; // of the draft
};

static int take(struct reader *r, struct json_event *ret_event)
{
    return json_next(r->json, ret_event);
}

static int skip_value(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    return err < 0 ? err : json_skip(r->json, &e);
}

static int take_text(struct reader *r, const char *what, const char **ret_text)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type != JSON_STRING)
        return json_error(r->json, "%s is not a text", what);
    *ret_text = arena_strndup(r->draft.arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

// FNV-1a, 62 bits: ids that are no numbers only need to be told apart.
static int64_t hash_text(struct str s)
{
    return (int64_t)(str_hash_more(STR_HASH_SEED, s) >> 2);
}

static int take_track_id(struct reader *r, int64_t *ret_id)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type == JSON_NUMBER && e.is_integer) {
        *ret_id = e.integer;
        return 0;
    }
    if (e.type != JSON_STRING)
        return json_error(r->json, "id of a label is neither a whole number nor a text");
    if (str_to_i64(e.text, ret_id) < 0) {
        err_clear();
        *ret_id = hash_text(e.text);
    }
    return 0;
}

static int take_double(struct reader *r, const char *what, double *ret_value)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_NUMBER || !isfinite(e.number))
        return json_error(r->json, "%s is not a finite number", what);
    *ret_value = e.number;
    return 0;
}

static int find_class(struct reader *r, struct str label, int32_t *ret_index)
{
    const struct dataset_class *classes = r->truth ? r->truth->classes : r->draft.classes;
    size_t n = r->truth ? r->truth->n_classes : r->draft.n_classes;
    for (size_t i = 0; i < n; i++) {
        if (str_is(label, classes[i].name)) {
            *ret_index = (int32_t)i;
            return 0;
        }
    }
    *ret_index = -1;
    if (r->truth)
        return 0;
    if (n == MAX_CLASSES)
        return err_set(ERR_TOO_BIG, "more than %d categories of labels", MAX_CLASSES);
    *ret_index = (int32_t)n;
    return draft_class(&r->draft, (int64_t)n + 1, label);
}

static int take_class(struct reader *r, int32_t *ret_index)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_STRING)
        return json_error(r->json, "category of a label is not a text");
    return find_class(r, e.text, ret_index);
}

// An object or null; *member* is called behind each key.
static int take_object(struct reader *r, const char *what, struct label *l,
                       int (*member)(struct reader *r, struct str key, struct label *l),
                       bool *ret_given)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0)
        return err;
    *ret_given = e.type == JSON_OBJECT;
    if (e.type == JSON_NULL)
        return 0;
    if (e.type != JSON_OBJECT)
        return json_error(r->json, "%s is not an object", what);
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        err = member(r, e.text, l);
        if (err < 0)
            return err;
    }
    return err;
}

static int attribute(struct reader *r, struct str key, struct label *l)
{
    const bool is_crowd = str_is_nocase(key, "crowd");
    const uint8_t mark = str_is_nocase(key, "occluded")    ? DATASET_OCCLUDED
                         : str_is_nocase(key, "truncated") ? DATASET_TRUNCATED
                                                           : 0;
    struct json_event e; // the key is gone with the next event
    int err = take(r, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_BOOL && e.boolean)
        l->marks |= mark;
    if (is_crowd)
        l->crowd = e.type == JSON_BOOL && e.boolean;
    return json_skip(r->json, &e);
}

static int box_member(struct reader *r, struct str key, struct label *l)
{
    const struct {
        const char *key;
        double *value;
    } members[] = {{"x1", &l->x1}, {"y1", &l->y1}, {"x2", &l->x2}, {"y2", &l->y2}};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (str_is(key, members[i].key))
            return take_double(r, "a corner of box2d", members[i].value);
    }
    return skip_value(r);
}

static int label_member(struct reader *r, struct str key, struct label *l)
{
    bool given;
    if (str_is(key, "id"))
        return take_track_id(r, &l->track_id);
    if (str_is(key, "category"))
        return take_class(r, &l->class_index);
    if (str_is(key, "score"))
        return take_double(r, "score", &l->confidence);
    if (str_is(key, "attributes"))
        return take_object(r, "attributes", l, attribute, &given);
    if (str_is(key, "box2d"))
        return take_object(r, "box2d", l, box_member, &l->has_box);
    return skip_value(r);
}

// The events behind '{' of a label.
static int read_label(struct reader *r)
{
    struct label l = {.x1 = NAN,
                      .y1 = NAN,
                      .x2 = NAN,
                      .y2 = NAN,
                      .confidence = 1,
                      .track_id = -1,
                      .class_index = -1};
    struct json_event e;
    int err;
    while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
        err = label_member(r, e.text, &l);
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    r->n_labels++;
    r->n_no_box += !l.has_box;
    r->n_no_class += l.has_box && l.class_index < 0;
    if (!l.has_box || l.class_index < 0)
        return 0;
    if (isnan(l.x1) || isnan(l.y1) || isnan(l.x2) || isnan(l.y2))
        return json_error(r->json, "box2d without one of x1, y1, x2, y2");
    const struct dataset_object o = {
        .picture = -1, // set when the frame has ended
        .class_index = l.class_index,
        .x = l.x1,
        .y = l.y1,
        .w = l.x2 - l.x1,
        .h = l.y2 - l.y1,
        .area = (l.x2 - l.x1) * (l.y2 - l.y1),
        .confidence = r->truth ? l.confidence : 1,
        .id = r->n_labels,
        .track_id = l.track_id,
        .crowd = !r->truth && l.crowd,
        .ignore = !r->truth && l.crowd,
        .marks = l.marks,
    };
    return draft_object(&r->draft, &o, NULL);
}

static int read_labels(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err < 0 || e.type == JSON_NULL)
        return err;
    if (e.type != JSON_ARRAY)
        return json_error(r->json, "labels is not an array");
    while ((err = take(r, &e)) == 0 && e.type == JSON_OBJECT) {
        err = read_label(r);
        if (err < 0)
            return err;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a label is not an object");
    return err;
}

static int frame_member(struct reader *r, struct str key, struct frame *f)
{
    struct json_event e;
    int err;
    if (str_is(key, "labels"))
        return read_labels(r);
    if (str_is(key, "name"))
        return take_text(r, "name", &f->picture.file_name);
    if (str_is(key, "videoName") || str_is(key, "video_name")) {
        err = take(r, &e);
        if (err == 0 && e.type == JSON_STRING)
            return draft_video(&r->draft, e.text, &f->picture.video);
        return err < 0 ? err : json_skip(r->json, &e);
    }
    if (str_is(key, "frameIndex") || str_is(key, "index")) {
        err = take(r, &e);
        if (err == 0 && e.type == JSON_NUMBER && e.is_integer && e.integer >= 0)
            f->picture.frame = e.integer;
        return err < 0 ? err : json_skip(r->json, &e);
    }
    return skip_value(r);
}

// Gives the frame's objects their picture; those of a frame the truth does not list are dropped.
static int end_frame(struct reader *r, struct frame *f)
{
    struct draft *d = &r->draft;
    int32_t picture = (int32_t)d->n_pictures;
    if (r->truth) {
        picture = frame_map_find(r->frames, f->picture.frame, f->picture.file_name);
    } else {
        f->picture.id = (int64_t)d->n_pictures + 1;
        int err = draft_picture(d, &f->picture);
        if (err < 0)
            return err;
    }
    if (picture < 0) {
        r->n_no_picture += d->n_objects - f->first_object;
        d->n_objects = f->first_object;
    }
    for (size_t i = f->first_object; i < d->n_objects; i++)
        d->objects[i].picture = picture;
    return 0;
}

static int read_frames(struct reader *r)
{
    struct json_event e;
    int err = take(r, &e);
    if (err == 0 && e.type != JSON_ARRAY)
        return json_error(r->json, "not an array of frames");
    while (err == 0 && (err = take(r, &e)) == 0 && e.type == JSON_OBJECT) {
        struct frame f = {.picture = {.frame = -1, .pts_us = INT64_MIN},
                          .first_object = r->draft.n_objects};
        while ((err = take(r, &e)) == 0 && e.type == JSON_KEY) {
            err = frame_member(r, e.text, &f);
            if (err < 0)
                return err;
        }
        if (err == 0)
            err = end_frame(r, &f);
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r->json, "a frame is not an object");
    return err < 0 ? err : take(r, &e); // the end, or what should not follow
}

static int say_losses(struct reader *r)
{
    const struct {
        size_t n;
        const char *what;
    } losses[] = {
        {r->n_no_picture, "detections of pictures that the truth does not list were left out"},
        {r->n_no_class, "labels of no class that the truth lists were left out"},
        {r->n_no_box, "labels without box2d were left out"},
    };
    int err = 0;
    for (size_t i = 0; err == 0 && i < ARRAY_LEN(losses); i++) {
        if (losses[i].n > 0)
            err = draft_notice(&r->draft, "%zu %s", losses[i].n, losses[i].what);
    }
    return err;
}

static int prepare(struct reader *r)
{
    if (r->truth)
        return frame_map_create(r->truth, true, &r->frames);
    int err = 0;
    for (size_t i = 0; err == 0 && i < ARRAY_LEN(known_classes); i++)
        err = draft_class(&r->draft, (int64_t)i + 1, str_of(known_classes[i]));
    return err;
}

int dataset_read_bdd(struct dataset_input *in, const struct dataset *truth,
                     struct dataset **ret_dataset)
{
    struct reader r = {.truth = truth};
    int err = draft_init(&r.draft);
    if (err < 0)
        return err;
    const struct json_reader_opts opts = {.read = dataset_input_read, .arg = in, .name = in->path};
    err = json_reader_create(&opts, &r.json);
    if (err == 0)
        err = prepare(&r);
    if (err == 0)
        err = read_frames(&r);
    if (err == 0)
        err = say_losses(&r);
    json_reader_destroy(r.json);
    frame_map_destroy(r.frames);
    if (err < 0) {
        draft_finish(&r.draft);
        return err;
    }
    return draft_to_dataset(&r.draft, "bdd100k", truth, ret_dataset);
}
