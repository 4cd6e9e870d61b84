// SPDX-License-Identifier: Apache-2.0
// ws.h - WebSockets: one loop thread for all clients, topics, messages encoded once.
//
// A route's handler answers reply_websocket() after its checks (who asks, Origin, does the task
// exist); from then on everything of the client happens on the loop thread, through the callbacks
// of its ws_accept. Callbacks must not wait: no SQL, no files.
//
// INVARIANTS
// (1) A message's bytes exist once, header included, however many clients get them.
// (2) A client's queue is bounded. When it is full, the oldest message that is not half sent is
//     lost; the next thing the client gets is {"lost":N}.
// (3) A topic's subscribers get its newest value (WS_LATEST: coalesced to the topic's rate, what
//     lies between is skipped) or every message in order (WS_EACH).
// (4) Nothing that one client does or does not do delays another.
//
// Ownership: the loop owns clients; they are valid inside callbacks and until on_close returned.
// Threads: "loop" below means: only on the loop thread, inside a callback. "any": any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct address;
struct ws_client;
struct ws_loop;
struct ws_message;

enum {
    WS_MAX_MESSAGE_IN = 64 * 1024, // default of ws_opts.max_message_in: larger closes with 1009
    WS_MAX_MESSAGE_OUT = 1024 * 1024,
    WS_MAX_TOPICS = 256, // that one client may follow
    WS_MAX_TOPIC = 120,  // bytes of a topic's name
};

struct ws_opts {
    size_t max_clients;        // [12000]; more are refused with 503
    size_t max_queue;          // messages that wait for one client [64]
    size_t max_queue_bytes;    // [1 MiB]
    size_t max_message_in;     // [WS_MAX_MESSAGE_IN]
    int ping_interval_ms;      // after so long without a word from the client [30000]
    int ping_timeout_ms;       // closes when the answer is not there after [20000]
    int send_timeout_ms;       // closes a client that takes nothing for so long [30000]
    int max_messages_in_per_s; // from one client; more closes with 1008 [50]
};

// --- messages

// Text, UTF-8. Owned by the caller: ws_message_unref(). ERR_TOO_BIG, ERR_NOMEM. Any.
int ws_message_create(struct str text, struct ws_message **ret_message) MUST_CHECK;
struct ws_message *ws_message_ref(struct ws_message *m); // any
void ws_message_unref(struct ws_message **pm);           // any; nulls
struct str ws_message_text(const struct ws_message *m);

// --- clients (loop)

struct ws_handlers {
    // The client is there: subscribe it, send its first message. An error closes it with 1011.
    int (*on_open)(struct ws_client *c, void *user);
    // A whole text message. An error closes the client with 1008 and the error's message.
    // NULL: messages are read and ignored.
    int (*on_message)(struct ws_client *c, void *user, struct str text);
    // Once, also after a failed on_open or when the client never got through; releases *user*.
    // *c* is NULL where on_open was never called.
    void (*on_close)(struct ws_client *c, void *user);
};

// What a route's handler passes to reply_websocket(); copied. *user* goes to on_close() in every
// case, also when reply_websocket() fails.
struct ws_accept {
    const struct ws_handlers *handlers;
    void *user;
    const char *protocol; // answered as Sec-WebSocket-Protocol where the client offers it; or NULL
};

// Queues a message; takes no reference of the caller's. Loop.
void ws_send(struct ws_client *c, struct ws_message *m);
int ws_send_text(struct ws_client *c, struct str text) MUST_CHECK; // ERR_TOO_BIG, ERR_NOMEM
// Follows a topic; its latest value, where it has one, is sent at once. Twice is a no-op.
// ERR_TOO_BIG (WS_MAX_TOPICS), ERR_INVALID, ERR_NOMEM. Loop.
int ws_subscribe(struct ws_client *c, struct str topic) MUST_CHECK;
void ws_unsubscribe(struct ws_client *c, struct str topic);
// Sends what waits, then a close frame. *reason* at most 123 bytes. Loop.
void ws_close(struct ws_client *c, int code, const char *reason);
const struct address *ws_client_address(const struct ws_client *c);
const char *ws_client_request_id(const struct ws_client *c);
struct ws_loop *ws_client_loop(const struct ws_client *c);

// --- publishing (any)

enum ws_delivery {
    WS_DELIVERY_UNSET,
    WS_EACH,   // every message, in order; no latest value is kept
    WS_LATEST, // at most *per_second*; kept as the topic's latest value
    WS_FINAL,  // as WS_LATEST, but at once; the value is kept *keep_ms* longer
};

struct ws_publication {
    struct str topic;
    enum ws_delivery delivery;
    int per_second; // WS_LATEST [10]
    int keep_ms;    // how long the latest value is kept without subscribers [60000]
};

// Hands the message to the topic's subscribers. Without subscribers only the latest value is kept.
// Takes no reference of the caller's. ERR_INVALID (topic), ERR_BUSY (the loop lags by thousands of
// messages), ERR_CLOSED, ERR_NOMEM.
int ws_publish(struct ws_loop *l, const struct ws_publication *p, struct ws_message *m) MUST_CHECK;

// Runs *call* on the loop thread soon. ERR_CLOSED (not called), ERR_NOMEM.
int ws_post(struct ws_loop *l, void (*call)(void *arg), void *arg) MUST_CHECK;
// Calls *ready* on the loop thread whenever *fd* is readable (a bus listener's). Before the loop
// starts or on the loop; *fd* stays the caller's and open until ws_unwatch() or the loop's end.
// ERR_NOMEM, ERR_IO.
int ws_watch(struct ws_loop *l, int fd, void (*ready)(void *arg), void *arg) MUST_CHECK;
void ws_unwatch(struct ws_loop *l, int fd); // loop, or after ws_loop_stop()

size_t ws_max_clients(const struct ws_loop *l);                     // any
size_t ws_n_clients(const struct ws_loop *l);                       // any
size_t ws_n_subscribers(const struct ws_loop *l, struct str topic); // loop

// --- life: the server's business; here for tests and for owners without a server

// NULL: defaults. ERR_NOMEM, ERR_IO.
int ws_loop_create(const struct ws_opts *opts, struct ws_loop **ret_loop) MUST_CHECK;
int ws_loop_start(struct ws_loop *l) MUST_CHECK;
// Tells every client 1001, sends what waits for at most *limit_ms*, closes, joins.
void ws_loop_stop(struct ws_loop *l, int limit_ms);
void ws_loop_destroy(struct ws_loop *l); // NULL is a no-op; stops
// Takes an open socket that has just been upgraded, and bytes that came behind the handshake.
// *fd* is taken in any case. ERR_BUSY (max_clients), ERR_CLOSED, ERR_NOMEM. Any.
struct ws_adoption {
    int fd;
    struct str early;
    const struct ws_accept *accept;
    const struct address *address;
    const char *request_id;
};
int ws_adopt(struct ws_loop *l, const struct ws_adoption *a) MUST_CHECK;
