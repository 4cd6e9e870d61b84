// SPDX-License-Identifier: Apache-2.0
// opt_print.c - option tables as the text of --help and as Markdown.

#include <stdint.h>
#include <string.h>

#include "base/opt.h"

enum {
    LEFT_COLUMNS = 26, // of "  --name VALUE"
    ALL_COLUMNS = 90,
};

static const double endless = 1e15; // a maximum that means none

static void put_range(const struct opt *row, struct str_buf *out)
{
    if (row->min == 0 && row->max == 0)
        return;
    if (row->max >= endless)
        str_buf_printf(out, "from %.15g", row->min);
    else
        str_buf_printf(out, "%.15g to %.15g", row->min, row->max);
}

static void put_choices(const struct opt *row, struct str_buf *out)
{
    for (size_t i = 0; row->choices[i]; i++)
        str_buf_printf(out, "%s%s", i ? ", " : "", row->choices[i]);
}

static const char *default_of(const struct opt_set *set, const struct opt *row)
{
    if (row->default_text)
        return row->default_text;
    if (row->type == OPT_TYPE_CHOICE)
        return row->choices[0];
    const char *field = set->target ? (const char *)set->target + row->offset : NULL;
    bool is_on = false;
    if (field && row->type == OPT_TYPE_BOOL)
        memcpy(&is_on, field, sizeof(is_on));
    return is_on ? "on" : NULL;
}

// Breaks *text* at spaces; every line but the first begins at column LEFT_COLUMNS.
static void put_wrapped(struct str_buf *out, struct str text)
{
    size_t column = LEFT_COLUMNS;
    struct str word;
    while (str_split(&text, ' ', &word)) {
        if (column + 1 + word.n > ALL_COLUMNS && column > LEFT_COLUMNS) {
            str_buf_printf(out, "\n%*s", LEFT_COLUMNS, "");
            column = LEFT_COLUMNS;
        }
        if (column > LEFT_COLUMNS) {
            str_buf_putc(out, ' ');
            column++;
        }
        str_buf_add_str(out, word);
        column += word.n;
    }
    str_buf_putc(out, '\n');
}

static void put_help_row(const struct opt_set *set, const struct opt *row, struct str_buf *out)
{
    size_t start = out->n;
    str_buf_printf(out, "  --%s", row->name);
    if (row->type != OPT_TYPE_BOOL)
        str_buf_printf(out, " %s", row->value_name ? row->value_name : "VALUE");
    size_t n = out->n - start;
    if (n + 2 > LEFT_COLUMNS) {
        str_buf_putc(out, '\n');
        n = 0;
    }
    str_buf_printf(out, "%*s", (int)(LEFT_COLUMNS - n), "");

    struct str_buf text = STR_BUF_INIT(16 * KIB);
    str_buf_puts(&text, row->help ? row->help : "");
    struct str_buf values = STR_BUF_INIT(4 * KIB);
    if (row->type == OPT_TYPE_CHOICE)
        put_choices(row, &values);
    else
        put_range(row, &values);
    if (values.n)
        str_buf_printf(&text, " (%s)", str_buf_text(&values));
    const char *standard = default_of(set, row);
    if (standard)
        str_buf_printf(&text, " [%s]", standard);
    put_wrapped(out, str_buf_view(&text));
    str_buf_finish(&values);
    str_buf_finish(&text);
}

static void put_help_set(const struct opt_set *set, struct str_buf *out)
{
    str_buf_printf(out, "\n%s:\n", set->title ? set->title : "Options");
    for (const struct opt *row = set->rows; row->name; row++)
        put_help_row(set, row, out);
}

void opt_print_help(const struct opt_set *sets, size_t n_sets, struct str_buf *out)
{
    struct opt_set everywhere = {.rows = opt_everywhere, .title = "Everywhere"};
    for (size_t i = 0; i < n_sets; i++)
        put_help_set(&sets[i], out);
    put_help_set(&everywhere, out);
    str_buf_puts(out,
                 "\nA switch --x is turned off by --no-x. Every option is also the environment "
                 "variable\nASSAY_ with its name in capitals, and a line in the file of "
                 "--config: ASSAY_LOG_LEVEL=debug.\n");
}

static void put_cell(struct str_buf *out, const char *text)
{
    str_buf_putc(out, ' ');
    for (; text && *text; text++) {
        if (*text == '|' || *text == '<' || *text == '\\')
            str_buf_putc(out, '\\');
        str_buf_putc(out, *text);
    }
    str_buf_puts(out, " |");
}

static void put_markdown_row(const struct opt_set *set, const struct opt *row, struct str_buf *out)
{
    struct str_buf values = STR_BUF_INIT(4 * KIB);
    str_buf_printf(out, "| `--%s", row->name);
    if (row->type != OPT_TYPE_BOOL)
        str_buf_printf(out, " %s", row->value_name ? row->value_name : "VALUE");
    str_buf_puts(out, "` |");
    if (row->type == OPT_TYPE_CHOICE)
        put_choices(row, &values);
    else
        put_range(row, &values);
    put_cell(out, str_buf_text(&values));
    put_cell(out, default_of(set, row));
    put_cell(out, row->help);
    str_buf_putc(out, '\n');
    str_buf_finish(&values);
}

void opt_print_markdown(const struct opt_set *sets, size_t n_sets, struct str_buf *out)
{
    for (size_t i = 0; i < n_sets; i++) {
        str_buf_printf(out, "\n**%s**\n\n| option | values | default | |\n|---|---|---|---|\n",
                       sets[i].title ? sets[i].title : "Options");
        for (const struct opt *row = sets[i].rows; row->name; row++)
            put_markdown_row(&sets[i], row, out);
    }
}
