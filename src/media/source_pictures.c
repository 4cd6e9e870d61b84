// SPDX-License-Identifier: Apache-2.0
// source_pictures.c - picture files, one after the other, as a source.
//
// INVARIANTS
// (1) A picture's ordinal is its file's place in the list, also after files that cannot be decoded.
// (2) Files that stride, start and end leave out are counted as decoded and skipped, and not read.
// (3) Pictures have no times: they stand 40 ms apart, the rate that players take for them.

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "media/media_priv.h"
#include "media/picture_file.h"
#include "media/picture_list.h"
#include "media/probe.h"
#include "vision/picture.h"

enum {
    PICTURE_US = 40000,
    PICTURES_PER_S = 25,
};

struct pictures {
    struct picture_list list;
    struct picture_decoder *decoder;
    size_t next;           // index of the one to step to
    struct picture *first; // decoded by open to know its size, until taken; or NULL
};

static void fill_info(struct source *s, const struct pictures *p, const struct picture_facts *facts)
{
    struct source_info *i = &s->info;
    i->kind = SOURCE_PICTURES;
    i->container = "pictures";
    i->codec = facts->codec ? facts->codec : "unknown";
    i->pixel_format = facts->pixel_format ? facts->pixel_format : "unknown";
    i->width = p->first ? p->first->width : 0;
    i->height = p->first ? p->first->height : 0;
    i->coded_width = facts->coded_width;
    i->coded_height = facts->coded_height;
    i->rotation = facts->rotation;
    i->frame_rate_num = PICTURES_PER_S;
    i->frame_rate_den = 1;
    i->time_base_num = 1;
    i->time_base_den = 1000000;
    i->n_frames_hint = (int64_t)p->list.n;
    i->duration_s = (double)p->list.n / PICTURES_PER_S;
}

static int pictures_open(struct source *s)
{
    struct pictures *p = mem_new(struct pictures);
    if (!p)
        return ERR_NOMEM;
    s->state = p;
    int r = picture_list_find(s->path, &p->list);
    if (r < 0)
        return r;
    r = picture_decoder_create(s->opts.max_pixels, &p->decoder);
    if (r < 0)
        return r;
    struct picture_facts facts = {0};
    r = picture_decode_file(p->decoder, p->list.paths[0], &p->first, &facts);
    // One bad picture among many does not spoil the source; next will count it.
    if (r < 0 && (p->list.n == 1 || r == ERR_NOMEM))
        return r;
    fill_info(s, p, &facts);
    return 0;
}

static int pictures_advance(struct source *s, int64_t *ret_pts_us)
{
    struct pictures *p = (struct pictures *)s->state;
    if (p->next >= p->list.n)
        return err_set(ERR_EOF, "%s: end", s->path);
    *ret_pts_us = (int64_t)p->next * PICTURE_US;
    p->next++;
    return 0;
}

static int pictures_take(struct source *s, int64_t pts_us, int64_t ordinal,
                         struct picture **ret_picture)
{
    struct pictures *p = (struct pictures *)s->state;
    struct picture *picture = ordinal == 0 ? p->first : NULL;
    if (picture) {
        p->first = NULL;
    } else {
        int r = picture_decode_file(p->decoder, p->list.paths[ordinal], &picture, NULL);
        if (r < 0)
            return r == ERR_NOMEM ? r : ERR_MEDIA; // this file only; its message stays
    }
    picture->pts_us = pts_us;
    picture->ordinal = ordinal;
    *ret_picture = picture;
    return 0;
}

static void pictures_close(struct source *s)
{
    struct pictures *p = (struct pictures *)s->state;
    if (!p)
        return;
    picture_unref(&p->first);
    picture_decoder_destroy(p->decoder);
    picture_list_finish(&p->list);
    mem_free(p);
    s->state = NULL;
}

static void pictures_describe(const struct source *s, struct probe_result *result)
{
    result->n_streams = 1;
    struct probe_stream *st = &result->streams[0];
    snprintf(st->type, sizeof(st->type), "video");
    snprintf(st->codec, sizeof(st->codec), "%s", s->info.codec);
    st->width = s->info.coded_width;
    st->height = s->info.coded_height;
}

const struct source_impl source_pictures = {
    .open = pictures_open,
    .advance = pictures_advance,
    .take = pictures_take,
    .close = pictures_close,
    .describe = pictures_describe,
};
