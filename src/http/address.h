// SPDX-License-Identifier: Apache-2.0
// address.h - addresses of clients: text, loopback, networks, and the host and port to listen on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum {
    ADDRESS_TEXT = 46,
};

// IPv4 stands as ::ffff:a.b.c.d, so that one client has one value.
struct address {
    uint8_t bytes[16];
};

struct address_network {
    struct address base;
    int prefix; // bits of the 128
};

// "127.0.0.1", "::1", "[::1]". ERR_INVALID.
int address_parse(struct str text, struct address *ret_address) MUST_CHECK;
void address_format(const struct address *a, char ret_text[ADDRESS_TEXT]);
bool address_equal(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *a);
// Not for the public internet: loopback, private, link-local, unique local, unspecified, multicast,
// reserved, documentation, and IPv6 forms that carry such an IPv4 address.
bool address_is_private(const struct address *a);
// "10.0.0.0/8", "fd00::/8", or one address. ERR_INVALID.
int address_parse_network(struct str text, struct address_network *ret_network) MUST_CHECK;
bool address_in(const struct address *a, const struct address_network *n);

// "127.0.0.1:8080", "[::1]:8080", ":8080" (any address), "localhost:8080". Port 0 lets the system
// choose. ERR_INVALID.
int address_parse_listen(const char *text, struct address *ret_address,
                         uint16_t *ret_port) MUST_CHECK;
// Whether a Host header's name means this machine's loopback: "localhost", "127.0.0.1", "[::1]",
// names ending in ".localhost".
bool address_is_loopback_name(struct str host);
