// SPDX-License-Identifier: Apache-2.0
// dataset_priv.h - what the readers of annotation formats share.
//
// A reader fills a draft: arrays that grow, identities still those of the file. The draft becomes a
// dataset, truth or detections, in one place (dataset.c).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "dataset/label_map.h"

// The bytes of a file, from the start once more after a look at its head.
struct dataset_input {
    const char *path; // borrowed: for messages
    int fd;
    char *head; // first bytes, owned
    size_t n_head;
    size_t at; // of the head, next to be given
};

// Opens and reads the head. ERR_NOT_FOUND, ERR_IO, ERR_INVALID (a folder), ERR_NOMEM.
int dataset_input_open(const char *path, struct dataset_input *ret_input) MUST_CHECK;
void dataset_input_close(struct dataset_input *in);
// For json_reader_opts.read: *arg* is a struct dataset_input. ERR_IO.
long dataset_input_read(void *arg, void *ret_bytes, size_t n);

// An id as COCO files have them: a number, or a text that is none.
struct dataset_id {
    int64_t number;
    const char *text; // NULL: it is the number
};

// Whose picture and class an object of the draft is, in the file's words.
struct draft_ref {
    struct dataset_id picture;
    int64_t class_id;
};

// A video under the key that pictures use for it.
struct draft_video {
    const char *key;
    char *name; // the key, until the file gives a name
};

struct draft {
    struct arena *arena; // texts
    struct dataset_class *classes;
    size_t n_classes, cap_classes;
    struct dataset_picture *pictures;
    size_t n_pictures, cap_pictures;
    struct dataset_object *objects;
    size_t n_objects, cap_objects;
    struct dataset_object *others;
    size_t n_others, cap_others;
    struct attribute_table *table; // of attributes; NULL until there is one
    struct draft_video *videos;
    size_t n_videos, cap_videos;
    uint32_t *video_slots; // hash table by key: 1 + index in videos
    size_t n_video_slots;
    struct draft_ref *refs; // [object]; NULL: objects have their indices already
    size_t cap_refs;
    int64_t *pts_us; // detections: likewise
    bool *judged;    // detections: [picture of the truth], or NULL
    char **notices;
    size_t n_notices, cap_notices;
};

int draft_init(struct draft *d) MUST_CHECK; // ERR_NOMEM
void draft_finish(struct draft *d);         // zeroed is a no-op
// Appends, copying. ERR_TOO_BIG, ERR_NOMEM.
int draft_class(struct draft *d, int64_t id, struct str label) MUST_CHECK;
int draft_picture(struct draft *d, const struct dataset_picture *p) MUST_CHECK;
int draft_object(struct draft *d, const struct dataset_object *o,
                 const struct draft_ref *ref) MUST_CHECK; // *ref* NULL for all objects, or for none
int draft_other(struct draft *d, const struct dataset_object *o) MUST_CHECK;
// Finds the video of *key*, or makes it.
int draft_video(struct draft *d, struct str key, int32_t *ret_video) MUST_CHECK;
// Puts key and value in front of *list*, which is 0 at first. ERR_TOO_BIG, ERR_NOMEM.
int draft_attribute(struct draft *d, struct str key, struct str value, uint32_t *list) MUST_CHECK;
// Likewise all of a list of another dataset.
int draft_copy_attributes(struct draft *d, const struct dataset *from, uint32_t from_list,
                          uint32_t *list) MUST_CHECK;
// The table's array goes to *ret_dataset* and the table away.
void draft_give_attributes(struct draft *d, struct dataset *ret_dataset);
void attribute_table_destroy(struct attribute_table *t); // NULL is a no-op
int draft_notice(struct draft *d, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
// Says how many boxes have a negative size; nothing with *n* 0.
int draft_notice_negative(struct draft *d, size_t n) MUST_CHECK;

// Makes a dataset of a draft; the draft is empty afterwards, also on error. With refs: sorts
// classes and pictures by id, resolves the refs, drops what they do not name and says so. *truth*
// is NULL for truth; for detections its classes and pictures are used. ERR_NOMEM.
int draft_to_dataset(struct draft *d, const char *format, const struct dataset *truth,
                     struct dataset **ret_dataset) MUST_CHECK;

// The rule which truth picture belongs to which frame.
struct frame_map;

// ERR_DATA: the truth lists a frame more than once and *by_name* is false. ERR_NOMEM.
int frame_map_create(const struct dataset *truth, bool by_name,
                     struct frame_map **ret_map) MUST_CHECK;
void frame_map_destroy(struct frame_map *m); // NULL is a no-op
// Index of the truth's picture; -1: none. *file_name* may be NULL.
int32_t frame_map_find(const struct frame_map *m, int64_t frame, const char *file_name);
// True where names and not frame numbers decide.
bool frame_map_is_by_name(const struct frame_map *m);
// True where position decides and the ids are texts that numbers would order otherwise: "f10"
// comes before "f2".
bool frame_map_is_doubtful(const struct frame_map *m, const struct dataset *truth);

// Of a builder: detections that come next belong to its frame of this index, in the order of
// dataset_builder_frame().
void dataset_builder_turn_to(struct dataset_builder *b, size_t frame_index);
// Pictures without a frame are judged as well: it is not known which were looked at.
void dataset_builder_judge_all(struct dataset_builder *b);

// The readers. *truth* is NULL in the role of truth.
int dataset_read_coco(struct dataset_input *in, const struct dataset *truth,
                      struct dataset **ret_dataset) MUST_CHECK;
int dataset_read_mot(struct dataset_input *in, const struct dataset *truth,
                     struct dataset **ret_dataset) MUST_CHECK;
int dataset_read_bdd(struct dataset_input *in, const struct dataset *truth,
                     struct dataset **ret_dataset) MUST_CHECK;
// A folder of sequences (see dataset_folder.c).
int dataset_read_folder(const char *folder, enum dataset_format format, const struct dataset *truth,
                        struct dataset **ret_dataset) MUST_CHECK;
int dataset_read_csv_own(struct dataset_input *in, const struct dataset *truth,
                         struct dataset **ret_dataset) MUST_CHECK;
int dataset_read_jsonl(struct dataset_input *in, const struct dataset *truth,
                       struct dataset **ret_dataset) MUST_CHECK;
