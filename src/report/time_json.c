// SPDX-License-Identifier: Apache-2.0
// time_json.c - detection in time and likely truth mistakes as JSON.

#include "report/time_json.h"

#include "base/json.h"
#include "dataset/dataset.h"
#include "eval/events.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"

static void put_bins(struct json_writer *w, const char *key, const char *const *names,
                     const size_t *counts, size_t n)
{
    json_key(w, key);
    json_object(w);
    for (size_t i = 0; i < n; i++)
        json_put_int(w, names[i], counts[i]);
    json_end(w);
}

static void put_latency(struct json_writer *w, const char *key, const struct temporal_latency *l)
{
    json_key(w, key);
    json_object(w);
    json_put_double(w, "mean", l->mean);
    json_put_double(w, "median", l->median);
    json_put_double(w, "standard_deviation", l->deviation);
    json_put_double(w, "min", l->min);
    json_put_double(w, "max", l->max);
    json_put_double(w, "p50", l->p50);
    json_put_double(w, "p95", l->p95);
    json_put_double(w, "p99", l->p99);
    put_bins(w, "histogram", temporal_bin_names, l->bins, TEMPORAL_N_BINS);
    json_end(w);
}

static void put_figures(struct json_writer *w, const struct temporal_figures *f)
{
    json_put_int(w, "truths", f->n_truths);
    json_put_int(w, "detections", f->n_detections);
    json_put_int(w, "tracks", f->n_tracks);
    json_put_int(w, "tracks_detected", f->latency.n);
    json_put_int(w, "tracks_never_detected", f->n_never);
    json_put_int(w, "tracks_in_time", f->n_in_time);
    put_latency(w, "latency_ms", &f->latency);
    json_put_int(w, "detected_in_own_picture", f->n_same);
    json_put_double(w, "recall", f->recall);
    json_put_int(w, "found", f->n_found);
    json_put_int(w, "on_time", f->n_on_time);
    json_put_int(w, "late", f->n_late);
    json_put_int(w, "early", f->n_early);
    json_put_double(w, "mean_late_ms", f->late_ms);
    json_put_double(w, "mean_early_ms", f->early_ms);
    json_put_double(w, "covered", f->covered);
    json_key(w, "misses_in_a_row");
    json_object(w);
    json_put_int(w, "runs", f->n_runs);
    json_put_int(w, "longest", f->longest_run);
    json_put_double(w, "longest_ms", f->longest_run_ms);
    put_bins(w, "histogram", temporal_run_names, f->runs, TEMPORAL_N_RUNS);
    json_end(w);
}

static void put_opts(struct json_writer *w, const struct temporal_opts *o)
{
    json_put_double(w, "tolerance_ms", o->tolerance_ms);
    json_put_double(w, "latency_threshold_ms", o->latency_threshold_ms);
    json_put_double(w, "iou_threshold", o->iou);
    json_put_double(w, "at_confidence", o->at_confidence);
    if (o->frame_rate > 0)
        json_put_double(w, "frame_rate", o->frame_rate);
    if (o->min_height > 0)
        json_put_double(w, "min_height", o->min_height);
    if (o->min_visibility > 0)
        json_put_double(w, "min_visibility", o->min_visibility);
}

static void put_lists(struct json_writer *w, const struct temporal_result *r)
{
    json_key(w, "classes");
    json_array(w);
    for (size_t i = 0; i < r->n_classes; i++) {
        json_object(w);
        json_put_text(w, "label", r->classes[i].label);
        put_figures(w, &r->classes[i].figures);
        json_end(w);
    }
    json_end(w);
    json_key(w, "videos");
    json_array(w);
    for (size_t i = 0; i < r->n_videos; i++) {
        json_object(w);
        json_put_text(w, "name", r->videos[i].name);
        put_figures(w, &r->videos[i].figures);
        json_end(w);
    }
    json_end(w);
}

void time_json_put_temporal(struct json_writer *w, const struct temporal_result *r)
{
    json_key(w, "temporal");
    json_object(w);
    json_put_bool(w, "has_data", r->has_times);
    put_opts(w, &r->opts);
    json_key(w, "overall");
    if (r->has_times) {
        json_object(w);
        put_figures(w, &r->overall);
        json_end(w);
        put_lists(w, r);
    } else {
        json_null(w);
    }
    json_end(w);
}

