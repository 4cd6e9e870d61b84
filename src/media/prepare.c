// SPDX-License-Identifier: Apache-2.0
// prepare.c - a posted picture becomes a model's input.

#include "media/prepare.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "media/child_jobs.h"
#include "media/picture_file.h"
#include "vision/picture.h"

struct preparer {
    struct picture_decoder *decoder;
    struct letterbox_scratch *scratch;
};

int preparer_create(struct preparer **ret_preparer)
{
    struct preparer *p = mem_new(struct preparer);
    if (!p)
        return ERR_NOMEM;
    int r = picture_decoder_create(SOURCE_MAX_PIXELS, &p->decoder);
    if (r == 0)
        r = letterbox_scratch_create(CPU_ISA_UNSET, &p->scratch);
    if (r < 0) {
        preparer_destroy(p);
        return r;
    }
    *ret_preparer = p;
    return 0;
}

void preparer_destroy(struct preparer *p)
{
    if (!p)
        return;
    picture_decoder_destroy(p->decoder);
    letterbox_scratch_destroy(p->scratch);
    mem_free(p);
}

// --- in a child

static int memory_file(const struct prepare_wanted *w, int *ret_fd)
{
    int fd = memfd_create("picture", MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(errno, "%s", w->name);
    for (size_t at = 0; at < w->n;) {
        ssize_t n = write(fd, (const char *)w->bytes + at, w->n - at);
        if (n < 0 && errno != EINTR) {
            int r = err_set_errno(errno, "%s", w->name);
            close(fd);
            return r;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    *ret_fd = fd;
    return 0;
}

static int prepare_in_child(const struct prepare_wanted *w, struct prepared *ret)
{
    int64_t began_ns = clock_now_ns();
    struct picture *p = NULL;
    int fd = -1;
    int r = memory_file(w, &fd);
    if (r < 0)
        return r;
    r = child_picture(w->program, w->name, fd, SOURCE_MAX_PIXELS, &w->model, &p);
    close(fd);
    if (r < 0)
        return r;
    memcpy(w->ret_rgb, p->planes[0], (size_t)w->model.width * (size_t)w->model.height * 3);
    *ret = (struct prepared){.letterbox = *p->prepared,
                             .decoded_width = p->prepared->src_width,
                             .decoded_height = p->prepared->src_height,
                             .in_child = true,
                             .decode_ns = clock_now_ns() - began_ns};
    picture_unref(&p);
    return 0;
}

// --- here

// A reduced picture lies where the whole one would: the same rectangle of the model.
static int prepare_here(struct preparer *p, const struct prepare_wanted *w, struct prepared *ret)
{
    struct picture_reduced got;
    int64_t began_ns = clock_now_ns();
    int r = picture_decode_reduced(p->decoder, w->name, w->bytes, w->n, w->whole ? NULL : &w->model,
                                   &got);
    if (r < 0)
        return r;
    int64_t decoded_ns = clock_now_ns();
    const struct letterbox whole = letterbox_make(w->model.rule, got.width, got.height,
                                                  w->model.width, w->model.height, w->model.fill);
    struct letterbox reduced = whole;
    reduced.src_width = got.picture->width;
    reduced.src_height = got.picture->height;
    r = letterbox_run(p->scratch, &reduced, got.picture, w->ret_rgb);
    *ret = (struct prepared){.letterbox = whole,
                             .decoded_width = got.picture->width,
                             .decoded_height = got.picture->height,
                             .decode_ns = decoded_ns - began_ns,
                             .letterbox_ns = clock_now_ns() - decoded_ns};
    picture_unref(&got.picture);
    return r;
}

int prepare_picture(struct preparer *p, const struct prepare_wanted *w,
                    struct prepared *ret_prepared)
{
    int r = prepare_here(p, w, ret_prepared);
    return r == ERR_UNSUPPORTED ? prepare_in_child(w, ret_prepared) : r;
}
