// SPDX-License-Identifier: Apache-2.0
// test_html.c - the HTML report: outside text never becomes markup, what has no data says so, and
// every element is closed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/comparison.h"
#include "eval/disagreement.h"
#include "eval/evaluation.h"
#include "eval/events.h"
#include "eval/outcome.h"
#include "eval/temporal.h"
#include "eval/verdict.h"
#include "report/comparison_report.h"
#include "report/html.h"
#include "report/html_comparison.h"
#include "report/html_priv.h"
#include "report/metrics_json.h"
#include "report/svg.h"
#include "tracking/tracking.h"

#define HOSTILE "<script>alert(1)</script>\"'&\x1b\xff"

// --- escaping

static const struct {
    const char *text, *html;
} texts[] = {
    {"person", "person"},
    {"", ""},
    {NULL, ""},
    {"<script>", "&lt;script&gt;"},
    {"a&b \"c\" 'd'", "a&amp;b &quot;c&quot; &#39;d&#39;"},
    {"&lt;", "&amp;lt;"},
    {"\x1b[31m\n", "?[31m&#10;"},
    {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},
    {"\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"},
};

static void test_text(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str_buf out = STR_BUF_INIT(1 * KIB);
        html_put_text(&out, texts[i].text);
        assert_string_equal(str_buf_text(&out), texts[i].html);
        str_buf_finish(&out);
    }
}

