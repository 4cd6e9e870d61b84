// SPDX-License-Identifier: Apache-2.0
// ws_handshake.c - the opening of RFC 6455: what has to be asked, and the answer to the key.

#include "http/http_priv.h"

#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/sha1.h"

enum {
    KEY_BYTES = 16,
    KEY_CHARS = 24,
};

static bool is_key(struct str s)
{
    unsigned char bytes[KEY_BYTES];
    size_t n;
    return s.n == KEY_CHARS && base64_decode(s, bytes, sizeof(bytes), &n) && n == KEY_BYTES;
}

static bool has_token(struct str list, const char *token)
{
    struct str part;
    while (str_split(&list, ',', &part)) {
        if (str_is_nocase(str_trim(part), token))
            return true;
    }
    return false;
}

int ws_handshake(struct request *q, char ret_accept[29], bool *ret_protocol)
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct str key = str_trim(request_header_view(q, STR("Sec-WebSocket-Key")));
    unsigned char text[KEY_CHARS + sizeof(magic)];
    unsigned char digest[SHA1_BYTES];
    struct sha1 sha1;
    if (!str_is(q->method, "GET") || !str_is(q->version, "HTTP/1.1") ||
        !has_token(request_header_view(q, STR("Upgrade")), "websocket") ||
        !has_token(request_header_view(q, STR("Connection")), "upgrade")) {
        reply_header(q, "Upgrade", "websocket");
        return reply_error(q, 426, "UPGRADE_REQUIRED", "request: this path speaks WebSocket");
    }
    if (!str_is(str_trim(request_header_view(q, STR("Sec-WebSocket-Version"))), "13")) {
        reply_header(q, "Sec-WebSocket-Version", "13");
        return reply_error(q, 426, "UPGRADE_REQUIRED",
                           "request: WebSocket version 13 is spoken here");
    }
    if (!is_key(key) || request_has_body(q))
        return reply_error(q, 400, "INVALID",
                           "request: the WebSocket key is not 16 bytes in base64");
    if (ws_n_clients(q->server->ws) >= ws_max_clients(q->server->ws)) {
        reply_retry_after(q, 10);
        return reply_error(q, 503, "BUSY", "websocket: %zu clients are connected",
                           ws_n_clients(q->server->ws));
    }
    memcpy(text, key.p, KEY_CHARS);
    memcpy(text + KEY_CHARS, magic, sizeof(magic));
    sha1_init(&sha1);
    sha1_add(&sha1, text, sizeof(text) - 1);
    sha1_end(&sha1, digest);
    base64_encode(digest, sizeof(digest), ret_accept);
    *ret_protocol =
        q->reply.accept.protocol &&
        has_token(request_header_view(q, STR("Sec-WebSocket-Protocol")), q->reply.accept.protocol);
    return 0;
}
