// SPDX-License-Identifier: Apache-2.0
// fuzz_json.c - the JSON reader on any bytes: jansson agrees, and where the input was cut into
// pieces never shows.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "json_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum {
    TRACE_MAX = 64 * 1024 * 1024,
    SMALL_STRING = 100, // so that short inputs meet the limits too
    SMALL_DEPTH = 10,
};

static void complain(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

// Every event with all its fields, and the final error with its message.
static void trace(struct str text, size_t step, bool lines, bool small, struct str_buf *out)
{
    struct oracle_pieces pieces = {text, step, 0};
    struct json_reader_opts opts = {
        .read = step ? oracle_read : NULL,
        .arg = &pieces,
        .text = step ? (struct str){0} : text,
        .lines = lines,
        .max_string = small ? SMALL_STRING : 0,
        .max_depth = small ? SMALL_DEPTH : 0,
    };
    struct json_reader *r;
    if (json_reader_create(&opts, &r) < 0)
        return;
    struct json_event ev;
    int e;
    while ((e = json_next(r, &ev)) == 0) {
        str_buf_printf(out, "%d %d %d %lld %a %zu@%lld:", (int)ev.type, ev.boolean, ev.is_integer,
                       (long long)ev.integer, ev.number, ev.text.n, (long long)json_line(r));
        if (ev.text.n)
            str_buf_add_str(out, ev.text);
    }
    str_buf_printf(out, "%d %s", e, e == ERR_EOF ? "" : err_message(e));
    if (json_next(r, &ev) != e)
        complain("an error is not sticky");
    json_reader_destroy(r);
}

static void check_pieces(struct str text, size_t step, bool lines, bool small)
{
    struct str_buf whole = STR_BUF_INIT(TRACE_MAX);
    struct str_buf cut = STR_BUF_INIT(TRACE_MAX);
    trace(text, 0, lines, small, &whole);
    trace(text, step, lines, small, &cut);
    if (!str_equal(str_buf_view(&whole), str_buf_view(&cut))) {
        fprintf(stderr, "whole: %s\ncut at %zu: %s\n", str_buf_text(&whole), step,
                str_buf_text(&cut));
        complain("a cut of the input shows");
    }
    str_buf_finish(&whole);
    str_buf_finish(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    size_t step = 1 + data[0] % 16;
    struct str text = {(const char *)data + 1, n - 1};
    if (oracle_compare(text, 0) < 0)
        complain(err_message(0));
    check_pieces(text, step, false, false);
    check_pieces(text, step, true, false);
    check_pieces(text, step, false, true);
    return 0;
}
