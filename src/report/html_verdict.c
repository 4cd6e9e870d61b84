// SPDX-License-Identifier: Apache-2.0
// html_verdict.c - the verdict: each criterion with what was asked, the figure and its interval.

#include <math.h>

#include "base/str.h"
#include "eval/verdict.h"
#include "report/html.h"
#include "report/html_priv.h"
#include "report/metrics_json.h"

static void put_finding(const struct verdict_finding *f, struct str_buf *out)
{
    html_begin_row(out, f->criterion.metric);
    str_buf_printf(out, "<td data-name=\"Asked for\">%s %g</td>",
                   f->criterion.is_max ? "at most" : "at least", f->criterion.limit);
    html_put_value_cell(out, "Figure", f->value);
    str_buf_puts(out, "<td data-name=\"95 % interval\">");
    if (isfinite(f->interval.low) && isfinite(f->interval.high))
        str_buf_printf(out, "%.3f to %.3f", f->interval.low, f->interval.high);
    else
        str_buf_puts(out, "<span class=\"none\">too little data</span>");
    str_buf_printf(out, "</td><td data-name=\"Outcome\">%s</td></tr>\n",
                   f->outcome == VERDICT_PASS   ? "met"
                   : f->outcome == VERDICT_FAIL ? "<strong>not met</strong>"
                                                : "<span class=\"none\">no data</span>");
}

void html_put_verdict(const struct html_report *h, struct str_buf *out)
{
    const struct verdict *v = h->about->verdict;
    if (!v)
        return;
    static const char *const words[] = {[VERDICT_OUTCOME_UNSET] = "No verdict",
                                        [VERDICT_PASS] = "Passed",
                                        [VERDICT_CONDITIONAL_PASS] = "Passed with conditions",
                                        [VERDICT_FAIL] = "Failed",
                                        [VERDICT_NO_DATA] = "No data for a verdict"};
    html_begin_section(out, "verdict", words[v->outcome]);
    str_buf_puts(out, "<p>By the criteria of ");
    html_put_text(out, v->profile);
    str_buf_printf(out, ": %zu of %zu are met", v->n_met, v->n);
    if (v->n_no_data > 0)
        str_buf_printf(out, ", %zu have no data", v->n_no_data);
    str_buf_puts(out, ".</p>\n<table><thead><tr><th>Criterion</th><th>Asked for</th><th>Figure</th>"
                      "<th>95 % interval</th><th>Outcome</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < v->n; i++)
        put_finding(&v->findings[i], out);
    str_buf_puts(out, "</tbody></table>\n");
    html_end_section(out);
}