static void test_numbers(void **state)
{
    static const struct {
        int64_t n;
        const char *text;
    } counts[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {-1234567, "-1,234,567"}};
    static const struct {
        int64_t us;
        int n_digits;
        const char *text;
    } clocks[] = {{0, 0, "0:00"},
                  {3900000, 2, "0:03.90"},
                  {62300000, 1, "1:02.3"},
                  {3723000000, 0, "1:02:03"},
                  {-1500000, 1,
                   "\xe2\x88\x92"
                   "0:01.5"}};
    struct str_buf out = STR_BUF_INIT(1 * KIB);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        str_buf_reset(&out);
        html_put_count(&out, counts[i].n);
        assert_string_equal(str_buf_text(&out), counts[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(clocks); i++) {
        str_buf_reset(&out);
        html_put_clock(&out, clocks[i].us, clocks[i].n_digits);
        assert_string_equal(str_buf_text(&out), clocks[i].text);
    }
    str_buf_reset(&out);
    html_put_value(&out, (double)NAN, 3);
    html_put_value(&out, (double)INFINITY, 3);
    assert_null(strstr(str_buf_text(&out), "nan"));
    assert_null(strstr(str_buf_text(&out), "inf"));
    assert_non_null(strstr(str_buf_text(&out), "no data"));
    str_buf_finish(&out);
}

static void test_svg(void **state)
{
    const struct svg_plot p = {.x_max = 10, .y_max = 2};
    assert_true(svg_x(&p, 5) == 500 && svg_y(&p, 2) == 0 && svg_y(&p, 0) == 1000);
    assert_true(svg_x(&p, -3) == 0 && svg_x(&p, 99) == 1000); // stays inside
    assert_true(svg_x(&p, (double)NAN) == 0);
    const struct svg_plot flat = {0};
    assert_true(svg_x(&flat, 0) == 0); // no 0/0
}

// --- whole pages

static struct dataset_attribute attributes[] = {
    {0}, {"weather<b>", "rain<i>", 0}, {"weather<b>", "fog", 0}};
static char video[] = "video " HOSTILE;
static char *videos[] = {video, video};
static char notice[] = "notice " HOSTILE;
static char *notices[] = {notice};

static void settings(void *arg, struct json_writer *w)
{
    json_key(w, "detect");
    json_object(w);
    json_key(w, "key " HOSTILE);
    json_cstring(w, HOSTILE);
    json_key(w, "some_list");
    json_array(w);
    json_int(w, 1);
    json_int(w, 2);
    json_end(w);
    json_key(w, "max_frames");
    json_null(w);
    json_end(w);
}

static struct str_buf page_of(struct dataset *truth, struct dataset *detections)
{
    struct evaluation e;
    struct arena *a;
    struct outcome o;
    size_t *worst;
    size_t n_worst;
    static const char *const slice_by[] = {"class", "size"};
    const struct evaluation_opts opts = {.conventions = {false, true, true, true, true},
                                         .wants_confusion = true,
                                         .slice_by = slice_by,
                                         .n_slice_by = 2};
    assert_int_equal(evaluation_run(truth, detections, &opts, &e), 0);
    assert_int_equal(arena_create(0, &a), 0);
    // The lists that the arena hands out with pointers into attributes need equal keys to be one.
    attributes[2].key = attributes[1].key;
    assert_int_equal(outcome_run(truth, detections, &e, a, &o), 0);
    assert_int_equal(outcome_worst(&o, HTML_MAX_PICTURES, a, &worst, &n_worst), 0);
    struct verdict_finding findings[] = {
        {.criterion = {.metric = "precision", .limit = .5},
         .value = .75,
         .interval = {.7, .8},
         .outcome = VERDICT_PASS},
        {.criterion = {.metric = HOSTILE, .is_max = true, .limit = 1},
         .value = (double)NAN,
         .interval = {(double)NAN, (double)NAN},
         .outcome = VERDICT_NO_DATA}};
    const struct verdict verdict = {.profile = "p" HOSTILE,
                                    .findings = findings,
                                    .n = 2,
                                    .n_met = 1,
                                    .n_no_data = 1,
                                    .outcome = VERDICT_NO_DATA};
    const struct report_about about = {.verdict = &verdict,
                                       .truth = "t" HOSTILE,
                                       .detections = "d" HOSTILE,
                                       .model = "m" HOSTILE,
                                       .source = "s/" HOSTILE,
                                       .model_sha256 = "00ff",
                                       .settings = settings};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0};
    const struct html_picture picture = {
        .picture = 1, .jpeg = jpeg, .n = sizeof(jpeg), .width = 64, .height = 48};
    struct html_report h = {.evaluation = &e,
                            .about = &about,
                            .truth = truth,
                            .detections = detections,
                            .outcome = &o,
                            .worst = worst,
                            .n_worst = n_worst,
                            .pictures = &picture,
                            .n_pictures = 1,
                            .no_pictures = "because " HOSTILE};
    conditions_find(truth, &h.conditions);
    struct str_buf small = STR_BUF_INIT(1 * KIB);
    assert_int_equal(html_write(&h, &small), ERR_TOO_BIG);
    str_buf_finish(&small);
    struct str_buf out = STR_BUF_INIT(4 * MIB);
    assert_int_equal(html_write(&h, &out), 0);
    arena_destroy(a);
    evaluation_finish(&e);
    return out;
}

static size_t times(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p++)
        n++;
    return n;
}

static void check_page(const char *page)
{
    static const char *const elements[][2] = {
        {"<section", "</section>"}, {"<svg", "</svg>"},   {"<figure", "</figure>"},
        {"<table", "</table>"},     {"<div", "</div>"},   {"<tr>", "</tr>"},
        {"<span", "</span>"},       {"<p", "</p>"},       {"<td", "</td>"},
        {"<dd", "</dd>"},           {"<dt>", "</dt>"},    {"<ul", "</ul>"},
        {"<title", "</title>"},     {"<main", "</main>"}, {"<text", "</text>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(elements); i++) {
        size_t opened = times(page, elements[i][0]);
        if (strcmp(elements[i][0], "<p") == 0)
            opened -= times(page, "<path");
        if (opened != times(page, elements[i][1]))
            fail_msg("%s: %zu opened, %zu closed", elements[i][0], opened,
                     times(page, elements[i][1]));
    }
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<b>rain"));
    assert_null(strstr(page, "<i>\""));
    assert_null(strchr(page, '\x1b'));
    assert_null(strchr(page, '\xff'));
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "-inf"));
    assert_null(strstr(page, "http"));
}

