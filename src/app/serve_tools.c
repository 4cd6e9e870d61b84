// SPDX-License-Identifier: Apache-2.0
// serve_tools.c - the api's table of functions, over the rooms that it may not know.

#include "app/serve_tools.h"

#include <string.h>

#include "app/child_model.h"
#include "app/picture_tool.h"
#include "app/preload.h"
#include "app/truth_export.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "eval/verdict.h"
#include "fetch/fetch.h"
#include "media/child_jobs.h"
#include "media/frame_at.h"
#include "media/frame_times.h"
#include "pipeline/classes.h"
#include "pipeline/detect_opts.h"
#include "task/outside_settings.h"
#include "task/piece_read.h"
#include "task/probe_json.h"
#include "task/truth_import.h"

enum {
    JPEG_QUALITY = 85,
    MAX_LABELS = 20000,
};
#define MAX_INSPECTION (8 * MIB)

static const struct task_tools *tools_of(void *arg)
{
    return ((const struct serve_tools *)arg)->tasks;
}

// The table's arg is only read; a pointer to const cannot be stored in it as it is.
static void *as_arg(const struct serve_tools *tools)
{
    union {
        const struct serve_tools *in;
        void *out;
    } p = {.in = tools};
    return p.out;
}

static int import_truth(void *arg, const struct api_truth_wanted *w, struct arena *a,
                        struct api_truth_made *ret)
{
    struct truth_imported made;
    const struct truth_wanted wanted = {.video_id = w->video_id,
                                        .name = w->name,
                                        .format = w->format,
                                        .source = w->source,
                                        .created_by = w->created_by,
                                        .upload_id = w->upload_id,
                                        .has_after = w->has_after,
                                        .after = w->after};
    int r = truth_import(tools_of(arg), &wanted, a, &made);
    if (r < 0)
        return r;
    *ret = (struct api_truth_made){.version = made.version,
                                   .format = made.format,
                                   .n_objects = made.n_objects,
                                   .n_frames = made.n_frames,
                                   .notices_json = made.notices_json};
    memcpy(ret->id, made.id, sizeof(ret->id));
    return 0;
}

static int export_truth(void *arg, const struct api_export_wanted *w, const char **ret_ending)
{
    (void)arg;
    return truth_export(w, ret_ending);
}

static int frame_jpeg(void *arg, const struct api_frame_wanted *w, struct str_buf *out)
{
    struct source_mark mark;
    bool has_mark = probe_json_mark(w->probe_json, w->ordinal, &mark);
    const struct frame_at f = {
        .path = w->path,
        .ordinal = w->ordinal,
        .mark = has_mark ? &mark : NULL,
        .part = {.x = w->part.x, .y = w->part.y, .width = w->part.width, .height = w->part.height},
        .max_width = w->max_width,
        .quality = JPEG_QUALITY};
    return child_frame(tools_of(arg)->program, &f, out);
}

static int frame_times(void *arg, const struct api_times_wanted *w, int64_t **ret_times,
                       size_t *ret_n)
{
    struct frame_times_check check;
    bool has_check = probe_json_times(w->probe_json, &check);
    check.n_frames = w->n_frames;
    return child_frame_times(tools_of(arg)->program, w->path, has_check ? &check : NULL, ret_times,
                             ret_n);
}

static int check_settings(void *arg, const char *json, struct arena *a)
{
    (void)arg;
    struct detect_opts o = {0};
    return detect_opts_read_json(json, a, &o);
}

