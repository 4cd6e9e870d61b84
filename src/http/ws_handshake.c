// SPDX-License-Identifier: Apache-2.0
// ws_handshake.c - the opening of RFC 6455: what has to be asked, and the answer to the key.

#include "http/http_priv.h"

#include <string.h>

#include "base/err.h"

enum {
    SHA1_BYTES = 20,
    KEY_CHARS = 24,
};

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

// One block of SHA-1 (RFC 3174): the handshake asks for it, no secret hangs on it.
static void sha1_block(uint32_t h[5], const unsigned char *p)
{
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
               (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (b & c) | (~b & d)
                     : i < 40 ? b ^ c ^ d
                     : i < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t t = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = t;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

// Of exactly KEY_CHARS + 36 = 60 bytes: two blocks with the padding.
static void sha1_of_key(const unsigned char text[60], unsigned char ret_digest[SHA1_BYTES])
{
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char blocks[128] = {0};
    memcpy(blocks, text, 60);
    blocks[60] = 0x80;
    blocks[126] = (60 * 8) >> 8;
    blocks[127] = (60 * 8) & 0xff;
    sha1_block(h, blocks);
    sha1_block(h, blocks + 64);
    for (int i = 0; i < SHA1_BYTES; i++)
        ret_digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

// 20 bytes are 27 digits and one '='.
static void encode_base64(const unsigned char d[SHA1_BYTES], char ret_text[29])
{
    for (int i = 0; i < 7; i++) {
        uint32_t v = (uint32_t)d[3 * i] << 16 | (uint32_t)d[3 * i + 1] << 8 |
                     (3 * i + 2 < SHA1_BYTES ? d[3 * i + 2] : 0);
        for (int k = 0; k < 4; k++)
            ret_text[4 * i + k] = base64[v >> (18 - 6 * k) & 63];
    }
    ret_text[27] = '=';
    ret_text[28] = '\0';
}

// 16 bytes in base64: 21 digits, one whose last four bits are 0, "==".
static bool is_key(struct str s)
{
    if (s.n != KEY_CHARS || s.p[22] != '=' || s.p[23] != '=')
        return false;
    for (size_t i = 0; i < 22; i++) {
        const char *at = s.p[i] ? strchr(base64, s.p[i]) : NULL;
        if (!at || (i == 21 && (at - base64) & 15))
            return false;
    }
    return true;
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
    sha1_of_key(text, digest);
    encode_base64(digest, ret_accept);
    *ret_protocol =
        q->reply.accept.protocol &&
        has_token(request_header_view(q, STR("Sec-WebSocket-Protocol")), q->reply.accept.protocol);
    return 0;
}
