// SPDX-License-Identifier: Apache-2.0
// test_tracking_expected.c - the stored tracking cases give the reference implementation's figures.
//
// Runs where the test data is (ASSAY_TEST_DATA). Counts are equal. Ratios are equal to 1e-9 where
// the reference is stored in full (per alpha, MOT17's published table, the recomputed ratios) and
// to the 8 digits it was rounded to elsewhere. Where nothing was there to judge, the reference
// prints 0, or 1 for LocA and MLR; ours is no data (NaN).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "tracking/tracking.h"

#define FULL    1e-9
#define ROUNDED 5.001e-9 // half of the eighth digit

enum {
    MAX_PAIRS = 8,
};

static double largest; // among figures that are stored in full

struct loaded {
    struct tracking_pair pairs[MAX_PAIRS];
    size_t n;
    struct arena *arena;
    struct tracking_result result;
};

static void check_near(const char *where, const char *what, double expected, double got,
                       double tolerance)
{
    double difference = fabs(expected - got);
    if (!(difference <= tolerance))
        fail_msg("%s %s: %.17g, not %.17g", where, what, got, expected);
    if (tolerance == FULL)
        largest = fmax(largest, difference);
}

static const char *data_path(char *text, size_t n, const char *folder, const char *file)
{
    snprintf(text, n, "%s/%s/%s", getenv("ASSAY_TEST_DATA"), folder, file);
    return text;
}

static bool has_data(const char *folder)
{
    char path[512];
    if (!getenv("ASSAY_TEST_DATA"))
        return false;
    FILE *f = fopen(data_path(path, sizeof(path), folder, "expected.json"), "r");
    if (f)
        fclose(f);
    return f != NULL;
}

static json_t *expected_of(const char *folder, const char *file)
{
    char path[512];
    json_error_t error;
    json_t *j = json_load_file(data_path(path, sizeof(path), folder, file), 0, &error);
    if (!j)
        fail_msg("%s: %s", path, error.text);
    return j;
}

static void must(int r)
{
    if (r < 0)
        fail_msg("%s", err_message(r));
}

static void load_pair(struct loaded *l, const char *name, const char *folder, const char *truth,
                      const char *results)
{
    char path[512];
    struct dataset *t = NULL;
    struct dataset *d = NULL;
    must(dataset_read(data_path(path, sizeof(path), folder, truth), DATASET_TRUTH,
                      DATASET_FORMAT_UNSET, NULL, &t));
    must(dataset_read(data_path(path, sizeof(path), folder, results), DATASET_DETECTIONS,
                      DATASET_FORMAT_UNSET, t, &d));
    l->pairs[l->n++] = (struct tracking_pair){.name = name, .truth = t, .results = d};
}

static void evaluate(struct loaded *l, enum tracking_rules rules)
{
    const struct tracking_opts opts = {.rules = rules};
    must(arena_create(0, &l->arena));
    must(tracking_evaluate_pairs(l->pairs, l->n, &opts, l->arena, &l->result));
}

static void unload(struct loaded *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct dataset *parts[] = {NULL, NULL};
        memcpy(&parts[0], &l->pairs[i].results, sizeof(parts[0]));
        memcpy(&parts[1], &l->pairs[i].truth, sizeof(parts[1]));
        dataset_destroy(parts[0]);
        dataset_destroy(parts[1]);
    }
    arena_destroy(l->arena);
}

// The reference's name for a row of ours.
static bool same_name(const char *theirs, const char *ours)
{
    return strcmp(theirs, ours) == 0 ||
           (strcmp(ours, "Frames") != 0 && strncmp(theirs, "CLR_", 4) == 0 &&
            strcmp(theirs + 4, ours) == 0);
}

static const struct tracking_row *row_of(const char *theirs)
{
    for (size_t i = 0; i < tracking_n_rows; i++) {
        if (same_name(theirs, tracking_rows[i].name))
            return &tracking_rows[i];
    }
    return NULL;
}

// What the reference prints where there is no data.
static bool is_blank(const char *name, double expected, const struct tracking_figures *f)
{
    bool one = strncmp(name, "LocA", 4) == 0 || strcmp(name, "MLR") == 0;
    // Without truth MOTA and its like are minus the false alarms over max(1, 0).
    return expected == 0 || (one && expected == 1) || (f->n_truths == 0 && expected < 0);
}

static size_t check_figures(const char *where, const json_t *expected,
                            const struct tracking_figures *f, double tolerance)
{
    const char *name;
    json_t *v;
    size_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)expected, name, v)
    {
        const struct tracking_row *row = row_of(name);
        if (!row || !json_is_number(v))
            continue;
        if (strcmp(name, "Frames") == 0 && !tracking_has_data(f))
            continue; // frames of a class that a video does not have
        double theirs = json_number_value(v);
        double ours = tracking_value(f, row);
        n++;
        if (row->kind == TRACKING_COUNT)
            check_near(where, name, theirs, ours, 0);
        else if (!isnan(ours))
            check_near(where, name, theirs, ours, tolerance);
        else if (!is_blank(name, theirs, f))
            fail_msg("%s %s: no data, not %.17g", where, name, theirs);
    }
    return n;
}

