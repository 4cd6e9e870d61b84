// SPDX-License-Identifier: Apache-2.0
// dataset.c - which format a file has, and its bytes from the start once more after that look.

#include "dataset/dataset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset_priv.h"
#include "dataset/import_priv.h"

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

void dataset_input_close(struct dataset_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    mem_free(in->head);
    in->head = NULL;
}

int dataset_input_open(const char *path, struct dataset_input *ret)
{
    struct dataset_input in = {.path = path};
    in.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (in.fd < 0)
        return err_set_errno(errno, "open '%s'", path);
    struct stat st;
    if (fstat(in.fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        dataset_input_close(&in);
        return err_set(ERR_INVALID, "'%s' is a directory, not a file of annotations", path);
    }
    in.head = mem_array(char, HEAD_BYTES);
    long got = in.head ? 1 : ERR_NOMEM;
    while (got > 0 && in.n_head < HEAD_BYTES) {
        got = read_some(&in, in.head + in.n_head, HEAD_BYTES - in.n_head);
        in.n_head += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        dataset_input_close(&in);
        return (int)got;
    }
    *ret = in;
    return 0;
}

// ---- formats

static const struct {
    const char *name;
    // One of the two.
    int (*read)(struct dataset_input *in, const struct dataset *truth,
                struct dataset **ret_dataset);
    bool is_import; // import.c knows its reader
} formats[DATASET_N_FORMATS] = {
    [DATASET_FORMAT_UNSET] = {"auto", NULL, false},
    [DATASET_COCO] = {"coco", dataset_read_coco, false},
    [DATASET_MOT] = {"mot", dataset_read_mot, false},
    [DATASET_JSONL] = {"jsonl", dataset_read_jsonl, false},
    [DATASET_BDD100K] = {"bdd100k", dataset_read_bdd, false},
    [DATASET_CVAT] = {"cvat", NULL, true},
    [DATASET_VOC] = {"voc", NULL, true},
    [DATASET_YOLO] = {"yolo", NULL, true},
    [DATASET_KITTI] = {"kitti", NULL, true},
    [DATASET_LABELME] = {"labelme", NULL, true},
    [DATASET_OPENIMAGES] = {"openimages", NULL, true},
    [DATASET_VOTT] = {"vott", NULL, true},
    [DATASET_MOT_CVAT] = {"mot-cvat", NULL, true},
    [DATASET_CSV] = {"csv", dataset_read_csv_own, false},
    [DATASET_TEXT] = {"text", NULL, true},
};

const char *dataset_format_name(enum dataset_format format)
{
    return formats[format].name;
}

// ---- reading

static int read_file(const char *path, const struct dataset_read_opts *opts,
                     struct dataset **ret_dataset)
{
    struct dataset_input in;
    int r = dataset_input_open(path, &in);
    if (r < 0)
        return r;
    enum dataset_format format = opts->format;
    if (format == DATASET_FORMAT_UNSET)
        r = dataset_recognise_head(&in, &format);
    bool is_import = r == 0 && formats[format].is_import;
    const bool is_ours = format == DATASET_JSONL || format == DATASET_CSV;
    if (r == 0 && is_ours && !opts->truth && opts->role != DATASET_TRUTH) {
        is_import = true; // on their own
    } else if (r == 0 && !is_import) {
        r = formats[format].read(&in, opts->truth, ret_dataset);
        if (r == 0)
            (*ret_dataset)->role = opts->truth ? DATASET_DETECTIONS : DATASET_TRUTH;
    }
    dataset_input_close(&in);
    struct file_list files = {0};
    if (is_import)
        r = file_list_read(path, &files);
    if (r == 0 && is_import)
        r = dataset_import(path, opts, format, &files, ret_dataset);
    file_list_finish(&files);
    return r;
}

int dataset_recognise(const char *path, enum dataset_format *ret_format)
{
    struct dataset_input in;
    int r = dataset_input_open(path, &in);
    if (r < 0)
        return r;
    r = dataset_recognise_head(&in, ret_format);
    dataset_input_close(&in);
    return r;
}

// The only JSON of a folder; NULL: there is none, or more.
static const char *only_json(const struct file_list *files)
{
    const char *found = NULL;
    for (size_t i = 0; i < files->n; i++) {
        if (!path_has_ending(files->paths[i], ".json"))
            continue;
        if (found)
            return NULL;
        found = files->paths[i];
    }
    return found;
}

// Formats that are one file: that file, or a folder of sequences.
static int read_sequences(const char *path, const struct file_list *files,
                          const struct dataset_read_opts *opts, enum dataset_format format,
                          struct dataset **ret_dataset)
{
    const char *json = format == DATASET_COCO ? only_json(files) : NULL;
    int r = json ? read_file(json, opts, ret_dataset)
                 : dataset_read_folder(path, opts->format, opts->truth, ret_dataset);
    if (r == 0)
        (*ret_dataset)->role = opts->truth ? DATASET_DETECTIONS : DATASET_TRUTH;
    return r;
}

static int read_folder(const char *path, const struct dataset_read_opts *opts,
                       struct dataset **ret_dataset)
{
    struct file_list files;
    int r = file_list_read(path, &files);
    if (r < 0)
        return r;
    enum dataset_format format = opts->format;
    if (format == DATASET_FORMAT_UNSET)
        r = dataset_recognise_folder(&files, &format);
    if (r == 0 && formats[format].is_import)
        r = dataset_import(path, opts, format, &files, ret_dataset);
    else if (r == 0)
        r = read_sequences(path, &files, opts, format, ret_dataset);
    file_list_finish(&files);
    return r;
}

int dataset_read_with(const char *path, const struct dataset_read_opts *opts,
                      struct dataset **ret_dataset)
{
    if (opts->role == DATASET_TRUTH && opts->truth)
        return err_set(ERR_INVALID, "'%s': detections are read beside their truth", path);
    int r = file_is_directory(path) ? read_folder(path, opts, ret_dataset)
                                    : read_file(path, opts, ret_dataset);
    if (r == ERR_TOO_BIG && !strstr(err_message(r), path)) // a limit met where no file is known
        return err_prefix(r, "'%s'", path);
    return r;
}

int dataset_read(const char *path, enum dataset_role role, enum dataset_format format,
                 const struct dataset *truth, struct dataset **ret_dataset)
{
    if ((role == DATASET_DETECTIONS) != (truth != NULL))
        return err_set(ERR_INVALID, "'%s': detections are read beside their truth", path);
    const struct dataset_read_opts opts = {.role = role, .format = format, .truth = truth};
    return dataset_read_with(path, &opts, ret_dataset);
}
