// SPDX-License-Identifier: Apache-2.0
// recognise.c - which format a file or folder of annotations has, by what is in it.

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

// ---- JSON

// A document that begins with '{' is our detections if its first telling key is "type", LabelMe's
// if it is one of its own, a list of events if it is "events", COCO otherwise.
static int recognise_object(struct str head, enum dataset_format *ret_format)
{
    *ret_format = DATASET_COCO;
    struct json_reader *json = NULL;
    const struct json_reader_opts opts = {.text = head, .lines = true};
    int r = json_reader_create(&opts, &json);
    struct json_event e;
    if (r == 0)
        r = json_next(json, &e); // '{'
    while (r == 0) {
        r = json_next(json, &e);
        if (r < 0 || e.type != JSON_KEY)
            break;
        if (str_is(e.text, "type")) {
            *ret_format = DATASET_JSONL;
            break;
        }
        if (str_is(e.text, "shapes") || str_is(e.text, "imagePath") ||
            str_is(e.text, "imageData")) {
            *ret_format = DATASET_LABELME;
            break;
        }
        if (str_is(e.text, "events")) {
            *ret_format = DATASET_FORMAT_UNSET;
            break;
        }
        if (str_is(e.text, "images") || str_is(e.text, "annotations") ||
            str_is(e.text, "categories"))
            break;
        r = json_next(json, &e);
        if (r == 0)
            r = json_skip(json, &e);
    }
    json_reader_destroy(json);
    if (r == ERR_NOMEM)
        return r;
    err_clear(); // the head may end anywhere; the reader proper will say what is wrong
    return 0;
}

// Whether *key* is the time of an event.
static bool is_event_time(struct str key)
{
    return str_is(key, "time_ms") || str_is(key, "time_s") || str_is(key, "time_us");
}

// Frames with labels are BDD100K's, things with a time are events, anything else is COCO results.
static int recognise_array(struct str head, enum dataset_format *ret_format)
{
    *ret_format = DATASET_COCO;
    struct json_reader *json = NULL;
    const struct json_reader_opts opts = {.text = head};
    int r = json_reader_create(&opts, &json);
    struct json_event e;
    if (r == 0)
        r = json_next(json, &e); // '['
    if (r == 0)
        r = json_next(json, &e); // '{' of the first entry
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "labels"))
            *ret_format = DATASET_BDD100K;
        if (is_event_time(e.text))
            *ret_format = DATASET_FORMAT_UNSET;
        if (str_is(e.text, "labels") || str_is(e.text, "image_id") || is_event_time(e.text))
            break;
        r = json_next(json, &e);
        if (r == 0)
            r = json_skip(json, &e);
    }
    json_reader_destroy(json);
    if (r == ERR_NOMEM)
        return r;
    err_clear(); // as above
    return 0;
}

// ---- texts

// "nan" and "inf" too: the reader that they are meant for refuses them by line and column.
static bool is_number(struct str s)
{
    static const char *const not_finite[] = {"nan", "-nan", "inf", "+inf", "-inf", "infinity"};
    double number;
    bool is = str_to_double(s, &number) == 0;
    for (size_t i = 0; i < ARRAY_LEN(not_finite) && !is; i++)
        is = str_is_nocase(s, not_finite[i]);
    err_clear();
    return is;
}

static bool looks_like_mot(struct str head)
{
    struct str rest = head;
    struct str line;
    while (str_line(&rest, &line)) {
        struct str row = str_trim(line);
        if (row.n == 0)
            continue;
        size_t n_columns = 0;
        struct str part;
        while (n_columns < 6 && str_split(&row, ',', &part)) {
            if (!is_number(str_trim(part)))
                return false;
            n_columns++;
        }
        return n_columns >= 6;
    }
    return false;
}

enum {
    KITTI_FIELDS = 15,  // and a score
    TRACKED_FIELDS = 17 // frame and track before them; and a score
};

// By the words of the first line that has any.
static enum dataset_format words_format(struct str head)
{
    struct str line;
    struct str word;
    while (str_line(&head, &line)) {
        size_t n = 0;
        size_t n_numbers = 0;
        bool first_is_number = false;
        while (next_word(&line, &word)) {
            bool number = is_number(word);
            first_is_number |= n == 0 && number;
            n_numbers += number;
            n++;
        }
        if (n == 0)
            continue;
        if ((n == KITTI_FIELDS || n == KITTI_FIELDS + 1) && n_numbers == n - 1 && !first_is_number)
            return DATASET_KITTI;
        if ((n == TRACKED_FIELDS || n == TRACKED_FIELDS + 1) && n_numbers == n - 1 &&
            first_is_number)
            return DATASET_KITTI;
        if (n == 6 && n_numbers >= 5)
            return DATASET_TEXT;
        if (n == 5 && n_numbers == 5)
            return DATASET_YOLO;
        return n >= 7 && n % 2 == 1 && n_numbers == n ? DATASET_YOLO : DATASET_FORMAT_UNSET;
    }
    return DATASET_FORMAT_UNSET;
}

static enum dataset_format csv_format(struct str head)
{
    struct str line;
    if (!str_line(&head, &line))
        return DATASET_FORMAT_UNSET;
    if (str_starts(line, "ImageID,") || str_starts(line, "\"ImageID\","))
        return DATASET_OPENIMAGES;
    if (str_starts(line, "\"image\",\"xmin\",") || str_starts(line, "image,xmin,"))
        return DATASET_VOTT;
    if (str_starts(line, "frame,pts_us,"))
        return DATASET_CSV;
    return DATASET_FORMAT_UNSET;
}

