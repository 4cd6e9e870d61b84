// SPDX-License-Identifier: Apache-2.0
// page.c - the worst moments as pictures, then the report room's page.

#include "task/page.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/outcome.h"
#include "media/child_jobs.h"
#include "media/frame_at.h"
#include "report/html.h"
#include "store/store_blob.h"
#include "task/kind.h"
#include "task/probe_json.h"
#include "task/session_files.h"

#define MAX_PAGE (64 * MIB)
#define MAX_JPEG (4 * MIB)

enum {
    QUALITY = 80,
};

struct pictures {
    struct html_picture items[HTML_MAX_PICTURES];
    char *jpegs[HTML_MAX_PICTURES]; // owned
    size_t n;
    size_t n_failed;
};

static const struct session_file_video *video_of(const struct task_page *p, int32_t video)
{
    if (p->files->n_videos == 1 || p->truth->n_videos == 0)
        return &p->files->videos[0];
    for (size_t i = 0; i < p->files->n_videos; i++)
        if (strcmp(p->files->videos[i].id, p->truth->videos[video]) == 0)
            return &p->files->videos[i];
    return &p->files->videos[0];
}

static int take_frame(const struct task_page *p, const struct session_file_video *v,
                      int64_t ordinal, struct str_buf *out)
{
    struct source_mark mark;
    bool has_mark = probe_json_mark(v->probe_json, ordinal, &mark);
    const struct frame_at f = {.path = v->path,
                               .ordinal = ordinal,
                               .mark = has_mark ? &mark : NULL,
                               .max_width = HTML_PICTURE_WIDTH,
                               .quality = QUALITY};
    return child_frame(task_run_tools(p->run)->program, &f, out);
}

static int add_picture(const struct task_page *p, const struct outcome_picture *o,
                       struct pictures *list)
{
    const struct session_file_video *v = video_of(p, o->video);
    if (!v->path || o->is_still) {
        list->n_failed++;
        return 0;
    }
    struct str_buf jpeg = STR_BUF_INIT(MAX_JPEG);
    int r = take_frame(p, v, o->frame, &jpeg);
    if (r < 0) {
        log_warning(NULL, "%s: no picture of frame %lld: %s", v->name, (long long)o->frame,
                    err_message(r));
        list->n_failed++;
        str_buf_finish(&jpeg);
        return r == ERR_NOMEM ? r : 0;
    }
    size_t n = jpeg.n;
    list->jpegs[list->n] = str_buf_take(&jpeg);
    list->items[list->n] = (struct html_picture){.picture = o->picture,
                                                 .jpeg = (const uint8_t *)list->jpegs[list->n],
                                                 .n = n,
                                                 .width = v->width,
                                                 .height = v->height};
    list->n++;
    return 0;
}

static int write_page(const struct task_page *p, const struct pictures *pictures,
                      const size_t *worst, size_t n_worst, struct blob_info *ret_blob)
{
    const struct html_report page = {
        .evaluation = p->evaluation,
        .about = p->about,
        .truth = p->truth,
        .detections = p->detections,
        .outcome = p->outcome,
        .worst = worst,
        .n_worst = n_worst,
        .pictures = pictures->items,
        .n_pictures = pictures->n,
        .conditions = *p->conditions,
        .no_pictures =
            pictures->n_failed > 0 ? "Some pictures could not be read from the videos." : NULL,
    };
    struct str_buf out = STR_BUF_INIT(MAX_PAGE);
    int r = html_write(&page, &out);
    if (r == 0)
        r = blob_put(task_run_tools(p->run)->blob, out.p, out.n, ret_blob);
    str_buf_finish(&out);
    return r;
}

int task_page_write(const struct task_page *p, struct blob_info *ret_blob)
{
    size_t *worst;
    size_t n_worst;
    struct pictures pictures = {.n = 0};
    int r = outcome_worst(p->outcome, HTML_MAX_PICTURES, task_run_arena(p->run), &worst, &n_worst);
    for (size_t i = 0; r == 0 && i < n_worst; i++) {
        r = task_run_check(p->run);
        if (r == 0)
            r = add_picture(p, &p->outcome->pictures[worst[i]], &pictures);
    }
    if (r == 0)
        r = write_page(p, &pictures, worst, n_worst, ret_blob);
    for (size_t i = 0; i < pictures.n; i++)
        mem_free(pictures.jpegs[i]);
    return r;
}

void task_delete_blobs(struct task_run *run, struct store_dropped *dropped)
{
    for (size_t i = 0; i < dropped->n; i++)
        if (blob_delete(task_run_tools(run)->blob, dropped->keys[i]) < 0)
            err_clear();
    store_dropped_finish(dropped);
}
