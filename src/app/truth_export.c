// SPDX-License-Identifier: Apache-2.0
// truth_export.c - a truth in another format, as one file.

#include "app/truth_export.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "base/err.h"
#include "blob/archive.h"
#include "blob/blob.h"
#include "dataset/dataset.h"
#include "dataset/write.h"

enum {
    MAX_DEPTH = 8, // of a format's folders
    FOLDER_BYTES = BLOB_PATH_BYTES + 8,
};

static const char *const endings[DATASET_N_FORMATS] = {
    [DATASET_COCO] = "json",      [DATASET_MOT] = "txt",      [DATASET_JSONL] = "jsonl",
    [DATASET_CVAT] = "xml",       [DATASET_BDD100K] = "json", [DATASET_KITTI] = "txt",
    [DATASET_OPENIMAGES] = "csv",
};

static int format_of(const char *name, enum dataset_format *ret)
{
    for (int i = 1; i < DATASET_N_FORMATS; i++) {
        if (strcmp(dataset_format_name((enum dataset_format)i), name) == 0) {
            *ret = (enum dataset_format)i;
            return 0;
        }
    }
    return err_set(ERR_INVALID, "no format '%.40s'", name);
}

// ---- a folder as a tar

struct packing {
    struct archive_out *out;
    char path[4096]; // of what is packed now
    size_t n_root;   // of it: the folder's own path and a slash
};

static int pack_file(struct packing *p)
{
    struct stat st;
    int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set_errno(errno, "%s: cannot be read", p->path);
    int r = fstat(fd, &st) == 0 ? archive_out_file(p->out, p->path + p->n_root, fd, st.st_size)
                                : err_set_errno(errno, "%s: cannot be read", p->path);
    close(fd);
    return r;
}

static int pack_folder(struct packing *p, int depth);

static int pack_entry(struct packing *p, const struct dirent *e, int depth)
{
    struct stat st;
    size_t n = strlen(p->path);
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
        return 0;
    if ((size_t)snprintf(p->path + n, sizeof(p->path) - n, "/%s", e->d_name) >= sizeof(p->path) - n)
        return err_set(ERR_TOO_BIG, "a name in the folder is too long");
    int r = lstat(p->path, &st) == 0 ? 0 : err_set_errno(errno, "%s: cannot be read", p->path);
    if (r == 0)
        r = S_ISDIR(st.st_mode) ? pack_folder(p, depth + 1) : pack_file(p);
    p->path[n] = '\0';
    return r;
}

// In the order of names, so that the same truth gives the same archive.
static int pack_folder(struct packing *p, int depth)
{
    struct dirent **entries;
    int r = 0;
    if (depth > MAX_DEPTH)
        return err_set(ERR_TOO_BIG, "%s: too many folders in folders", p->path);
    int n = scandir(p->path, &entries, NULL, alphasort);
    if (n < 0)
        return err_set_errno(errno, "%s: cannot be read", p->path);
    for (int i = 0; i < n; i++) {
        if (r == 0)
            r = pack_entry(p, entries[i], depth);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int pack(const char *folder, const char *out_path)
{
    struct packing p = {.n_root = strlen(folder) + 1};
    int r = archive_out_open(out_path, &p.out);
    if (r < 0)
        return r;
    snprintf(p.path, sizeof(p.path), "%s", folder);
    r = pack_folder(&p, 0);
    if (r == 0)
        return archive_out_commit(&p.out);
    archive_out_abort(&p.out);
    return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int write_packed(const struct dataset *d, const struct dataset_write_opts *opts,
                        const char *out_path)
{
    struct dataset_losses losses = {.n = 0};
    char folder[FOLDER_BYTES];
    snprintf(folder, sizeof(folder), "%s.d", out_path);
    int r = dataset_write(d, folder, opts, &losses);
    if (r == 0)
        r = pack(folder, out_path);
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS); // what it leaves goes at the start
    return r;
}

// Formats of shares of a picture need its size, which not every truth says.
static void fill_sizes(struct dataset *d, const struct api_export_wanted *w)
{
    for (size_t i = 0; i < d->n_pictures; i++) {
        if (d->pictures[i].width <= 0 || d->pictures[i].height <= 0) {
            d->pictures[i].width = w->width;
            d->pictures[i].height = w->height;
        }
    }
}

int truth_export(const struct api_export_wanted *w, const char **ret_ending)
{
    struct dataset *d;
    struct dataset_losses losses = {.n = 0};
    struct dataset_write_opts opts = {.role = DATASET_TRUTH};
    int r = format_of(w->format, &opts.format);
    if (r == 0)
        r = dataset_read(w->path, DATASET_TRUTH, DATASET_COCO, NULL, &d);
    if (r < 0)
        return r;
    fill_sizes(d, w);
    bool is_folder = dataset_format_is_folder(opts.format, d);
    r = is_folder ? write_packed(d, &opts, w->out_path)
                  : dataset_write(d, w->out_path, &opts, &losses);
    dataset_destroy(d);
    if (r == 0)
        *ret_ending = is_folder ? "tar" : endings[opts.format] ? endings[opts.format] : "txt";
    return r;
}
