// SPDX-License-Identifier: Apache-2.0
// dataset.c - which format a file has, and its bytes from the start once more after that look.

#include "eval/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "eval/dataset_priv.h"

enum {
    HEAD_BYTES = 64 * 1024, // the format shows within them
};

// ---- input

static long read_some(struct dataset_input *in, void *ret_bytes, size_t n)
{
    for (;;) {
        ssize_t got = read(in->fd, ret_bytes, n);
        if (got >= 0)
            return (long)got;
        if (errno != EINTR)
            return err_set_errno(errno, "read '%s'", in->path);
    }
}

long dataset_input_read(void *arg, void *ret_bytes, size_t n)
{
    struct dataset_input *in = arg;
    if (in->at < in->n_head) {
        size_t part = MIN(n, in->n_head - in->at);
        memcpy(ret_bytes, in->head + in->at, part);
        in->at += part;
        return (long)part;
    }
    return read_some(in, ret_bytes, n);
}

static void input_close(struct dataset_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    mem_free(in->head);
    in->head = NULL;
}

static int input_open(const char *path, struct dataset_input *ret)
{
    struct dataset_input in = {.path = path};
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in.fd < 0)
        return err_set_errno(errno, "open '%s'", path);
    struct stat st;
    if (fstat(in.fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        input_close(&in);
        return err_set(ERR_INVALID, "'%s' is a directory, not a file of annotations", path);
    }
    in.head = mem_array(char, HEAD_BYTES);
    long got = in.head ? 1 : ERR_NOMEM;
    while (got > 0 && in.n_head < HEAD_BYTES) {
        got = read_some(&in, in.head + in.n_head, HEAD_BYTES - in.n_head);
        in.n_head += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        input_close(&in);
        return (int)got;
    }
    *ret = in;
    return 0;
}

// ---- recognition

// A document that begins with '{' is our detections if its first telling key is "type", COCO
// otherwise.
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

// Frames with labels are BDD100K's, anything else is COCO results.
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
        if (str_is(e.text, "labels") || str_is(e.text, "image_id"))
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
        double number;
        while (n_columns < 6 && str_split(&row, ',', &part)) {
            if (str_to_double(str_trim(part), &number) < 0) {
                err_clear();
                return false;
            }
            n_columns++;
        }
        return n_columns >= 6;
    }
    return false;
}

static int recognise(const struct dataset_input *in, enum dataset_format *ret_format)
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
    if (text.p[0] == '[')
        return recognise_array(text, ret_format);
    else if (text.p[0] == '{')
        return recognise_object(text, ret_format);
    else if (looks_like_mot(text))
        *ret_format = DATASET_MOT;
    else
        return err_set(
            ERR_UNSUPPORTED,
            "'%s' is no format known here: COCO JSON, MOT text, BDD100K JSON, or .jsonl detections",
            in->path);
    return 0;
}

int dataset_read(const char *path, enum dataset_role role, enum dataset_format format,
                 const struct dataset *truth, struct dataset **ret_dataset)
{
    static int (*const readers[])(struct dataset_input *, const struct dataset *,
                                  struct dataset **) = {
        [DATASET_COCO] = dataset_read_coco,
        [DATASET_MOT] = dataset_read_mot,
        [DATASET_JSONL] = dataset_read_jsonl,
        [DATASET_BDD100K] = dataset_read_bdd,
    };
    if ((role == DATASET_DETECTIONS) != (truth != NULL))
        return err_set(ERR_INVALID, "'%s': detections are read beside their truth", path);
    if (file_is_directory(path))
        return dataset_read_folder(path, format, truth, ret_dataset);
    struct dataset_input in;
    int r = input_open(path, &in);
    if (r < 0)
        return r;
    if (format == DATASET_FORMAT_UNSET)
        r = recognise(&in, &format);
    if (r == 0)
        r = readers[format](&in, truth, ret_dataset);
    input_close(&in);
    return r;
}
