// SPDX-License-Identifier: Apache-2.0
// self_client.h - asks the server of this process over its own address, as a browser would: what is
// begun this way goes through every check that others meet.
//
// Ownership: texts are borrowed; what a member is taken out of stays the caller's.
// Threads: any; each call is a connection of its own and waits for the answer.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct self_request {
    const char *url;    // of the server, "http://127.0.0.1:8080"
    const char *method; // "GET"
    const char *path;   // with its query
    const char *json;   // the body; NULL: none
    const char *file;   // or a file that is the body; NULL: none
};

// Appends the answer's body. 0: it was 2xx. Else the error that the server's answer stands for,
// with its message; ERR_IO, ERR_TIMEOUT (no answer came).
int self_ask(const struct self_request *w, struct str_buf *ret_body) MUST_CHECK;

// A member of the object that a body is, copied; NULL inside where it is absent, null or no text.
// ERR_DATA, ERR_TOO_BIG (it does not fit).
int self_text(struct str body, const char *member, char *ret_text, size_t n_bytes) MUST_CHECK;
int self_int(struct str body, const char *member, int64_t *ret_value) MUST_CHECK; // 0: absent
// Likewise of the first item of a list {"items":[{...}]} for which *key* is *value* (NULL: any).
struct self_item {
    const char *key, *value;
    const char *member; // that is wanted
};
int self_item_text(struct str body, const struct self_item *wanted, char *ret_text,
                   size_t n_bytes) MUST_CHECK;
// Text as part of a query or path.
void self_put_escaped(struct str_buf *out, const char *text);