static int read_labels(const char *json, struct arena *a, const char ***ret_labels, int *ret_n)
{
    struct json_reader *reader;
    struct json_event e;
    const struct json_reader_opts opts = {.text = str_of(json)};
    const char **labels = arena_array(a, const char *, MAX_LABELS);
    int n = 0;
    int r = labels ? json_reader_create(&opts, &reader) : ERR_NOMEM;
    if (r < 0)
        return r;
    while (r == 0 && (r = json_next(reader, &e)) == 0 && e.type != JSON_END) {
        if (e.type != JSON_STRING || n == MAX_LABELS)
            continue;
        labels[n] = arena_strndup(a, e.text.p, e.text.n);
        r = labels[n++] ? 0 : ERR_NOMEM;
    }
    json_reader_destroy(reader);
    *ret_labels = labels;
    *ret_n = n;
    return r;
}

// Who asks over HTTP knows settings, not options: "--class-confidence: x" becomes
// "settings.class_confidence: x", and a command to run means nothing.
static int told_as_setting(int r)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    char *hint = strstr(text, " (see: assay ");
    if (hint)
        *hint = '\0';
    if (strncmp(text, "--", 2) != 0)
        return err_set((enum err)r, "settings: %s", text);
    for (char *p = text; *p && *p != ':' && *p != ' '; p++)
        *p = *p == '-' ? '_' : *p;
    return err_set((enum err)r, "settings.%s", text + 2);
}

static int check_labels(void *arg, const char *json, const char *labels_json, struct arena *a)
{
    (void)arg;
    struct detect_opts o = {0};
    const char **labels = NULL;
    int n = 0;
    bool *wanted;
    float *floors;
    if (!labels_json)
        return 0;
    int r = detect_opts_read_json(json, a, &o);
    if (r == 0)
        r = read_labels(labels_json, a, &labels, &n);
    if (r < 0)
        return r;
    r = classes_select(o.classes, labels, n, a, &wanted);
    if (r == 0)
        r = classes_floors(&o.class_confidence, o.confidence, labels, n, a, &floors);
    return r < 0 ? told_as_setting(r) : 0;
}

static int check_outside_settings(void *arg, const char *json, struct arena *a)
{
    (void)arg;
    struct outside_settings o;
    return outside_settings_read(json, a, &o);
}

static int read_piece(void *arg, const struct api_piece_wanted *w, struct arena *a,
                      struct api_piece *ret)
{
    (void)arg;
    const struct piece_wanted wanted = {
        .path = w->path, .text = w->text, .format = w->format, .name = w->name};
    struct piece_read p;
    int r = piece_read(&wanted, a, &p);
    if (r == 0)
        *ret = (struct api_piece){.format = p.format,
                                  .n_items = p.n_items,
                                  .last_us = p.last_us,
                                  .events = p.events,
                                  .n_events = p.n_events};
    return r;
}

static int check_profile(void *arg, const char *json, struct arena *a)
{
    (void)arg;
    struct verdict_profile p;
    return verdict_profile_read_json(str_of(json), a, &p);
}

// Copies the value of the top-level member *name*, or with *is_rest* everything but that member.
static void copy_member(struct json_reader *reader, const char *name, bool is_rest,
                        struct json_writer *w)
{
    struct json_event e;
    int depth = 0;
    bool is_named = false;
    while (json_next(reader, &e) == 0 && e.type != JSON_END) {
        if (depth == 1 && e.type == JSON_KEY) {
            is_named = str_is(e.text, name);
            if (is_rest && !is_named)
                json_copy_event(w, &e);
            continue;
        }
        bool is_inside = depth > 0;
        depth += (e.type == JSON_OBJECT) + (e.type == JSON_ARRAY);
        depth -= (e.type == JSON_OBJECT_END) + (e.type == JSON_ARRAY_END);
        bool is_frame = !is_inside || depth == 0; // the outermost braces
        if (is_frame ? is_rest : is_named != is_rest)
            json_copy_event(w, &e);
    }
}

