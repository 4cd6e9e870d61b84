// SPDX-License-Identifier: Apache-2.0
// server.h - listens, reads requests within limits, calls routes, sends replies, stops in order.
//
// A thread per connection (bounded): handlers may wait. Malformed, oversized, slow or contradictory
// requests are answered and cut here; handlers see only whole and decoded ones.
//
// INVARIANTS
// (1) Every request that reached a route gets exactly one reply, one access log line and one count.
// (2) Memory is bounded by connections x limits, whatever clients send.
// (3) After server_stop() no handler runs and none will.
//
// Ownership: whoever created it destroys it. The route tables and opts.context outlive it.
// Threads: create, start, stop, destroy: the owner. Hooks and handlers: the request's thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "http/ws.h"

struct address;
struct address_network;
struct request;
struct route;
struct server;

struct server_opts {
    const char *listen;                // "127.0.0.1:8080"; see address_parse_listen()
    const struct route *const *routes; // NULL-ended list of tables
    void *context;                     // request_context()

    // Before a route's sink or handler, when headers are whole and the route is known: Host and
    // Origin checks, who asks (request_set_user()), role, rate. Not called where no route matches.
    // An error or a reply ends the request. NULL: none.
    int (*before)(struct request *q);
    // For requests without a route (404, 405 and malformed ones), so that strangers cannot probe
    // faster than they may ask. Likewise.
    int (*before_unrouted)(struct request *q);
    // Around the handler of a routed request, on its thread. NULL: none.
    void (*handling)(struct request *q, bool begins);
    // When the reply of a routed request was made, before a byte of it is sent: what has to be
    // recorded before the client hears of it. NULL: none.
    void (*replied)(struct request *q, int status);
    // After the reply was sent or given up. NULL: none.
    void (*after)(struct request *q, int status, int64_t bytes_sent, int64_t duration_ns);

    // "/api/" -> "/api/v1/": a path that begins with *alias_from* and for which no route exists is
    // looked up with *alias_to* in its place. NULL: none.
    const char *alias_from;
    const char *alias_to;

    const struct address_network *proxies; // whose X-Forwarded-For and -Proto are believed
    size_t n_proxies;

    int max_connections;            // HTTP, WebSockets not counted; more get 503 [1024]
    int max_connections_per_client; // by address; loopback and proxies are not counted [128]
    int header_timeout_ms;          // from the first byte, or the connection's start, to the last
                                    // header [10000]
    int idle_timeout_ms;  // between requests, and without progress in a body or reply [60000]
    int body_bytes_per_s; // slower than that over the whole body is cut, after grace_ms [1024]
    int grace_ms;         // before slowness of a body or reply counts [20000]
    int stop_timeout_ms;  // server_stop(): for requests that run [10000]
    size_t stack_bytes;   // of a connection's thread [256 KiB]
    bool no_access_log;
    const char *content_policy; // Content-Security-Policy [default-src 'none'; ... 'self' where
                                // the UI needs it; see server.c]
    struct ws_opts ws;
};

// Binds and listens, so that errors name the address: ERR_BUSY (the address is in use), ERR_DENIED,
// ERR_INVALID, ERR_IO, ERR_NOMEM. Nothing is answered before server_start().
int server_create(const struct server_opts *opts, struct server **ret_server) MUST_CHECK;
int server_start(struct server *s) MUST_CHECK; // ERR_NOMEM, ERR_BUSY (no threads), ERR_IO
// Accepts no more, answers requests that run (new ones on open connections get 503 unless their
// route says ROUTE_WHILE_DRAINING), tells WebSockets 1001, then closes. Twice is a no-op.
void server_stop(struct server *s);
// Only the first part: from now on server_is_draining(), readiness can say so before the stop.
void server_drain(struct server *s);
bool server_is_draining(const struct server *s);
void server_destroy(struct server *s); // NULL is a no-op; stops

uint16_t server_port(const struct server *s);
struct ws_loop *server_ws(struct server *s);
// Requests being answered now.
int server_n_active(const struct server *s);

// Raises this process's limit of open files to what *wanted* needs, or as far as allowed; *ret_got*
// is the limit now. ERR_UNAVAILABLE says what the hard limit is when it is lower than *wanted*.
int server_raise_files(size_t wanted, size_t *ret_got) MUST_CHECK;
