// SPDX-License-Identifier: Apache-2.0
// html_moments.c - the worst moments as pictures, truth and detections drawn over them; without
// pixels the boxes alone.

#include <inttypes.h>
#include <math.h>

#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_BOXES = 1000, // drawn on one picture
    MAX_LABELS = 8,   // with more errors than that, words would hide the boxes
};

struct moment {
    const struct html_report *h;
    const struct outcome_picture *picture;
    const struct html_picture *pixels; // NULL: none
    double width, height;
    bool has_labels;
    struct str_buf *out;
};

static const struct dataset_object *box_of(const struct html_report *h,
                                           const struct outcome_object *o)
{
    return o->truth != OUTCOME_NONE ? &h->truth->objects[o->truth]
                                    : &h->detections->objects[o->detection];
}

static const char *kind_of(const struct outcome_object *o)
{
    static const char *const kinds[OUTCOME_N_KINDS] = {"ignored", "found", "missed", "alarm",
                                                       "ignored"};
    return kinds[o->kind];
}

// The picture's size: of its pixels, of the truth, else what the boxes reach.
static void measure(struct moment *m)
{
    const struct dataset_picture *p = &m->h->truth->pictures[m->picture->picture];
    m->width = m->pixels ? m->pixels->width : p->width;
    m->height = m->pixels ? m->pixels->height : p->height;
    for (size_t i = 0; i < m->picture->n && (m->width <= 0 || m->height <= 0); i++) {
        for (size_t k = 0; k < m->picture->n; k++) {
            const struct dataset_object *o =
                box_of(m->h, &m->h->outcome->objects[m->picture->first + k]);
            m->width = MAX(m->width, o->x + o->w);
            m->height = MAX(m->height, o->y + o->h);
        }
    }
    m->width = isfinite(m->width) && m->width >= 1 ? m->width : 1;
    m->height = isfinite(m->height) && m->height >= 1 ? m->height : 1;
}

static void put_box(const struct moment *m, const struct dataset_object *b, const char *kind)
{
    str_buf_printf(m->out,
                   "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"", kind,
                   b->x, b->y, MAX(b->w, 0), MAX(b->h, 0));
}

static void put_label(const struct moment *m, const struct outcome_object *o)
{
    const struct dataset_object *b = box_of(m->h, o);
    const double size = m->width / 42;
    const double y = b->y - size * .35 > size ? b->y - size * .35 : b->y + size;
    const bool is_right = b->x > m->width * .8;
    str_buf_printf(m->out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\"%s>",
                   is_right ? MIN(b->x + b->w, m->width) : MAX(b->x, 0), MIN(y, m->height), size,
                   is_right ? " text-anchor=\"end\"" : "");
    html_put_text(m->out, m->h->truth->classes[o->class_index].name);
    str_buf_puts(m->out, "</text>");
}

// What lies below comes first: what needs no look, then found, then the errors.
static void put_boxes(const struct moment *m)
{
    static const enum outcome_kind order[] = {OUTCOME_IGNORED, OUTCOME_FOUND, OUTCOME_FALSE_ALARM,
                                              OUTCOME_MISSED};
    const struct outcome_object *objects = m->h->outcome->objects + m->picture->first;
    const size_t n = MIN(m->picture->n, (size_t)MAX_BOXES);
    for (size_t k = 0; k < ARRAY_LEN(order); k++) {
        for (size_t i = 0; i < n; i++) {
            if (objects[i].kind != order[k])
                continue;
            put_box(m, box_of(m->h, &objects[i]), "halo");
            str_buf_puts(m->out, "/>");
            if (objects[i].kind == OUTCOME_FOUND) {
                put_box(m, &m->h->detections->objects[objects[i].detection], "seen");
                str_buf_puts(m->out, "/>");
            }
            put_box(m, box_of(m->h, &objects[i]), kind_of(&objects[i]));
            str_buf_puts(m->out, "><title>");
            html_put_text(m->out, m->h->truth->classes[objects[i].class_index].name);
            if (objects[i].detection != OUTCOME_NONE)
                str_buf_printf(m->out, " %.2f",
                               m->h->detections->objects[objects[i].detection].confidence);
            str_buf_puts(m->out, "</title></rect>");
            if (m->has_labels && (order[k] == OUTCOME_MISSED || order[k] == OUTCOME_FALSE_ALARM))
                put_label(m, &objects[i]);
        }
    }
}

static void put_counted(struct str_buf *out, int64_t n, const char *one, const char *many)
{
    html_put_count(out, n);
    str_buf_printf(out, " %s", n == 1 ? one : many);
}

