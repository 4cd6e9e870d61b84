// SPDX-License-Identifier: Apache-2.0
// verdict_report.c - the outcome, then each criterion with figure, limit and interval.

#include "report/verdict_report.h"

#include <math.h>

#include "base/json.h"
#include "base/str.h"
#include "eval/verdict.h"

void verdict_text_put(struct str_buf *out, const struct verdict *v)
{
    str_buf_puts(out, "\nverdict by the profile ");
    str_buf_add_printable(out, str_of(v->profile));
    str_buf_printf(out, ": %s (%zu of %zu criteria met", verdict_outcome_name(v->outcome), v->n_met,
                   v->n);
    if (v->n_no_data > 0)
        str_buf_printf(out, ", %zu without data", v->n_no_data);
    str_buf_puts(out, ")\n");
    for (size_t i = 0; i < v->n; i++) {
        const struct verdict_finding *f = &v->findings[i];
        str_buf_printf(out, "  %-8s %-20s", verdict_outcome_name(f->outcome), f->criterion.metric);
        if (isnan(f->value))
            str_buf_printf(out, "%10s", "-");
        else
            str_buf_printf(out, "%10.4f", f->value);
        str_buf_printf(out, "  %s %g", f->criterion.is_max ? "at most" : "at least",
                       f->criterion.limit);
        if (!isnan(f->interval.low))
            str_buf_printf(out, "  (95 %%: %.4f to %.4f)", f->interval.low, f->interval.high);
        str_buf_putc(out, '\n');
    }
}

void verdict_json_put(struct json_writer *w, const struct verdict *v)
{
    json_key(w, "verdict");
    json_object(w);
    json_put_text(w, "profile", v->profile);
    json_put_text(w, "outcome", verdict_outcome_name(v->outcome));
    json_key(w, "criteria");
    json_array(w);
    for (size_t i = 0; i < v->n; i++) {
        const struct verdict_finding *f = &v->findings[i];
        json_object(w);
        json_put_text(w, "metric", f->criterion.metric);
        json_put_double(w, f->criterion.is_max ? "max" : "min", f->criterion.limit);
        json_put_double(w, "value", f->value);
        json_put_double(w, "low", f->interval.low);
        json_put_double(w, "high", f->interval.high);
        json_put_text(w, "outcome", verdict_outcome_name(f->outcome));
        json_end(w);
    }
    json_end(w);
    json_end(w);
}
