// SPDX-License-Identifier: Apache-2.0
// ws_message.c - frames as they go out, encoded once and counted.

#include "http/ws.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/ws_priv.h"

// A server's frames are never masked: two bytes, and the length in 0, 2 or 8 more.
static size_t encode_header(unsigned char *to, enum ws_opcode op, size_t n)
{
    size_t n_length = n < 126 ? 0 : n <= 0xffff ? 2 : 8;
    to[0] = (unsigned char)(0x80 | op);
    to[1] = (unsigned char)(n_length == 0 ? n : n_length == 2 ? 126 : 127);
    for (size_t i = 0; i < n_length; i++)
        to[2 + i] = (unsigned char)((uint64_t)n >> (8 * (n_length - 1 - i)));
    return 2 + n_length;
}

int ws_message_frame(enum ws_opcode op, struct str payload, struct ws_message **ret_message)
{
    unsigned char header[WS_MAX_HEADER];
    size_t n_header = encode_header(header, op, payload.n);
    struct ws_message *m = mem_calloc(1, sizeof(*m) + n_header + payload.n);
    if (!m)
        return ERR_NOMEM;
    atomic_init(&m->refs, 1);
    m->n_header = n_header;
    m->n = n_header + payload.n;
    memcpy(m->bytes, header, n_header);
    if (payload.n > 0)
        memcpy(m->bytes + n_header, payload.p, payload.n);
    *ret_message = m;
    return 0;
}

int ws_message_create(struct str text, struct ws_message **ret_message)
{
    if (text.n > WS_MAX_MESSAGE_OUT)
        return err_set(ERR_TOO_BIG, "websocket: a message of %zu bytes, at most %d are sent",
                       text.n, WS_MAX_MESSAGE_OUT);
    return ws_message_frame(WS_OP_TEXT, text, ret_message);
}

struct ws_message *ws_message_ref(struct ws_message *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void ws_message_unref(struct ws_message **pm)
{
    struct ws_message *m = *pm;
    *pm = NULL;
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        mem_free(m);
}

struct str ws_message_text(const struct ws_message *m)
{
    return (struct str){m->bytes + m->n_header, m->n - m->n_header};
}