// NULL: there is no such member, or no memory.
static const char *member_of(const char *json, const char *name, bool is_rest, struct arena *a)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_of(json)};
    if (!json || json_reader_create(&opts, &reader) < 0)
        return NULL;
    struct str_buf out = STR_BUF_INIT(MAX_INSPECTION);
    struct json_writer w;
    json_writer_init(&w, &out);
    copy_member(reader, name, is_rest, &w);
    const char *text =
        out.n > 0 && str_buf_check(&out) == 0 ? arena_strndup(a, str_buf_text(&out), out.n) : NULL;
    str_buf_finish(&out);
    json_reader_destroy(reader);
    return text;
}

static const char *unquoted(const char *json, struct arena *a)
{
    size_t n = json ? strlen(json) : 0;
    return n >= 2 && json[0] == '"' ? arena_strndup(a, json + 1, n - 2) : json;
}

static int inspect_model(void *arg, const char *path, struct arena *a, struct api_model_facts *ret)
{
    struct str_buf out = STR_BUF_INIT(MAX_INSPECTION);
    int r = child_model_inspect(tools_of(arg)->program, path, &out);
    const char *all = r == 0 ? arena_strndup(a, str_buf_text(&out), out.n) : NULL;
    str_buf_finish(&out);
    if (r < 0)
        return r;
    ret->description_json = member_of(all, "path", true, a);   // of the blob: nobody's business
    ret->head = unquoted(member_of(all, "head", false, a), a); // names hold no escapes
    ret->labels_json = member_of(all, "labels", false, a);
    ret->input_json = member_of(all, "input", false, a);
    return ret->description_json ? 0 : ERR_NOMEM;
}

static int picture_settings(void *arg, const char *json, const struct detector *d, struct arena *a,
                            struct detector_settings *ret)
{
    (void)arg;
    struct detect_opts o = {.confidence = DETECT_DEFAULT_CONFIDENCE,
                            .iou = DETECT_DEFAULT_IOU,
                            .max_detections = DETECT_DEFAULT_MAX};
    int r = detect_opts_read_json(json, a, &o);
    if (r < 0)
        return r;
    r = detect_opts_settings(&o, detector_model(d), a, ret);
    return r < 0 ? told_as_setting(r) : 0;
}

static int picture_engine(void *arg, const char *json, struct arena *a, struct engine_opts *ret)
{
    (void)arg;
    struct detect_opts o = {.confidence = DETECT_DEFAULT_CONFIDENCE,
                            .iou = DETECT_DEFAULT_IOU,
                            .max_detections = DETECT_DEFAULT_MAX};
    int r = detect_opts_read_json(json, a, &o);
    if (r < 0)
        return r;
    *ret = o.engine;
    return 0;
}

static int prepare_picture(void *arg, const struct api_picture_wanted *w,
                           struct api_picture_made *ret)
{
    return picture_tool_prepare(((const struct serve_tools *)arg)->pictures, w, ret);
}

static int check_source(void *arg, const char *url)
{
    const struct task_sources *s = tools_of(arg)->sources;
    struct fetch_where w;
    int r = fetch_parse(url, &w);
    if (r < 0 || (s && fetch_is_listed(&w, s->hosts, s->n_hosts)))
        return r;
    return err_set(ERR_FORBIDDEN,
                   "host '%s' is not one that files are fetched from (--allow-source)", w.host);
}

static int check_ready(void *arg)
{
    return preload_check(((const struct serve_tools *)arg)->preload);
}

struct api_tools serve_tools_table(const struct serve_tools *tools)
{
    return (struct api_tools){
        .arg = as_arg(tools),
        .import_truth = import_truth,
        .export_truth = export_truth,
        .frame_jpeg = frame_jpeg,
        .frame_times = frame_times,
        .check_settings = check_settings,
        .check_outside_settings = check_outside_settings,
        .check_labels = check_labels,
        .read_piece = read_piece,
        .check_profile = check_profile,
        .check_source = check_source,
        .inspect_model = inspect_model,
        .picture_settings = picture_settings,
        .picture_engine = picture_engine,
        .prepare_picture = prepare_picture,
        .check_ready = check_ready,
    };
}
