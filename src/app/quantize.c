// SPDX-License-Identifier: Apache-2.0
// quantize.c - frames, an fp32 run that is observed, int8 runs that are compared.
//
// AGREEMENT of two lists of detections of one picture: they are matched greedily by confidence,
// same class and IoU at least 0.5; twice the sum of the matches' IoU times the smaller of their two
// confidences, over the sum of all confidences of both lists. 1: the same; 0: nothing in common. Of
// several pictures: sums of all. Detections from FLOOR on count.
//
// Single layers do little, less than a detection that comes or goes at FLOOR: to rank them,
// confidences count from FLOOR on (EXCESS), so that what appears there begins with nothing.

#include "app/quantize.h"

#include <math.h>
#include <string.h>

#include "app/formats.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "infer/detector.h"
#include "media/source.h"
#include "nn/calibration.h"
#include "nn/quantization.h"
#include "vision/frame.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    PROBE_FRAMES = 4, // that single layers are judged on
    MAX_DOUBLINGS = 16,
};

// Of the least loss seen: more layers in bf16 must bring more than this, as each costs time.
#define NEAR_ENOUGH 1.1
static const double floor_confidence = 0.2;
static const double ap_floor = 0.001; // AP needs the unsure ones too
static const float least_overlap = 0.5f;

struct damage {
    int layer; // index of a range
    double agreement;
};

struct quantize {
    struct model *model; // borrowed
    struct quantize_opts opts;
    struct frame_pool *pool;
    struct frame *frames[QUANTIZE_MAX_FRAMES];
    char *files[QUANTIZE_MAX_FRAMES]; // of pictures
    int n_frames;
    struct detection_list truth[QUANTIZE_MAX_FRAMES]; // fp32's
    struct dataset *objects;                          // truth given by the user; NULL: none
    struct calibration *calibration;
    struct plan_layer *layers; // the exempt ones
    struct quantization result;
};

const struct quantization *quantize_result(const struct quantize *q)
{
    return &q->result;
}

void quantize_destroy(struct quantize *q)
{
    if (!q)
        return;
    for (int i = 0; i < QUANTIZE_MAX_FRAMES; i++) {
        frame_unref(&q->frames[i]);
        mem_free(q->files[i]);
        detection_list_finish(&q->truth[i]);
    }
    frame_pool_destroy(q->pool);
    calibration_destroy(q->calibration);
    dataset_destroy(q->objects);
    mem_free(q->layers);
    mem_free(q);
}

// --- frames

// The pictures kept so far are every *step*-th one; when all places are taken, every other goes.
struct sampling {
    struct picture *kept[QUANTIZE_MAX_FRAMES];
    int n, most;
    int64_t step, at;
};

static void sample(struct sampling *s, struct picture **picture)
{
    if (s->at++ % s->step != 0) {
        picture_unref(picture);
        return;
    }
    if (s->n == s->most) {
        for (int i = 0; i < s->n; i++) {
            if (i % 2)
                picture_unref(&s->kept[i]);
            else
                s->kept[i / 2] = s->kept[i];
        }
        s->n = (s->n + 1) / 2;
        s->step *= 2;
        if ((s->at - 1) % s->step != 0) {
            picture_unref(picture);
            return;
        }
    }
    s->kept[s->n++] = *picture;
    *picture = NULL;
}

static int read_pictures(const char *path, struct sampling *s)
{
    struct source_opts opts = {.path = path, .stride = 1};
    struct source *source = NULL;
    int r = source_open(&opts, &source);
    if (r < 0)
        return r;
    while (r == 0) {
        struct picture *picture = NULL;
        r = source_next(source, &picture);
        if (r == 0)
            sample(s, &picture);
    }
    source_close(source);
    if (r == ERR_EOF)
        r = s->n ? 0 : err_set(ERR_MEDIA, "%s: no pictures", path);
    return r;
}

