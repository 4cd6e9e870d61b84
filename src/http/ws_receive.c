// SPDX-License-Identifier: Apache-2.0
// ws_receive.c - what clients send: frames (wslay reads them), messages, pings, closes.

#include <string.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/err.h"
#include "http/ws_priv.h"

static ssize_t give_input(uint8_t *to, size_t n, int flags, void *arg)
{
    struct ws_client *c = arg;
    (void)flags;
    if (c->input.n == 0)
        return -1; // wslay: wants more
    n = MIN(n, c->input.n);
    memcpy(to, c->input.p, n);
    c->input.p += n;
    c->input.n -= n;
    c->n_fed += n;
    return (ssize_t)n;
}

// Nothing that follows is looked at.
static void refuse(struct ws_client *c, int code, const char *reason)
{
    ws_close(c, code, reason);
    c->is_deaf = true;
}

static bool is_utf8(struct str s)
{
    while (s.n > 0) {
        size_t n = str_utf8_length(s);
        if (n == 0)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

static bool is_wire_code(int code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static void take_close(struct ws_client *c)
{
    struct str reason = {c->control + 2, c->n_control > 2 ? c->n_control - 2 : 0};
    int code = c->n_control < 2 ? WS_CODE_NORMAL
                                : (unsigned char)c->control[0] << 8 | (unsigned char)c->control[1];
    if (c->n_control == 1 || !is_wire_code(code))
        refuse(c, WS_CODE_PROTOCOL, "close frame");
    else if (!is_utf8(reason))
        refuse(c, WS_CODE_NOT_UTF8, "close frame");
    else if (c->state == WS_CLIENT_CLOSING)
        ws_client_doom(c); // both halves are said
    else
        refuse(c, code, "");
    c->close_by_ns =
        MIN(c->close_by_ns, c->loop->now_ns + CLOCK_NS_PER_S); // the peer has said its half
}

static void take_control(struct ws_client *c, enum ws_opcode op)
{
    if (op == WS_OP_CLOSE) {
        take_close(c);
    } else if (op == WS_OP_PING && c->state == WS_CLIENT_OPEN) {
        ws_message_unref(&c->pong); // only the newest is answered (RFC 6455, 5.5.3)
        IGNORE(
            ws_message_frame(WS_OP_PONG, (struct str){c->control, c->n_control},
                             &c->pong)); // without memory the client hears nothing, and pings again
        ws_client_flush(c);
    }
}

static void take_message(struct ws_client *c)
{
    struct str text = str_buf_view(&c->message);
    if (!text.p)
        text = STR("");
    if (!is_utf8(text)) {
        refuse(c, WS_CODE_NOT_UTF8, "text is not UTF-8");
    } else if (c->accept.handlers->on_message) {
        int r = c->accept.handlers->on_message(c, c->accept.user, text);
        if (r < 0)
            refuse(c, WS_CODE_POLICY, err_message(r));
    }
    str_buf_finish(&c->message);
    c->message_op = WS_OP_CONTINUATION;
}

// A frame begins: 0 or the code to close with.
static int check_frame(struct ws_client *c, const struct wslay_frame_iocb *f)
{
    bool is_control = f->opcode >= WS_OP_CLOSE;
    if (!f->mask || f->rsv != 0 || (f->opcode > WS_OP_BINARY && !is_control) ||
        f->opcode > WS_OP_PONG)
        return WS_CODE_PROTOCOL;
    if (is_control)
        return !f->fin || f->payload_length > WS_MAX_CONTROL ? WS_CODE_PROTOCOL : 0;
    if (f->opcode == WS_OP_BINARY)
        return WS_CODE_UNSUPPORTED;
    if ((f->opcode == WS_OP_CONTINUATION) == (c->message_op == WS_OP_CONTINUATION))
        return WS_CODE_PROTOCOL; // a continuation of nothing, or a new message within another
    if (f->payload_length > c->loop->opts.max_message_in ||
        c->message.n + f->payload_length > c->loop->opts.max_message_in)
        return WS_CODE_TOO_BIG;
    return 0;
}

static bool is_too_often(struct ws_client *c)
{
    int64_t now = c->loop->now_ns;
    if (now - c->window_ns >= CLOCK_NS_PER_S) {
        c->window_ns = now;
        c->n_in_window = 0;
    }
    return ++c->n_in_window > c->loop->opts.max_messages_in_per_s;
}

static bool begin_frame(struct ws_client *c, const struct wslay_frame_iocb *f)
{
    static const char *const reasons[] = {"frame", "binary messages are not taken here"};
    int code = check_frame(c, f);
    if (code == 0 && is_too_often(c))
        code = WS_CODE_POLICY;
    if (code != 0) {
        refuse(c, code,
               code == WS_CODE_POLICY    ? "too many messages"
               : code == WS_CODE_TOO_BIG ? "the message is too long"
                                         : reasons[code == WS_CODE_UNSUPPORTED]);
        return false;
    }
    c->in_frame = true;
    c->frame_left = f->payload_length;
    if (f->opcode >= WS_OP_CLOSE) {
        c->n_control = 0;
    } else if (f->opcode != WS_OP_CONTINUATION) {
        c->message_op = (enum ws_opcode)f->opcode;
        c->message = STR_BUF_INIT(c->loop->opts.max_message_in + 1);
    }
    return true;
}

static void take_part(struct ws_client *c, const struct wslay_frame_iocb *f)
{
    if (!c->in_frame && !begin_frame(c, f))
        return;
    if (f->opcode >= WS_OP_CLOSE) {
        memcpy(c->control + c->n_control, f->data, f->data_length);
        c->n_control += f->data_length;
    } else {
        str_buf_add(&c->message, f->data, f->data_length);
        if (c->message.failed) {
            refuse(c, WS_CODE_INTERNAL, "out of memory");
            return;
        }
    }
    c->frame_left -= f->data_length;
    if (c->frame_left > 0)
        return;
    c->in_frame = false;
    c->n_framed += f->payload_length + 6 +
                   (f->payload_length < 126       ? 0
                    : f->payload_length <= 0xffff ? 2
                                                  : 8);
    if (f->opcode >= WS_OP_CLOSE)
        take_control(c, (enum ws_opcode)f->opcode);
    else if (f->fin && c->state == WS_CLIENT_OPEN)
        take_message(c);
}

static bool open_parser(struct ws_client *c)
{
    const struct wslay_frame_callbacks calls = {.recv_callback = give_input};
    if (!c->parser && wslay_frame_context_init(&c->parser, &calls, c) != 0) {
        c->parser = NULL;
        return false;
    }
    return true;
}

void ws_receive_finish(struct ws_client *c)
{
    if (c->parser)
        wslay_frame_context_free(c->parser);
    c->parser = NULL;
    str_buf_finish(&c->message);
}

void ws_receive(struct ws_client *c, struct str bytes)
{
    struct wslay_frame_iocb f;
    if (!open_parser(c)) {
        ws_client_doom(c);
        return;
    }
    c->input = bytes;
    // In WS_CLIENT_CLOSING frames are still read, for the peer's own close.
    while (c->state != WS_CLIENT_DOOMED && !c->is_deaf) {
        memset(&f, 0, sizeof(f));
        ssize_t n = wslay_frame_recv(c->parser, &f);
        if (n == WSLAY_ERR_WANT_READ)
            break;
        if (n < 0) {
            refuse(c, WS_CODE_PROTOCOL, "frame");
            break;
        }
        take_part(c, &f);
    }
    if (c->parser && c->n_fed == c->n_framed) { // between frames: idle clients hold no parser
        wslay_frame_context_free(c->parser);
        c->parser = NULL;
    }
}
