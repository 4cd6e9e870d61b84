// SPDX-License-Identifier: Apache-2.0
// report_html.c - `--report FILE.html`: pictures from the source, the page from the report.

#include "app/report_html.h"

#include <string.h>

#include "app/app.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "media/annotate.h"
#include "media/source.h"
#include "report/html.h"
#include "vision/picture.h"

#define MAX_PAGE (64 * MIB)

enum {
    JPEG_QUALITY = 72,
};

struct pictures {
    const struct app_html *app;
    const struct outcome *outcome;
    const size_t *worst;
    size_t n_worst;
    bool is_files; // the source is pictures, not a video
    struct html_picture items[HTML_MAX_PICTURES];
    uint8_t *jpegs[HTML_MAX_PICTURES]; // owned: what the items show
    size_t n;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool app_html_is_picture(const struct dataset *truth, const struct dataset *detections,
                         const struct outcome_picture *o, const struct picture *p, bool is_files)
{
    if (detections->pts_us && detections->pts_us[o->picture] != INT64_MIN)
        return detections->pts_us[o->picture] == p->pts_us;
    const char *name = truth->pictures[o->picture].file_name;
    if (is_files && p->file && name)
        return strcmp(base_name(name), base_name(p->file)) == 0;
    return o->frame == p->ordinal;
}

static int take(struct pictures *s, const struct picture *p)
{
    for (size_t i = 0; i < s->n_worst; i++) {
        const struct outcome_picture *o = &s->outcome->pictures[s->worst[i]];
        if (s->n == HTML_MAX_PICTURES ||
            !app_html_is_picture(s->app->truth, s->app->detections, o, p, s->is_files))
            continue;
        uint8_t *jpeg;
        struct html_picture item = {.picture = o->picture, .width = p->width, .height = p->height};
        int r = picture_jpeg_scaled(p, HTML_PICTURE_WIDTH, JPEG_QUALITY, &jpeg, &item.n);
        if (r < 0)
            return r;
        item.jpeg = s->jpegs[s->n] = jpeg;
        s->items[s->n++] = item;
        return 0;
    }
    return 0;
}

static int take_all(struct pictures *s, struct source *source)
{
    s->is_files = source_info(source)->kind == SOURCE_PICTURES;
    while (s->n < s->n_worst) {
        struct picture *p;
        int r = source_next(source, &p);
        if (r == ERR_EOF) {
            err_clear();
            return 0;
        }
        if (r < 0)
            return r;
        r = take(s, p);
        picture_unref(&p);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_pictures(struct pictures *s)
{
    struct source *source;
    struct source_opts opts = *s->app->source;
    opts.live = false;
    int r = source_open(&opts, &source);
    if (r < 0)
        return r;
    r = take_all(s, source);
    source_close(source);
    return r;
}

// Fills *s*. Returns why the page lacks pictures; NULL: it has all.
static const char *find_pictures(struct pictures *s)
{
    const struct source_opts *source = s->app->source;
    if (!source)
        return "There are no pictures here because no source was given: the boxes stand alone.";
    if (strstr(source->path, "://"))
        return "There are no pictures here: what comes over the network is not read twice.";
    if (s->n_worst == 0)
        return NULL;
    int r = read_pictures(s);
    if (r < 0) {
        log_warning(NULL, "%s: no pictures for the report, ignoring", err_message(r));
        err_clear();
    }
    return s->n == s->n_worst
               ? NULL
               : "Pictures are missing here where the source did not give them a second time.";
}

static int write_page(const struct app_html *app, struct arena *a)
{
    struct outcome outcome;
    struct pictures pictures = {.app = app, .outcome = &outcome};
    size_t *worst;
    int r = outcome_run(app->truth, app->detections, app->evaluation, a, &outcome);
    if (r == 0)
        r = outcome_worst(&outcome, HTML_MAX_PICTURES, a, &worst, &pictures.n_worst);
    if (r < 0)
        return r;
    pictures.worst = worst;
    const char *no_pictures = find_pictures(&pictures);
    const struct html_report page = {
        .evaluation = app->evaluation,
        .about = app->about,
        .truth = app->truth,
        .detections = app->detections,
        .outcome = &outcome,
        .worst = worst,
        .n_worst = pictures.n_worst,
        .pictures = pictures.items,
        .n_pictures = pictures.n,
        .no_pictures = no_pictures,
    };
    struct str_buf out = STR_BUF_INIT(MAX_PAGE);
    r = html_write(&page, &out);
    if (r == 0)
        r = app_write(app->path, &out);
    str_buf_finish(&out);
    for (size_t i = 0; i < pictures.n; i++)
        mem_free(pictures.jpegs[i]);
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