static void test_hostile(void **state)
{
    struct dataset_class classes[] = {{.id = 1, .name = HOSTILE}, {.id = 2, .name = ""}};
    struct dataset_picture pictures[] = {
        {.id = 1, .frame = 0, .pts_us = 0, .attributes = 1},
        {.id = 2, .frame = 50, .pts_us = 2000000, .attributes = 2, .file_name = HOSTILE},
        {.id = 3, .frame = 0, .pts_us = INT64_MIN, .video = 1}};
    struct dataset_object truths[] = {
        {.w = 10, .h = 10, .area = 100, .confidence = 1, .marks = DATASET_OCCLUDED},
        {.picture = 1, .w = 10, .h = 10, .area = 100, .confidence = 1},
        {.picture = 2, .class_index = 1, .w = 40, .h = 40, .area = 1600, .confidence = 1}};
    struct dataset_object found[] = {
        {.w = 10, .h = 10, .confidence = .9},
        {.picture = 1, .class_index = 1, .x = 5, .w = 10, .h = 10, .confidence = .7},
        {.picture = 2, .class_index = 0, .x = 5, .w = -10, .h = 10, .confidence = 1.5}};
    struct dataset truth = {.classes = classes,
                            .n_classes = 2,
                            .pictures = pictures,
                            .n_pictures = 3,
                            .videos = videos,
                            .n_videos = 2,
                            .objects = truths,
                            .n_objects = 3,
                            .attributes = attributes,
                            .n_attributes = 3,
                            .n_judged = 3,
                            .notices = notices,
                            .n_notices = 1};
    struct dataset detections = truth;
    detections.objects = found;
    detections.n_objects = 3;
    struct str_buf page = page_of(&truth, &detections);
    check_page(str_buf_text(&page));
    assert_non_null(strstr(str_buf_text(&page), "&lt;script&gt;alert(1)"));
    assert_non_null(strstr(str_buf_text(&page), "data:image/jpeg;base64,/9j/4A=="));
    assert_non_null(strstr(str_buf_text(&page), "Frames by weather&lt;b&gt;"));
    assert_non_null(strstr(str_buf_text(&page), "rain&lt;i&gt;"));
    assert_non_null(strstr(str_buf_text(&page), "<div class=\"strip\" title=\"weather&lt;b&gt;\">"
                                                "<span style=\"width:"));
    assert_non_null(strstr(str_buf_text(&page), "occluded"));
    assert_non_null(strstr(str_buf_text(&page), "0.700 to 0.800"));
    assert_non_null(strstr(str_buf_text(&page), "1 of 2 are met, 1 have no data"));
    assert_non_null(strstr(str_buf_text(&page), "<dt>some list</dt><dd>1, 2</dd>"));
    str_buf_finish(&page);
}

