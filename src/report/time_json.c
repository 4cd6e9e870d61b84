// SPDX-License-Identifier: Apache-2.0
// time_json.c - detection in time and likely truth mistakes as JSON.

#include "report/time_json.h"

#include "base/json.h"
#include "dataset/dataset.h"
#include "eval/events.h"
#include "eval/mistakes.h"
#include "eval/temporal.h"

static void put_number(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_double(w, value); // NaN writes null
}

static void put_count(struct json_writer *w, const char *key, size_t value)
{
    json_key(w, key);
    json_int(w, (int64_t)value);
}

static void put_bins(struct json_writer *w, const char *key, const char *const *names,
                     const size_t *counts, size_t n)
{
    json_key(w, key);
    json_object(w);
    for (size_t i = 0; i < n; i++)
        put_count(w, names[i], counts[i]);
    json_end(w);
}

static void put_latency(struct json_writer *w, const char *key, const struct temporal_latency *l)
{
    json_key(w, key);
    json_object(w);
    put_number(w, "mean", l->mean);
    put_number(w, "median", l->median);
    put_number(w, "standard_deviation", l->deviation);
    put_number(w, "min", l->min);
    put_number(w, "max", l->max);
    put_number(w, "p50", l->p50);
    put_number(w, "p95", l->p95);
    put_number(w, "p99", l->p99);
    put_bins(w, "histogram", temporal_bin_names, l->bins, TEMPORAL_N_BINS);
    json_end(w);
}

static void put_figures(struct json_writer *w, const struct temporal_figures *f)
{
    put_count(w, "truths", f->n_truths);
    put_count(w, "detections", f->n_detections);
    put_count(w, "tracks", f->n_tracks);
    put_count(w, "tracks_detected", f->latency.n);
    put_count(w, "tracks_never_detected", f->n_never);
    put_count(w, "tracks_in_time", f->n_in_time);
    put_latency(w, "latency_ms", &f->latency);
    put_count(w, "detected_in_own_picture", f->n_same);
    put_number(w, "recall", f->recall);
    put_count(w, "found", f->n_found);
    put_count(w, "on_time", f->n_on_time);
    put_count(w, "late", f->n_late);
    put_count(w, "early", f->n_early);
    put_number(w, "mean_late_ms", f->late_ms);
    put_number(w, "mean_early_ms", f->early_ms);
    put_number(w, "covered", f->covered);
    json_key(w, "misses_in_a_row");
    json_object(w);
    put_count(w, "runs", f->n_runs);
    put_count(w, "longest", f->longest_run);
    put_number(w, "longest_ms", f->longest_run_ms);
    put_bins(w, "histogram", temporal_run_names, f->runs, TEMPORAL_N_RUNS);
    json_end(w);
}

static void put_opts(struct json_writer *w, const struct temporal_opts *o)
{
    put_number(w, "tolerance_ms", o->tolerance_ms);
    put_number(w, "latency_threshold_ms", o->latency_threshold_ms);
    put_number(w, "iou_threshold", o->iou);
    put_number(w, "at_confidence", o->at_confidence);
    if (o->frame_rate > 0)
        put_number(w, "frame_rate", o->frame_rate);
    if (o->min_height > 0)
        put_number(w, "min_height", o->min_height);
    if (o->min_visibility > 0)
        put_number(w, "min_visibility", o->min_visibility);
}

static void put_lists(struct json_writer *w, const struct temporal_result *r)
{
    json_key(w, "classes");
    json_array(w);
    for (size_t i = 0; i < r->n_classes; i++) {
        json_object(w);
        json_key(w, "label");
        json_cstring(w, r->classes[i].label);
        put_figures(w, &r->classes[i].figures);
        json_end(w);
    }
    json_end(w);
    json_key(w, "videos");
    json_array(w);
    for (size_t i = 0; i < r->n_videos; i++) {
        json_object(w);
        json_key(w, "name");
        json_cstring(w, r->videos[i].name);
        put_figures(w, &r->videos[i].figures);
        json_end(w);
    }
    json_end(w);
}