static void check_alphas(const char *where, const json_t *expected, const char *name,
                         const double *ours, double mean)
{
    double sum = 0;
    const json_t *list = json_object_get(expected, name);
    assert_int_equal(json_array_size(list), TRACKING_N_ALPHAS);
    for (size_t a = 0; a < TRACKING_N_ALPHAS; a++) {
        double theirs = json_number_value(json_array_get(list, a));
        check_near(where, name, theirs, ours[a], FULL);
        sum += theirs;
    }
    check_near(where, name, sum / TRACKING_N_ALPHAS, mean, FULL);
}

static const struct tracking_figures *sequence_of(const struct loaded *l, const char *name,
                                                  size_t class_index)
{
    for (size_t i = 0; i < l->result.n_sequences; i++) {
        if (strcmp(l->result.sequences[i].name, name) == 0)
            return tracking_sequence_class(&l->result.sequences[i], class_index);
    }
    fail_msg("no sequence '%s'", name);
    return NULL;
}

static void check_sequences(const struct loaded *l, const json_t *expected)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)expected, name, v)
    {
        const struct tracking_figures *f =
            strcmp(name, "COMBINED_SEQ") == 0 || strcmp(name, "COMBINED") == 0
                ? &l->result.classes[0].figures
                : sequence_of(l, name, 0);
        size_t n = check_figures(name, v, f, ROUNDED);
        assert_true(n >= 40);
        if (!json_object_get(v, "HOTA_per_alpha"))
            continue;
        check_alphas(name, v, "HOTA_per_alpha", f->alphas.hota, f->hota);
        check_alphas(name, v, "DetA_per_alpha", f->alphas.det_a, f->det_a);
        check_alphas(name, v, "AssA_per_alpha", f->alphas.ass_a, f->ass_a);
        check_alphas(name, v, "LocA_per_alpha", f->alphas.loc_a, f->loc_a);
    }
}

// --- MOT15

// The columns that the devkit's table and py-motmetrics print, and what ours are called.
static const struct {
    const char *theirs, *ours;
    double factor; // 100: printed as a percentage with one digit
} devkit_columns[] = {
    {"IDF1", "IDF1", 100},   {"IDP", "IDP", 100},     {"IDR", "IDR", 100},
    {"Rcll", "CLR_Re", 100}, {"Prcn", "CLR_Pr", 100}, {"FAR", "FP_per_frame", 1},
    {"GT", "GT_IDs", 1},     {"MT", "MT", 1},         {"PT", "PT", 1},
    {"ML", "ML", 1},         {"FP", "FP", 1},         {"FN", "FN", 1},
    {"IDs", "IDSW", 1},      {"FM", "Frag", 1},       {"MOTA", "MOTA", 100},
    {"MOTP", "MOTP", 100},   {"MOTAL", "MOTAL", 100},
};

static void check_devkit(const char *where, const json_t *printed, const struct tracking_figures *f)
{
    for (size_t i = 0; i < ARRAY_LEN(devkit_columns); i++) {
        const json_t *v = json_object_get(printed, devkit_columns[i].theirs);
        if (!v)
            continue;
        const struct tracking_row *row = tracking_row_find(devkit_columns[i].ours);
        double ours = tracking_value(f, row) * devkit_columns[i].factor;
        // The devkit's MOTAL takes log10(IDSW + 1), the reference implementation log10(IDSW).
        if (strcmp(devkit_columns[i].ours, "MOTAL") == 0)
            ours = 100 * (1 - ((double)(f->fn + f->fp) + log10((double)f->idsw + 1)) /
                                  (double)f->n_truths);
        double half = 0;
        if (row->kind != TRACKING_COUNT)
            half = devkit_columns[i].factor == 1 ? .005 : .05;
        check_near(where, devkit_columns[i].theirs, json_number_value(v), ours, half + 1e-9);
    }
}

static const char *const mot15[] = {"TUD-Campus", "TUD-Stadtmitte", "PETS09-S2L1", "KITTI-17",
                                    "Venice-2"};

static void test_mot15(void **state)
{
    const char *folder = "tracking/mot15_devkit_5seq";
    if (!has_data(folder))
        skip();
    struct loaded l = {0};
    for (size_t i = 0; i < ARRAY_LEN(mot15); i++) {
        char truth[128];
        char results[128];
        snprintf(truth, sizeof(truth), "gt/%s/gt.txt", mot15[i]);
        snprintf(results, sizeof(results), "tracker/%s.txt", mot15[i]);
        load_pair(&l, mot15[i], folder, truth, results);
    }
    evaluate(&l, TRACKING_RULES_MOT15);
    json_t *expected = expected_of(folder, "expected.json");
    check_sequences(&l, json_object_get(expected, "trackeval"));
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(expected, "published"), name, v)
        check_devkit(name, v, sequence_of(&l, name, 0));
    json_decref(expected);
    unload(&l);
}

