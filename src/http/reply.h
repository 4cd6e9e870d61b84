// SPDX-License-Identifier: Apache-2.0
// reply.h - the answer to a request: bytes, JSON, a file with ranges, a stream, an error.
//
// A handler replies once; a second reply is our bug (assert). Headers are added before the reply.
// Secure headers, X-Request-ID, Date and Content-Length are the server's business; bodies of a kind
// that compresses are sent as gzip where the client takes it.
//
// All return 0 ("replied"), so that a handler ends with `return reply_json(...)`, or a negative
// code when no reply could be made: the server then answers with that error.
//
// Threads: the request's own.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct request;
struct str_buf;
struct ws_accept;

enum {
    REPLY_MAX_HEADERS = 32,
    REPLY_GZIP_MIN = 1024, // smaller bodies are sent as they are
    REPLY_MAX_RANGES = 16, // of one Range header; more: the whole file is sent
};

// Adds a header. CR, LF, NUL in a value are our bug (assert): what comes from outside is checked by
// its reader. ERR_TOO_BIG, ERR_NOMEM: sticky, so that the reply fails; needs no look.
void reply_header(struct request *q, const char *name, const char *value);
void reply_headerf(struct request *q, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);
// A time as HTTP writes it: "Upload-Expires".
void reply_date(struct request *q, const char *name, int64_t seconds);
// Seconds, for 429 and 503.
void reply_retry_after(struct request *q, int seconds);
// In place of the server's Content-Security-Policy (a report that carries its own styles).
void reply_content_policy(struct request *q, const char *policy);

// No body: 204, 201 with Location ...
int reply_empty(struct request *q, int status) MUST_CHECK;
// *body* lives until the request ends (its arena, a static); not copied.
int reply_bytes(struct request *q, int status, const char *type, struct str body) MUST_CHECK;
// Takes the buffer's bytes, which is empty afterwards; its sticky error becomes the reply's.
int reply_buffer(struct request *q, int status, const char *type, struct str_buf *body) MUST_CHECK;
int reply_json(struct request *q, int status, struct str_buf *body) MUST_CHECK; // application/json
int reply_text(struct request *q, int status, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK; // text/plain
// {"error": *name*, "message": ...}; *name* in capitals: "CONFLICT". Also for what err.def lacks:
// 401, 403, 409, 412, 429, 460 ...
int reply_error(struct request *q, int status, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5) MUST_CHECK;
// From an error code, as the server does for handlers that return one.
int reply_failure(struct request *q, int code) MUST_CHECK;

// What caches and players need to know. ETags are given without quotes: [A-Za-z0-9._~+/=:-]+.
struct reply_validity {
    const char *etag;    // strong: changes whenever a byte does; NULL: none
    int64_t modified_s;  // seconds since 1970; 0: none
    const char *caching; // Cache-Control's value; NULL: "no-cache" with an etag, else "no-store"
};

// Sets the headers and answers 304 (or 412) where the request's conditions say so.
// Returns 1 when it has replied so, 0 when the handler should reply, or an error.
int reply_if_unchanged(struct request *q, const struct reply_validity *v) MUST_CHECK;

struct reply_file {
    int fd;       // taken: closed also on error. Regular file, or whatever pread() serves
    int64_t size; // bytes; -1: of fstat()
    const char *type;
    const char *download_name; // NULL: shown in place; else Content-Disposition: attachment
    struct reply_validity validity;
};

// 200, 206 (one range, or multipart/byteranges), 304, 412, 416.
int reply_file(struct request *q, const struct reply_file *f) MUST_CHECK;

// A constant thing in memory with its compressed forms, as the UI's files are built in.
struct reply_asset {
    struct str bytes;
    struct str gzip;   // {NULL, 0}: none
    struct str brotli; // likewise
    const char *type;
    struct reply_validity validity;
};

int reply_asset(struct request *q, const struct reply_asset *a) MUST_CHECK;

// A body of unknown length, made while it is sent.
struct reply_stream {
    const char *type;
    // Appends the next bytes to *out*: about 64 KiB at a time is good, 1 MiB at most. Nothing
    // added: the end. A negative code cuts the connection, so that the client sees that the
    // document is not whole. Called on the request's thread; may wait (not for the client).
    int (*next)(void *state, struct str_buf *out);
    void *state;
    void (*release)(void *state); // once, also when reply_stream() fails; may be NULL
    bool live; // each piece is sent as it comes: not compressed (server-sent events)
};

int reply_stream(struct request *q, const struct reply_stream *s) MUST_CHECK;

// 101: hands the socket to the server's WebSocket loop (ws.h). 400 or 426 where the request is no
// valid handshake.
int reply_websocket(struct request *q, const struct ws_accept *accept) MUST_CHECK;

// A header of the reply as it stands; {NULL, 0} where absent.
struct str reply_header_value(const struct request *q, const char *name);
bool reply_was_made(const struct request *q);
int reply_status(const struct request *q); // 0 before
