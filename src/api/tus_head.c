// SPDX-License-Identifier: Apache-2.0
// tus_head.c - the header fields of tus 1.0.

#include "api/tus_head.h"

#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"

enum {
    MAX_KEYS = 32,
};

int tus_check_version(struct request *q)
{
    const char *version = request_header(q, "Tus-Resumable");
    reply_header(q, "Tus-Resumable", TUS_VERSION);
    if (version && strcmp(version, TUS_VERSION) == 0)
        return 0;
    reply_header(q, "Tus-Version", TUS_VERSION);
    return reply_error(q, 412, "PRECONDITION_FAILED",
                       "Tus-Resumable: uploads here speak tus " TUS_VERSION);
}

int tus_number(struct request *q, const char *name, int64_t *ret_value)
{
    const char *text = request_header(q, name);
    int64_t v;
    if (!text)
        return err_set(ERR_INVALID, "%s: the header is needed", name);
    if (str_to_i64(str_of(text), &v) < 0 || v < 0)
        return err_set(ERR_INVALID, "%s: '%.40s' is no whole number", name, text);
    *ret_value = v;
    return 0;
}

void tus_expires(struct request *q, int64_t expires_at_us)
{
    reply_date(q, "Upload-Expires", expires_at_us / 1000000);
}

// ---- metadata: "filename bXkubXA0,kind dmlkZW8=,is_private"

static const struct known {
    const char *key;
    size_t offset;
} known[] = {
    {"content_type", offsetof(struct tus_metadata, content_type)},
    {"filename", offsetof(struct tus_metadata, file_name)},
    {"filetype", offsetof(struct tus_metadata, content_type)},
    {"format", offsetof(struct tus_metadata, format)},
    {"kind", offsetof(struct tus_metadata, kind)},
    {"name", offsetof(struct tus_metadata, name)},
    {"project_id", offsetof(struct tus_metadata, project_id)},
    {"video_id", offsetof(struct tus_metadata, video_id)},
};

static bool is_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = str_utf8_length((struct str){p + i, n - i});
        if (k == 0 || (unsigned char)p[i] < ' ' || p[i] == 0x7f)
            return false;
        i += k;
    }
    return true;
}

static int keep_value(struct request *q, struct str key, struct str value, struct tus_metadata *ret)
{
    size_t n = 0;
    char *bytes = arena_alloc(request_arena(q), value.n + 1, 1);
    if (!bytes)
        return ERR_NOMEM;
    if (!base64_decode(value, bytes, value.n, &n))
        return err_set(ERR_INVALID, "Upload-Metadata: the value of '" STR_FMT "' is no base64",
                       STR_ARG(key));
    bytes[n] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_is(key, known[i].key))
            continue;
        if (n > STORE_NAME_MAX || !is_text(bytes, n))
            return err_set(ERR_INVALID,
                           "Upload-Metadata: '" STR_FMT "' is no text of up to %d bytes",
                           STR_ARG(key), STORE_NAME_MAX);
        *(const char **)(void *)((char *)ret + known[i].offset) = bytes;
    }
    return 0;
}

static int keep_pair(struct request *q, struct str pair, struct str *keys, size_t *n_keys,
                     struct tus_metadata *ret)
{
    struct str rest = str_trim(pair);
    struct str key = {NULL, 0};
    if (!str_split(&rest, ' ', &key) || key.n == 0)
        return err_set(ERR_INVALID, "Upload-Metadata: a key is empty");
    if (*n_keys == MAX_KEYS)
        return err_set(ERR_INVALID, "Upload-Metadata: more than %d keys", MAX_KEYS);
    for (size_t i = 0; i < *n_keys; i++)
        if (str_equal(keys[i], key))
            return err_set(ERR_INVALID, "Upload-Metadata: '" STR_FMT "' stands there twice",
                           STR_ARG(key));
    keys[(*n_keys)++] = key;
    return rest.n > 0 ? keep_value(q, key, rest, ret) : 0;
}

int tus_metadata(struct request *q, const char *text, struct tus_metadata *ret)
{
    struct tus_metadata m = {.text = text};
    struct str rest = str_of(text);
    struct str keys[MAX_KEYS];
    struct str pair;
    size_t n_keys = 0;
    if (rest.n > STORE_TEXT_MAX)
        return err_set(ERR_TOO_BIG, "Upload-Metadata: more than %d bytes", STORE_TEXT_MAX);
    while (rest.n > 0 && str_split(&rest, ',', &pair)) {
        int r = keep_pair(q, pair, keys, &n_keys, &m);
        if (r < 0)
            return r;
    }
    *ret = m;
    return 0;
}

// ---- checksums: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="

int tus_checksum_begin(struct request *q, struct tus_checksum *ret)
{
    struct str rest = str_trim(str_of(request_header(q, "Upload-Checksum")));
    struct str name = {NULL, 0};
    size_t n = 0;
    *ret = (struct tus_checksum){.kind = TUS_SUM_NONE};
    if (rest.n == 0 || !str_split(&rest, ' ', &name))
        return 0;
    bool is_sha1 = str_is(name, "sha1");
    if (!is_sha1 && !str_is(name, "sha256"))
        return err_set(ERR_INVALID, "Upload-Checksum: '" STR_FMT "' is none of " TUS_CHECKSUMS,
                       STR_ARG(name));
    if (!base64_decode(rest, ret->wanted, sizeof(ret->wanted), &n) ||
        n != (size_t)(is_sha1 ? SHA1_BYTES : DIGEST_BYTES))
        return err_set(ERR_INVALID, "Upload-Checksum: '" STR_FMT "' is no " STR_FMT " in base64",
                       STR_ARG(rest), STR_ARG(name));
    ret->kind = is_sha1 ? TUS_SUM_SHA1 : TUS_SUM_SHA256;
    sha1_init(&ret->sha1);
    digest_init(&ret->sha256);
    return 0;
}

void tus_checksum_add(struct tus_checksum *c, const void *bytes, size_t n)
{
    if (c->kind == TUS_SUM_SHA1)
        sha1_add(&c->sha1, bytes, n);
    else if (c->kind == TUS_SUM_SHA256)
        digest_add(&c->sha256, bytes, n);
}

bool tus_checksum_holds(struct tus_checksum *c)
{
    unsigned char sum[DIGEST_BYTES];
    if (c->kind == TUS_SUM_NONE)
        return true;
    if (c->kind == TUS_SUM_SHA1)
        sha1_end(&c->sha1, sum);
    else
        digest_end(&c->sha256, sum);
    return memcmp(sum, c->wanted, c->kind == TUS_SUM_SHA1 ? SHA1_BYTES : DIGEST_BYTES) == 0;
}
