// SPDX-License-Identifier: Apache-2.0
// eval_input.h - bytes of the fuzzer as an input of eval's readers, and what must hold of whatever
// they make of them.
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset_priv.h"
#include "eval/evaluation.h"
#include "tracking/tracking.h"

typedef int (*eval_reader)(struct dataset_input *, const struct dataset *, struct dataset **);

// What a reader finds behind the bytes: nothing.
static inline int eval_end(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert(fd >= 0);
    return fd;
}

static inline struct dataset *eval_read(eval_reader read, const void *bytes, size_t n,
                                        const struct dataset *truth)
{
    struct dataset_input in = {.path = "input", .fd = eval_end(), .n_head = n};
    in.head = mem_strndup(bytes, n); // its own, so that reading past the end shows
    assert(in.head);
    struct dataset *d = NULL;
    int r = read(&in, truth, &d);
    assert((r == 0) == (d != NULL));
    assert(r <= 0 && (r == 0 || err_message(r)[0] != '\0'));
    mem_free(in.head);
    return d;
}

static inline void eval_check_part(double v)
{
    assert(isnan(v) || (v >= 0 && v <= 1));
}

static inline void eval_judge(const struct dataset *truth, const struct dataset *detections)
{
    struct evaluation e;
    int r = evaluation_run(truth, detections, NULL, &e);
    assert(r == 0);
    eval_check_part(e.coco.ap);
    eval_check_part(e.coco.ar[2]);
    eval_check_part(e.at.precision);
    eval_check_part(e.best.f1);
    assert((size_t)(e.at.true_positives + e.at.false_positives) <= e.n_detections);
    assert((size_t)(e.at.true_positives + e.at.false_negatives) == e.n_truths);
    evaluation_finish(&e);
}

// Tracking figures under every rule: refused, or ratios within their range.
static inline void eval_track(const struct dataset *truth, const struct dataset *results)
{
    for (int rules = TRACKING_RULES_NONE; rules < TRACKING_N_RULES; rules++) {
        const struct tracking_opts opts = {.rules = (enum tracking_rules)rules};
        struct arena *a = NULL;
        struct tracking_result r;
        assert(arena_create(0, &a) == 0);
        int err = tracking_evaluate(truth, results, &opts, a, &r);
        assert(err == 0 || err == ERR_DATA || err == ERR_TOO_BIG);
        if (err == 0) {
            eval_check_part(tracking_value(&r.overall, tracking_row_find("HOTA")));
            eval_check_part(tracking_value(&r.overall, tracking_row_find("LocA")));
            eval_check_part(tracking_value(&r.overall, tracking_row_find("IDF1")));
            assert(r.overall.tp + r.overall.fn == r.overall.n_truths);
            assert(r.overall.idtp + r.overall.idfp == r.overall.n_results);
        }
        arena_destroy(a);
    }
}

// Judges *bytes*, if they are detections, against truth in COCO form.
static inline void eval_judge_detections(eval_reader read, const void *bytes, size_t n)
{
    static const char truth_text[] =
        "{\"images\":[{\"id\":1,\"file_name\":\"a.jpg\"},{\"id\":2,\"file_name\":\"b.jpg\"}],"
        "\"categories\":[{\"id\":1,\"name\":\"person\"},{\"id\":2,\"name\":\"car\"}],"
        "\"annotations\":[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,30,40]},"
        "{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,90,90],\"iscrowd\":1},"
        "{\"image_id\":2,\"category_id\":2,\"bbox\":[5,6,70,80]}]}";
    struct dataset *truth = eval_read(dataset_read_coco, truth_text, sizeof(truth_text) - 1, NULL);
    assert(truth);
    struct dataset *d = eval_read(read, bytes, n, truth);
    if (d) {
        eval_judge(truth, d);
        eval_track(truth, d);
    }
    dataset_destroy(d);
    dataset_destroy(truth);
}

// Judges *bytes*, if they are truth, with no detections and with themselves as detections.
static inline void eval_judge_truth(eval_reader read, const void *bytes, size_t n)
{
    struct dataset *truth = eval_read(read, bytes, n, NULL);
    if (!truth)
        return;
    struct dataset *none = eval_read(dataset_read_coco, "[]", 2, truth);
    assert(none);
    eval_judge(truth, none);
    dataset_destroy(none);
    struct dataset same = *truth;
    same.n_judged = same.n_pictures;
    eval_judge(truth, &same);
    eval_track(truth, &same);
    dataset_destroy(truth);
}