static int letterbox_all(struct quantize *q, const struct detector *d, const struct sampling *s)
{
    const struct model_input *in = &detector_model(d)->input;
    struct letterbox_scratch *scratch = NULL;
    int width = 0;
    int height = 0;
    detector_input_size(d, &width, &height);
    int r = frame_pool_create((size_t)s->n, width, height, &q->pool);
    if (r == 0)
        r = letterbox_scratch_create(CPU_ISA_UNSET, &scratch);
    for (int i = 0; i < s->n && r == 0; i++) {
        const struct picture *p = s->kept[i];
        r = frame_pool_get(q->pool, 0, &q->frames[i]);
        if (r < 0)
            break;
        q->n_frames++;
        q->frames[i]->ordinal = p->ordinal;
        q->frames[i]->pts_us = p->pts_us;
        q->files[i] = p->file ? mem_strdup(p->file) : NULL;
        q->frames[i]->letterbox =
            letterbox_make(in->rule, p->width, p->height, width, height, in->fill);
        r = letterbox_run(scratch, &q->frames[i]->letterbox, p, q->frames[i]->rgb);
    }
    letterbox_scratch_destroy(scratch);
    return r;
}

static int make_frames(struct quantize *q, const struct detector *d)
{
    struct sampling s = {.most = q->opts.n_frames, .step = 1};
    int r = read_pictures(q->opts.source, &s);
    if (r == 0)
        r = letterbox_all(q, d, &s);
    for (int i = 0; i < s.n; i++)
        picture_unref(&s.kept[i]);
    struct digest digest;
    digest_init(&digest);
    for (int i = 0; i < q->n_frames; i++)
        digest_add(&digest, q->frames[i]->rgb, q->frames[i]->n_bytes);
    digest_hex(&digest, q->result.source_sha256);
    return r;
}

// --- agreement

struct agreement {
    double common, all;
};

// The best partner of *d* that has none yet; -1: none.
static int partner(const struct detection *d, const struct detection_list *others,
                   const bool *is_taken)
{
    int best = -1;
    float most = least_overlap;
    for (size_t i = 0; i < others->n; i++) {
        if (is_taken[i] || others->items[i].class_id != d->class_id)
            continue;
        float iou = box_iou(d->box, others->items[i].box);
        if (iou >= most) {
            most = iou;
            best = (int)i;
        }
    }
    return best;
}

static int add_agreement(const struct detection_list *a, const struct detection_list *b,
                         double from, struct agreement *sum)
{
    bool *is_taken = mem_array(bool, b->n + 1);
    if (!is_taken)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->n; i++)
        sum->all += (double)b->items[i].confidence - from;
    for (size_t i = 0; i < a->n; i++) { // the most confident first, as NMS leaves them
        const struct detection *d = &a->items[i];
        int k = partner(d, b, is_taken);
        sum->all += (double)d->confidence - from;
        if (k < 0)
            continue;
        is_taken[k] = true;
        sum->common += 2 * (double)box_iou(d->box, b->items[k].box) *
                       ((double)fminf(d->confidence, b->items[k].confidence) - from);
    }
    mem_free(is_taken);
    return 0;
}

static int detect(struct detector *d, const struct frame *f, double floor,
                  struct detection_list *ret_list)
{
    const struct detector_settings settings = {.confidence = floor, .iou = 0.7};
    struct detector_part_ns ns = {0};
    return detector_run_once(d, f, &settings, ret_list, &ns);
}

// --- the steps

static int open_detector(struct quantize *q, int precision, struct calibration *calibration,
                         const struct quantization *quantization, struct detector **ret_detector)
{
    const struct engine_opts opts = {
        .engine = ENGINE_CHOICE_NATIVE,
        .precision = precision,
        .threads = 1,
        .calibration = calibration,
        .quantization = quantization,
    };
    return detector_create(q->model, &opts, ret_detector);
}

// Calibration frames need not hold black and white.
static void know_picture(struct quantize *q)
{
    const struct model_info *info = model_info(q->model);
    const struct model_input *in = &info->input;
    float min = 0;
    float max = 0;
    for (int i = 0; i < 3; i++) {
        float std = in->std[i] != 0 ? in->std[i] : 1; // zero: not set
        min = fminf(min, (0 - in->mean[i]) / std);
        max = fmaxf(max, (255 * in->scale - in->mean[i]) / std);
    }
    for (int i = 0; i < info->n_inputs; i++)
        calibration_know(q->calibration, info->inputs[i].name, min, max);
}

// What the detector's own warm-up shows (an empty picture) is observed too: harmless, it is grey.
static int observe(struct quantize *q)
{
    struct detector *d = NULL;
    int r = open_detector(q, PRECISION_FP32, q->calibration, NULL, &d);
    if (r < 0)
        return r;
    r = make_frames(q, d);
    for (int i = 0; i < q->n_frames && r == 0; i++)
        r = detect(d, q->frames[i], floor_confidence, &q->truth[i]);
    detector_destroy(d);
    know_picture(q);
    return r;
}

