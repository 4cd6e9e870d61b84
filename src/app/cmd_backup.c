// SPDX-License-Identifier: Apache-2.0
// cmd_backup.c - assay backup: the data of a server, which may be running, as one file.
//
// The order is what makes the copy whole: first nothing is deleted any more, then the database is
// copied as it is at one moment, then the blobs which that copy needs.

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/data_dir.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "blob/archive.h"
#include "blob/blob.h"
#include "store/store.h"
#include "store/store_blob.h"

static const struct opt_set sets[] = {{data_dir_options, &data_dir_settings, NULL}};

struct backup {
    struct blob *blobs;
    struct archive_out *out;
    int64_t n_blobs, n_bytes, n_missing;
};

static int add_manifest(struct archive_out *out)
{
    struct str_buf text = STR_BUF_INIT(4 * KIB);
    struct json_writer w;
    json_writer_init(&w, &text);
    json_object(&w);
    json_key(&w, "assay");
    json_cstring(&w, ASSAY_VERSION);
    json_key(&w, "schema");
    json_int(&w, store_schema_newest());
    json_key(&w, "created_at_us");
    json_int(&w, clock_wall_us());
    json_end(&w);
    int r = str_buf_check(&text);
    if (r == 0)
        r = archive_out_bytes(out, "manifest.json", text.p, text.n);
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

static int add_blob(void *arg, const struct store_blob *blob)
{
    struct backup *b = arg;
    char name[ARCHIVE_NAME_BYTES];
    int fd;
    int64_t n_bytes;
    int r = blob_read(b->blobs, blob->key, &fd, &n_bytes);
    if (r == ERR_NOT_FOUND) { // was so before: the rest is worth having
        log_warning(NULL, "%s, and is not in the backup", err_message(r));
        b->n_missing++;
        return 0;
    }
    if (r < 0)
        return r;
    snprintf(name, sizeof(name), "blobs/%s", blob->key);
    r = archive_out_file(b->out, name, fd, n_bytes);
    close(fd);
    b->n_blobs++;
    b->n_bytes += n_bytes;
    return r == 0 ? add_calibration(b, blob->key) : r;
}

static int add_everything(struct backup *b, const char *database)
{
    FILE *f = fopen(database, "rb");
    if (!f)
        return err_set(ERR_IO, "%s: cannot be read", database);
    int r = add_manifest(b->out);
    if (r == 0)
        r = add_file(b->out, "assay.db", fileno(f));
    fclose(f);
    return r < 0 ? r : store_backup_check(database, add_blob, b);
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

// That there is a database: asking must not make one.
static int check_data(struct arena *a, const char *directory)
{
    const char *path = arena_printf(a, "%s/assay.db", directory);
    if (!path)
        return ERR_NOMEM;
    return access(path, F_OK) == 0
               ? 0
               : err_set(ERR_NOT_FOUND, "%s: there is no data of a server", directory);
}

static int back_up(const char *directory, const char *to, struct backup *b)
{
    int hold = -1;
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
    if (r == 0)
        r = write_archive(b, database, to);
    unlink(database);
    blob_close(b->blobs);
    if (hold >= 0)
        close(hold);
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
    if (r < 0)
        return app_fail(r);
    if (!call->is_quiet)
        log_info(NULL, "%s: the database and %" PRId64 " files of %.1f MB", to, b.n_blobs,
                 (double)b.n_bytes / 1e6);
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