// Two runs of hostile names: what differs, and where they disagree.
static void test_hostile_comparison(void **state)
{
    static const char *const notes[] = {"note " HOSTILE};
    struct dataset_class classes[] = {{.id = 1, .name = HOSTILE}, {.id = 2, .name = ""}};
    struct dataset_picture pictures[] = {
        {.id = 1, .frame = -1, .pts_us = INT64_MIN, .file_name = HOSTILE},
        {.id = 2, .frame = -1, .pts_us = INT64_MIN, .video = 1}};
    struct dataset_object truths[] = {
        {.w = 10, .h = 10, .area = 100, .confidence = 1, .track_id = -1},
        {.picture = 1,
         .class_index = 1,
         .w = 9,
         .h = -9,
         .area = 1,
         .confidence = 1,
         .track_id = 7}};
    struct dataset_object found[] = {
        {.w = 10, .h = 10, .confidence = .9, .track_id = -1},
        {.picture = 1, .x = 30, .w = 10, .h = 10, .confidence = .9, .track_id = -1}};
    struct dataset truth = {.classes = classes,
                            .n_classes = 2,
                            .pictures = pictures,
                            .n_pictures = 2,
                            .videos = videos,
                            .n_videos = 2,
                            .objects = truths,
                            .n_objects = 2,
                            .n_judged = 2};
    struct dataset a = truth;
    struct dataset b = truth;
    struct arena *arena;
    struct comparison c;
    a.objects = b.objects = found;
    b.n_objects = 0;
    const struct comparison_opts opts = {.at_confidence = .5, .resamples = 100};
    const struct comparison_about about = {.truth = "t" HOSTILE,
                                           .a = "a/" HOSTILE,
                                           .b = "b" HOSTILE,
                                           .pictures = &truth,
                                           .notices = notes,
                                           .n_notices = 1};
    assert_int_equal(arena_create(0, &arena), 0);
    assert_int_equal(comparison_run(&truth, &a, &b, &opts, arena, &c), 0);
    struct str_buf page = STR_BUF_INIT(1 * MIB);
    const struct html_comparison h = {.comparison = &c, .about = &about, .no_pictures = HOSTILE};
    assert_int_equal(html_comparison_write(&h, &page), 0);
    check_page(str_buf_text(&page));
    assert_true(times(str_buf_text(&page), "&lt;script&gt;alert(1)") >= 6);
    assert_non_null(strstr(str_buf_text(&page), "found by A, missed by B"));
    str_buf_finish(&page);

    const struct mistake_place place = {.picture = 0, .w = 10, .h = 10};
    struct mistake_place places[] = {place, {.picture = 1, .w = 10, .h = 10}};
    const struct mistake found_by_a = {
        .class_index = 0, .other_class = 1, .places = places, .n_places = 2};
    struct disagreement_item items[] = {{DISAGREEMENT_ONLY_A, .5, &found_by_a},
                                        {DISAGREEMENT_LABEL, (double)NAN, &found_by_a}};
    struct disagreement_class counts[] = {{1, 2, 3}, {0, 0, 0}};
    const struct disagreement d = {
        .pictures = &truth, .items = items, .n = 2, .classes = counts, .n_pictures = 2};
    page = STR_BUF_INIT(1 * MIB);
    assert_int_equal(html_disagreement_write(&d, &about, &page), 0);
    check_page(str_buf_text(&page));
    str_buf_finish(&page);
    mem_free(a.judged);
    mem_free(b.judged);
    arena_destroy(arena);
}

// Sections that are asked for apart: everything without data, and a class whose name is markup.
static void test_hostile_sections(void **state)
{
    struct tracking_class tracked[] = {{.label = HOSTILE}, {.label = ""}};
    struct tracking_sequence sequences[] = {{.name = HOSTILE}, {.name = ""}};
    struct tracking_result tracks = {.opts = {.rules = TRACKING_RULES_MOT17, .iou_threshold = .5},
                                     .classes = tracked,
                                     .n_classes = 2,
                                     .groups = tracked,
                                     .n_groups = 1,
                                     .sequences = sequences,
                                     .n_sequences = 2};
    struct temporal_class timed[] = {{.label = HOSTILE, .figures = {.n_truths = 1}}, {.label = ""}};
    struct temporal_video filmed[] = {{.name = HOSTILE}, {.name = ""}};
    const char *const said[] = {HOSTILE};
    struct temporal_result time = {.has_times = true,
                                   .classes = timed,
                                   .n_classes = 2,
                                   .videos = filmed,
                                   .n_videos = 2,
                                   .notices = said,
                                   .n_notices = 1};
    time.overall.latency.mean = time.overall.recall = time.overall.late_ms = (double)NAN;
    for (int i = 0; i < 2; i++) {
        struct str_buf out = STR_BUF_INIT(1 * MIB);
        html_begin_page(&out, HOSTILE);
        html_put_tracks(&tracks, &out);
        html_put_temporal(&time, &out);
        html_end_page(&out, NULL);
        assert_int_equal(str_buf_check(&out), 0);
        check_page(str_buf_text(&out));
        str_buf_finish(&out);
        tracks.overall.n_truths = tracked[0].figures.n_truths = 3; // now there is data
        time.overall.latency.bins[1] = time.overall.runs[5] = 2;
    }
}

