// SPDX-License-Identifier: Apache-2.0
// html_timeline.c - what was found, missed and falsely reported along each video.
//
// SHAPES
// A video is a run of outcome pictures. Its bins are runs of neighbouring frames, at most MAX_BINS;
// a bin's height is the mean of its frames. Found and missed go up, false alarms down, on one
// scale.

#include <inttypes.h>
#include <math.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/svg.h"

enum {
    MAX_BINS = 800,
    MAX_VIDEOS = 12,
    MAX_TICKS = 6,
    MAX_STRIPS = 3, // of conditions below one video
    MAX_RUNS = 60,  // of one strip: with more it would be stripes
};

struct bin {
    double from, to; // seconds, or frames
    double found, missed, alarms;
};

// One video's pictures.
struct track {
    const struct outcome_picture *pictures;
    size_t first, n; // in the outcome's pictures
    bool has_times;
    double begin, end; // of the axis: seconds, or frames
    size_t n_per_bin, n_bins;
    double up, down; // highest bin in each direction
};

static double place(const struct track *t, size_t i)
{
    const struct outcome_picture *p = &t->pictures[i];
    return t->has_times ? (double)p->pts_us / 1e6 : (double)p->frame;
}

static double mean_step(const struct track *t)
{
    const double whole = place(t, t->n - 1) - place(t, 0);
    return t->n > 1 && whole > 0 ? whole / (double)(t->n - 1) : t->has_times ? .04 : 1;
}

// A gap in the judged frames stays empty.
static struct bin bin_of(const struct track *t, size_t k)
{
    const size_t first = k * t->n_per_bin;
    const size_t end = MIN(first + t->n_per_bin, t->n);
    struct bin b = {.from = place(t, first), .to = place(t, end - 1) + 1.5 * mean_step(t)};
    if (end < t->n)
        b.to = MIN(b.to, place(t, end));
    else
        b.to = t->end;
    for (size_t i = first; i < end; i++) {
        b.found += (double)t->pictures[i].n_found;
        b.missed += (double)t->pictures[i].n_missed;
        b.alarms += (double)t->pictures[i].n_false_alarms;
    }
    const double n = (double)(end - first);
    b.found /= n;
    b.missed /= n;
    b.alarms /= n;
    return b;
}

static struct track track_of(const struct outcome *o, size_t first)
{
    struct track t = {.pictures = o->pictures + first, .first = first, .has_times = true};
    while (first + t.n < o->n_pictures && o->pictures[first + t.n].video == t.pictures[0].video) {
        t.has_times = t.has_times && t.pictures[t.n].pts_us != INT64_MIN;
        t.n++;
    }
    t.begin = place(&t, 0);
    t.end = place(&t, t.n - 1) + mean_step(&t);
    t.n_per_bin = (t.n + MAX_BINS - 1) / MAX_BINS;
    t.n_bins = (t.n + t.n_per_bin - 1) / t.n_per_bin;
    for (size_t k = 0; k < t.n_bins; k++) {
        const struct bin b = bin_of(&t, k);
        t.up = MAX(t.up, b.found + b.missed);
        t.down = MAX(t.down, b.alarms);
    }
    return t;
}

// --- drawing

enum layer {
    LAYER_FOUND,
    LAYER_MISSED,
    LAYER_ALARMS,
};

static void put_layer(const struct svg_plot *p, const struct track *t, enum layer layer,
                      const char *kind)
{
    svg_path_begin(p, kind);
    for (size_t k = 0; k < t->n_bins; k++) {
        const struct bin b = bin_of(t, k);
        const double low = layer == LAYER_MISSED ? b.found : 0;
        const double high = layer == LAYER_FOUND    ? b.found
                            : layer == LAYER_MISSED ? b.found + b.missed
                                                    : -b.alarms;
        if (low == high)
            continue;
        svg_path_move(p, b.from, low);
        str_buf_printf(p->out, "V%.1fH%.1fV%.1fZ", svg_y(p, high), svg_x(p, b.to), svg_y(p, low));
    }
    svg_path_end(p);
}

