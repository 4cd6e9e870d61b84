// SPDX-License-Identifier: Apache-2.0
// detect_setup.c - options, the loaded detector and the watched run of `detect` and `validate`.

#include "app/detect_setup.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/classes.h"
#include "app/sink.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

// clang-format off
#define O struct detect_opts
const struct opt detect_options[] = {
    OPT_TEXT(O, "classes", classes, "A,B", "only these labels", "all"),
    OPT_LIST(O, "class-confidence", class_confidence, "A=F,B=F", "confidence floors of single labels; @FILE reads lines LABEL=F"),
    OPT_DOUBLE(O, "confidence", confidence, 0, 1, "F", "detections below this are left out", "0.25; validate: 0.001"),
    OPT_CHOICE(O, "format", format, sink_choices, "FORMAT", "of --out: jsonl, json (COCO results), csv, txt (MOT), mp4 (boxes drawn)", "by the ending of --out"),
    OPT_DOUBLE(O, "iou", iou, 0.001, 1, "F", "boxes of one class that overlap more are one (non-maximum suppression)", "0.7"),
    OPT_INT(O, "max-detections", max_detections, 1, 100000, "N", "most detections of a frame", "300"),
    OPT_TEXT(O, "out", out, "FILE", "where results go; with several sources a directory", "standard output"),
    OPT_INT(O, "side-by-side", side_by_side, 1, 64, "N", "sources run at once", "for this machine"),
    OPT_BOOL(O, "track", track, "give objects ids that stay from frame to frame"),
    OPT_END,
};
#undef O
// clang-format on

static int settings_fill(struct detect_setup *s, struct arena *a)
{
    const struct detect_opts *o = s->opts;
    const struct model_info *m = detector_model(s->detector);
    bool *wanted;
    int r = classes_select(o->classes, m->labels, m->n_labels, a, &wanted);
    if (r < 0)
        return r;
    float *floors;
    r = classes_floors(&o->class_confidence, o->confidence, m->labels, m->n_labels, a, &floors);
    if (r < 0)
        return r;
    s->settings = (struct detector_settings){
        .confidence = o->confidence,
        .iou = o->iou,
        .classes = wanted,
        .class_confidence = floors,
        .max_detections = (int)o->max_detections,
    };
    return 0;
}

int detect_setup_init(const struct detect_opts *o, struct arena *a, struct detect_setup *ret)
{
    if (!o->model.path)
        return err_set(ERR_INVALID, "--model FILE is needed");
    struct model *model;
    int r = model_open(&o->model, &model);
    if (r < 0)
        return r;
    struct detect_setup s = {.opts = o};
    r = detector_create(model, &o->engine, &s.detector);
    model_unref(&model);
    if (r < 0)
        return r;
    r = settings_fill(&s, a);
    if (r < 0) {
        detect_setup_finish(&s);
        return r;
    }
    *ret = s;
    return 0;
}

void detect_setup_finish(struct detect_setup *s)
{
    detector_destroy(s->detector);
    s->detector = NULL;
}

static void write_classes(const struct detect_setup *s, struct json_writer *w)
{
    const struct model_info *m = detector_model(s->detector);
    json_key(w, "classes");
    if (!s->settings.classes) {
        json_null(w);
    } else {
        json_array(w);
        for (int i = 0; i < m->n_labels; i++)
            if (s->settings.classes[i])
                json_cstring(w, m->labels[i]);
        json_end(w);
    }
    if (!s->settings.class_confidence)
        return;
    json_key(w, "class_confidence");
    json_object(w);
    for (int i = 0; i < m->n_labels; i++) {
        if (s->settings.class_confidence[i] == (float)s->settings.confidence)
            continue;
        json_key(w, m->labels[i]);
        json_float(w, s->settings.class_confidence[i]);
    }
    json_end(w);
}

void detect_write_settings(const void *arg, struct json_writer *w)
{
    const struct detect_setup *s = (const struct detect_setup *)arg;
    const struct detect_opts *o = s->opts;
    json_key(w, "confidence");
    json_double(w, o->confidence);
    json_key(w, "iou");
    json_double(w, o->iou);
    write_classes(s, w);
    json_key(w, "max_detections");
    json_int(w, o->max_detections);
    json_key(w, "stride");
    json_int(w, MAX(o->source.stride, 1));
    json_key(w, "start");
    json_double(w, o->source.start_s);
    json_key(w, "end");
    if (o->source.end_s > 0)
        json_double(w, o->source.end_s);
    else
        json_null(w);
    json_key(w, "max_frames");
    if (o->source.max_frames > 0)
        json_int(w, o->source.max_frames);
    else
        json_null(w);
    json_key(w, "track");
    json_bool(w, o->track);
    json_key(w, "engine");
    json_cstring(w, detector_engine(s->detector));
}

void detect_print_totals(const struct pipeline_summary *total)
{
    const struct frame_counts *c = &total->frames;
    double rate = total->seconds > 0 ? (double)c->inferred / total->seconds : 0;
    char undecodable[64] = "";
    if (c->undecodable > 0)
        snprintf(undecodable, sizeof(undecodable), " (and %" PRId64 " undecodable)",
                 c->undecodable);
    log_info(NULL,
             "%" PRId64 " frames decoded = %" PRId64 " inferred + %" PRId64 " skipped + %" PRId64
             " dropped + %" PRId64 " failed%s; %" PRId64 " detections, %.1f s, %.1f frames/s",
             c->decoded, c->inferred, c->skipped, c->dropped, c->failed, undecodable,
             total->n_detections, total->seconds, rate);
}
