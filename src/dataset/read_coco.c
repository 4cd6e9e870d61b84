// SPDX-License-Identifier: Apache-2.0
// read_coco.c - COCO JSON: truth objects and arrays of results, streamed.
//
// Members come in any order (annotations before images, too), so objects keep the ids of the file
// until the end. Everything that is not needed is skipped, whatever it is.

#include "dataset/dataset_priv.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "dataset/maker.h"

enum {
    MAX_ATTRIBUTE = 64 * 1024, // bytes of a name
};

// Members of an annotation or result, as bits of what was seen.
enum member {
    MEMBER_UNSET = 0,
    MEMBER_IMAGE_ID = BIT(0),
    MEMBER_CATEGORY_ID = BIT(1),
    MEMBER_BOX = BIT(2),
    MEMBER_SCORE = BIT(3),
    MEMBER_AREA = BIT(4),
};

struct reader {
    struct json_reader *json;
    struct draft draft;
    bool is_truth;
    bool has_images, has_annotations, has_categories;
    size_t n_negative; // boxes of negative size
    size_t n_made;     // truths that say that a program made them
    bool is_made;      // the file says so of all
};

static const struct {
    const char *name;
    enum member bit;
} required[] = {
    {"image_id", MEMBER_IMAGE_ID},
    {"category_id", MEMBER_CATEGORY_ID},
    {"bbox", MEMBER_BOX},
    {"score", MEMBER_SCORE},
};

// ---- values

static int take_number(struct reader *r, const char *what, size_t nth, double *ret_value)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_NUMBER || !isfinite(e.number))
        return json_error(r->json, "entry %zu: %s is not a finite number", nth, what);
    *ret_value = e.number;
    return 0;
}

// A whole number within what doubles hold exactly.
static bool is_whole(const struct json_event *e, int64_t *ret_value)
{
    if (e->type != JSON_NUMBER)
        return false;
    if (e->is_integer) {
        *ret_value = e->integer;
        return true;
    }
    if (!(fabs(e->number) <= 9007199254740992.0) || e->number != floor(e->number))
        return false;
    *ret_value = (int64_t)e->number;
    return true;
}

static int take_id(struct reader *r, const char *what, size_t nth, struct dataset_id *ret_id)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    struct dataset_id id = {0};
    if (e.type == JSON_STRING) {
        if (str_to_i64(e.text, &id.number) < 0) {
            err_clear();
            id.number = 0;
            id.text = arena_strndup(r->draft.arena, e.text.p, e.text.n);
            if (!id.text)
                return ERR_NOMEM;
        }
    } else if (!is_whole(&e, &id.number)) {
        return json_error(r->json, "entry %zu: %s is neither a whole number nor a text", nth, what);
    }
    *ret_id = id;
    return 0;
}

static int take_class_id(struct reader *r, const char *what, size_t nth, int64_t *ret_id)
{
    struct dataset_id id;
    int err = take_id(r, what, nth, &id);
    if (err == 0 && id.text)
        return json_error(r->json, "entry %zu: %s is not a whole number", nth, what);
    if (err == 0)
        *ret_id = id.number;
    return err;
}

// A whole number, or *ret_value as it was where something else stands.
static int take_optional(struct reader *r, int64_t *ret_value)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_BOOL)
        *ret_value = e.boolean;
    else if (!is_whole(&e, ret_value))
        return json_skip(r->json, &e);
    return 0;
}

static int take_text(struct reader *r, char **ret_text)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_STRING)
        return json_skip(r->json, &e);
    *ret_text = arena_strndup(r->draft.arena, e.text.p, e.text.n);
    return *ret_text ? 0 : ERR_NOMEM;
}

static int skip_value(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    return err < 0 ? err : json_skip(r->json, &e);
}

