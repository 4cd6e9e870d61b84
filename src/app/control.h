// SPDX-License-Identifier: Apache-2.0
// control.h - how `assay user` reaches a server that runs: a socket in the data directory, which
// only its owner can open. One process writes the database, so the server is asked to.
//
// A request and its answer are one JSON object each, ended by a line feed and the end of what is
// sent. Passwords do not travel: their hashes do.
//
// Ownership: control_start()/_stop(); borrows store and api.
// Threads: one of its own.
#pragma once

#include "base/attr.h"
#include "store/store_user.h"

struct api;
struct arena;
struct control;
struct store;

enum control_verb {
    CONTROL_UNSET,
    CONTROL_USER_ADD,
    CONTROL_USER_PASSWORD,
    CONTROL_N_VERBS,
};

struct control_request {
    enum control_verb verb;
    const char *name;
    enum store_role role; // of USER_ADD
    const char *password_hash;
};

// Does it on an open store, with a line of the audit log. *ret_id*: the user's. ERR_EXISTS,
// ERR_NOT_FOUND, ERR_CONFLICT (the first user is no admin).
int control_do(struct store *s, const struct control_request *q, struct arena *a,
               char ret_id[ID_BYTES]) MUST_CHECK;

// Asks the server that holds *data*. ERR_NOT_FOUND: none listens there. Errors of control_do().
int control_ask(const char *data, const struct control_request *q) MUST_CHECK;

// ERR_IO: the socket cannot be made.
int control_start(const char *data, struct store *s, struct api *a,
                  struct control **ret_control) MUST_CHECK;
void control_stop(struct control *c); // NULL is a no-op
