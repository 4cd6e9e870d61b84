// SPDX-License-Identifier: Apache-2.0
// html_slices.c - misses and false alarms by size, by what the truth says of its objects, by video.
//
// An object belongs to the size of its truth, a false alarm to the size of its own box. What only
// truth knows (occluded, truncated, visibility) has no false alarms.

#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "eval/evaluation.h"
#include "eval/outcome.h"
#include "report/html.h"
#include "report/html_priv.h"

enum {
    MAX_ROWS = 40,   // of videos
    MAX_FACETS = 12, // attributes with a table of their own
    MAX_VALUES = 12, // of one attribute: with more it is a number or a name, not a condition
};

struct slice {
    const char *name, *note;
    int64_t found, missed, alarms;
    bool has_alarms;
    const double *ap50; // NULL: not computed
};

static void count(struct slice *s, enum outcome_kind kind)
{
    s->found += kind == OUTCOME_FOUND;
    s->missed += kind == OUTCOME_MISSED;
    s->alarms += kind == OUTCOME_FALSE_ALARM;
}

// --- the table

static void put_bar(struct str_buf *out, const struct slice *s, int64_t longest)
{
    const int64_t n = s->found + s->missed + (s->has_alarms ? s->alarms : 0);
    str_buf_puts(out, "<td class=\"bar\">");
    if (n > 0 && longest > 0) {
        const double scale = 100 / (double)longest;
        str_buf_puts(out, "<div class=\"bars\">");
        str_buf_printf(out, "<i class=\"found\" style=\"width:%.2f%%\"></i>",
                       scale * (double)s->found);
        str_buf_printf(out, "<i class=\"missed\" style=\"width:%.2f%%\"></i>",
                       scale * (double)s->missed);
        if (s->has_alarms)
            str_buf_printf(out, "<i class=\"alarm\" style=\"width:%.2f%%\"></i>",
                           scale * (double)s->alarms);
        str_buf_puts(out, "</div>");
    }
    str_buf_puts(out, "</td>");
}

static void put_row(struct str_buf *out, const struct slice *s, int64_t longest, bool has_alarms,
                    bool has_ap50)
{
    str_buf_puts(out, "<tr><th scope=\"row\">");
    html_put_text(out, s->name && s->name[0] ? s->name : "(no name)");
    if (s->note)
        str_buf_printf(out, " <span class=\"soft nowrap\">%s</span>", s->note);
    str_buf_puts(out, "</th>");
    html_put_count_cell(out, "Objects", s->found + s->missed);
    html_put_count_cell(out, "Missed", s->missed);
    str_buf_puts(out, "<td data-name=\"Recall\">");
    html_put_share(out, s->found, s->found + s->missed);
    str_buf_puts(out, "</td>");
    if (has_alarms) {
        html_put_count_cell(out, "False alarms", s->alarms);
        str_buf_puts(out, "<td data-name=\"Precision\">");
        html_put_share(out, s->found, s->found + s->alarms);
        str_buf_puts(out, "</td>");
    }
    if (has_ap50)
        html_put_value_cell(out, "AP50", s->ap50 ? *s->ap50 : NAN);
    put_bar(out, s, longest);
    str_buf_puts(out, "</tr>\n");
}

static void put_table(struct str_buf *out, const char *caption, const char *first,
                      const struct slice *slices, size_t n)
{
    int64_t longest = 0;
    const bool has_alarms = n > 0 && slices[0].has_alarms;
    bool has_ap50 = false;
    for (size_t i = 0; i < n; i++) {
        longest =
            MAX(longest, slices[i].found + slices[i].missed + (has_alarms ? slices[i].alarms : 0));
        has_ap50 = has_ap50 || slices[i].ap50;
    }
    str_buf_printf(out,
                   "<table><caption>%s</caption><thead><tr><th>%s</th><th>Objects</th>"
                   "<th>Missed</th><th>Recall</th>%s%s<th></th></tr></thead><tbody>\n",
                   caption, first, has_alarms ? "<th>False alarms</th><th>Precision</th>" : "",
                   has_ap50 ? "<th>AP50</th>" : "");
    for (size_t i = 0; i < n; i++)
        put_row(out, &slices[i], longest, has_alarms, has_ap50);
    str_buf_puts(out, "</tbody></table>\n");
}

// --- by size

static double area_of(const struct html_report *h, const struct outcome_object *o)
{
    if (o->truth != OUTCOME_NONE)
        return h->truth->objects[o->truth].area;
    const struct dataset_object *d = &h->detections->objects[o->detection];
    return d->w * d->h;
}