static int take_box(struct reader *r, size_t nth, struct dataset_object *o)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_ARRAY)
        return json_error(r->json, "entry %zu: bbox is not an array", nth);
    double *const parts[] = {&o->x, &o->y, &o->w, &o->h};
    for (size_t n = 0;; n++) {
        err = json_next(r->json, &e);
        if (err < 0)
            return err;
        if (e.type == JSON_ARRAY_END && n == ARRAY_LEN(parts))
            return 0;
        if (e.type == JSON_ARRAY_END || n == ARRAY_LEN(parts))
            return json_error(r->json, "entry %zu: bbox has %s than four numbers", nth,
                              n < ARRAY_LEN(parts) ? "less" : "more");
        if (e.type != JSON_NUMBER || !isfinite(e.number))
            return json_error(r->json, "entry %zu: bbox holds what is not a finite number", nth);
        *parts[n] = e.number;
    }
}

static bool is_source(struct str key)
{
    return str_is(key, "source") || str_is(key, "annotator") || str_is(key, "generated_by");
}

// Of an annotation: who made it.
static int take_source(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    r->n_made += e.type == JSON_STRING && maker_is_program(e.text);
    return json_skip(r->json, &e);
}

// Of an annotation: people are sure, whatever a converter writes for it.
static int take_sureness(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    r->n_made += e.type == JSON_NUMBER && e.number > 0 && e.number < 1;
    return json_skip(r->json, &e);
}

// The texts of "info".
static int read_info(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0 || e.type != JSON_OBJECT)
        return err < 0 ? err : json_skip(r->json, &e);
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = json_next(r->json, &e);
        if (err == 0 && e.type == JSON_STRING)
            r->is_made |= maker_is_program_in(e.text);
        else if (err == 0)
            err = json_skip(r->json, &e);
        if (err < 0)
            return err;
    }
    return err;
}

// Members of "attributes": texts, numbers and truth values; anything else is passed over.
static int take_attributes(struct reader *r, uint32_t *list)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_OBJECT || !r->is_truth)
        return json_skip(r->json, &e);
    struct str_buf key = STR_BUF_INIT(MAX_ATTRIBUTE);
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        str_buf_reset(&key);
        str_buf_add_str(&key, e.text);
        err = json_next(r->json, &e);
        if (err == 0 && e.type == JSON_BOOL)
            err = draft_attribute(&r->draft, str_buf_view(&key),
                                  e.boolean ? STR("true") : STR("false"), list);
        else if (err == 0 && (e.type == JSON_STRING || e.type == JSON_NUMBER)) {
            r->n_made += is_source(str_buf_view(&key)) && maker_is_program(e.text);
            err = draft_attribute(&r->draft, str_buf_view(&key), e.text, list);
        } else if (err == 0)
            err = json_skip(r->json, &e);
        if (err < 0)
            break;
    }
    if (err == 0)
        err = str_buf_check(&key);
    str_buf_finish(&key);
    return err;
}

// ---- entries: the events behind '{' of one

static int read_category(struct reader *r, size_t nth)
{
    struct json_event e;
    int64_t id = 0;
    bool has_id = false;
    char *label = NULL;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "id")) {
            has_id = true;
            err = take_class_id(r, "id of a category", nth, &id);
        } else if (str_is(e.text, "name")) {
            err = take_text(r, &label);
        } else {
            err = skip_value(r);
        }
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    if (!has_id)
        return json_error(r->json, "category %zu has no \"id\"", nth);
    return draft_class(&r->draft, id, str_of(label));
}

// A name or a number; anything else is no video.
static int take_video(struct reader *r, int32_t *ret_video)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_STRING || e.type == JSON_NUMBER)
        return draft_video(&r->draft, e.text, ret_video);
    return json_skip(r->json, &e);
}

// Of "videos": the name that stands for an id.
static int read_video(struct reader *r, size_t nth)
{
    struct json_event e;
    int32_t video = -1;
    char *name = NULL;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "id"))
            err = take_video(r, &video);
        else if (str_is(e.text, "name"))
            err = take_text(r, &name);
        else
            err = skip_value(r);
        if (err < 0)
            return err;
    }
    if (err == 0 && video < 0)
        return json_error(r->json, "video %zu has no \"id\"", nth);
    if (err == 0 && name)
        r->draft.videos[video].name = name;
    return err;
}

