// SPDX-License-Identifier: Apache-2.0
// child_source.c - opens the source that the parent names, and letterboxes into shared slots.

#include "media/child_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "media/media_priv.h"
#include "media/remote_priv.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

struct served {
    int socket;
    struct remote_request request;
    size_t slot_bytes;
    uint8_t *slots;
    bool is_free[REMOTE_SLOTS];
    struct source *source;
    struct letterbox_scratch *scratch;
    int64_t next_counts_ns;
    bool parent_gone;
};

static int send_message(struct served *v, struct remote_message *m)
{
    if (v->source)
        m->counts = source_counts(v->source);
    int r = child_send_to(v->socket, m, sizeof(*m), -1);
    v->parent_gone = v->parent_gone || r == ERR_CLOSED;
    return r;
}

// A parent that waits while nothing is wanted (a large start or stride) learns that this goes on.
static void tell_counts(void *arg)
{
    struct served *v = (struct served *)arg;
    if (clock_now_ns() < v->next_counts_ns)
        return;
    v->next_counts_ns = clock_now_ns() + CLOCK_NS_PER_S;
    struct remote_message m = {.kind = REMOTE_COUNTS};
    if (send_message(v, &m) < 0)
        source_interrupt(v->source);
}

static void copy_text(char *ret_text, size_t n_bytes, const char *text)
{
    snprintf(ret_text, n_bytes, "%s", text ? text : "");
}

static int send_opened(struct served *v)
{
    const struct source_info *i = source_info(v->source);
    struct remote_message m = {
        .kind = REMOTE_OPENED,
        .info = {.kind = (int32_t)i->kind,
                 .stream_index = i->stream_index,
                 .width = i->width,
                 .height = i->height,
                 .coded_width = i->coded_width,
                 .coded_height = i->coded_height,
                 .rotation = i->rotation,
                 .frame_rate_num = i->frame_rate_num,
                 .frame_rate_den = i->frame_rate_den,
                 .time_base_num = i->time_base_num,
                 .time_base_den = i->time_base_den,
                 .n_frames_hint = i->n_frames_hint,
                 .duration_s = i->duration_s},
    };
    copy_text(m.info.container, sizeof(m.info.container), i->container);
    copy_text(m.info.codec, sizeof(m.info.codec), i->codec);
    copy_text(m.info.pixel_format, sizeof(m.info.pixel_format), i->pixel_format);
    return send_message(v, &m);
}

static int free_slot(const struct served *v)
{
    for (int i = 0; i < REMOTE_SLOTS; i++)
        if (v->is_free[i])
            return i;
    return -1;
}

// Waits until the parent has given a slot back.
static int take_slot(struct served *v, int *ret_slot)
{
    while ((*ret_slot = free_slot(v)) < 0) {
        int32_t slot;
        size_t n;
        int fd;
        int r = child_receive_from(v->socket, INT64_MAX, &slot, sizeof(slot), &n, &fd);
        if (r < 0)
            return r;
        if (n == sizeof(slot) && slot >= 0 && slot < REMOTE_SLOTS)
            v->is_free[slot] = true;
    }
    v->is_free[*ret_slot] = false;
    return 0;
}

static int send_picture(struct served *v, const struct picture *p)
{
    const struct remote_request *q = &v->request;
    int slot;
    int r = take_slot(v, &slot);
    if (r < 0)
        return r;
    struct letterbox lb = letterbox_make((enum letterbox_rule)q->rule, p->width, p->height,
                                         q->width, q->height, (uint8_t)q->fill);
    r = letterbox_run(v->scratch, &lb, p, v->slots + (size_t)slot * v->slot_bytes);
    if (r < 0)
        return r;
    struct remote_message m = {
        .kind = REMOTE_PICTURE,
        .picture = {.slot = slot,
                    .src_width = p->width,
                    .src_height = p->height,
                    .pts_us = p->pts_us,
                    .ordinal = p->ordinal},
    };
    copy_text(m.picture.file, sizeof(m.picture.file), p->file);
    return send_message(v, &m);
}

static int open_source(struct served *v)
{
    const struct remote_request *q = &v->request;
    struct source_opts opts = {
        .path = q->path,
        .stream_index = q->stream_index,
        .has_stream_index = q->has_stream_index != 0,
        .stride = q->stride,
        .start_s = q->start_s,
        .end_s = q->end_s,
        .max_frames = q->max_frames,
        .threads = q->threads,
        .unfiltered = q->unfiltered,
        .allow_network = q->allow_network != 0,
        .max_pixels = q->max_pixels,
    };
    int r = source_open(&opts, &v->source);
    if (r < 0)
        return r;
    v->source->on_step = tell_counts;
    v->source->on_step_arg = v;
    r = letterbox_scratch_create(CPU_ISA_UNSET, &v->scratch);
    return r == 0 ? send_opened(v) : r;
}

// Until the end or an error, which is never 0.
static int serve(struct served *v)
{
    int r = open_source(v);
    while (r == 0) {
        struct picture *p = NULL;
        r = source_next(v->source, &p);
        if (r == 0)
            r = send_picture(v, p);
        picture_unref(&p);
    }
    return r;
}

static int receive_request(struct served *v)
{
    size_t n;
    int fd;
    int r = child_receive_from(v->socket, INT64_MAX, &v->request, sizeof(v->request), &n, &fd);
    if (r < 0)
        return r;
    v->slot_bytes = (size_t)v->request.width * (size_t)v->request.height * 3;
    void *slots =
        mmap(NULL, v->slot_bytes * REMOTE_SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (slots == MAP_FAILED)
        return err_set_errno(errno, "shared frames");
    v->slots = (uint8_t *)slots;
    memset(v->is_free, true, sizeof(v->is_free));
    return 0;
}

int child_source_run(int socket)
{
    struct served *v = mem_new(struct served);
    if (!v)
        return ERR_NOMEM;
    v->socket = socket;
    int r = receive_request(v);
    if (r == 0)
        r = serve(v);
    struct remote_message m = {.kind = REMOTE_END, .error = r == ERR_EOF ? r : child_error(r)};
    err_copy_message(r, m.text, sizeof(m.text));
    if (r != ERR_CLOSED && !v->parent_gone)
        r = send_message(v, &m);
    source_close(v->source);
    letterbox_scratch_destroy(v->scratch);
    if (v->slots)
        munmap(v->slots, v->slot_bytes * REMOTE_SLOTS);
    mem_free(v);
    return r;
}
