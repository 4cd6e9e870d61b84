// SPDX-License-Identifier: Apache-2.0
// sink.c - what all formats share: the file, whole lines, the end.

#include "app/sink.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/model.h"
#include "media/annotate.h"
#include "media/source.h"
#include "vision/labels.h"

enum {
    MAX_LINE = 16 * 1024 * 1024, // bytes of one frame in any format
    COCO_N_LABELS = 80,
};

static const struct sink_impl *const impls[SINK_N_KINDS] = {
    [SINK_JSONL] = &sink_jsonl, [SINK_COCO] = &sink_coco, [SINK_CSV] = &sink_csv,
    [SINK_MOT] = &sink_mot,     [SINK_MP4] = &sink_mp4,
};

const char *const sink_choices[] = {"auto", "jsonl", "json", "csv", "txt", "mp4", NULL};

const struct sink_impl *sink_impl_of(enum sink_kind kind)
{
    assert(kind > SINK_UNSET && kind < SINK_N_KINDS);
    return impls[kind];
}

int sink_kind_of(const char *path, enum sink_kind *ret_kind)
{
    if (strcmp(path, "-") == 0) {
        *ret_kind = SINK_JSONL;
        return 0;
    }
    for (int i = SINK_UNSET + 1; i < SINK_N_KINDS; i++) {
        if (str_ends(str_of(path), impls[i]->ending)) {
            *ret_kind = (enum sink_kind)i;
            return 0;
        }
    }
    return err_set(ERR_INVALID,
                   "--out '%s': the ending is none of .jsonl .json .csv .txt .mp4 (--format names "
                   "a format)",
                   path);
}

static bool labels_are_coco(const struct model_info *m)
{
    if (!m || m->n_labels != COCO_N_LABELS)
        return false;
    for (int i = 0; i < COCO_N_LABELS; i++)
        if (strcmp(m->labels[i], labels_coco80[i]) != 0)
            return false;
    return true;
}

// The container is written with jumps back, beside its name.
static int check_video_path(const char *path)
{
    struct stat st;
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0)
        return err_set(ERR_INVALID, "--format mp4: a drawn video needs --out FILE");
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return err_set(ERR_INVALID, "%s: a drawn video needs a regular file", path);
    return 0;
}

int sink_create(enum sink_kind kind, const char *path, const struct sink_about *about,
                struct sink **ret_sink)
{
    const struct sink_impl *impl = sink_impl_of(kind);
    int r = kind == SINK_MP4 ? check_video_path(path) : 0;
    if (r < 0)
        return r;
    struct sink *s = mem_new(struct sink);
    if (!s)
        return ERR_NOMEM;
    s->impl = impl;
    s->about = *about;
    s->line = STR_BUF_INIT(MAX_LINE);
    s->is_coco_model = labels_are_coco(about->model);
    s->path = mem_strdup(path);
    if (!s->path) {
        mem_free(s);
        return ERR_NOMEM;
    }
    *ret_sink = s;
    return 0;
}

void sink_destroy(struct sink *s)
{
    if (!s)
        return;
    video_writer_abort(&s->video);
    file_out_abort(&s->out);
    str_buf_finish(&s->line);
    mem_free(s->path);
    mem_free(s);
}

const char *sink_label(const struct sink *s, int class_id)
{
    const struct model_info *m = s->about.model;
    return class_id >= 0 && class_id < m->n_labels ? m->labels[class_id] : NULL;
}

bool sink_has_failed(const struct sink *s)
{
    return s->failed;
}

// One whole: after a crash the file ends where some call ended.
static int line_write(struct sink *s)
{
    int r = str_buf_check(&s->line);
    if (r < 0)
        return r;
    if (s->line.n == 0)
        return 0;
    r = file_out_write(s->out, s->line.p, s->line.n);
    str_buf_reset(&s->line);
    return r < 0 ? r : file_out_flush(s->out);
}

static int check_written(struct sink *s, int r)
{
    if (r == 0)
        r = line_write(s);
    s->failed = s->failed || r < 0;
    return r;
}

static int call_begin(void *arg, const struct source_info *source)
{
    struct sink *s = (struct sink *)arg;
    s->is_pictures = source->kind == SOURCE_PICTURES;
    s->frame_rate[0] = source->frame_rate_num;
    s->frame_rate[1] = source->frame_rate_den;
    s->width = source->width;
    s->height = source->height;
    int r = file_out_open(s->path, &s->out);
    if (r < 0)
        return r;
    return check_written(s, s->impl->begin ? s->impl->begin(s, source) : 0);
}

static int call_frame(void *arg, const struct frame *f, const struct detection *d, size_t n)
{
    struct sink *s = (struct sink *)arg;
    return check_written(s, s->impl->frame(s, f, d, n));
}

static int call_end(void *arg, const struct pipeline_summary *sum)
{
    struct sink *s = (struct sink *)arg;
    if (!s->out)
        return 0;
    if (!s->failed) {
        int r = check_written(s, s->impl->end ? s->impl->end(s, sum) : 0);
        if (r == 0) {
            r = file_out_commit(&s->out);
            s->failed = r < 0;
            return r;
        }
        video_writer_abort(&s->video);
        file_out_abort(&s->out);
        return r;
    }
    video_writer_abort(&s->video);
    file_out_abort(&s->out);
    return 0; // the pipeline knows the error already
}

struct pipeline_sink sink_calls(struct sink *s)
{
    return (struct pipeline_sink){
        .arg = s, .begin = call_begin, .frame = call_frame, .end = call_end};
}