// Agreement on *n_frames* of the frames, spread over all; confidences count from *from* on.
static int measure(struct quantize *q, int n_frames, double from, double *ret_agreement)
{
    struct detector *d = NULL;
    struct agreement sum = {0};
    int r = open_detector(q, PRECISION_INT8, NULL, &q->result, &d);
    for (int i = 0; i < n_frames && r == 0; i++) {
        int frame = i * q->n_frames / n_frames;
        struct detection_list found = {0};
        r = detect(d, q->frames[frame], floor_confidence, &found);
        if (r == 0)
            r = add_agreement(&q->truth[frame], &found, from, &sum);
        detection_list_finish(&found);
    }
    detector_destroy(d);
    if (r == 0)
        *ret_agreement = sum.all > 0 ? sum.common / sum.all : 1;
    return r;
}

static int add_frame(struct quantize *q, struct detector *d, int i, struct dataset_builder *builder)
{
    const struct frame *f = q->frames[i];
    struct detection_list found = {0};
    int r = detect(d, f, ap_floor, &found);
    if (r == 0)
        r = dataset_builder_frame(builder, f->ordinal, f->pts_us, q->files[i]);
    for (size_t k = 0; k < found.n && r == 0; k++) {
        const struct detection *seen = &found.items[k];
        const struct dataset_detection given = {
            .label = model_info(q->model)->labels[seen->class_id],
            .x = (double)seen->box.x1,
            .y = (double)seen->box.y1,
            .w = (double)(seen->box.x2 - seen->box.x1),
            .h = (double)(seen->box.y2 - seen->box.y1),
            .confidence = (double)seen->confidence,
        };
        r = dataset_builder_add(builder, &given);
    }
    detection_list_finish(&found);
    return r;
}

static int judge(const struct quantize *q, struct dataset_builder **builder, double *ret_ap)
{
    struct dataset *detections = NULL;
    struct evaluation e = {0};
    int r = dataset_builder_finish(builder, &detections);
    if (r == 0)
        r = evaluation_run(q->objects, detections, NULL, &e);
    if (r == 0 && isnan(e.coco.ap))
        r = err_set(ERR_DATA, "%s: no truth for any of the frames", q->opts.truth);
    if (r == 0)
        *ret_ap = e.coco.ap;
    evaluation_finish(&e);
    dataset_destroy(detections);
    return r;
}

static int measure_ap(struct quantize *q, int precision, double *ret_ap)
{
    struct detector *d = NULL;
    struct dataset_builder *builder = NULL;
    const struct quantization *q8 = precision == PRECISION_INT8 ? &q->result : NULL;
    int r = open_detector(q, precision, NULL, q8, &d);
    if (r == 0)
        r = dataset_builder_create(q->objects, &builder);
    for (int i = 0; i < q->n_frames && r == 0; i++)
        r = add_frame(q, d, i, builder);
    if (r == 0)
        r = judge(q, &builder, ret_ap);
    dataset_builder_destroy(builder);
    detector_destroy(d);
    return r;
}

// The measure that the result records, of int8 as it stands.
static int measure_result(struct quantize *q, double *ret_measure)
{
    return q->objects ? measure_ap(q, PRECISION_INT8, ret_measure)
                      : measure(q, q->n_frames, 0, ret_measure);
}

// The better of the two rules by what they give.
static int choose_ranges(struct quantize *q, double *ret_agreement)
{
    double best = -1;
    enum calibration_rule best_rule = CALIBRATION_WHOLE;
    int r = 0;
    for (int rule = CALIBRATION_WHOLE; rule <= CALIBRATION_LEAST_SQUARE && r == 0; rule++) {
        double agreement = 0;
        r = calibration_ranges(q->calibration, (enum calibration_rule)rule, &q->result.ranges,
                               &q->result.n_ranges);
        if (r == 0)
            r = measure_result(q, &agreement);
        if (r == 0 && agreement > best) {
            best = agreement;
            best_rule = (enum calibration_rule)rule;
        }
    }
    if (r == 0)
        r = calibration_ranges(q->calibration, best_rule, &q->result.ranges, &q->result.n_ranges);
    *ret_agreement = best;
    return r;
}

static int by_agreement(const void *a, const void *b)
{
    double x = ((const struct damage *)a)->agreement;
    double y = ((const struct damage *)b)->agreement;
    return (x > y) - (x < y); // what damages most first
}