// "(3 pedestrian, 1 car)": the classes of one kind of error, where there are several classes.
static void put_classes(const struct moment *m, enum outcome_kind kind)
{
    const struct outcome_object *objects = m->h->outcome->objects + m->picture->first;
    bool any = false;
    for (size_t i = 0; i < m->picture->n && m->h->evaluation->n_classes > 1;) { // by class
        const int32_t k = objects[i].class_index;
        int64_t n = 0;
        for (; i < m->picture->n && objects[i].class_index == k; i++)
            n += objects[i].kind == kind;
        if (n == 0)
            continue;
        str_buf_printf(m->out, "%s%" PRId64 " ", any ? ", " : " (", n);
        html_put_text(m->out, m->h->truth->classes[k].name);
        any = true;
    }
    if (any)
        str_buf_putc(m->out, ')');
}

static void put_conditions(const struct moment *m)
{
    const struct dataset *d = m->h->truth;
    for (size_t i = 0; i < m->h->conditions.n; i++) {
        const char *value = dataset_attribute(d, d->pictures[m->picture->picture].attributes,
                                              m->h->conditions.names[i]);
        if (!value)
            continue;
        str_buf_puts(m->out, ", ");
        html_put_text(m->out, value);
    }
}

static void put_caption(const struct moment *m, size_t number)
{
    const struct outcome_picture *p = m->picture;
    const char *video = html_video_name(m->h, p->video);
    const char *file = m->h->truth->pictures[p->picture].file_name;
    str_buf_printf(m->out, "<figcaption><b>%zu</b>&ensp;", number);
    html_put_when(m->out, p);
    if (video && video[0]) {
        str_buf_puts(m->out, ", ");
        html_put_text(m->out, video);
    } else if (p->is_still && file) {
        str_buf_puts(m->out, ", ");
        html_put_text(m->out, file);
    }
    put_conditions(m);
    str_buf_puts(m->out, "<br>");
    put_counted(m->out, p->n_missed, "missed", "missed");
    put_classes(m, OUTCOME_MISSED);
    str_buf_puts(m->out, ", ");
    put_counted(m->out, p->n_false_alarms, "false alarm", "false alarms");
    put_classes(m, OUTCOME_FALSE_ALARM);
    str_buf_puts(m->out, ", <span class=\"soft\">");
    put_counted(m->out, p->n_found, "found", "found");
    str_buf_puts(m->out, "</span></figcaption>");
}

static void put_moment(const struct html_report *h, size_t i, struct str_buf *out)
{
    struct moment m = {.h = h, .picture = &h->outcome->pictures[h->worst[i]], .out = out};
    m.has_labels = h->evaluation->n_classes > 1 &&
                   m.picture->n_missed + m.picture->n_false_alarms <= MAX_LABELS;
    for (size_t k = 0; k < h->n_pictures; k++) {
        if (h->pictures[k].picture == m.picture->picture)
            m.pixels = &h->pictures[k];
    }
    measure(&m);
    str_buf_printf(out,
                   "<figure id=\"moment-%zu\"><svg%s viewBox=\"0 0 %.1f %.1f\" role=\"img\" "
                   "aria-label=\"Truth and detections of moment %zu\">",
                   i + 1, m.pixels ? "" : " class=\"bare\"", m.width, m.height, i + 1);
    if (m.pixels) {
        html_put_image(out, m.pixels);
    } else {
        str_buf_printf(out, "<rect class=\"blank\" width=\"%.1f\" height=\"%.1f\"/>", m.width,
                       m.height);
    }
    put_boxes(&m);
    str_buf_puts(out, "</svg>");
    put_caption(&m, i + 1);
    str_buf_puts(out, "</figure>\n");
}

void html_put_moments(const struct html_report *h, struct str_buf *out)
{
    html_begin_section(out, "moments", "The worst moments");
    if (h->outcome->n_pictures == 0) {
        str_buf_puts(out, "<p class=\"none\">No data: no frame was judged.</p>\n");
    } else if (h->n_worst == 0) {
        str_buf_puts(out, "<p>No frame has a miss or a false alarm at this confidence.</p>\n");
    } else {
        str_buf_puts(out, "<p>The frames with the most misses and false alarms, at least a second "
                          "apart. Found objects are drawn in a full line with the detector's own "
                          "box thin, missed ones dashed, false alarms dotted, what is not judged "
                          "thin and grey.");
        if (h->no_pictures) {
            str_buf_puts(out, " <span class=\"soft\">");
            html_put_text(out, h->no_pictures);
            str_buf_puts(out, "</span>");
        }
        str_buf_puts(out, "</p>\n");
        html_put_outcome_legend(out);
        str_buf_puts(out, "<div class=\"moments\">\n");
        for (size_t i = 0; i < h->n_worst; i++)
            put_moment(h, i, out);
        str_buf_puts(out, "</div>\n");
    }
    html_end_section(out);
}
