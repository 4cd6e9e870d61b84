// SPDX-License-Identifier: Apache-2.0
// uri.h - request targets: the path decoded and normalised or refused, the query as pairs.
//
// Refused (ERR_INVALID): escapes that are none, control characters and NUL also when escaped,
// backslashes, escaped slashes, "." and ".." segments in any spelling, empty segments, what is not
// UTF-8. One slash at the end is dropped.
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;

struct uri_pair {
    struct str name;
    struct str value;
};

struct uri {
    struct str path;  // "/", "/a/b c"
    struct str query; // as sent, without '?'
    struct str host;  // of an absolute target, with its port; {NULL, 0} otherwise
    struct uri_pair *pairs;
    size_t n_pairs;
};

// Also "http://host/path" and "*" (path "*"). *max_pairs* bounds the query. Memory from *a*.
// ERR_INVALID, ERR_NOMEM.
int uri_parse(struct str target, size_t max_pairs, struct arena *a, struct uri *ret_uri) MUST_CHECK;
// Query or form text alone (application/x-www-form-urlencoded): '+' is a space. Errors likewise.
int uri_parse_query(struct str text, size_t max_pairs, struct arena *a, struct uri_pair **ret_pairs,
                    size_t *ret_n) MUST_CHECK;
