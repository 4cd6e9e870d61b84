// SPDX-License-Identifier: Apache-2.0
// compress.c - gzip for replies that shrink.

#include "http/http_priv.h"

#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    LEVEL = 2, // JSON shrinks to about a sixth; the levels above cost twice the time for a tenth
    GZIP_WINDOW = 16, // added to the window's bits: a gzip frame
    OUT_PIECE = 16 * 1024,
};

struct compressor {
    z_stream z;
    bool is_open;
};

bool compress_accepted(const struct request *q, const char *coding)
{
    struct str list = request_header_view(q, STR("Accept-Encoding"));
    return list.p && accept_lists(list, coding, true);
}

bool compress_pays(const struct request *q, const char *type)
{
    static const char *const kinds[] = {
        "text/",           "application/json",         "application/javascript",
        "application/xml", "application/x-ndjson",     "application/yaml",
        "image/svg+xml",   "application/problem+json",
    };
    if (!type || q->reply.no_compression ||
        (q->match.route && q->match.route->flags & ROUTE_NO_COMPRESSION))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strncmp(type, kinds[i], strlen(kinds[i])) == 0)
            return true;
    }
    return false;
}

static int begin(struct compressor *c, size_t n_bytes)
{
    // A small body needs no large window: its memory would cost more than the compression.
    int bits = n_bytes <= 4 * KIB ? 12 : n_bytes <= 32 * KIB ? 13 : 15;
    if (deflateInit2(&c->z, LEVEL, Z_DEFLATED, bits + GZIP_WINDOW, bits == 15 ? 8 : 6,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(ERR_NOMEM, "out of memory: gzip");
    c->is_open = true;
    return 0;
}

static int run(struct compressor *c, struct str in, int flush, struct str_buf *out)
{
    unsigned char piece[OUT_PIECE];
    union {
        const char *theirs;
        Bytef *z;
    } input = {.theirs = in.p}; // zlib takes no const pointer, and does not write
    c->z.next_in = input.z;
    c->z.avail_in = (uInt)in.n;
    do {
        c->z.next_out = piece;
        c->z.avail_out = sizeof(piece);
        if (deflate(&c->z, flush) == Z_STREAM_ERROR)
            return err_set(ERR_INTERNAL, "gzip: stream error");
        str_buf_add(out, piece, sizeof(piece) - c->z.avail_out);
    } while (c->z.avail_out == 0);
    return str_buf_check(out);
}

int compress_bytes(struct str in, struct str_buf *out)
{
    struct compressor c = {0};
    int r = begin(&c, in.n);
    if (r < 0)
        return r;
    r = run(&c, in, Z_FINISH, out);
    deflateEnd(&c.z);
    return r;
}

int compressor_create(struct compressor **ret_compressor)
{
    struct compressor *c = mem_new(struct compressor);
    if (!c)
        return ERR_NOMEM;
    int r = begin(c, SIZE_MAX);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_compressor = c;
    return 0;
}

void compressor_destroy(struct compressor *c)
{
    if (!c)
        return;
    if (c->is_open)
        deflateEnd(&c->z);
    mem_free(c);
}

int compressor_add(struct compressor *c, struct str in, bool is_last, struct str_buf *out)
{
    return run(c, in, is_last ? Z_FINISH : Z_NO_FLUSH, out);
}
