// SPDX-License-Identifier: Apache-2.0
// backup_manifest.c - manifest.json, written and read.

#include "app/backup_manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/store.h"

int backup_keys_add(struct backup_keys *k, struct str key)
{
    char text[ID_BYTES] = {0};
    if (key.n == 0 || key.n >= ID_BYTES)
        return err_set(ERR_DATA, "'%.*s' is no key of a file", (int)MIN(key.n, (size_t)80), key.p);
    memcpy(text, key.p, key.n);
    if (k->n > 0 && strcmp(k->keys[k->n - 1], text) >= 0)
        return err_set(ERR_DATA, "the files are not in the order of their keys, or one twice");
    int r = MEM_GROW(k->keys, k->cap, k->n);
    if (r < 0)
        return r;
    memcpy(k->keys[k->n++], text, ID_BYTES);
    return 0;
}

void backup_manifest_write(const struct backup_manifest *m, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "assay", ASSAY_VERSION);
    json_put_int(&w, "schema", store_schema_newest());
    json_put_int(&w, "created_at_us", clock_wall_us());
    json_put_int(&w, "blobs", m->n_blobs);
    json_put_int(&w, "bytes", m->n_bytes);
    json_put_text(&w, "database_sha256", m->database_sha256);
    json_key(&w, "missing");
    json_array(&w);
    for (size_t i = 0; i < m->missing.n; i++)
        json_cstring(&w, m->missing.keys[i]);
    json_end(&w);
    json_end(&w);
}

static int read_missing(struct json_reader *j, struct backup_manifest *m)
{
    struct json_event e;
    int r = json_next(j, &e);
    if (r == 0 && e.type != JSON_ARRAY)
        return json_error(j, "'missing' is no array");
    while (r == 0 && (r = json_next(j, &e)) == 0 && e.type != JSON_ARRAY_END)
        r = e.type == JSON_STRING ? backup_keys_add(&m->missing, e.text)
                                  : json_error(j, "'missing' holds something else than keys");
    return r;
}

static int read_count(struct json_reader *j, const char *name, int64_t *ret)
{
    struct json_event e;
    int r = json_next(j, &e);
    if (r == 0 && (e.type != JSON_NUMBER || !e.is_integer || e.integer < 0))
        return json_error(j, "'%s' is no count", name);
    if (r == 0)
        *ret = e.integer;
    return r;
}

static int read_digest(struct json_reader *j, char ret[BACKUP_SHA256_BYTES])
{
    struct json_event e;
    int r = json_next(j, &e);
    if (r == 0 && (e.type != JSON_STRING || e.text.n != BACKUP_SHA256_BYTES - 1))
        return json_error(j, "'database_sha256' is no digest");
    if (r == 0)
        memcpy(ret, e.text.p, e.text.n);
    return r;
}

static int read_members(struct json_reader *j, struct backup_manifest *m)
{
    struct json_event e;
    int r = json_next(j, &e);
    if (r == 0 && e.type != JSON_OBJECT)
        return json_error(j, "no manifest of a backup");
    while (r == 0 && (r = json_next(j, &e)) == 0 && e.type != JSON_OBJECT_END) {
        if (str_is(e.text, "blobs")) {
            m->has_blobs = true;
            r = read_count(j, "blobs", &m->n_blobs);
        } else if (str_is(e.text, "database_sha256")) {
            r = read_digest(j, m->database_sha256);
        } else if (str_is(e.text, "missing")) {
            r = read_missing(j, m);
        } else {
            r = json_skip(j, &e);
        }
    }
    return r == 0 && m->has_blobs && !m->database_sha256[0]
               ? json_error(j, "'database_sha256' is not there")
               : r;
}

int backup_manifest_read(struct str text, struct backup_manifest *m)
{
    const struct json_reader_opts opts = {.text = text, .name = BACKUP_MANIFEST};
    struct json_reader *j;
    int r = json_reader_create(&opts, &j);
    if (r < 0)
        return r;
    r = read_members(j, m);
    json_reader_destroy(j);
    return r;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool backup_manifest_misses(const struct backup_manifest *m, const char *key)
{
    return m->missing.n > 0 && bsearch(key, m->missing.keys, m->missing.n, ID_BYTES, compare_keys);
}

void backup_manifest_finish(struct backup_manifest *m)
{
    mem_free(m->missing.keys);
    *m = (struct backup_manifest){0};
}
