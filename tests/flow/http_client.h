// SPDX-License-Identifier: Apache-2.0
// http_client.h - a client of raw bytes for the flow tests of the http room, and the server it
// talks to.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct server;
struct server_opts;

enum {
    DEADLINE_MS = 20000,
    REPLY_BYTES = 1024 * 1024,
};

#define HOST "Host: localhost\r\n"
#define END  "\r\n"

// Whom the client talks to, and what it was answered last.
extern struct server *server;
extern char reply[REPLY_BYTES + 1];

// A server of the test routes on any port.
struct server *start(struct server_opts *opts);

int dial(void);
bool put(int fd, const void *bytes, size_t n);
// One whole reply of Content-Length, or all until the close. False: nothing came, or the deadline.
bool get(int fd, bool until_close);
int status_of_reply(void);
// Whether the server closes within the deadline.
bool is_closed(int fd);
// A connection for one request: its status, 0 where nothing came.
int ask(const char *request, size_t n);
// One request, its status (0: nothing comes) and a text in its reply.
struct row {
    const char *request;
    int status;
    const char *has;
};

// How many rows were answered otherwise; each is printed.
int count_wrong(const struct row *rows, size_t n);