static int picture_member(struct reader *r, struct str key, size_t nth, struct dataset_picture *p,
                          bool *has_id)
{
    int64_t value = -1;
    int err;
    if (str_is(key, "id")) {
        struct dataset_id id = {0};
        err = take_id(r, "id of a picture", nth, &id);
        p->id = id.number;
        p->text_id = id.text;
        *has_id = true;
    } else if (str_is(key, "file_name")) {
        char *text = NULL;
        err = take_text(r, &text);
        p->file_name = text;
    } else if (str_is(key, "width") || str_is(key, "height")) {
        int *side = str_is(key, "width") ? &p->width : &p->height;
        err = take_optional(r, &value);
        *side = value > 0 && value <= INT32_MAX ? (int)value : 0;
    } else if (str_is(key, "video") || str_is(key, "video_id")) {
        err = take_video(r, &p->video);
    } else if (str_is(key, "attributes")) {
        err = take_attributes(r, &p->attributes);
    } else if (str_is(key, "frame") || str_is(key, "frame_index")) {
        err = take_optional(r, &value);
        p->frame = value >= 0 ? value : -1;
    } else if (str_is(key, "pts_us")) {
        value = INT64_MIN;
        err = take_optional(r, &value);
        p->pts_us = value;
    } else {
        err = skip_value(r);
    }
    return err;
}

static int read_picture(struct reader *r, size_t nth)
{
    struct json_event e;
    struct dataset_picture p = {.frame = -1, .pts_us = INT64_MIN};
    bool has_id = false;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = picture_member(r, e.text, nth, &p, &has_id);
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    if (!has_id)
        return json_error(r->json, "picture %zu has no \"id\"", nth);
    return draft_picture(&r->draft, &p);
}

static int object_member(struct reader *r, struct str key, size_t nth, struct dataset_object *o,
                         struct draft_ref *ref, unsigned *seen)
{
    int64_t value = 0;
    int err;
    if (str_is(key, "image_id")) {
        *seen |= MEMBER_IMAGE_ID;
        err = take_id(r, "image_id", nth, &ref->picture);
    } else if (str_is(key, "category_id")) {
        *seen |= MEMBER_CATEGORY_ID;
        err = take_class_id(r, "category_id", nth, &ref->class_id);
    } else if (str_is(key, "bbox")) {
        *seen |= MEMBER_BOX;
        err = take_box(r, nth, o);
    } else if (str_is(key, "score") && !r->is_truth) {
        *seen |= MEMBER_SCORE;
        err = take_number(r, "score", nth, &o->confidence);
    } else if (str_is(key, "score")) {
        err = take_sureness(r);
    } else if (is_source(key) && r->is_truth) {
        err = take_source(r);
    } else if (str_is(key, "area") && r->is_truth) {
        *seen |= MEMBER_AREA;
        err = take_number(r, "area", nth, &o->area);
    } else if (str_is(key, "iscrowd") && r->is_truth) {
        err = take_optional(r, &value);
        o->crowd = o->ignore = value != 0; // the "ignore" some files have is not COCO's
    } else if (str_is(key, "id")) {
        err = take_optional(r, &o->id);
    } else if (str_is(key, "attributes")) {
        err = take_attributes(r, &o->attributes);
    } else if (str_is(key, "track_id")) {
        err = take_optional(r, &o->track_id);
    } else {
        err = skip_value(r);
    }
    return err;
}

static int read_object(struct reader *r, size_t nth)
{
    struct json_event e;
    struct dataset_object o = {.confidence = 1, .track_id = -1};
    struct draft_ref ref = {0};
    unsigned seen = r->is_truth ? MEMBER_SCORE : 0;
    int err;
    while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
        err = object_member(r, e.text, nth, &o, &ref, &seen);
        if (err < 0)
            return err;
    }
    if (err < 0)
        return err;
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        if (!(seen & required[i].bit))
            return json_error(r->json, "%s %zu has no \"%s\"",
                              r->is_truth ? "annotation" : "result", nth, required[i].name);
    }
    if (!(seen & MEMBER_AREA))
        o.area = o.w * o.h;
    r->n_negative += o.w < 0 || o.h < 0;
    return draft_object(&r->draft, &o, &ref);
}

