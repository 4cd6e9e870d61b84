// SPDX-License-Identifier: Apache-2.0
// page_pictures.c - pictures of a source as JPEG, for pages.

#include "app/page_pictures.h"

#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/annotate.h"
#include "media/source.h"
#include "vision/picture.h"

enum {
    JPEG_QUALITY = 72,
};

struct reading {
    const struct page_frame *frames;
    size_t n;
    const char *source; // base name
    bool is_files;      // the source is pictures, not a video
    struct page_pictures *pictures;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// "clip" and "clip.mp4" name the source "clip.mp4".
static bool is_of_source(const char *source, const char *video)
{
    const char *name = base_name(video);
    const char *dot = strrchr(source, '.');
    const size_t n = strlen(name);
    return strcmp(name, source) == 0 ||
           (dot && n == (size_t)(dot - source) && strncmp(name, source, n) == 0);
}

bool page_frame_is_picture(const struct page_frame *f, const struct picture *p, const char *source,
                           bool is_files)
{
    if (is_files && p->file && f->file_name)
        return strcmp(base_name(f->file_name), base_name(p->file)) == 0;
    if (f->video && !is_of_source(source, f->video))
        return false;
    if (f->pts_us != INT64_MIN)
        return f->pts_us == p->pts_us;
    return f->frame == p->ordinal;
}

static bool is_there(const struct page_pictures *p, int32_t picture)
{
    bool is = false;
    for (size_t i = 0; i < p->n; i++)
        is = is || p->items[i].picture == picture;
    return is;
}

static int take(struct reading *rd, const struct picture *p)
{
    struct page_pictures *s = rd->pictures;
    for (size_t i = 0; i < rd->n; i++) {
        const struct page_frame *f = &rd->frames[i];
        if (s->n == HTML_MAX_PICTURES || !page_frame_is_picture(f, p, rd->source, rd->is_files) ||
            is_there(s, f->picture))
            continue;
        uint8_t *jpeg;
        struct html_picture item = {.picture = f->picture, .width = p->width, .height = p->height};
        int r = picture_jpeg_scaled(p, HTML_PICTURE_WIDTH, JPEG_QUALITY, &jpeg, &item.n);
        if (r < 0)
            return r;
        item.jpeg = s->jpegs[s->n] = jpeg;
        s->items[s->n++] = item;
    }
    return 0;
}

static size_t count_pictures(const struct reading *rd)
{
    size_t n = 0;
    for (size_t i = 0; i < rd->n; i++) {
        bool is_first = true;
        for (size_t k = 0; k < i; k++)
            is_first = is_first && rd->frames[k].picture != rd->frames[i].picture;
        n += is_first;
    }
    return MIN(n, (size_t)HTML_MAX_PICTURES);
}

static int take_all(struct reading *rd, struct source *source)
{
    const size_t n_wanted = count_pictures(rd);
    rd->is_files = source_info(source)->kind == SOURCE_PICTURES;
    while (rd->pictures->n < n_wanted) {
        struct picture *p;
        int r = source_next(source, &p);
        if (r == ERR_EOF) {
            err_clear();
            return 0;
        }
        if (r < 0)
            return r;
        r = take(rd, p);
        picture_unref(&p);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_source(struct reading *rd, const struct source_opts *given)
{
    struct source *source;
    struct source_opts opts = *given;
    opts.live = false;
    int r = source_open(&opts, &source);
    if (r < 0)
        return r;
    r = take_all(rd, source);
    source_close(source);
    return r;
}

const char *page_pictures_read(const struct source_opts *source, const struct page_frame *frames,
                               size_t n, struct page_pictures *ret_pictures)
{
    *ret_pictures = (struct page_pictures){.n = 0};
    if (!source)
        return "There are no pictures here because no source was given: the boxes stand alone.";
    if (strstr(source->path, "://"))
        return "There are no pictures here: what comes over the network is not read twice.";
    if (n == 0)
        return NULL;
    struct reading rd = {
        .frames = frames, .n = n, .source = base_name(source->path), .pictures = ret_pictures};
    int r = read_source(&rd, source);
    if (r < 0) {
        log_warning(NULL, "%s: no pictures for the report, ignoring", err_message(r));
        err_clear();
    }
    return ret_pictures->n == count_pictures(&rd)
               ? NULL
               : "Pictures are missing here where the source did not give them a second time.";
}

void page_pictures_finish(struct page_pictures *p)
{
    for (size_t i = 0; i < p->n; i++)
        mem_free(p->jpegs[i]);
    p->n = 0;
}
