// SPDX-License-Identifier: Apache-2.0
// cmd_restore.c - assay restore: a backup put in the place of a server's data.
//
// Everything is unpacked beside the data and checked, digest by digest, before anything is
// replaced; the replacing itself is one rename, finished by whoever opens the data next should this
// process die (store_restore_finish()).

#include <errno.h>
#include <ftw.h>
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

struct restore_settings {
    bool replace;
};

static struct restore_settings settings;

// clang-format off
static const struct opt rows[] = {
    OPT_BOOL(struct restore_settings, "replace", replace, "data that is there already goes"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {
    {rows, &settings, NULL},
    {data_dir_options, &data_dir_settings, "Data"},
};

enum {
    READ_BYTES = 256 * 1024,
};

struct restore {
    const char *directory, *part, *ready, *database; // DATA, DATA/restore.part, ...
    struct archive_in *in;
    struct blob *blobs; // below part
    unsigned char *buffer;
    struct backup_manifest manifest;
    int64_t n_unpacked;       // blobs in the archive
    int64_t n_blobs, n_bytes; // that have a row and are there
    int64_t n_lacking;      // that have a row, and the manifest does not say that they are missing
    char lacking[ID_BYTES]; // the first of those
    bool has_database, has_manifest;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static int name_paths(struct restore *x, struct arena *a, const char *directory)
{
    x->directory = directory;
    x->part = arena_printf(a, "%s/restore.part", directory);
    x->ready = arena_printf(a, "%s/restore.ready", directory);
    x->database = arena_printf(a, "%s/restore.part/assay.db", directory);
    x->buffer = arena_alloc(a, READ_BYTES, 1);
    return x->part && x->ready && x->database && x->buffer ? 0 : ERR_NOMEM;
}

// ---- unpacking

static int unpack_file(struct restore *x, const char *path)
{
    struct file_out *out;
    size_t n = 1;
    int r = file_out_open(path, &out);
    if (r < 0)
        return r;
    while (r == 0 && n > 0) {
        r = archive_in_read(x->in, x->buffer, READ_BYTES, &n);
        if (r == 0)
            r = file_out_write(out, x->buffer, n);
    }
    if (r == 0)
        return file_out_commit(&out);
    file_out_abort(&out);
    return r;
}

static int unpack_blob(struct restore *x, const struct archive_entry *e, const char *key)
{
    struct blob_writer *w;
    struct blob_info info;
    size_t n = 1;
    int r = blob_writer_create(x->blobs, e->n_bytes, &w);
    if (r < 0)
        return r;
    while (r == 0 && n > 0) {
        r = archive_in_read(x->in, x->buffer, READ_BYTES, &n);
        if (r == 0)
            r = blob_write(w, x->buffer, n);
    }
    if (r == 0)
        return blob_writer_commit_as(&w, key, &info);
    blob_writer_abort(&w);
    return r;
}

// "KEY.int8.json", which stands behind its blob.
static int unpack_calibration(struct restore *x, struct str name)
{
    char key[ID_BYTES];
    char path[BLOB_PATH_BYTES];
    if (name.n - strlen(BLOB_INT8_SUFFIX) >= ID_BYTES)
        return err_set(ERR_DATA, "%.80s: no calibration of a model here", name.p);
    snprintf(key, sizeof(key), "%.*s", (int)(name.n - strlen(BLOB_INT8_SUFFIX)), name.p);
    int r = blob_temp_path(x->blobs, ".json", path);
    if (r == 0)
        r = unpack_file(x, path);
    return r == 0 ? blob_put_beside(x->blobs, key, BLOB_INT8_SUFFIX, path) : r;
}

static int read_manifest(struct restore *x, const char *from)
{
    struct str_buf text = STR_BUF_INIT(BACKUP_MANIFEST_MAX);
    size_t n = 1;
    int r = x->has_manifest ? err_set(ERR_DATA, "%s: two manifests", from) : 0;
    x->has_manifest = true;
    while (r == 0 && n > 0) {
        r = archive_in_read(x->in, x->buffer, READ_BYTES, &n);
        if (r == 0)
            str_buf_add(&text, x->buffer, n);
        if (r == 0)
            r = str_buf_check(&text);
    }
    if (r == 0) {
        r = backup_manifest_read(str_buf_view(&text), &x->manifest);
        r = r < 0 ? err_prefix(r, "%s", from) : 0;
    }
    str_buf_finish(&text);
    return r;
}

// The archive has what it says it has: a part that is gone as a whole is no damage to the rest.
static int check_parts(const struct restore *x, const char *from)
{
    if (!x->has_database)
        return err_set(ERR_DATA, "%s: no backup: it has no assay.db", from);
    if (!x->has_manifest)
        return err_set(ERR_DATA, "%s: no backup: it has no " BACKUP_MANIFEST, from);
    return 0;
}

static int unpack(struct restore *x, const char *from)
{
    struct archive_entry e;
    int r;
    while ((r = archive_in_next(x->in, &e)) == 0) {
        if (strcmp(e.name, "assay.db") == 0) {
            x->has_database = true;
            r = unpack_file(x, x->database);
        } else if (str_starts(str_of(e.name), "blobs/") &&
                   str_ends(str_of(e.name), BLOB_INT8_SUFFIX)) {
            r = unpack_calibration(x, str_of(e.name + strlen("blobs/")));
        } else if (str_starts(str_of(e.name), "blobs/")) {
            x->n_unpacked++;
            r = unpack_blob(x, &e, e.name + strlen("blobs/"));
        } else if (strcmp(e.name, BACKUP_MANIFEST) == 0) {
            r = read_manifest(x, from);
        } else {
            r = err_set(ERR_DATA, "%s: '%s' is no part of a backup", from, e.name);
        }
        if (r < 0)
            return r;
    }
    return r == ERR_EOF ? check_parts(x, from) : r;
}

// ---- checking and replacing

static int check_blob(void *arg, const struct store_blob *blob)
{
    struct restore *x = arg;
    char path[BLOB_PATH_BYTES];
    char sha256[65];
    int r = blob_path(x->blobs, blob->key, path);
    if (r == ERR_NOT_FOUND && backup_manifest_misses(&x->manifest, blob->key)) {
        log_warning(NULL, "%s in the backup: it was lost before", err_message(r));
        return 0;
    }
    if (r == ERR_NOT_FOUND) {
        if (x->n_lacking++ == 0)
            snprintf(x->lacking, sizeof(x->lacking), "%s", blob->key);
        return 0;
    }
    if (r == 0)
        r = file_sha256(path, sha256);
    if (r == 0 && strcmp(sha256, blob->sha256) != 0)
        r = err_set(ERR_DATA, "blob '%s' is damaged: its sha256 is not the one recorded",
                    blob->key);
    x->n_blobs++;
    x->n_bytes += blob->n_bytes;
    return r;
}

// A bit that turned over in a row is still a whole database.
static int check_database(const struct restore *x, const char *from)
{
    char sha256[BACKUP_SHA256_BYTES];
    const char *recorded = x->manifest.database_sha256;
    int r = *recorded ? file_sha256(x->database, sha256) : 0;
    if (r == 0 && *recorded && strcmp(sha256, recorded) != 0)
        r = err_set(ERR_DATA,
                    "%s: its assay.db is damaged: its sha256 is not the one in the manifest", from);
    return r;
}

// Earlier versions did not write what there was: what is lacking may have been lost before.
static void tell_unknown(const struct restore *x, const char *from)
{
    log_warning(NULL, "%s: made by an earlier version: it cannot be told whether files are lacking",
                from);
    if (x->n_lacking > 0)
        log_warning(NULL, "%s: %" PRId64 " of %" PRId64 " files are not in it, the first is '%s'",
                    from, x->n_lacking, x->n_lacking + x->n_blobs, x->lacking);
}

static int check_all(struct restore *x, const char *from)
{
    int r = check_database(x, from);
    if (r == 0)
        r = store_backup_check(x->database, check_blob, x);
    if (r < 0)
        return r;
    if (!x->manifest.has_blobs) {
        tell_unknown(x, from);
        return 0;
    }
    if (x->n_lacking > 0)
        return err_set(ERR_DATA,
                       "%s: incomplete: %" PRId64 " of its %" PRId64
                       " files are not in it, the first is blob '%s'",
                       from, x->n_lacking, x->n_lacking + x->n_blobs, x->lacking);
    if (x->n_unpacked != x->manifest.n_blobs)
        return err_set(ERR_DATA, "%s: its manifest says %" PRId64 " files, and it has %" PRId64,
                       from, x->manifest.n_blobs, x->n_unpacked);
    return 0;
}

static int make_part(struct restore *x)
{
    nftw(x->part, remove_one, 16, FTW_DEPTH | FTW_PHYS); // of a restore that died
    const struct blob_opts opts = {.directory = x->part};
    return blob_open(&opts, &x->blobs);
}

static int replace(struct restore *x, const char *from, int lock)
{
    int r = make_part(x);
    if (r == 0)
        r = archive_in_open(from, &x->in);
    if (r == 0)
        r = unpack(x, from);
    if (r == 0)
        r = check_all(x, from);
    if (r == 0 && rename(x->part, x->ready) < 0)
        r = err_set_errno(errno, "%s", x->ready);
    if (r == 0)
        r = store_restore_finish(x->directory, lock);
    archive_in_close(x->in);
    blob_close(x->blobs);
    if (r < 0)
        nftw(x->part, remove_one, 16, FTW_DEPTH | FTW_PHYS); // what was there is as it was
    return r;
}

static int check_free(const struct restore *x, struct arena *a)
{
    const char *database = arena_printf(a, "%s/assay.db", x->directory);
    if (!database)
        return ERR_NOMEM;
    if (file_exists(database) && !settings.replace)
        return err_set(ERR_EXISTS,
                       "%s: there is data of a server already: --replace puts the "
                       "backup in its place",
                       x->directory);
    return 0;
}

static int restore(struct restore *x, struct arena *a, const char *from)
{
    int lock = -1;
    int r = store_make_directory(x->directory);
    if (r == 0)
        r = store_lock(x->directory, &lock);
    if (r == 0)
        r = store_restore_finish(x->directory, lock); // one that died when it was nearly done
    if (r == 0)
        r = check_free(x, a);
    if (r == 0)
        r = replace(x, from, lock);
    if (lock >= 0)
        close(lock);
    return r;
}

static int run(const struct app_call *call)
{
    struct restore x = {0};
    const char *directory;
    if (call->n_arguments != 1)
        return app_usage_error(&command_restore, "one FILE is needed");
    int r = data_dir(call->arena, &directory);
    if (r == 0)
        r = name_paths(&x, call->arena, directory);
    if (r == 0)
        r = restore(&x, call->arena, call->arguments[0]);
    backup_manifest_finish(&x.manifest);
    if (r < 0)
        return app_fail(r);
    if (!call->is_quiet)
        log_info(NULL, "%s: the database and %" PRId64 " files of %.1f MB", directory, x.n_blobs,
                 (double)x.n_bytes / 1e6);
    return 0;
}

const struct command command_restore = {
    .name = "restore",
    .summary = "puts a backup in the place of a server's data",
    .usage = "FILE [--data DIR] [--replace]",
    .details =
        "Refuses while a server holds the data, and where there is data unless --replace is\n"
        "given. The backup is unpacked beside the data and checked as a whole before anything\n"
        "is replaced: a file that is missing or has another digest than was recorded is an\n"
        "error. \"-\" reads standard input.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
