// SPDX-License-Identifier: Apache-2.0
// report_html.c - `--report FILE.html`: pictures from the source, the page from the report.

#include "app/report_html.h"

#include "app/app.h"
#include "app/page_pictures.h"
#include "base/arena.h"
#include "base/err.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html.h"

#define MAX_PAGE (64 * MIB)

// The worst frames as the source knows them.
static struct page_frame frame_of(const struct dataset *t, const struct dataset *d,
                                  const struct outcome_picture *o)
{
    return (struct page_frame){
        .picture = o->picture,
        .frame = o->frame,
        .pts_us = d->pts_us ? d->pts_us[o->picture] : INT64_MIN,
        .file_name = t->pictures[o->picture].file_name,
        .video = t->n_videos > 1 ? t->videos[o->video] : NULL,
    };
}

bool app_html_is_picture(const struct dataset *truth, const struct dataset *detections,
                         const struct outcome_picture *o, const struct picture *p, bool is_files)
{
    struct page_frame f = frame_of(truth, detections, o);
    f.video = NULL;
    return page_frame_is_picture(&f, p, "", is_files);
}

static int write_page(const struct app_html *app, struct arena *a)
{
    struct outcome outcome;
    struct page_pictures pictures;
    struct page_frame frames[HTML_MAX_PICTURES];
    size_t *worst;
    size_t n_worst;
    int r = outcome_run(app->truth, app->detections, app->evaluation, a, &outcome);
    if (r == 0)
        r = outcome_worst(&outcome, HTML_MAX_PICTURES, a, &worst, &n_worst);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_worst; i++)
        frames[i] = frame_of(app->truth, app->detections, &outcome.pictures[worst[i]]);
    const char *no_pictures = page_pictures_read(app->source, frames, n_worst, &pictures);
    struct html_report page = {
        .evaluation = app->evaluation,
        .about = app->about,
        .truth = app->truth,
        .detections = app->detections,
        .outcome = &outcome,
        .worst = worst,
        .n_worst = n_worst,
        .pictures = pictures.items,
        .n_pictures = pictures.n,
        .no_pictures = no_pictures,
    };
    conditions_find(app->truth, &page.conditions);
    struct str_buf out = STR_BUF_INIT(MAX_PAGE);
    r = html_write(&page, &out);
    if (r == 0)
        r = app_write(app->path, &out);
    str_buf_finish(&out);
    page_pictures_finish(&pictures);
    return r;
}

int app_html_check(const char *path)
{
    struct str s = str_of(path);
    if (!str_ends(s, ".html") && !str_ends(s, ".htm"))
        return err_set(ERR_INVALID, "--report: '%s' does not end in .html", path);
    return 0;
}

int app_html_write(const struct app_html *r)
{
    struct arena *a;
    int result = arena_create(0, &a);
    if (result < 0)
        return result;
    result = write_page(r, a);
    arena_destroy(a);
    return result;
}