// --- events

static void put_events(struct json_writer *w, const struct events_figures *f)
{
    json_put_int(w, "truths", f->n_truths);
    json_put_int(w, "detections", f->n_detections);
    json_put_int(w, "found", f->n_found);
    json_put_int(w, "on_time", f->n_on_time);
    json_put_int(w, "late", f->n_late);
    json_put_int(w, "early", f->n_early);
    json_put_int(w, "in_time", f->n_in_time);
    json_put_double(w, "precision", f->precision);
    json_put_double(w, "recall", f->recall);
    json_put_double(w, "f1", f->f1);
    json_put_double(w, "bias_ms", f->bias_ms);
    put_latency(w, "difference_ms", &f->difference);
}

void time_json_put_events(struct json_writer *w, const struct events_result *r)
{
    json_key(w, "temporal");
    json_object(w);
    json_put_bool(w, "events", true);
    json_put_double(w, "tolerance_ms", r->opts.tolerance_ms);
    json_put_double(w, "latency_threshold_ms", r->opts.latency_threshold_ms);
    json_put_double(w, "at_confidence", r->opts.at_confidence);
    json_put_int(w, "below_confidence", r->n_below);
    json_key(w, "overall");
    json_object(w);
    put_events(w, &r->overall);
    json_end(w);
    json_key(w, "classes");
    json_array(w);
    for (size_t i = 0; i < r->n_labels; i++) {
        json_object(w);
        json_put_text(w, "label", r->labels[i].label);
        put_events(w, &r->labels[i].figures);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

// --- truth mistakes

static void put_place(struct json_writer *w, const struct dataset *truth,
                      const struct mistake_place *place)
{
    const struct dataset_picture *p = &truth->pictures[place->picture];
    const bool pretty = w->pretty;
    json_object(w);
    w->pretty = false;
    json_key(w, "image_id");
    if (p->text_id)
        json_cstring(w, p->text_id);
    else
        json_int(w, p->id);
    json_put_known(w, "file", p->file_name);
    if (p->frame >= 0) {
        json_put_int(w, "frame", p->frame);
    }
    json_key(w, "bounding_box");
    json_object(w);
    json_put_double(w, "x", place->x);
    json_put_double(w, "y", place->y);
    json_put_double(w, "width", place->w);
    json_put_double(w, "height", place->h);
    json_end(w);
    json_end(w);
    w->pretty = pretty;
}

static void put_places(struct json_writer *w, const struct dataset *truth, const struct mistake *m)
{
    const size_t n = MIN(m->n_places, (size_t)TIME_JSON_MAX_PLACES);
    json_put_int(w, "pictures", m->n_places);
    json_key(w, "places");
    json_array(w);
    for (size_t i = 0; i < n; i++) {
        size_t at = n > 1 ? i * (m->n_places - 1) / (n - 1) : 0;
        put_place(w, truth, &m->places[at]);
    }
    json_end(w);
}

static void put_mistake(struct json_writer *w, const struct dataset *truth, const struct mistake *m)
{
    json_object(w);
    json_put_known(w, "kind", mistake_kind_name(m->kind));
    json_put_double(w, "evidence", m->evidence);
    json_put_known(w, "label", truth->classes[m->class_index].name);
    if (m->other_class >= 0)
        json_put_known(w, "seen_as", truth->classes[m->other_class].name);
    if (truth->n_videos > 0)
        json_put_known(w, "video", truth->videos[m->video]);
    if (m->track_id >= 0) {
        json_put_int(w, "track_id", m->track_id);
    }
    if (m->other_track >= 0) {
        json_put_int(w, "other_track_id", m->other_track);
    }
    json_put_int(w, "models", m->n_models);
    json_put_double(w, "confidence", m->confidence);
    put_places(w, truth, m);
    json_end(w);
}

void time_json_put_mistakes(struct json_writer *w, const struct mistakes *m)
{
    json_key(w, "truth_mistakes");
    json_object(w);
    json_put_int(w, "found", m->n_found);
    json_put_double(w, "confidence", m->opts.confidence);
    json_put_int(w, "min_frames", m->opts.min_frames);
    json_key(w, "items");
    json_array(w);
    for (size_t i = 0; i < m->n; i++)
        put_mistake(w, m->truth, &m->items[i]);
    json_end(w);
    json_end(w);
}
