// SPDX-License-Identifier: Apache-2.0
// fuzz_multipart.c - form data whole and in pieces: the same parts and the same verdict.

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int part(void *arg, const struct multipart_part *p)
{
    str_buf_printf(arg, "<" STR_FMT "|" STR_FMT "|" STR_FMT ">", STR_ARG(p->name),
                   STR_ARG(p->file_name), STR_ARG(p->type));
    assert(p->name.n <= MULTIPART_MAX_NAME && p->index < MULTIPART_MAX_PARTS);
    assert(p->file_name.n == 0 || (!memchr(p->file_name.p, '/', p->file_name.n) &&
                                   !memchr(p->file_name.p, '\\', p->file_name.n)));
    return 0;
}

static int data(void *arg, const void *p, size_t n)
{
    assert(n > 0);
    str_buf_add(arg, p, n);
    return 0;
}

static int part_end(void *arg)
{
    str_buf_putc(arg, '!');
    return 0;
}

static int parse(const uint8_t *bytes, size_t n, size_t piece, struct str_buf *out)
{
    static const struct multipart_calls calls = {part, data, part_end};
    struct multipart *m;
    int r = multipart_create(STR("B"), &calls, out, &m);
    if (r < 0)
        return r;
    for (size_t at = 0; r == 0 && at < n; at += piece)
        r = multipart_add(m, bytes + at, MIN(piece, n - at));
    if (r == 0)
        r = multipart_finish(m);
    multipart_destroy(m);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 2)
        return 0;
    struct str_buf whole = STR_BUF_INIT(4 * MIB);
    struct str_buf pieces = STR_BUF_INIT(4 * MIB);
    int a = parse(bytes + 1, n - 1, n, &whole);
    int b = parse(bytes + 1, n - 1, (size_t)bytes[0] % 16 + 1, &pieces);
    assert(a == b);
    // After an error the bytes before it may have been given out or not, as the pieces fell.
    assert(a < 0 || str_equal(str_buf_view(&whole), str_buf_view(&pieces)));
    str_buf_finish(&whole);
    str_buf_finish(&pieces);
    return 0;
}
