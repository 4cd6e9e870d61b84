// SPDX-License-Identifier: Apache-2.0
// http_priv.h - what the files of this room share: connections, requests, replies before they are
// sent.
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/thread.h"
#include "http/address.h"
#include "http/range.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "http/server.h"
#include "http/uri.h"
#include "http/ws.h"

enum {
    HTTP_CONNECTION_MEMORY = 64 * 1024, // a connection's buffer: libmicrohttpd zeroes the whole of
                                        // it between requests, and 256 KiB took uploads no faster
    HTTP_SWALLOW =
        256 * 1024,        // bytes of a refused body that are still read, so that the reply arrives
    HTTP_LINGER_MS = 1000, // how long a connection with an unread body stays to be read from
    HTTP_STREAM_BLOCK = 64 * 1024,
    HTTP_STREAM_PIECE = 1024 * 1024,
};

// One accepted socket.
struct connection {
    // --- constant after accept
    struct server *server;
    struct address address;
    int fd;
    bool is_counted; // among its address's connections
    // --- guarded by the server's lock
    struct connection *next;
    struct connection *prev;
    // --- atomic
    _Atomic int64_t deadline_ns; // when the watch cuts it; INT64_MAX: a handler runs
    atomic_bool may_answer;      // the watch may write a 408: nobody else writes now
    atomic_bool is_cut;          // by the watch or the stop
    atomic_bool is_idle;         // between requests
};

struct header {
    struct str name;
    struct str value;
};

enum body_kind {
    REPLY_BODY_NONE,
    REPLY_BODY_BYTES,
    REPLY_BODY_FILE,
    REPLY_BODY_STREAM,
    REPLY_BODY_WEBSOCKET,
};

struct reply {
    bool made;
    int status;
    int failed; // sticky error of reply_header()
    struct header headers[REPLY_MAX_HEADERS];
    size_t n_headers;
    const char *content_policy;
    const char *type;
    bool no_compression; // the body is what it is: ranges, precompressed
    enum body_kind kind;
    struct str bytes;
    char *owned; // freed with the request
    int fd;
    struct range range; // of the file
    struct reply_stream stream;
    int64_t stream_size; // -1: not known before
    struct ws_accept accept;
    bool has_accept;
};

struct sender;

struct request {
    // --- constant after its start
    struct server *server;
    struct connection *connection;
    struct MHD_Connection *mhd;
    struct arena *arena;
    int64_t started_ns;
    struct str target;
    char id[REQUEST_MAX_ID + 1];
    // --- after the headers
    bool is_begun;
    bool must_close; // its head is not to be trusted
    struct str method;
    struct str version;
    struct uri uri;
    struct str host;
    struct address client;
    bool is_proxied; // the connection is a trusted proxy's
    bool is_secure;
    struct header headers[REQUEST_MAX_HEADERS];
    size_t n_headers;
    struct route_match match;
    int64_t content_length; // -1: none or chunked
    bool is_chunked;
    // --- body
    int64_t body_limit;
    int64_t body_started_ns;
    int64_t body_taken;
    struct str_buf body;
    bool sink_open; // begin() succeeded, neither handler nor abandon() was called
    int64_t swallowed;
    bool body_done;
    bool is_hopeless; // not even an error can be answered
    // --- handler's
    void *state;
    void (*release_state)(void *state);
    const void *user;
    const char *user_name;
    // --- reply
    struct reply reply;
    struct sender *sender; // of a stream's reply
    bool is_queued;
    bool is_unread; // a reply goes out before the body was read
    int64_t bytes_sent;
};

// request.c
int request_create(struct server *s, struct MHD_Connection *mhd, const char *target,
                   struct request **ret_request) MUST_CHECK;
void request_destroy(struct request *q); // releases state, sink, reply
// Reads headers and target; replies itself or fails where they break a rule.
int request_read_head(struct request *q, const char *method, const char *version) MUST_CHECK;
struct str request_header_view(const struct request *q, struct str name); // {NULL, 0} where absent
int64_t request_body_rest(const struct request *q);                       // -1: unknown

// request_values.c
// Whether a list like that of Accept names *wanted* and does not refuse it (q=0).
bool accept_lists(struct str list, const char *wanted, bool or_any);

// reply.c
const char *reply_status_name(int status); // "NOT_FOUND"
void reply_drop(struct request *q); // forgets a reply that was made, for an error in its place

// reply_send.c
enum MHD_Result reply_send(struct request *q);
// Writes the reply to the socket past libmicrohttpd, in the middle of a body, then lingers.
void reply_send_raw(struct request *q);
// Reads what a client still sends for a moment, so that it sees the reply before the close.
void reply_linger(int fd);
void reply_release_sender(struct request *q);
void reply_restore_timeout(struct request *q);

// compress.c
bool compress_pays(const struct request *q, const char *type);
bool compress_accepted(const struct request *q, const char *coding);
int compress_bytes(struct str in, struct str_buf *out) MUST_CHECK;
struct compressor;
int compressor_create(struct compressor **ret_compressor) MUST_CHECK;
void compressor_destroy(struct compressor *c);
// Appends compressed bytes; *is_last* ends the stream.
int compressor_add(struct compressor *c, struct str in, bool is_last,
                   struct str_buf *out) MUST_CHECK;

// conditions.c
enum condition_outcome {
    CONDITION_UNSET,
    CONDITION_GO_ON,
    CONDITION_NOT_MODIFIED,
    CONDITION_FAILED, // 412
};
enum condition_outcome condition_check(const struct request *q, const struct reply_validity *v);
bool condition_range_holds(const struct request *q, const struct reply_validity *v); // If-Range
enum {
    HTTP_DATE_TEXT = 32,
};
void http_date_format(int64_t seconds, char ret_text[HTTP_DATE_TEXT]);
bool http_date_parse(struct str text, int64_t *ret_seconds);

// dispatch.c
enum MHD_Result dispatch_call(void *cls, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data, size_t *n,
                              void **pq);
void *dispatch_target(void *cls, const char *target, struct MHD_Connection *mhd);
void dispatch_completed(void *cls, struct MHD_Connection *mhd, void **pq,
                        enum MHD_RequestTerminationCode how);
// libmicrohttpd is about to refuse this thread's request: it is answered in our words instead.
void dispatch_refused(int status);
int dispatch_register_metrics(void) MUST_CHECK;

// connections.c
struct connections;
int connections_create(struct server *s, struct connections **ret_connections) MUST_CHECK;
void connections_destroy(struct connections *cs);
void connections_notify(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);
enum MHD_Result connections_policy(void *cls, const struct sockaddr *addr, socklen_t n);
int connections_start_watch(struct connections *cs) MUST_CHECK;
void connections_stop_watch(struct connections *cs);
void connections_request_done(struct connections *cs);
void connections_wait_quiet(struct connections *cs, int64_t deadline_ns);
void connections_cut(struct connections *cs, bool idle_only);
size_t connections_count(struct connections *cs);

// ws_handshake.c
int ws_handshake(struct request *q, char ret_accept[29], bool *ret_protocol) MUST_CHECK;

// server.c
struct server {
    // --- constant after create
    struct server_opts opts;
    struct route_tree *routes;
    struct connections *connections;
    struct ws_loop *ws;
    int listen_fd;
    uint16_t port;
    // --- owner's thread
    struct MHD_Daemon *daemon;
    bool is_stopped;
    // --- atomic
    atomic_bool is_draining;
    atomic_int n_active;
};