void time_json_put_temporal(struct json_writer *w, const struct temporal_result *r)
{
    json_key(w, "temporal");
    json_object(w);
    json_key(w, "has_data");
    json_bool(w, r->has_times);
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
    put_count(w, "truths", f->n_truths);
    put_count(w, "detections", f->n_detections);
    put_count(w, "found", f->n_found);
    put_count(w, "on_time", f->n_on_time);
    put_count(w, "late", f->n_late);
    put_count(w, "early", f->n_early);
    put_count(w, "in_time", f->n_in_time);
    put_number(w, "precision", f->precision);
    put_number(w, "recall", f->recall);
    put_number(w, "f1", f->f1);
    put_number(w, "bias_ms", f->bias_ms);
    put_latency(w, "difference_ms", &f->difference);
}

void time_json_put_events(struct json_writer *w, const struct events_result *r)
{
    json_key(w, "temporal");
    json_object(w);
    json_key(w, "events");
    json_bool(w, true);
    put_number(w, "tolerance_ms", r->opts.tolerance_ms);
    put_number(w, "latency_threshold_ms", r->opts.latency_threshold_ms);
    put_number(w, "at_confidence", r->opts.at_confidence);
    put_count(w, "below_confidence", r->n_below);
    json_key(w, "overall");
    json_object(w);
    put_events(w, &r->overall);
    json_end(w);
    json_key(w, "classes");
    json_array(w);
    for (size_t i = 0; i < r->n_labels; i++) {
        json_object(w);
        json_key(w, "label");
        json_cstring(w, r->labels[i].label);
        put_events(w, &r->labels[i].figures);
        json_end(w);
    }
    json_end(w);
    json_end(w);
}

// --- truth mistakes

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    if (!text)
        return;
    json_key(w, key);
    json_cstring(w, text);
}

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
    put_text(w, "file", p->file_name);
    if (p->frame >= 0) {
        json_key(w, "frame");
        json_int(w, p->frame);
    }
    json_key(w, "bounding_box");
    json_object(w);
    put_number(w, "x", place->x);
    put_number(w, "y", place->y);
    put_number(w, "width", place->w);
    put_number(w, "height", place->h);
    json_end(w);
    json_end(w);
    w->pretty = pretty;
}

static void put_places(struct json_writer *w, const struct dataset *truth, const struct mistake *m)
{
    const size_t n = MIN(m->n_places, (size_t)TIME_JSON_MAX_PLACES);
    put_count(w, "pictures", m->n_places);
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
    put_text(w, "kind", mistake_kind_name(m->kind));
    put_number(w, "evidence", m->evidence);
    put_text(w, "label", truth->classes[m->class_index].name);
    if (m->other_class >= 0)
        put_text(w, "seen_as", truth->classes[m->other_class].name);
    if (truth->n_videos > 0)
        put_text(w, "video", truth->videos[m->video]);
    if (m->track_id >= 0) {
        json_key(w, "track_id");
        json_int(w, m->track_id);
    }
    if (m->other_track >= 0) {
        json_key(w, "other_track_id");
        json_int(w, m->other_track);
    }
    put_count(w, "models", m->n_models);
    put_number(w, "confidence", m->confidence);
    put_places(w, truth, m);
    json_end(w);
}

void time_json_put_mistakes(struct json_writer *w, const struct mistakes *m)
{
    json_key(w, "truth_mistakes");
    json_object(w);
    put_count(w, "found", m->n_found);
    put_number(w, "confidence", m->opts.confidence);
    put_count(w, "min_frames", m->opts.min_frames);
    json_key(w, "items");
    json_array(w);
    for (size_t i = 0; i < m->n; i++)
        put_mistake(w, m->truth, &m->items[i]);
    json_end(w);
    json_end(w);
}