// What 8 bits in each layer alone, all others in fp32, leave of the agreement. The other way round
// (each layer alone in fp32) shows nothing but noise where one layer by itself spoils all.
static int measure_layers(struct quantize *q, struct damage *damages)
{
    int n_probes = MIN(PROBE_FRAMES, q->n_frames);
    int n = q->result.n_ranges;
    int r = 0;
    for (int i = 0; i < n && r == 0; i++) {
        q->result.n_layers = 0;
        for (int k = 0; k < n; k++) {
            if (k != i)
                q->layers[q->result.n_layers++] =
                    (struct plan_layer){q->result.ranges[k].name, PLAN_FP32};
        }
        damages[i].layer = i;
        r = measure(q, n_probes, floor_confidence, &damages[i].agreement);
    }
    qsort(damages, (size_t)n, sizeof(damages[0]), by_agreement);
    return r;
}

static int measure_without(struct quantize *q, const struct damage *damages, int n,
                           double *ret_measure)
{
    for (int i = 0; i < n; i++)
        q->layers[i] = (struct plan_layer){q->result.ranges[damages[i].layer].name, PLAN_BF16};
    q->result.n_layers = n;
    return measure_result(q, ret_measure);
}

// As many layers as it takes to stay within the limit, the most damaging first. Where a quarter of
// them does not do: the fewest that come near the best that was seen.
static int exempt_layers(struct quantize *q, double *agreement)
{
    double seen[MAX_DOUBLINGS] = {*agreement};
    int n_seen = 1; // seen[i]: with 2^(i - 1) layers in bf16, seen[0] with none
    struct damage *damages = mem_array(struct damage, (size_t)q->result.n_ranges + 1);
    if (!damages)
        return ERR_NOMEM;
    int r = measure_layers(q, damages);
    double best = *agreement;
    for (int n = 1; n <= q->result.n_ranges / 4 && r == 0 && n_seen < MAX_DOUBLINGS; n *= 2) {
        r = measure_without(q, damages, n, &seen[n_seen]);
        best = fmax(best, seen[n_seen++]);
        if (q->result.fp32 - best <= q->opts.max_loss)
            break;
    }
    bool is_met = q->result.fp32 - best <= q->opts.max_loss;
    double enough =
        q->result.fp32 - (is_met ? q->opts.max_loss : NEAR_ENOUGH * (q->result.fp32 - best));
    int chosen = 0;
    while (chosen + 1 < n_seen && seen[chosen] < enough)
        chosen++;
    if (r == 0)
        r = measure_without(q, damages, chosen ? 1 << (chosen - 1) : 0, agreement);
    mem_free(damages);
    return r;
}

static int quantize_all(struct quantize *q)
{
    double agreement = 0;
    q->result.fp32 = 1;
    q->result.measure = q->objects ? QUANTIZATION_AP : QUANTIZATION_AGREEMENT;
    int r = observe(q);
    if (r == 0 && q->objects)
        r = measure_ap(q, PRECISION_FP32, &q->result.fp32);
    if (r == 0)
        r = choose_ranges(q, &agreement);
    if (r < 0)
        return r;
    q->layers = mem_array(struct plan_layer, (size_t)q->result.n_ranges + 1);
    if (!q->layers)
        return ERR_NOMEM;
    q->result.layers = q->layers;
    if (q->result.fp32 - agreement > q->opts.max_loss)
        r = exempt_layers(q, &agreement);
    q->result.source = q->opts.source;
    q->result.n_frames = q->n_frames;
    q->result.int8 = agreement;
    q->result.loss = q->result.fp32 - agreement;
    return r;
}

int quantize_run(struct model *m, const struct quantize_opts *opts, struct quantize **ret_quantize)
{
    struct quantize *q = mem_new(struct quantize);
    if (!q)
        return ERR_NOMEM;
    q->model = m;
    q->opts = *opts;
    q->opts.n_frames = MIN(opts->n_frames, QUANTIZE_MAX_FRAMES);
    memcpy(q->result.model_sha256, model_info(m)->sha256, sizeof(q->result.model_sha256));
    const struct dataset_read_opts truth = {.role = DATASET_TRUTH};
    int r = calibration_create(&q->calibration);
    if (r == 0 && opts->truth)
        r = app_dataset_read(opts->truth, &truth, &q->objects);
    if (r == 0)
        r = quantize_all(q);
    if (r < 0) {
        quantize_destroy(q);
        return r;
    }
    *ret_quantize = q;
    return 0;
}