// The smallest of the handsome steps that gives at most *n_most* ticks.
static double step_of(double span, bool is_time, int n_most)
{
    static const double times[] = {.1, .2,  .5,  1,   2,   5,    10,   15,   30,
                                   60, 120, 300, 600, 900, 1800, 3600, 7200, 14400};
    for (size_t i = 0; is_time && i < ARRAY_LEN(times); i++) {
        if (span / times[i] <= n_most)
            return times[i];
    }
    double step = is_time ? 14400 : 1;
    for (int i = 0; span / step > n_most; i++)
        step *= i % 3 == 1 ? 2.5 : 2; // 1, 2, 5, 10
    return step;
}

static void put_ticks(const struct svg_plot *p, const struct track *t)
{
    const double step = step_of(t->end - t->begin, t->has_times, MAX_TICKS);
    for (double x = ceil(t->begin / step) * step; x <= t->end; x += step) {
        struct str_buf text = STR_BUF_INIT(64);
        if (t->has_times)
            html_put_clock(&text, llround(x * 1e6), step < 1 ? 1 : 0);
        else
            str_buf_printf(&text, "%.0f", x);
        svg_x_label(p, x, str_buf_text(&text));
        str_buf_finish(&text);
    }
}

static void put_heights(const struct svg_plot *p)
{
    const double step = step_of(p->y_max - p->y_min, false, 4);
    for (double y = ceil(p->y_min / step) * step; y <= p->y_max; y += step) {
        struct str_buf text = STR_BUF_INIT(64);
        str_buf_printf(&text, "%.0f", fabs(y));
        svg_y_label(p, y, str_buf_text(&text));
        str_buf_finish(&text);
    }
}

static void put_worst(const struct html_report *h, const struct svg_plot *p, const struct track *t)
{
    double last = -1000;
    bool is_up = false;
    for (size_t i = 0; i < h->n_worst; i++) {
        if (h->worst[i] < t->first || h->worst[i] >= t->first + t->n)
            continue;
        const double x = svg_x(p, place(t, h->worst[i] - t->first));
        is_up = x - last < 24 && !is_up; // side by side there is no room for two numbers
        last = x;
        str_buf_printf(p->out,
                       "<a class=\"worst%s\" href=\"#moment-%zu\" style=\"left:%.2f%%\">%zu</a>",
                       is_up ? " up" : "", i + 1, x * 100 / SVG_SIDE, i + 1);
    }
}

// --- the conditions below

// One past the last picture from *i* on with the same value.
static size_t end_of_run(const struct html_report *h, const struct track *t, size_t i,
                         const char *name, const char **ret_value)
{
    const struct dataset *d = h->truth;
    *ret_value = dataset_attribute(d, d->pictures[t->pictures[i].picture].attributes, name);
    for (i++; i < t->n; i++) {
        if (dataset_attribute(d, d->pictures[t->pictures[i].picture].attributes, name) !=
            *ret_value)
            break;
    }
    return i;
}

static size_t count_runs(const struct html_report *h, const struct track *t, const char *name)
{
    const char *value;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i = end_of_run(h, t, i, name, &value))
        n++;
    return n;
}

static void put_strip(const struct html_report *h, const struct track *t, const char *name,
                      struct str_buf *out)
{
    const double whole = t->end - t->begin;
    str_buf_puts(out, "<div class=\"strip\" title=\"");
    html_put_text(out, name);
    str_buf_puts(out, "\">");
    for (size_t i = 0; i < t->n;) {
        const char *value;
        const size_t end = end_of_run(h, t, i, name, &value);
        const double from = place(t, i), to = end < t->n ? place(t, end) : t->end;
        str_buf_printf(out, "<span style=\"width:%.2f%%\">",
                       whole > 0 ? 100 * (to - from) / whole : 100);
        html_put_text(out, value ? value : "\xe2\x80\x93");
        str_buf_puts(out, "</span>");
        i = end;
    }
    str_buf_puts(out, "</div>\n");
}