static void test_pymotmetrics(void **state)
{
    const char *folder = "tracking/pymotmetrics_tud";
    const char *mot15_folder = "tracking/mot15_devkit_5seq";
    if (!has_data(mot15_folder))
        skip();
    struct loaded l = {0};
    load_pair(&l, "TUD-Campus", folder, "TUD-Campus/gt.txt", "TUD-Campus/test.txt");
    load_pair(&l, "TUD-Stadtmitte", folder, "TUD-Stadtmitte/gt.txt", "TUD-Stadtmitte/test.txt");
    evaluate(&l, TRACKING_RULES_NONE);
    json_t *expected = expected_of(mot15_folder, "expected.json");
    const json_t *published = json_object_get(expected, "published");
    for (size_t i = 0; i < l.n; i++)
        check_devkit(l.pairs[i].name, json_object_get(published, l.pairs[i].name),
                     sequence_of(&l, l.pairs[i].name, 0));
    json_decref(expected);
    unload(&l);
}

// --- MOT17

static const char *const mot17[] = {"MOT17-02-DPM", "MOT17-05-DPM", "MOT17-09-DPM"};

static void test_mot17(void **state)
{
    const char *folder = "tracking/mot17_mpntrack_02_05_09";
    if (!has_data(folder))
        skip();
    struct loaded l = {0};
    for (size_t i = 0; i < ARRAY_LEN(mot17); i++) {
        char truth[128];
        char results[128];
        snprintf(truth, sizeof(truth), "gt/%s/gt.txt", mot17[i]);
        snprintf(results, sizeof(results), "tracker/%s.txt", mot17[i]);
        load_pair(&l, mot17[i], folder, truth, results);
    }
    evaluate(&l, TRACKING_RULES_MOT17);
    json_t *expected = expected_of(folder, "expected.json");
    check_sequences(&l, json_object_get(expected, "trackeval"));
    const char *name;
    json_t *v;
    json_object_foreach(json_object_get(expected, "published"), name, v)
        assert_true(check_figures(name, v, sequence_of(&l, name, 0), FULL) >= 35);
    json_decref(expected);
    unload(&l);
}

// --- BDD100K

static const char *const bdd[] = {"b1ca2e5d-84cf9134", "b1d7b3ac-afa57f22", "b1f25ff6-1ddb7e43"};

static const struct tracking_figures *combined_of(const struct tracking_result *r, const char *name)
{
    if (strcmp(name, "cls_comb_cls_av") == 0)
        return &r->class_average;
    if (strcmp(name, "cls_comb_det_av") == 0)
        return &r->overall;
    for (size_t i = 0; i < r->n_groups; i++) {
        if (strcmp(r->groups[i].label, name) == 0)
            return &r->groups[i].figures;
    }
    for (size_t i = 0; i < r->n_classes; i++) {
        if (strcmp(r->classes[i].label, name) == 0)
            return &r->classes[i].figures;
    }
    fail_msg("nothing is called '%s'", name);
    return NULL;
}

static void check_bdd_sequence(const struct loaded *l, const char *sequence, const json_t *expected)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)expected, name, v)
    {
        bool combined = strcmp(sequence, "COMBINED_SEQ") == 0;
        const struct tracking_figures *f = combined ? combined_of(&l->result, name) : NULL;
        for (size_t c = 0; !combined && c < l->result.n_classes; c++) {
            if (strcmp(l->result.classes[c].label, name) == 0)
                f = sequence_of(l, sequence, c);
        }
        if (!f)
            fail_msg("%s: no class '%s'", sequence, name);
        assert_true(check_figures(name, v, f, ROUNDED) >= 38);
    }
}

static void test_bdd100k(void **state)
{
    const char *folder = "detection/bdd100k_8videos";
    if (!has_data(folder))
        skip();
    struct loaded l = {0};
    for (size_t i = 0; i < ARRAY_LEN(bdd); i++) {
        char truth[128];
        char results[128];
        snprintf(truth, sizeof(truth), "raw/gt/%s.json", bdd[i]);
        snprintf(results, sizeof(results), "raw/qdtrack/%s.json", bdd[i]);
        load_pair(&l, NULL, folder, truth, results);
    }
    evaluate(&l, TRACKING_RULES_BDD100K);
    json_t *expected = expected_of(folder, "expected_tracking_raw_videos.json");
    const char *name;
    json_t *v;
    size_t n = 0;
    json_object_foreach(json_object_get(expected, "trackeval"), name, v)
    {
        check_bdd_sequence(&l, name, v);
        n++;
    }
    assert_int_equal(n, 4);
    json_decref(expected);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mot15),
        cmocka_unit_test(test_pymotmetrics),
        cmocka_unit_test(test_mot17),
        cmocka_unit_test(test_bdd100k),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    printf("largest difference %g\n", largest);
    return r;
}