static struct slice size_slice(const struct html_report *h, const struct coco_area *area)
{
    struct slice s = {.name = area->name, .has_alarms = true};
    for (size_t i = 0; i < h->outcome->n_objects; i++) {
        const struct outcome_object *o = &h->outcome->objects[i];
        const double size = area_of(h, o);
        if (size >= area->min && size <= area->max)
            count(&s, o->kind);
    }
    return s;
}

static void put_sizes(const struct html_report *h, struct str_buf *out)
{
    const struct coco_opts *c = &h->evaluation->opts.coco;
    struct slice slices[COCO_MAX_AREAS] = {{0}};
    struct str_buf notes[COCO_MAX_AREAS];
    size_t n = 0;
    for (size_t i = 0; i < c->n_areas; i++) {
        const struct coco_area *a = &c->areas[i];
        if (str_is(str_of(a->name), "all"))
            continue;
        slices[n] = size_slice(h, a);
        notes[n] = STR_BUF_INIT(256);
        if (a->max >= 1e9)
            str_buf_printf(&notes[n], "from %.0f\xc2\xb2 px", sqrt(a->min));
        else
            str_buf_printf(&notes[n], "up to %.0f\xc2\xb2 px", sqrt(a->max));
        slices[n].note = str_buf_text(&notes[n]);
        n++;
    }
    put_table(out, "By size", "Size", slices, n);
    for (size_t i = 0; i < n; i++)
        str_buf_finish(&notes[i]);
}

// --- by what the truth says

static bool is_occluded(const struct dataset_object *t)
{
    return t->marks & DATASET_OCCLUDED;
}

static bool is_truncated(const struct dataset_object *t)
{
    return t->marks & DATASET_TRUNCATED;
}

static bool is_difficult(const struct dataset_object *t)
{
    return t->marks & DATASET_DIFFICULT;
}

static bool is_half_hidden(const struct dataset_object *t)
{
    return t->mot_class > 0 && t->visibility < .5f;
}

static void put_conditions(const struct html_report *h, struct str_buf *out)
{
    static const struct {
        const char *name;
        bool (*holds)(const struct dataset_object *t);
    } rows[] = {{"occluded", is_occluded},
                {"truncated", is_truncated},
                {"difficult", is_difficult},
                {"less than half visible", is_half_hidden}};
    struct slice slices[ARRAY_LEN(rows) + 1] = {{0}};
    struct slice plain = {.name = "none of these"};
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        struct slice s = {.name = rows[k].name};
        for (size_t i = 0; i < h->outcome->n_objects; i++) {
            const struct outcome_object *o = &h->outcome->objects[i];
            if (o->truth != OUTCOME_NONE && rows[k].holds(&h->truth->objects[o->truth]))
                count(&s, o->kind);
        }
        if (s.found + s.missed > 0)
            slices[n++] = s;
    }
    if (n == 0)
        return;
    for (size_t i = 0; i < h->outcome->n_objects; i++) {
        const struct outcome_object *o = &h->outcome->objects[i];
        bool any = o->truth == OUTCOME_NONE;
        for (size_t k = 0; k < ARRAY_LEN(rows) && !any; k++)
            any = rows[k].holds(&h->truth->objects[o->truth]);
        if (!any)
            count(&plain, o->kind);
    }
    slices[n++] = plain;
    put_table(out, "By condition of the object", "Condition", slices, n);
}

// --- by what the truth's file says under a name: weather, time of day

struct facet {
    const char *key; // of the dataset, where equal texts are one
    struct slice slices[MAX_VALUES];
    size_t n;
    bool has_too_many;
};

struct facets {
    struct facet *items;
    size_t n;
    bool has_alarms;
};

static struct facet *facet_find(struct facets *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].key == key)
            return &f->items[i];
    }
    if (f->n == MAX_FACETS)
        return NULL;
    f->items[f->n].key = key;
    return &f->items[f->n++];
}

static struct slice *value_find(struct facet *facet, const char *value, bool has_alarms)
{
    for (size_t i = 0; i < facet->n; i++) {
        if (facet->slices[i].name == value)
            return &facet->slices[i];
    }
    facet->has_too_many = facet->has_too_many || facet->n == MAX_VALUES;
    if (facet->has_too_many)
        return NULL;
    facet->slices[facet->n] = (struct slice){.name = value, .has_alarms = has_alarms};
    return &facet->slices[facet->n++];
}

static void facets_count(struct facets *f, const struct dataset *truth, uint32_t list,
                         const struct slice *counts)
{
    for (uint32_t i = list; i != 0; i = truth->attributes[i].next) {
        struct facet *facet = facet_find(f, truth->attributes[i].key);
        struct slice *s =
            facet ? value_find(facet, truth->attributes[i].value, f->has_alarms) : NULL;
        if (!s)
            continue;
        s->found += counts->found;
        s->missed += counts->missed;
        s->alarms += counts->alarms;
    }
}

