// SPDX-License-Identifier: Apache-2.0
// html_image.c - JPEG inside the page.

#include "base/str.h"
#include "report/html.h"
#include "report/html_priv.h"

// Base64, 3 bytes to 4 letters.
static void put_base64(struct str_buf *out, const uint8_t *p, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                           (left > 2 ? (uint32_t)p[i + 2] : 0);
        const char four[4] = {letters[v >> 18], letters[v >> 12 & 63],
                              left > 1 ? letters[v >> 6 & 63] : '=',
                              left > 2 ? letters[v & 63] : '='};
        str_buf_add(out, four, sizeof(four));
    }
}

void html_put_image(struct str_buf *out, const struct html_picture *p)
{
    str_buf_printf(out,
                   "<image width=\"%d.0\" height=\"%d.0\" preserveAspectRatio=\"none\" "
                   "href=\"data:image/jpeg;base64,",
                   p->width, p->height);
    put_base64(out, p->jpeg, p->n);
    str_buf_puts(out, "\"/>");
}
