// SPDX-License-Identifier: Apache-2.0
// frame_at.c - seeks to a mark, counts from there.

#include "media/frame_at.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "vision/picture.h"

// The picture of that ordinal, owned. A mark that does not hold leaves *ret_picture* NULL.
static int find(const struct frame_at *f, const struct source_mark *mark,
                struct picture **ret_picture)
{
    struct source *s;
    const struct source_opts opts = {.path = f->path, .stop = f->stop};
    int r = source_open(&opts, &s);
    if (r < 0)
        return r;
    if (mark)
        r = source_seek(s, mark);
    struct picture *p = NULL;
    while (r == 0 && !(p && p->ordinal >= f->ordinal)) {
        picture_unref(&p);
        r = source_next(s, &p);
    }
    source_close(s);
    if (r == 0 && p->ordinal == f->ordinal) {
        *ret_picture = p;
        return 0;
    }
    picture_unref(&p);
    return r;
}

static int encode(const struct frame_at *f, const struct picture *p, struct str_buf *out)
{
    uint8_t *bytes;
    size_t n;
    int r;
    if (f->part.width > 0)
        r = picture_jpeg_window(p, &f->part, f->max_width, f->quality, &bytes, &n);
    else if (f->max_width > 0)
        r = picture_jpeg_scaled(p, f->max_width, f->quality, &bytes, &n);
    else
        r = picture_jpeg(p, f->quality, &bytes, &n);
    if (r < 0)
        return r;
    str_buf_add(out, bytes, n);
    mem_free(bytes);
    return str_buf_check(out);
}

int frame_at_jpeg(const struct frame_at *f, struct str_buf *out)
{
    struct picture *p = NULL;
    int r = ERR_UNSUPPORTED;
    if (f->mark && f->mark->ordinal <= f->ordinal)
        r = find(f, f->mark, &p);
    if (!p && (r == ERR_UNSUPPORTED || r == ERR_EOF || r == 0)) {
        err_clear();
        r = find(f, NULL, &p);
    }
    if (r == ERR_EOF || (r == 0 && !p))
        return err_set(ERR_NOT_FOUND, "%s: has no frame %lld", f->path, (long long)f->ordinal);
    if (r < 0)
        return r;
    r = encode(f, p, out);
    picture_unref(&p);
    return r;
}
