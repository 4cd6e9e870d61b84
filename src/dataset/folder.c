// SPDX-License-Identifier: Apache-2.0
// folder.c - a folder of sequences as one dataset, a video a sequence.
//
// Truth is NAME/gt/gt.txt or NAME/gt.txt (MOTChallenge) or NAME.json; detections of NAME are
// NAME.txt, NAME.json or NAME.jsonl, or the same in a folder "data". Pictures of a sequence stand
// together, sequences by name, so the detections of one are read against a part of the truth.

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dataset/dataset_priv.h"

enum {
    MAX_PATH = 16 * 1024, // bytes
};

static const char *const truth_endings[] = {"/gt/gt.txt", "/gt.txt", ".json"};
static const char *const detection_endings[] = {".txt", ".json", ".jsonl"};

struct names {
    char **items;
    size_t n, cap;
};

static void names_finish(struct names *l)
{
    for (size_t i = 0; i < l->n; i++)
        mem_free(l->items[i]);
    mem_free(l->items);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The first of folder + between + name + ending that exists. Returns owned; NULL with *ret_r 0:
// none does.
static char *find_file(const char *folder, const char *between, const char *name,
                       const char *const *endings, size_t n_endings, int *ret_r)
{
    struct str_buf path = STR_BUF_INIT(MAX_PATH);
    *ret_r = 0;
    for (size_t i = 0; i < n_endings; i++) {
        str_buf_reset(&path);
        str_buf_printf(&path, "%s/%s%s%s", folder, between, name, endings[i]);
        *ret_r = str_buf_check(&path);
        if (*ret_r < 0)
            break;
        if (file_exists(str_buf_text(&path)) && !file_is_directory(str_buf_text(&path)))
            return str_buf_take(&path);
    }
    str_buf_finish(&path);
    return NULL;
}

// A sequence's name as an entry of the folder shows it: the entry, without ".json".
static int add_entry(struct names *l, const char *folder, const char *entry)
{
    size_t n = strlen(entry);
    if (entry[0] == '.')
        return 0;
    if (n > 5 && strcmp(entry + n - 5, ".json") == 0)
        n -= 5;
    if (l->n == DATASET_MAX_VIDEOS)
        return err_set(ERR_TOO_BIG, "'%s': more than %d sequences", folder, DATASET_MAX_VIDEOS);
    int r = MEM_GROW(l->items, l->cap, l->n);
    if (r < 0)
        return r;
    char *name = mem_strndup(entry, n);
    if (!name)
        return ERR_NOMEM;
    char *path = find_file(folder, "", name, truth_endings, ARRAY_LEN(truth_endings), &r);
    if (path)
        l->items[l->n++] = name;
    else
        mem_free(name);
    mem_free(path);
    return r;
}

static int list_sequences(const char *folder, struct names *l)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return err_set_errno(errno, "open '%s'", folder);
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(dir)))
        r = add_entry(l, folder, entry->d_name);
    closedir(dir);
    if (r < 0)
        return r;
    if (l->n == 0)
        return err_set(ERR_INVALID,
                       "'%s' is a directory without sequences: neither NAME/gt/gt.txt nor "
                       "NAME/gt.txt nor NAME.json",
                       folder);
    qsort(l->items, l->n, sizeof(*l->items), compare_names);
    return 0;
}

static int copy_notices(struct draft *d, const struct dataset *part, const char *name)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < part->n_notices; i++)
        r = draft_notice(d, "%s: %s", name, part->notices[i]);
    return r;
}

// ---- truth

// Where the part's classes are in the draft; new ones are added.
static int join_classes(struct draft *d, const struct dataset *part, int32_t *ret_index)
{
    for (size_t i = 0; i < part->n_classes; i++) {
        const char *label = part->classes[i].name;
        size_t k = 0;
        while (k < d->n_classes && strcmp(d->classes[k].name, label) != 0)
            k++;
        if (k == d->n_classes) {
            int r = draft_class(d, (int64_t)k + 1, str_of(label));
            if (r < 0)
                return r;
        }
        ret_index[i] = (int32_t)k;
    }
    return 0;
}

static int copy_text(struct draft *d, const char **ptext)
{
    if (!*ptext)
        return 0;
    *ptext = arena_strndup(d->arena, *ptext, strlen(*ptext));
    return *ptext ? 0 : ERR_NOMEM;
}

static int join_pictures(struct draft *d, const struct dataset *part, int32_t video)
{
    for (size_t i = 0; i < part->n_pictures; i++) {
        struct dataset_picture p = part->pictures[i];
        p.id = (int64_t)d->n_pictures + 1;
        p.video = video;
        int r = copy_text(d, &p.file_name);
        p.text_id = NULL;
        if (r == 0)
            r = draft_copy_attributes(d, part, part->pictures[i].attributes, &p.attributes);
        if (r == 0)
            r = draft_picture(d, &p);
        if (r < 0)
            return r;
    }
    return 0;
}