static void test_hostile_events(void **state)
{
    struct events_label labels[] = {{.label = HOSTILE}, {.label = ""}};
    struct events_result r = {.labels = labels, .n_labels = 2, .n_below = 3};
    r.overall.bias_ms = r.overall.difference.mean = r.overall.f1 = (double)NAN;
    r.overall.difference.bins[4] = 9;
    struct str_buf page = STR_BUF_INIT(1 * MIB);
    assert_int_equal(html_events_write(&r, "t" HOSTILE, "d/" HOSTILE, &page), 0);
    check_page(str_buf_text(&page));
    assert_non_null(strstr(str_buf_text(&page), "over 500 ms"));
    str_buf_finish(&page);
}

// A class that has truth without detections, detections without truth, neither; no pictures at all.
static void test_empty(void **state)
{
    struct dataset_class classes[] = {{.id = 1, .name = "a"}};
    struct dataset_picture pictures[] = {{.id = 1, .frame = -1, .pts_us = INT64_MIN}};
    struct dataset_object object = {.w = 10, .h = 10, .area = 100, .confidence = .5};
    for (int i = 0; i < 6; i++) {
        struct dataset truth = {.classes = classes,
                                .n_classes = i < 5,
                                .pictures = pictures,
                                .n_pictures = i < 4,
                                .objects = &object,
                                .n_objects = i == 0 || i == 1,
                                .n_judged = i < 4};
        struct dataset detections = truth;
        detections.n_objects = i == 0 || i == 2;
        struct str_buf page = page_of(&truth, &detections);
        check_page(str_buf_text(&page));
        if (i > 0)
            assert_true(times(str_buf_text(&page), "o data") > 3 ||
                        strstr(str_buf_text(&page), "no truth of this class") != NULL);
        str_buf_finish(&page);
    }
}

// A long video is drawn in few bars. Nothing is found in its second half, at night: that is said.
static void test_long_video(void **state)
{
    enum { N = 5000 };
    static struct dataset_attribute light[] = {
        {0}, {"light", "day", 0}, {"light", "night", 0}, {"lane", "1", 1}, {"lane", "2", 2}};
    light[2].key = light[1].key;
    light[4].key = light[3].key;
    static struct dataset_picture pictures[N];
    static struct dataset_object objects[N];
    struct dataset_class classes[] = {{.id = 1, .name = "a"}};
    for (int i = 0; i < N; i++) {
        pictures[i] = (struct dataset_picture){
            .id = i, .frame = i, .pts_us = i * INT64_C(40000), .attributes = i < N / 2 ? 3 : 4};
        objects[i] = (struct dataset_object){
            .picture = i, .w = 10, .h = 10, .area = 100, .confidence = .9, .x = i % 2 ? 0 : 50};
    }
    struct dataset truth = {.classes = classes,
                            .n_classes = 1,
                            .pictures = pictures,
                            .n_pictures = N,
                            .objects = objects,
                            .n_objects = N,
                            .attributes = light,
                            .n_attributes = ARRAY_LEN(light),
                            .n_judged = N};
    struct dataset detections = truth;
    detections.n_objects = N / 2;
    struct str_buf page = page_of(&truth, &detections);
    check_page(str_buf_text(&page));
    assert_true(page.n < 200 * KIB);
    assert_non_null(strstr(str_buf_text(&page), "mean of 7 frames"));
    assert_non_null(strstr(str_buf_text(&page), "id=\"moment-12\""));
    assert_null(strstr(str_buf_text(&page), "id=\"moment-13\""));
    assert_non_null(strstr(str_buf_text(&page), "<li>light <b>night</b> 0&nbsp;%</li>"));
    assert_null(strstr(str_buf_text(&page), "<li>light <b>day"));
    assert_int_equal(times(str_buf_text(&page), "class=\"strip\""), 1); // lanes are numbers
    assert_non_null(strstr(str_buf_text(&page), "<span style=\"width:50.00%\">day</span>"
                                                "<span style=\"width:50.00%\">night</span>"));
    str_buf_finish(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_svg),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_hostile_comparison),
        cmocka_unit_test(test_hostile_sections),
        cmocka_unit_test(test_hostile_events),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_long_video),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
