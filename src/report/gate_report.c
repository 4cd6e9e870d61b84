// SPDX-License-Identifier: Apache-2.0
// gate_report.c - a line, a test case, a row for each limit.

#include "report/gate_report.h"

#include <math.h>

#include "base/str.h"
#include "eval/gate.h"
#include "report/escape.h"

enum {
    MAX_WORDS = 64 * 1024,
};

// "recall:person max-drop 0.02"
static void put_name(struct str_buf *out, const struct gate_check *c)
{
    str_buf_puts(out, c->metric);
    if (c->label)
        str_buf_printf(out, ":%s", c->label);
    str_buf_printf(out, " %s %.6g", gate_kind_name(c->kind), c->limit);
}

static void put_number(struct str_buf *out, double value)
{
    if (isnan(value))
        str_buf_putc(out, '-');
    else
        str_buf_printf(out, "%.4f", value);
}

static void put_figures(struct str_buf *out, const struct gate_check *c)
{
    if (c->kind == GATE_MAX_DROP) {
        put_number(out, c->baseline);
        str_buf_puts(out, " -> ");
    }
    put_number(out, c->value);
    if (!isnan(c->interval.low)) {
        str_buf_puts(out, c->kind == GATE_MAX_DROP ? ", drop " : "");
        if (c->kind == GATE_MAX_DROP)
            str_buf_printf(out, "%.4f", c->baseline - c->value);
        str_buf_printf(out, " (95 %%: %.4f to %.4f)", c->interval.low, c->interval.high);
    }
    if (c->outcome == GATE_NO_DATA)
        str_buf_puts(out, ", no data");
    if (c->is_within_noise)
        str_buf_puts(out, ", more than allowed but within noise");
    if (c->kind == GATE_MAX_DROP && c->is_plain && c->outcome != GATE_NO_DATA)
        str_buf_puts(out, ", compared without an interval");
}

int gate_text(const struct gate_list *list, const struct gate_about *about, struct str_buf *out)
{
    for (size_t i = 0; i < list->n; i++) {
        struct str_buf words = STR_BUF_INIT(MAX_WORDS);
        put_name(&words, &list->checks[i]);
        str_buf_puts(&words, ": ");
        put_figures(&words, &list->checks[i]);
        str_buf_printf(out, "%-8s", gate_outcome_name(list->checks[i].outcome));
        str_buf_add_printable(out, str_buf_view(&words));
        str_buf_putc(out, '\n');
        str_buf_finish(&words);
    }
    for (size_t i = 0; i < about->n_notices; i++) {
        str_buf_puts(out, "notice: ");
        str_buf_add_printable(out, str_of(about->notices[i]));
        str_buf_putc(out, '\n');
    }
    str_buf_printf(out, "gate: %s\n", gate_outcome_of(list) == GATE_PASS ? "passed" : "failed");
    return str_buf_check(out);
}

static void put_case(struct str_buf *out, const struct gate_check *c)
{
    struct str_buf words = STR_BUF_INIT(MAX_WORDS);
    put_name(&words, c);
    str_buf_puts(out, "    <testcase classname=\"assay.gate\" name=\"");
    str_buf_add_xml(out, str_buf_view(&words));
    str_buf_puts(out, "\">\n");
    str_buf_reset(&words);
    put_figures(&words, c);
    if (c->outcome == GATE_PASS) {
        str_buf_puts(out, "      <system-out>");
        str_buf_add_xml(out, str_buf_view(&words));
        str_buf_puts(out, "</system-out>\n");
    } else {
        str_buf_printf(out, "      <failure type=\"%s\" message=\"", gate_outcome_name(c->outcome));
        str_buf_add_xml(out, str_buf_view(&words));
        str_buf_puts(out, "\"/>\n");
    }
    str_buf_puts(out, "    </testcase>\n");
    str_buf_finish(&words);
}

int gate_junit(const struct gate_list *list, const struct gate_about *about, struct str_buf *out)
{
    size_t n_failed = 0;
    for (size_t i = 0; i < list->n; i++)
        n_failed += list->checks[i].outcome != GATE_PASS;
    str_buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    str_buf_printf(out, "<testsuites tests=\"%zu\" failures=\"%zu\">\n  <testsuite name=\"",
                   list->n, n_failed);
    str_buf_add_xml(out, str_of(about->run));
    str_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\">\n", list->n,
                   n_failed);
    for (size_t i = 0; i < list->n; i++)
        put_case(out, &list->checks[i]);
    if (about->n_notices > 0) {
        str_buf_puts(out, "    <system-out>");
        for (size_t i = 0; i < about->n_notices; i++) {
            str_buf_add_xml(out, str_of(about->notices[i]));
            str_buf_putc(out, '\n');
        }
        str_buf_puts(out, "</system-out>\n");
    }
    str_buf_puts(out, "  </testsuite>\n</testsuites>\n");
    return str_buf_check(out);
}

static void put_path(struct str_buf *out, const char *what, const char *path)
{
    if (!path)
        return;
    str_buf_printf(out, "%s: ", what);
    escape_markdown(out, str_of(path));
    str_buf_puts(out, "  \n");
}

int gate_markdown(const struct gate_list *list, const struct gate_about *about, struct str_buf *out)
{
    str_buf_printf(out, "# Gate: %s\n\n", gate_outcome_of(list) == GATE_PASS ? "passed" : "failed");
    put_path(out, "Run", about->run);
    put_path(out, "Baseline", about->baseline);
    put_path(out, "Truth", about->truth);
    str_buf_puts(out, "\n| outcome | limit | figure |\n|---|---|---|\n");
    for (size_t i = 0; i < list->n; i++) {
        struct str_buf words = STR_BUF_INIT(MAX_WORDS);
        put_name(&words, &list->checks[i]);
        str_buf_printf(out, "| %s | ", gate_outcome_name(list->checks[i].outcome));
        escape_markdown(out, str_buf_view(&words));
        str_buf_reset(&words);
        put_figures(&words, &list->checks[i]);
        str_buf_puts(out, " | ");
        escape_markdown(out, str_buf_view(&words));
        str_buf_puts(out, " |\n");
        str_buf_finish(&words);
    }
    for (size_t i = 0; i < about->n_notices; i++) {
        str_buf_puts(out, "\n> ");
        escape_markdown(out, str_of(about->notices[i]));
        str_buf_putc(out, '\n');
    }
    return str_buf_check(out);
}