static void put_strips(const struct html_report *h, const struct track *t, struct str_buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < h->conditions.n && n < MAX_STRIPS; i++) {
        const size_t n_runs = count_runs(h, t, h->conditions.names[i]);
        if (n_runs < 2 || n_runs > MAX_RUNS)
            continue;
        put_strip(h, t, h->conditions.names[i], out);
        n++;
    }
}

static void put_track(const struct html_report *h, const struct track *t, bool is_one_of_many,
                      struct str_buf *out)
{
    const double room = t->up + t->down > 0 ? .05 * (t->up + t->down) : 1;
    const struct svg_plot p = {.out = out,
                               .x_min = t->begin,
                               .x_max = t->end,
                               .y_min = t->down > 0 ? -t->down - room : 0,
                               .y_max = t->up + room};
    const char *name = html_video_name(h, t->pictures[0].video);
    str_buf_puts(out, "<figure>");
    if (is_one_of_many) {
        str_buf_puts(out, "<h3>");
        html_put_text(out, name && name[0] ? name : "(no name)");
        str_buf_puts(out, "</h3>");
    }
    svg_begin(&p, is_one_of_many ? "time many" : "time",
              "Objects found, missed and falsely reported along the video");
    put_layer(&p, t, LAYER_FOUND, "found");
    put_layer(&p, t, LAYER_MISSED, "missed");
    put_layer(&p, t, LAYER_ALARMS, "alarm");
    svg_line(&p, "axis", t->begin, 0, t->end, 0);
    svg_end_drawing(&p);
    put_ticks(&p, t);
    put_heights(&p);
    put_worst(h, &p, t);
    svg_end(&p);
    put_strips(h, t, out);
    str_buf_puts(out, "</figure>\n");
}

static void put_words(const struct html_report *h, const struct track *t, size_t n_videos,
                      struct str_buf *out)
{
    str_buf_puts(out, "<p>Objects a frame along the ");
    str_buf_puts(out, t->has_times ? "time (minutes:seconds)" : "frame numbers");
    str_buf_puts(out, ": upwards what was there, downwards what was reported wrongly.");
    if (h->n_worst > 0)
        str_buf_puts(out, " The numbered marks are the worst moments below.");
    if (t->n_per_bin > 1)
        str_buf_printf(out, " Each bar is the mean of %zu frames.", t->n_per_bin);
    if (n_videos > MAX_VIDEOS)
        str_buf_printf(out, " The first %d of %zu videos.", MAX_VIDEOS, n_videos);
    str_buf_puts(out, "</p>\n");
    html_put_outcome_legend(out);
}

static size_t count_videos(const struct outcome *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_pictures; i++)
        n += i == 0 || o->pictures[i].video != o->pictures[i - 1].video;
    return n;
}

static bool has_order(const struct outcome *o)
{
    for (size_t i = 0; i < o->n_pictures; i++) {
        if (!o->pictures[i].is_still)
            return true;
    }
    return false;
}

void html_put_timeline(const struct html_report *h, struct str_buf *out)
{
    const struct outcome *o = h->outcome;
    html_begin_section(out, "timeline", "Along the video");
    if (o->n_pictures == 0)
        str_buf_puts(out, "<p class=\"none\">No data: no frame was judged.</p>\n");
    else if (!has_order(o))
        str_buf_puts(out, "<p class=\"soft\">The truth is single pictures without times or frame "
                          "numbers: there is no course of time to show.</p>\n");
    const size_t n_videos = has_order(o) ? count_videos(o) : 0;
    size_t first = 0;
    for (size_t i = 0; i < MIN(n_videos, (size_t)MAX_VIDEOS); i++) {
        const struct track t = track_of(o, first);
        if (i == 0)
            put_words(h, &t, n_videos, out);
        put_track(h, &t, n_videos > 1, out);
        first += t.n;
    }
    html_end_section(out);
}