// ---- documents

// The entries of an array whose '[' was read.
static int read_entries(struct reader *r, const char *what,
                        int (*read_entry)(struct reader *r, size_t nth))
{
    struct json_event e;
    for (size_t nth = 1;; nth++) {
        int err = json_next(r->json, &e);
        if (err < 0 || e.type == JSON_ARRAY_END)
            return err;
        if (e.type != JSON_OBJECT)
            return json_error(r->json, "entry %zu of %s is not an object", nth, what);
        err = read_entry(r, nth);
        if (err < 0)
            return err;
    }
}

static int read_array(struct reader *r, const char *what,
                      int (*read_entry)(struct reader *r, size_t nth))
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_ARRAY)
        return json_error(r->json, "\"%s\" is not an array", what);
    return read_entries(r, what, read_entry);
}

static int read_member(struct reader *r, struct str key)
{
    if (str_is(key, "annotations")) {
        r->has_annotations = true;
        return read_array(r, "annotations", read_object);
    }
    if (str_is(key, "images") && r->is_truth) {
        r->has_images = true;
        return read_array(r, "images", read_picture);
    }
    if (str_is(key, "info") && r->is_truth)
        return read_info(r);
    if (str_is(key, "videos") && r->is_truth)
        return read_array(r, "videos", read_video);
    if (str_is(key, "categories") && r->is_truth) {
        r->has_categories = true;
        return read_array(r, "categories", read_category);
    }
    return skip_value(r);
}

static int check_truth(struct reader *r)
{
    const struct {
        const char *name;
        bool has;
    } parts[] = {
        {"images", r->has_images},
        {"annotations", r->has_annotations},
        {"categories", r->has_categories},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!parts[i].has)
            return json_error(r->json, "COCO truth without \"%s\"", parts[i].name);
    }
    return 0;
}

static int read_document(struct reader *r)
{
    struct json_event e;
    int err = json_next(r->json, &e);
    if (err < 0)
        return err;
    if (e.type == JSON_ARRAY && r->is_truth)
        return json_error(r->json, "an array: COCO results, not truth with images, annotations and "
                                   "categories");
    if (e.type == JSON_ARRAY) {
        err = read_entries(r, "the results", read_object);
    } else if (e.type == JSON_OBJECT) {
        while ((err = json_next(r->json, &e)) == 0 && e.type == JSON_KEY) {
            err = read_member(r, e.text);
            if (err < 0)
                return err;
        }
        if (err == 0 && !r->is_truth && !r->has_annotations)
            return json_error(r->json, "COCO results without \"annotations\"");
        if (err == 0 && r->is_truth)
            err = check_truth(r);
    } else {
        return json_error(r->json, "neither an object nor an array: not COCO");
    }
    return err < 0 ? err : json_next(r->json, &e); // the end, or what should not follow
}

int dataset_read_coco(struct dataset_input *in, const struct dataset *truth,
                      struct dataset **ret_dataset)
{
    struct reader r = {.is_truth = truth == NULL};
    int err = draft_init(&r.draft);
    if (err < 0)
        return err;
    const struct json_reader_opts opts = {.read = dataset_input_read, .arg = in, .name = in->path};
    err = json_reader_create(&opts, &r.json);
    if (err == 0)
        err = read_document(&r);
    if (err == 0)
        err = draft_notice_negative(&r.draft, r.n_negative);
    if (err == 0 && r.n_made > 0)
        err = draft_notice(&r.draft, "%zu %s", r.n_made, MAKER_OF_BOXES);
    if (err == 0 && r.is_made)
        err =
            draft_notice(&r.draft, "the file's \"info\" says that a program made its boxes: truth "
                                   "that the judged model itself made says nothing");
    json_reader_destroy(r.json);
    if (err < 0) {
        draft_finish(&r.draft);
        return err;
    }
    return draft_to_dataset(&r.draft, truth ? "coco-results" : "coco", truth, ret_dataset);
}
