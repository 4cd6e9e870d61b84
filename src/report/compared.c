// SPDX-License-Identifier: Apache-2.0
// compared.c - lines, cells and members that the reports on two runs share.

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "report/compared_priv.h"
#include "report/escape.h"

enum {
    MAX_NAME = 4096,
};

void compared_put_line(struct str_buf *out, const char *what, const char *text)
{
    str_buf_printf(out, "%-11s", what);
    str_buf_add_printable(out, str_of(text));
    str_buf_putc(out, '\n');
}

void compared_put_heading(struct str_buf *out, const char *title, const char *a, const char *b)
{
    str_buf_printf(out, "# %s\n\nA: ", title);
    escape_markdown(out, str_of(a));
    str_buf_puts(out, "  \nB: ");
    escape_markdown(out, str_of(b));
    str_buf_puts(out, "\n\n");
}

void compared_put_blocks(const struct bootstrap_plan *plan, size_t frames, double seconds,
                         struct str_buf *out)
{
    if (plan->by_video) {
        str_buf_printf(out, "whole videos, %zu of them", plan->n_blocks);
        return;
    }
    str_buf_printf(out, "blocks of %zu frames", frames);
    if (!isnan(seconds))
        str_buf_printf(out, " (%.3g s)", seconds);
    str_buf_printf(out, ", %zu of them", plan->n_blocks);
}

void compared_put_picture(struct str_buf *out, const struct dataset *d, int32_t picture)
{
    const struct dataset_picture *p = &d->pictures[picture];
    if (d->n_videos > 1)
        str_buf_printf(out, "%s ", d->videos[p->video]);
    if (p->frame >= 0)
        str_buf_printf(out, "frame %" PRId64, p->frame);
    else if (p->file_name)
        str_buf_puts(out, p->file_name);
    else
        str_buf_printf(out, "picture %" PRId64, p->id);
}

void compared_put_notices(struct str_buf *out, const char *const *notices, size_t n)
{
    if (n > 0)
        str_buf_putc(out, '\n');
    for (size_t i = 0; i < n; i++)
        compared_put_line(out, "notice:", notices[i]);
}

void compared_put_quotes(struct str_buf *out, const char *const *notices, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_buf_puts(out, "\n> ");
        escape_markdown(out, str_of(notices[i]));
        str_buf_putc(out, '\n');
    }
}

static const char *side_words(enum comparison_side side)
{
    switch (side) {
    case COMPARISON_LOST:
        return "found by A, missed by B";
    case COMPARISON_FOUND:
        return "missed by A, found by B";
    case COMPARISON_FALSE_NEW:
        return "false in B only";
    default:
        return "false in A only";
    }
}

void compared_put_sides_text(struct str_buf *out, const struct compared_sides *s)
{
    const size_t n = MIN(s->n_changes, s->n_listed);
    str_buf_printf(out, "\n%s\n", s->heading);
    for (enum comparison_side side = COMPARISON_LOST; side < COMPARISON_N_SIDES; side++)
        str_buf_printf(out, "  %-24s%8zu\n", side_words(side), s->counts[side]);
    if (n > 0)
        str_buf_printf(out, "\nthe %zu of %zu with the most evidence\n", n, s->n_changes);
    for (size_t i = 0; i < n; i++) {
        struct str_buf name = STR_BUF_INIT(MAX_NAME);
        struct compared_change change = s->describe(s->arg, i, &name);
        str_buf_printf(out, "%8.2f  %-24s", change.evidence, side_words(change.side));
        str_buf_add_printable(out, str_buf_view(&name));
        str_buf_putc(out, '\n');
        str_buf_finish(&name);
    }
}

void compared_put_sides_markdown(struct str_buf *out, const struct compared_sides *s)
{
    str_buf_printf(out, "\n| changed sides | %s |\n|---|---:|\n", s->counted);
    for (enum comparison_side side = COMPARISON_LOST; side < COMPARISON_N_SIDES; side++)
        str_buf_printf(out, "| %s | %zu |\n", side_words(side), s->counts[side]);
    str_buf_putc(out, '\n');
    for (size_t i = 0; i < MIN(s->n_changes, s->n_listed); i++) {
        struct str_buf name = STR_BUF_INIT(MAX_NAME);
        struct compared_change change = s->describe(s->arg, i, &name);
        str_buf_printf(out, "- %s: ", side_words(change.side));
        escape_markdown(out, str_buf_view(&name));
        str_buf_putc(out, '\n');
        str_buf_finish(&name);
    }
}

void compared_begin_json(struct json_writer *w, struct str_buf *out)
{
    json_writer_init(w, out);
    w->pretty = true;
    json_object(w);
    json_put_text(w, "assay", ASSAY_VERSION);
}

int compared_end_json(struct json_writer *w, struct str_buf *out, const char *const *notices,
                      size_t n, size_t n_changes)
{
    json_key(w, "notices");
    json_array(w);
    for (size_t i = 0; i < n; i++)
        json_cstring(w, notices[i]);
    if (n_changes > COMPARED_MAX_CHANGES) {
        char last[96];
        snprintf(last, sizeof(last), "only the %d changes with the most evidence are listed",
                 COMPARED_MAX_CHANGES);
        json_cstring(w, last);
    }
    json_end(w);
    json_end(w);
    str_buf_putc(out, '\n');
    return str_buf_check(out);
}

void compared_put_settings(struct json_writer *w, const struct bootstrap_plan *plan, size_t frames,
                           double seconds, uint64_t seed, size_t resamples)
{
    json_put_double(w, "level", BOOTSTRAP_LEVEL);
    json_put_int(w, "seed", (int64_t)seed);
    json_put_int(w, "resamples", (int64_t)resamples);
    json_put_int(w, "blocks", (int64_t)plan->n_blocks);
    json_key(w, "block_frames");
    if (plan->by_video)
        json_null(w);
    else
        json_int(w, (int64_t)frames);
    json_put_double(w, "block_seconds", seconds);
}

void compared_put_figure(struct json_writer *w, double a, double b, double difference,
                         struct bootstrap_interval interval, bool is_beyond_noise)
{
    json_put_double(w, "a", a);
    json_put_double(w, "b", b);
    json_put_double(w, "difference", difference);
    json_put_double(w, "low", interval.low);
    json_put_double(w, "high", interval.high);
    json_put_bool(w, "beyond_noise", is_beyond_noise);
}

void compared_put_place(struct json_writer *w, const struct dataset *d, int32_t picture)
{
    const struct dataset_picture *p = &d->pictures[picture];
    json_put_int(w, "picture", p->id);
    if (p->frame >= 0)
        json_put_int(w, "frame", p->frame);
    json_put_known(w, "file", p->file_name);
    if (d->n_videos > 1)
        json_put_text(w, "video", d->videos[p->video]);
}

void compared_put_box(struct json_writer *w, double x, double y, double width, double height)
{
    json_key(w, "bounding_box");
    json_object(w);
    json_put_double(w, "x", x);
    json_put_double(w, "y", y);
    json_put_double(w, "width", width);
    json_put_double(w, "height", height);
    json_end(w);
}