// What the evaluation knows of this part besides.
static const double *ap50_of(const struct html_report *h, const struct facet *facet,
                             const char *value)
{
    const struct evaluation *e = h->evaluation;
    for (size_t i = 0; i < e->n_slices; i++) {
        const struct slice_part *s = &e->slices[i];
        if (!s->of_truths && str_is(str_of(s->by), facet->key) && str_is(str_of(s->value), value))
            return &s->ap50;
    }
    return NULL;
}

// "false" and "true" say little below a name in a table.
static const char *name_of(const char *value)
{
    return str_is(str_of(value), "true") ? "yes" : str_is(str_of(value), "false") ? "no" : value;
}

static void put_facets(const struct html_report *h, struct facets *f, const char *of,
                       struct str_buf *out)
{
    for (size_t i = f->n; i-- > 0;) { // in the order of the file
        struct facet *facet = &f->items[i];
        if (facet->has_too_many || facet->n < 2)
            continue;
        for (size_t k = 0; k < facet->n; k++) {
            facet->slices[k].ap50 = ap50_of(h, facet, facet->slices[k].name);
            facet->slices[k].name = name_of(facet->slices[k].name);
        }
        struct str_buf caption = STR_BUF_INIT(64 * KIB);
        str_buf_printf(&caption, "%s by ", of);
        html_put_text(&caption, facet->key);
        put_table(out, str_buf_text(&caption), "Value", facet->slices, facet->n);
        str_buf_finish(&caption);
    }
}

static void put_attributes(const struct html_report *h, struct str_buf *out)
{
    const struct outcome *o = h->outcome;
    struct facets pictures = {.items = mem_array(struct facet, MAX_FACETS), .has_alarms = true};
    struct facets objects = {.items = mem_array(struct facet, MAX_FACETS)};
    if (!pictures.items || !objects.items)
        out->failed = ERR_NOMEM;
    for (size_t i = 0; i < o->n_pictures && !out->failed; i++) {
        const struct outcome_picture *p = &o->pictures[i];
        const struct slice counts = {
            .found = p->n_found, .missed = p->n_missed, .alarms = p->n_false_alarms};
        facets_count(&pictures, h->truth, h->truth->pictures[p->picture].attributes, &counts);
    }
    for (size_t i = 0; i < o->n_objects && !out->failed; i++) {
        struct slice counts = {0};
        count(&counts, o->objects[i].kind);
        if (o->objects[i].truth != OUTCOME_NONE)
            facets_count(&objects, h->truth, h->truth->objects[o->objects[i].truth].attributes,
                         &counts);
    }
    put_facets(h, &pictures, "Frames", out);
    put_facets(h, &objects, "Objects", out);
    mem_free(pictures.items);
    mem_free(objects.items);
}

// --- by video

static void put_videos(const struct html_report *h, struct str_buf *out)
{
    const size_t n_videos = h->truth->n_videos;
    if (n_videos < 2)
        return;
    struct slice *slices = mem_array(struct slice, n_videos);
    if (!slices) {
        out->failed = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < n_videos; i++)
        slices[i] = (struct slice){.name = h->truth->videos[i], .has_alarms = true};
    for (size_t i = 0; i < h->outcome->n_pictures; i++) {
        const struct outcome_picture *p = &h->outcome->pictures[i];
        slices[p->video].found += p->n_found;
        slices[p->video].missed += p->n_missed;
        slices[p->video].alarms += p->n_false_alarms;
    }
    put_table(out, "By video", "Video", slices, MIN(n_videos, (size_t)MAX_ROWS));
    if (n_videos > MAX_ROWS)
        str_buf_printf(out, "<p class=\"soft\">The first %d of %zu videos.</p>\n", MAX_ROWS,
                       n_videos);
    mem_free(slices);
}

void html_put_slices(const struct html_report *h, struct str_buf *out)
{
    html_begin_section(out, "slices", "Where it fails");
    if (h->outcome->n_found + h->outcome->n_missed + h->outcome->n_false_alarms == 0) {
        str_buf_puts(out, "<p class=\"none\">No data: there is neither truth nor a detection at "
                          "this confidence.</p>\n");
    } else {
        str_buf_puts(out, "<p>The same objects, told apart. A false alarm has the size of its own "
                          "box.</p>\n");
        html_put_outcome_legend(out);
        put_sizes(h, out);
        put_attributes(h, out);
        put_conditions(h, out);
        put_videos(h, out);
    }
    html_end_section(out);
}
