// SPDX-License-Identifier: Apache-2.0
// fuzz_ws.c - what a WebSocket client may send, in pieces: the loop takes it or closes.

#include <assert.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "http/ws_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int on_message(struct ws_client *c, void *user, struct str text)
{
    (void)user;
    struct str rest = text;
    while (rest.n > 0) { // only whole UTF-8 comes here
        size_t k = str_utf8_length(rest);
        assert(k > 0);
        rest.p += k;
        rest.n -= k;
    }
    if (str_starts(text, "f"))
        return ws_subscribe(c, text);
    return ws_send_text(c, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct ws_handlers handlers = {.on_message = on_message};
    static struct ws_loop *l; // never started: this thread is its loop
    int pair[2];
    struct address address = {{0}};
    struct ws_accept accept = {.handlers = &handlers};
    if (n < 1 || (!l && ws_loop_create(
                            &(struct ws_opts){.max_message_in = 512, .max_messages_in_per_s = 1000},
                            &l) < 0))
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return 0;
    struct ws_adoption a = {
        .fd = pair[0], .accept = &accept, .address = &address, .request_id = "r"};
    struct ws_client *c = ws_client_create(l, &a);
    assert(c);
    l->n_clients++;
    size_t piece = bytes[0] % 32 + 1;
    for (size_t at = 1; at < n && c->state != WS_CLIENT_DOOMED && !c->is_deaf; at += piece) {
        ws_receive(c, (struct str){(const char *)bytes + at, MIN(piece, n - at)});
        assert(c->message.n <= 512);
    }
    ws_client_doom(c);
    l->doomed = NULL;
    ws_client_free(c);
    close(pair[1]);
    return 0;
}
