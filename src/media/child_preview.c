// SPDX-License-Identifier: Apache-2.0
// child_preview.c - a video encoded again for players, in a confined child.

#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "media/annotate.h"
#include "media/child_jobs.h"
#include "media/source.h"
#include "vision/picture.h"

enum {
    PATH_BYTES = 4096,
};

struct preview_request {
    char path[PATH_BYTES];
    char out_path[PATH_BYTES];
};

static int copy_all(struct source *s, struct video_writer *w)
{
    for (;;) {
        struct picture *p;
        int r = source_next(s, &p);
        if (r == ERR_EOF)
            return 0;
        if (r == 0) {
            r = video_writer_add(w, p, NULL, 0, NULL, 0);
            picture_unref(&p);
        }
        if (r < 0)
            return r;
    }
}

static int encode(struct source *s, const char *out_path)
{
    const struct source_info *i = source_info(s);
    struct video_writer *w;
    int r =
        video_writer_open(out_path, i->width, i->height, i->frame_rate_num, i->frame_rate_den, &w);
    if (r < 0)
        return r;
    r = copy_all(s, w);
    if (r == 0)
        return video_writer_close(&w);
    video_writer_abort(&w);
    return r;
}

static int answer_preview(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    (void)out;
    struct preview_request q;
    if (n != sizeof(q))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(&q, request, sizeof(q));
    struct source *s;
    const struct source_opts opts = {.path = q.path};
    int r = source_open(&opts, &s);
    if (r < 0)
        return r;
    r = encode(s, q.out_path);
    source_close(s);
    return r;
}

static int run_preview(int socket)
{
    return child_answer(socket, 1, answer_preview);
}

const struct child_kind child_preview_kind = {"preview", run_preview};

int child_preview(const char *program, const char *path, const char *out_path, int64_t timeout_ns)
{
    struct preview_request q = {"", ""};
    char folder[PATH_BYTES] = "";
    const char *slash = strrchr(out_path, '/');
    size_t n = strlen(path);
    size_t n_out = strlen(out_path);
    if (n >= PATH_BYTES || n_out >= PATH_BYTES || !slash)
        return err_set(ERR_INVALID, "%s: path is too long", path);
    memcpy(q.path, path, n);
    memcpy(q.out_path, out_path, n_out);
    memcpy(folder, out_path, (size_t)(slash - out_path));
    const struct child_limits limits = {.readable = {q.path}, .writable = folder};
    struct str_buf nothing = STR_BUF_INIT(1);
    int r = child_ask(program, child_preview_kind.name, &limits, &q, sizeof(q), -1, timeout_ns,
                      &nothing);
    str_buf_finish(&nothing);
    if (r < 0 && !strstr(err_message(r), path))
        return err_prefix(r, "%s", path);
    return r;
}
