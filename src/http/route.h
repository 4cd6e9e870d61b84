// SPDX-License-Identifier: Apache-2.0
// route.h - what a server answers, as constant tables; and the tree that finds a path's row.
//
// A template's parameters stand in braces and match one segment, or what is left of one with fixed
// text behind: "/videos/{id}", "/frames/{n}.jpg"; "{path...}" at the end matches the rest, slashes
// included (at least one byte). Fixed text goes before parameters.
//
// A handler returns 0 when it has replied, or a negative error code: the server then answers
// {"error","message"} with that code's status and this thread's message.
//
//   const struct route routes_video[] = {
//       {"GET",  "/api/v1/videos/{id}", video_get, .role = ROLE_VIEWER},
//       {"POST", "/api/v1/videos", video_create, .role = ROLE_EDITOR, .sink = &video_upload},
//       {0},
//   };
//
// Ownership: the tree borrows the tables.
// Threads: constant after route_tree_create(); any.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct request;
struct str_buf;

enum {
    ROUTE_MAX_PARAMETERS = 8,
    ROUTE_MAX_METHODS = 8, // rows of one template
    ROUTE_DEFAULT_BODY = 1024 * 1024,
};

// Where a body goes that should not stand in memory: called on the request's thread, in order.
// Without a sink the body is collected (up to the route's limit) before the handler runs.
struct route_sink {
    // Before a byte of the body is taken. May reply itself, or fail: then no byte is taken, a
    // client that waits for "100 Continue" sends none, and nothing else of the sink is called.
    int (*begin)(struct request *q);
    // The next bytes (n > 0). After a reply or an error the rest is not taken and *abandon* is
    // called.
    int (*data)(struct request *q, const void *bytes, size_t n);
    // After a begin() that returned 0 without reply, when the handler will not run: the client
    // went, the body was malformed, too long or too slow, or data() ended it. Releases what
    // begin() took. May be NULL.
    void (*abandon)(struct request *q);
};

enum route_flags {
    ROUTE_NO_LOG = 1 << 0,         // no access log line (health checks)
    ROUTE_WHILE_DRAINING = 1 << 1, // also answered while the server stops (health, metrics)
    ROUTE_NO_COMPRESSION = 1 << 2, // never gzip (secrets beside input that strangers choose)
    ROUTE_ANY_QUERY = 1 << 3,      // the query is the client's own: a name may stand there twice
};

struct route {
    const char *method;               // "GET" also answers HEAD; NULL ends a table
    const char *path;                 // template
    int (*handle)(struct request *q); // after the whole body
    int role;                         // what the caller's hook makes of it; 0: none
    int rate_class;                   // likewise
    int64_t
        body_limit; // bytes; 0: ROUTE_DEFAULT_BODY without sink, unlimited with one; -1: no body
    const struct route_sink *sink;
    unsigned flags;    // enum route_flags
    const void *about; // the table's own, for shared handlers
};

struct route_match {
    const struct route *route; // NULL: no such path, or not with this method
    const char *template_path; // NULL: no such path
    struct str names[ROUTE_MAX_PARAMETERS];
    struct str values[ROUTE_MAX_PARAMETERS]; // decoded; views into the path given
    size_t n;
};

struct route_tree;

// *tables* is a list of {0}-ended tables, itself ended by NULL. A malformed template or two rows
// for one method and path are our bugs (assert). ERR_NOMEM.
int route_tree_create(const struct route *const *tables, struct route_tree **ret_tree) MUST_CHECK;
void route_tree_destroy(struct route_tree *t); // NULL is a no-op

// *path* is decoded and normalised (uri_parse()). HEAD finds GET where it has no row of its own.
void route_find(const struct route_tree *t, struct str method, struct str path,
                struct route_match *ret_match);
// The methods of a path for "Allow": "GET, HEAD, OPTIONS, PATCH". Nothing where no such path.
void route_allowed(const struct route_tree *t, struct str path, struct str_buf *out);
