// SPDX-License-Identifier: Apache-2.0
// fetch.h - the bytes of a URL that somebody named: http and https, from hosts that are listed, at
// addresses that are allowed. The only room with libcurl.
//
// What a name resolves to is asked about at the moment of connecting, and that very address is
// connected to, so a name that resolves otherwise a moment later gains nothing. Redirects are not
// followed; proxies, passwords and cookies of the environment are not used.
//
// Threads: any, each call for itself.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    FETCH_MAX_URL = 2048,
    FETCH_HOST_BYTES = 256,
    FETCH_ADDRESS_BYTES = 16, // IPv4 as ::ffff:a.b.c.d
};

struct fetch_where {
    char host[FETCH_HOST_BYTES]; // lower case; IPv6 in brackets
    int port;
    bool is_secure; // https
};

// ERR_INVALID: no http or https URL, or one with a user or a password.
int fetch_parse(const char *url, struct fetch_where *ret) MUST_CHECK;
// Whether one of *hosts* means it: "example.com" (its ports 80 and 443), "example.com:8080",
// ".example.com" (every name below it).
bool fetch_is_listed(const struct fetch_where *w, const char *const *hosts, size_t n_hosts);

struct fetch_calls {
    // Whether this address may be connected to.
    bool (*may_connect)(void *arg, const uint8_t address[FETCH_ADDRESS_BYTES]);
    // Once, before the first byte. *n_bytes* -1: unknown; *type*: the media type, NULL: none said.
    int (*begin)(void *arg, int64_t n_bytes, const char *type);
    int (*take)(void *arg, const void *bytes, size_t n);
    // About once a second, and more often: an error ends it.
    int (*check)(void *arg, int64_t n_bytes, int64_t n_total);
    void *arg;
};

// Errors of the calls; ERR_FORBIDDEN (an address that may not be), ERR_TOO_BIG (more than
// *max_bytes*; 0: no limit), ERR_DATA (the host refuses: 404, a redirect), ERR_IO (nobody answers,
// too slow, cut: may be tried again), ERR_NOMEM.
int fetch_run(const char *url, int64_t max_bytes, const struct fetch_calls *calls) MUST_CHECK;
