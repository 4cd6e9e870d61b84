// SPDX-License-Identifier: Apache-2.0
// cmd_backup.c - assay backup: the data of a server, which may be running, as one file.
//
// The order is what makes the copy whole: first nothing is deleted any more, then the database is
// copied as it is at one moment, then the blobs which that copy needs.

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup_manifest.h"
#include "app/commands.h"
#include "app/data_dir.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "blob/archive.h"
#include "blob/blob.h"
#include "store/store.h"
#include "store/store_blob.h"

static const struct opt_set sets[] = {{data_dir_options, &data_dir_settings, "Data"}};

struct backup {
    struct blob *blobs;
    struct archive_out *out;
    struct backup_keys keys; // of the blobs that are there
    struct backup_manifest manifest;
};

static int add_manifest(const struct backup *b)
{
    struct str_buf text = STR_BUF_INIT(BACKUP_MANIFEST_MAX);
    backup_manifest_write(&b->manifest, &text);
    int r = str_buf_check(&text);
    if (r == 0)
        r = archive_out_bytes(b->out, BACKUP_MANIFEST, text.p, text.n);
    str_buf_finish(&text);
    return r;
}

// A file by its path, as *name*.
static int add_file(struct archive_out *out, const char *name, int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(ERR_IO, "%s: cannot be read", name);
    return archive_out_file(out, name, fd, (int64_t)st.st_size);
}

// How a model runs in 8 bits, where it was measured: the file beside its blob.
static int add_calibration(struct backup *b, const char *key)
{
    char name[ARCHIVE_NAME_BYTES];
    int fd;
    int64_t n_bytes;
    int r = blob_read_beside(b->blobs, key, BLOB_INT8_SUFFIX, &fd, &n_bytes);
    if (r == ERR_NOT_FOUND) {
        err_clear();
        return 0;
    }
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "blobs/%s%s", key, BLOB_INT8_SUFFIX);
    r = archive_out_file(b->out, name, fd, n_bytes);
    close(fd);
    return r;
}

// What there is to take, before the first byte is written.
static int note_blob(void *arg, const struct store_blob *blob)
{
    struct backup *b = arg;
    char path[BLOB_PATH_BYTES];
    int r = blob_path(b->blobs, blob->key, path);
    if (r == ERR_NOT_FOUND) { // was so before: the rest is worth having
        log_warning(NULL, "%s, and is not in the backup", err_message(r));
        return backup_keys_add(&b->manifest.missing, str_of(blob->key));
    }
    if (r < 0)
        return r;
    b->manifest.n_blobs++;
    b->manifest.n_bytes += blob->n_bytes;
    return backup_keys_add(&b->keys, str_of(blob->key));
}

static int add_blob(struct backup *b, const char *key)
{
    char name[ARCHIVE_NAME_BYTES];
    int fd;
    int64_t n_bytes;
    int r = blob_read(b->blobs, key, &fd, &n_bytes);
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "blobs/%s", key);
    r = archive_out_file(b->out, name, fd, n_bytes);
    close(fd);
    return r == 0 ? add_calibration(b, key) : r;
}

static int add_everything(struct backup *b, const char *database)
{
    int r = store_backup_check(database, note_blob, b);
    if (r == 0)
        r = file_sha256(database, b->manifest.database_sha256);
    if (r < 0)
        return r;
    FILE *f = fopen(database, "rb");
    if (!f)
        return err_set(ERR_IO, "%s: cannot be read", database);
    r = add_manifest(b);
    if (r == 0)
        r = add_file(b->out, "assay.db", fileno(f));
    fclose(f);
    for (size_t i = 0; r == 0 && i < b->keys.n; i++)
        r = add_blob(b, b->keys.keys[i]);
    return r;
}

static int write_archive(struct backup *b, const char *database, const char *path)
{
    int r = archive_out_open(path, &b->out);
    if (r < 0)
        return r;
    r = add_everything(b, database);
    if (r == 0)
        return archive_out_commit(&b->out);
    archive_out_abort(&b->out);
    return r;
}

// That there is a database: asking must not make one. Between a restore's last steps it may be of
// one moment and the files of another.
static int check_data(struct arena *a, const char *directory)
{
    const char *path = arena_printf(a, "%s/assay.db", directory);
    const char *ready = arena_printf(a, "%s/restore.ready", directory);
    if (!path || !ready)
        return ERR_NOMEM;
    if (file_exists(ready))
        return err_set(ERR_BUSY,
                       "%s: a restore is not finished: wait for it, or start the server, which "
                       "finishes one that died",
                       directory);
    return access(path, F_OK) == 0
               ? 0
               : err_set(ERR_NOT_FOUND, "%s: there is no data of a server", directory);
}

static int back_up(const char *directory, const char *to, struct backup *b)
{
    int hold = -1;
    bool is_made = false;
    char database[STORE_BACKUP_PATH_BYTES];
    int r = store_backup_path(directory, database);
    if (r < 0)
        return r;
    data_dir_clean(directory);
    r = blob_hold(directory, &hold);
    if (r == 0)
        r = blob_look(directory, &b->blobs);
    if (r == 0)
        r = store_backup(directory, database);
    is_made = r == 0;
    if (r == 0)
        r = write_archive(b, database, to);
    if (is_made)
        unlink(database);
    blob_close(b->blobs);
    blob_let_go(hold);
    return r;
}

static int run(const struct app_call *call)
{
    struct backup b = {0};
    const char *directory;
    if (call->n_arguments != 1)
        return app_usage_error(&command_backup, "one FILE is needed");
    const char *to = call->arguments[0];
    int r = data_dir(call->arena, &directory);
    if (r == 0)
        r = check_data(call->arena, directory);
    if (r == 0)
        r = data_dir_check_outside(call->arena, directory, to);
    if (r == 0)
        r = app_check_out(to, NULL, 0);
    if (r == 0)
        r = back_up(directory, to, &b);
    const struct backup_manifest done = {.n_blobs = b.manifest.n_blobs,
                                         .n_bytes = b.manifest.n_bytes};
    backup_manifest_finish(&b.manifest);
    mem_free(b.keys.keys);
    if (r < 0)
        return app_fail(r);
    if (!call->is_quiet)
        log_info(NULL, "%s: the database and %" PRId64 " files of %.1f MB", to, done.n_blobs,
                 (double)done.n_bytes / 1e6);
    return 0;
}

const struct command command_backup = {
    .name = "backup",
    .summary = "copies a server's data into one file, while it runs or not",
    .usage = "FILE [--data DIR]",
    .details =
        "The file is a tar archive: manifest.json, assay.db (a consistent copy of the\n"
        "database) and blobs/ (videos, models and how they run in 8 bits, reports). Uploads\n"
        "that are not finished and logins are not in it. \"-\" writes to standard output.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
