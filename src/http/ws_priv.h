// SPDX-License-Identifier: Apache-2.0
// ws_priv.h - what the files of the WebSocket loop share. All of it belongs to the loop thread
// unless a section says otherwise.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/thread.h"
#include "http/address.h"
#include "http/request.h"
#include "http/ws.h"

struct wslay_frame_context;

enum ws_opcode {
    WS_OP_CONTINUATION = 0,
    WS_OP_TEXT = 1,
    WS_OP_BINARY = 2,
    WS_OP_CLOSE = 8,
    WS_OP_PING = 9,
    WS_OP_PONG = 10,
};

enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_UNSUPPORTED = 1003,
    WS_CODE_NONE = 1005, // the peer's close frame names none
    WS_CODE_NOT_UTF8 = 1007,
    WS_CODE_POLICY = 1008,
    WS_CODE_TOO_BIG = 1009,
    WS_CODE_INTERNAL = 1011,
};

enum {
    WS_MAX_CONTROL = 125,
    WS_MAX_HEADER = 10,
    WS_READ_BYTES = 16 * 1024,
    WS_MAX_INBOX = 16384, // messages published and not yet handed out
    WS_MAX_ALL_TOPICS = 65536,
    WS_CLOSE_WAIT_MS = 5000, // for the peer's half of the closing
    WS_SWEEP_MS = 500,
};

// A whole frame, shared by all queues it stands in.
struct ws_message {
    // --- constant after create
    size_t n_header;
    size_t n; // header and payload
    // --- atomic
    atomic_int refs;
    // --- constant after create
    char bytes[];
};

int ws_message_frame(enum ws_opcode op, struct str payload,
                     struct ws_message **ret_message) MUST_CHECK;

struct ws_topic;

struct ws_subscription {
    struct ws_client *client;
    struct ws_topic *topic;
    struct ws_subscription *next_of_topic;
    struct ws_subscription *prev_of_topic;
    struct ws_subscription *next_of_client;
};

struct ws_topic {
    struct str name; // behind the struct
    uint64_t hash;
    struct ws_topic *next_in_slot;
    struct ws_subscription *first;
    size_t n_subscribers;
    struct ws_message *latest; // NULL: none
    int64_t sent_ns;           // the newest handing out of a WS_LATEST
    int64_t due_ns;            // when the latest has to be handed out; 0: it was
    int64_t keep_until_ns;
    struct ws_topic *next_due; // of the loop's list, while due_ns
};

enum ws_source_kind {
    WS_SOURCE_WAKE,
    WS_SOURCE_WATCH,
    WS_SOURCE_CLIENT,
};

// What epoll gives back.
struct ws_source {
    enum ws_source_kind kind;
};

struct ws_watch {
    struct ws_source source;
    int fd;
    void (*ready)(void *arg);
    void *arg;
    struct ws_watch *next;
};

enum ws_client_state {
    WS_CLIENT_OPEN,
    WS_CLIENT_CLOSING, // the close frame is queued or sent; nothing else is taken
    WS_CLIENT_DOOMED,  // freed at the end of this round
};

struct ws_client {
    struct ws_source source;
    enum ws_client_state state;
    struct ws_loop *loop;
    struct ws_client *next;
    struct ws_client *prev;
    struct ws_client *next_doomed;
    struct ws_accept accept;
    struct address address;
    char request_id[REQUEST_MAX_ID + 1];
    int fd;
    bool is_opened; // on_open was called
    bool wants_write;
    bool is_deaf; // what comes in is read and thrown away
    struct ws_subscription *subscriptions;
    size_t n_subscriptions;
    // --- sending: a ring, grown as needed
    struct ws_message **ring;
    uint32_t ring_cap;
    uint32_t ring_first;
    uint32_t ring_n;
    size_t n_queued_bytes;
    size_t n_sent_of_first;
    uint64_t n_lost;
    struct ws_message *pong; // goes out at the next boundary
    int64_t blocked_ns;      // since when nothing went out; 0: nothing waits
    // --- receiving
    struct wslay_frame_context *parser; // only while a frame is under way
    uint64_t n_fed;                     // bytes that the parser got
    uint64_t n_framed;                  // bytes of the frames it gave out whole
    struct str input;                   // what the parser reads now
    struct str_buf message;
    enum ws_opcode message_op; // of the fragments collected; CONTINUATION: none
    bool in_frame;
    uint64_t frame_left;
    char control[WS_MAX_CONTROL];
    size_t n_control;
    int64_t heard_ns;
    int64_t pinged_ns;   // 0: no answer is due
    int64_t close_by_ns; // in WS_CLIENT_CLOSING
    int64_t window_ns;   // of counting what came in
    int n_in_window;
};

struct ws_command;

struct ws_loop {
    // --- constant after create
    struct ws_opts opts;
    int epoll_fd;
    int wake_fd;
    struct ws_source wake;
    // --- owner's thread
    struct thread thread;
    // --- guarded by lock
    struct lock lock;
    struct ws_command *inbox_first;
    struct ws_command *inbox_last;
    size_t n_inbox;
    bool is_closed; // nothing more is taken
    // --- atomic
    atomic_size_t n_clients; // adopted and not yet freed
    // --- loop thread only
    struct ws_client *clients;
    struct ws_client *doomed;
    struct ws_watch *watches;
    struct ws_watch *dead_watches; // freed at the end of the round
    struct ws_topic **topics;      // hash table
    size_t n_slots;
    size_t n_topics;
    struct ws_topic *due;
    struct ws_message *ping;
    int64_t now_ns; // of this round
    int64_t swept_ns;
    bool is_stopping;
    int64_t stop_by_ns;
    char scratch[WS_READ_BYTES];
};

// ws_client.c
struct ws_client *ws_client_create(struct ws_loop *l, const struct ws_adoption *a);
void ws_client_open(struct ws_client *c, struct str early); // on_open, then what came early
void ws_client_doom(struct ws_client *c);
void ws_client_free(struct ws_client *c); // doomed; on_close
void ws_client_readable(struct ws_client *c);
void ws_client_flush(struct ws_client *c);
void ws_client_sweep(struct ws_client *c);

// ws_receive.c
void ws_receive(struct ws_client *c, struct str bytes);
void ws_receive_finish(struct ws_client *c);

// ws_topic.c
int ws_topics_create(struct ws_loop *l) MUST_CHECK;
void ws_topics_destroy(struct ws_loop *l);
void ws_topic_hand_out(struct ws_loop *l, const struct ws_publication *p, struct ws_message *m);
void ws_topics_run_due(struct ws_loop *l);
int64_t ws_topics_next_due(const struct ws_loop *l); // INT64_MAX: none
void ws_topics_sweep(struct ws_loop *l);
void ws_unsubscribe_all(struct ws_client *c);
bool ws_topic_is_valid(struct str name);
