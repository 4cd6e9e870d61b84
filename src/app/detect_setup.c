// SPDX-License-Identifier: Apache-2.0
// detect_setup.c - the loaded detector and the watched run of `detect` and `validate`.

#include "app/detect_setup.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/sink.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

// clang-format off
#define O struct detect_opts
const struct opt detect_out_options[] = {
    OPT_CHOICE(O, "format", format, sink_choices, "FORMAT", "of --out: jsonl, json (COCO results), csv, txt (MOT), mp4 (boxes drawn)", "by the ending of --out"),
    OPT_TEXT(O, "out", out, "FILE", "where results go; with several sources a directory", "standard output"),
    OPT_INT(O, "side-by-side", side_by_side, 1, 64, "N", "sources run at once", "for this machine"),
    OPT_END,
};
#undef O
// clang-format on

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
    r = detect_opts_settings(o, detector_model(s.detector), a, &s.settings);
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

void detect_write_settings(const void *arg, struct json_writer *w)
{
    const struct detect_setup *s = (const struct detect_setup *)arg;
    const struct detect_used used = {
        .opts = s->opts, .detector = s->detector, .settings = &s->settings};
    detect_opts_write(&used, w);
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