static int join_truth(struct draft *d, const struct dataset *part, const char *name)
{
    int32_t video;
    int32_t first = (int32_t)d->n_pictures;
    int32_t *class_index = mem_array(int32_t, part->n_classes + 1);
    int r = class_index ? draft_video(d, str_of(name), &video) : ERR_NOMEM;
    if (r == 0)
        r = join_classes(d, part, class_index);
    if (r == 0)
        r = join_pictures(d, part, video);
    for (size_t i = 0; r == 0 && i < part->n_objects; i++) {
        struct dataset_object o = part->objects[i];
        o.picture += first;
        o.class_index = class_index[o.class_index];
        r = draft_copy_attributes(d, part, part->objects[i].attributes, &o.attributes);
        if (r == 0)
            r = draft_object(d, &o, NULL);
    }
    for (size_t i = 0; r == 0 && i < part->n_others; i++) {
        struct dataset_object o = part->others[i];
        o.picture += first;
        r = draft_other(d, &o);
    }
    if (r == 0)
        r = copy_notices(d, part, name);
    mem_free(class_index);
    return r;
}

static int read_truth(const char *folder, enum dataset_format format, struct draft *d,
                      const char **ret_format)
{
    struct names l = {0};
    int r = list_sequences(folder, &l);
    for (size_t i = 0; r == 0 && i < l.n; i++) {
        struct dataset *part = NULL;
        char *path = find_file(folder, "", l.items[i], truth_endings, ARRAY_LEN(truth_endings), &r);
        if (path)
            r = dataset_read(path, DATASET_TRUTH, format, NULL, &part);
        if (part) {
            r = join_truth(d, part, l.items[i]);
            *ret_format = part->format;
        }
        dataset_destroy(part);
        mem_free(path);
    }
    names_finish(&l);
    return r;
}

// ---- detections

static int join_judged(struct draft *d, const struct dataset *part, size_t n_all, size_t first)
{
    if (!part->judged)
        return 0;
    if (!d->judged) {
        d->judged = mem_array(bool, n_all + 1);
        if (!d->judged)
            return ERR_NOMEM;
        memset(d->judged, 1, n_all);
    }
    memcpy(d->judged + first, part->judged, part->n_pictures);
    return 0;
}

static int join_detections(struct draft *d, const struct dataset *part, size_t n_all, size_t first,
                           const char *name)
{
    int r = join_judged(d, part, n_all, first);
    for (size_t i = 0; r == 0 && i < part->n_objects; i++) {
        struct dataset_object o = part->objects[i];
        o.picture += (int32_t)first;
        r = draft_object(d, &o, NULL);
    }
    return r == 0 ? copy_notices(d, part, name) : r;
}

static char *find_detections(const char *folder, const char *name, int *ret_r)
{
    char *path =
        find_file(folder, "", name, detection_endings, ARRAY_LEN(detection_endings), ret_r);
    if (!path && *ret_r == 0)
        path = find_file(folder, "data/", name, detection_endings, ARRAY_LEN(detection_endings),
                         ret_r);
    if (!path && *ret_r == 0)
        *ret_r = err_set(ERR_NOT_FOUND,
                         "'%s': no detections of sequence '%s' (NAME.txt, NAME.json, NAME.jsonl)",
                         folder, name);
    return path;
}

// One sequence: the truth's pictures from *first* on, *n* of them.
static int read_sequence(const char *folder, enum dataset_format format,
                         const struct dataset *truth, size_t first, size_t n, struct draft *d)
{
    const char *name = truth->videos[truth->pictures[first].video];
    struct dataset view = *truth;
    view.pictures = truth->pictures + first;
    view.n_pictures = view.n_judged = n;
    int r;
    char *path = find_detections(folder, name, &r);
    struct dataset *part = NULL;
    if (path)
        r = dataset_read(path, DATASET_DETECTIONS, format, &view, &part);
    if (part && strcmp(part->format, "coco-results") == 0)
        r = err_set(ERR_UNSUPPORTED,
                    "'%s': COCO results name pictures by the ids of one truth file", path);
    if (r == 0)
        r = join_detections(d, part, truth->n_pictures, first, name);
    dataset_destroy(part);
    mem_free(path);
    return r;
}

static int read_detections(const char *folder, enum dataset_format format,
                           const struct dataset *truth, struct draft *d)
{
    size_t first = 0;
    int32_t last_video = -1;
    if (truth->n_videos == 0)
        return err_set(ERR_INVALID, "'%s' is a folder of sequences, but the truth names no videos",
                       folder);
    while (first < truth->n_pictures) {
        size_t end = first;
        int32_t video = truth->pictures[first].video;
        while (end < truth->n_pictures && truth->pictures[end].video == video)
            end++;
        if (video <= last_video)
            return err_set(ERR_INVALID,
                           "'%s' is a folder of sequences, but the truth mixes its videos", folder);
        int r = read_sequence(folder, format, truth, first, end - first, d);
        if (r < 0)
            return r;
        last_video = video;
        first = end;
    }
    return 0;
}

int dataset_read_folder(const char *folder, enum dataset_format format, const struct dataset *truth,
                        struct dataset **ret_dataset)
{
    struct draft d;
    const char *format_name = truth ? "folder" : "";
    int r = draft_init(&d);
    if (r < 0)
        return r;
    if (truth)
        r = read_detections(folder, format, truth, &d);
    else
        r = read_truth(folder, format, &d, &format_name);
    if (r < 0) {
        draft_finish(&d);
        return r;
    }
    return draft_to_dataset(&d, format_name, truth, ret_dataset);
}
