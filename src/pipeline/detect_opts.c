// SPDX-License-Identifier: Apache-2.0
// detect_opts.c - the table of detection's options, and what they mean for one model.

#include "pipeline/detect_opts.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "pipeline/classes.h"

// clang-format off
#define O struct detect_opts
const struct opt detect_options[] = {
    OPT_TEXT(O, "classes", classes, "A,B", "only these labels", "all"),
    OPT_LIST(O, "class-confidence", class_confidence, "A=F,B=F", "confidence floors of single labels; @FILE reads lines LABEL=F"),
    OPT_DOUBLE(O, "confidence", confidence, 0, 1, "F", "detections below this are left out", "0.25; validate: 0.001"),
    OPT_DOUBLE(O, "iou", iou, 0.001, 1, "F", "boxes of one class that overlap more are one (non-maximum suppression)", "0.7"),
    OPT_INT(O, "max-detections", max_detections, 1, 100000, "N", "most detections of a frame", "300"),
    OPT_BOOL(O, "track", track, "give objects ids that stay from frame to frame"),
    OPT_END,
};
#undef O
// clang-format on

int detect_opts_settings(const struct detect_opts *o, const struct model_info *m, struct arena *a,
                         struct detector_settings *ret_settings)
{
    bool *wanted;
    int r = classes_select(o->classes, m->labels, m->n_labels, a, &wanted);
    if (r < 0)
        return r;
    float *floors;
    r = classes_floors(&o->class_confidence, o->confidence, m->labels, m->n_labels, a, &floors);
    if (r < 0)
        return r;
    *ret_settings = (struct detector_settings){
        .confidence = o->confidence,
        .iou = o->iou,
        .classes = wanted,
        .class_confidence = floors,
        .max_detections = (int)o->max_detections,
    };
    return 0;
}

// What would reach into the machine, or is the server's to decide.
static bool is_local(const char *name)
{
    static const char *const names[] = {"model",   "labels", "live", "isolated", "device",
                                        "threads", "batch",  "help", "version",  "config"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

int detect_opts_read_json(const char *json, struct arena *a, struct detect_opts *o)
{
    if (!json || !*json)
        return 0;
    const struct opt_set sets[] = {DETECT_OPTION_ROWS(*o)};
    int r = opt_parse_json(str_of(json), "settings", sets, ARRAY_LEN(sets), is_local, a);
    for (size_t i = 0; r == 0 && i < o->class_confidence.n; i++)
        if (o->class_confidence.items[i][0] == '@')
            r = err_set(
                ERR_INVALID,
                "settings.class_confidence: a file of the server's machine cannot be named");
    return r;
}

static void write_classes(const struct detect_used *u, struct json_writer *w)
{
    const struct model_info *m = detector_model(u->detector);
    json_key(w, "classes");
    if (!u->settings->classes) {
        json_null(w);
    } else {
        json_array(w);
        for (int i = 0; i < m->n_labels; i++)
            if (u->settings->classes[i])
                json_cstring(w, m->labels[i]);
        json_end(w);
    }
    if (!u->settings->class_confidence)
        return;
    json_key(w, "class_confidence");
    json_object(w);
    for (int i = 0; i < m->n_labels; i++) {
        if (u->settings->class_confidence[i] == (float)u->settings->confidence)
            continue;
        json_key(w, m->labels[i]);
        json_float(w, u->settings->class_confidence[i]);
    }
    json_end(w);
}

void detect_opts_write(const struct detect_used *u, struct json_writer *w)
{
    const struct detect_opts *o = u->opts;
    json_key(w, "confidence");
    json_double(w, o->confidence);
    json_key(w, "iou");
    json_double(w, o->iou);
    write_classes(u, w);
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
    json_key(w, "skip_loop_filter");
    json_cstring(w, source_unfiltered_name(o->source.unfiltered));
    json_key(w, "track");
    json_bool(w, o->track);
    json_key(w, "engine");
    json_cstring(w, detector_engine(u->detector));
}
