// SPDX-License-Identifier: Apache-2.0
// csv.c - cells of a line.

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/csv_priv.h"
#include "dataset/dataset.h"

int csv_row_init(struct csv_row *r)
{
    *r = (struct csv_row){.bytes = mem_array(char, DATASET_MAX_LINE)};
    return r->bytes ? 0 : ERR_NOMEM;
}

void csv_row_finish(struct csv_row *r)
{
    mem_free(r->bytes);
    *r = (struct csv_row){0};
}

// Appends the cell at the start of *rest to *at; *rest becomes what follows its comma.
static int take_cell(struct str *rest, char **at)
{
    const char *p = rest->p;
    const char *end = rest->p + rest->n;
    if (p < end && *p == '"') {
        p++;
        for (;; p++) {
            if (p == end)
                return err_set(ERR_DATA, "a quoted cell does not end in its line");
            if (*p == '"' && (p + 1 == end || p[1] != '"'))
                break;
            p += *p == '"';
            *(*at)++ = *p;
        }
        p++;
        if (p < end && *p != ',')
            return err_set(ERR_DATA, "text behind a quoted cell");
    } else {
        while (p < end && *p != ',')
            *(*at)++ = *p++;
    }
    *rest = (struct str){p, (size_t)(end - p)};
    return 0;
}

int csv_row_split(struct csv_row *r, struct str line)
{
    char *at = r->bytes;
    r->n = 0;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n > DATASET_MAX_LINE)
        return err_set(ERR_TOO_BIG, "longer than %d bytes", DATASET_MAX_LINE);
    if (line.n > 0 && memchr(line.p, '\0', line.n))
        return err_set(ERR_DATA, "a zero byte");
    for (;;) {
        if (r->n == CSV_MAX_COLUMNS)
            return err_set(ERR_DATA, "more than %d columns", CSV_MAX_COLUMNS);
        char *start = at;
        int e = take_cell(&line, &at);
        if (e < 0)
            return e;
        r->cells[r->n++] = (struct str){start, (size_t)(at - start)};
        if (line.n == 0)
            return 0;
        line = (struct str){line.p + 1, line.n - 1}; // the comma
    }
}

int csv_row_find(const struct csv_row *r, const char *name)
{
    int found = -1;
    for (size_t i = 0; i < r->n; i++) {
        if (str_is(str_trim(r->cells[i]), name))
            found = (int)i;
    }
    return found;
}

struct str csv_row_cell(const struct csv_row *r, int column)
{
    return column >= 0 && (size_t)column < r->n ? str_trim(r->cells[column]) : (struct str){0};
}