static size_t end_of_comment(struct str text, size_t at)
{
    const char *end = memmem(text.p + at, text.n - at, "-->", 3);
    return end ? (size_t)(end - text.p) : text.n;
}

// By the root element; what stands before it (declaration, comments) is passed over.
static enum dataset_format xml_format(struct str head)
{
    for (size_t i = 0; i + 1 < head.n; i++) {
        struct str rest = {head.p + i, head.n - i};
        if (str_starts(rest, "<!--")) {
            i = end_of_comment(head, i);
            continue;
        }
        if (head.p[i] != '<' || head.p[i + 1] == '?' || head.p[i + 1] == '!')
            continue;
        if (str_starts(rest, "<annotations"))
            return DATASET_CVAT;
        return str_starts(rest, "<annotation") ? DATASET_VOC : DATASET_FORMAT_UNSET;
    }
    return DATASET_FORMAT_UNSET;
}

static bool is_data_yaml(const char *path)
{
    return path_has_ending(path, ".yaml") || path_has_ending(path, ".yml");
}

static int recognise_text(const struct dataset_input *in, struct str text,
                          enum dataset_format *ret_format)
{
    enum dataset_format f = DATASET_FORMAT_UNSET;
    if (text.p[0] == '<')
        f = xml_format(text);
    else if (is_data_yaml(in->path) || path_is(in->path, "obj.data"))
        f = DATASET_YOLO;
    else if (looks_like_mot(text))
        f = DATASET_MOT;
    if (f == DATASET_FORMAT_UNSET)
        f = csv_format(text);
    if (f == DATASET_FORMAT_UNSET)
        f = words_format(text);
    if (f == DATASET_FORMAT_UNSET)
        return err_set(ERR_UNSUPPORTED,
                       "'%s' is no format known here: COCO, BDD100K or LabelMe JSON, .jsonl "
                       "detections, MOT, KITTI or YOLO text, Pascal VOC or CVAT XML, OpenImages or "
                       "VoTT CSV, the CSV of detect",
                       in->path);
    *ret_format = f;
    return 0;
}

int dataset_recognise_head(const struct dataset_input *in, enum dataset_format *ret_format)
{
    struct str head = {in->head, in->n_head};
    if (str_starts(head, "\xef\xbb\xbf"))
        head = (struct str){head.p + 3, head.n - 3};
    struct str text = str_trim(head);
    if (text.n == 0)
        return err_set(ERR_DATA, "'%s' is empty", in->path);
    if (file_is_lfs_pointer(in->head, in->n_head))
        return err_set(ERR_DATA,
                       "'%s' is a Git-LFS pointer, not the file itself: run 'git lfs pull'",
                       in->path);
    if (text.p[0] != '[' && text.p[0] != '{')
        return recognise_text(in, text, ret_format);
    int r =
        text.p[0] == '[' ? recognise_array(text, ret_format) : recognise_object(text, ret_format);
    if (r == 0 && *ret_format == DATASET_FORMAT_UNSET)
        return err_set(ERR_UNSUPPORTED,
                       "'%s' is a list of timed events, which evaluate --events judges and compare "
                       "--events compares",
                       in->path);
    return r;
}

// ---- folders

static bool is_names(const char *path)
{
    return path_is(path, "data.yaml") || path_is(path, "data.yml") || path_is(path, "obj.names") ||
           path_is(path, "obj.data") || path_is(path, "classes.txt") ||
           path_has_ending(path, ".names");
}

static bool is_annotations(const char *path)
{
    return path_has_ending(path, ".xml") || path_has_ending(path, ".json") ||
           path_has_ending(path, ".csv") || path_has_ending(path, ".txt") ||
           path_has_ending(path, ".jsonl");
}

// Lists of pictures, read-mes and parts of other formats.
static bool is_other_text(const char *path)
{
    static const char *const names[] = {"readme.txt", "labelmap.txt", "labels.txt", "train.txt",
                                        "val.txt",    "test.txt",     "classes.txt"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (path_is(path, names[i]))
            return true;
    }
    return strstr(path, "/ImageSets/") != NULL;
}

int dataset_recognise_folder(const struct file_list *files, enum dataset_format *ret_format)
{
    enum dataset_format found = DATASET_FORMAT_UNSET;
    bool has_names = false;
    bool has_labels = false;
    size_t n_empty = 0;
    for (size_t i = 0; i < files->n; i++) {
        has_names |= is_names(files->paths[i]);
        if (path_is(files->paths[i], "gt.txt"))
            found = DATASET_MOT;
        has_labels |= str_ends(str_of(files->paths[i]), "/gt/labels.txt");
    }
    if (found == DATASET_MOT && has_labels)
        found = DATASET_MOT_CVAT;
    for (size_t i = 0; i < files->n && found == DATASET_FORMAT_UNSET; i++) {
        const char *path = files->paths[i];
        if (!is_annotations(path) || is_other_text(path))
            continue;
        struct dataset_input in;
        int r = dataset_input_open(path, &in);
        if (r < 0)
            return r;
        n_empty += in.n_head == 0;
        r = dataset_recognise_head(&in, &found);
        dataset_input_close(&in);
        if (r == ERR_NOMEM || r == ERR_IO || r == ERR_DENIED)
            return r;
        if (r < 0)
            err_clear(); // an empty text is a picture without objects; another file will tell
    }
    // With a list of names beside them, six numbers are predictions of YOLO too.
    if (found == DATASET_FORMAT_UNSET && has_names && n_empty > 0)
        found = DATASET_YOLO;
    *ret_format = found;
    return 0;
}
