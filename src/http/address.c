// SPDX-License-Identifier: Apache-2.0
// address.c - addresses of clients as 16 bytes, networks, and what to listen on.

#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/err.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static struct address from_ipv4(const struct in_addr *in)
{
    struct address a;
    memcpy(a.bytes, mapped, sizeof(mapped));
    memcpy(a.bytes + 12, in, 4);
    return a;
}

static bool is_ipv4(const struct address *a)
{
    return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

int address_parse(struct str text, struct address *ret_address)
{
    struct str s = text;
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct str){s.p + 1, s.n - 2};
    char z[ADDRESS_TEXT];
    if (s.n == 0 || s.n >= sizeof(z))
        return err_set(ERR_INVALID, "'" STR_FMT "' is no address", STR_ARG(text));
    memcpy(z, s.p, s.n);
    z[s.n] = '\0';
    struct in_addr v4;
    if (inet_pton(AF_INET, z, &v4) == 1) {
        *ret_address = from_ipv4(&v4);
        return 0;
    }
    struct address a;
    if (inet_pton(AF_INET6, z, a.bytes) != 1)
        return err_set(ERR_INVALID, "'" STR_FMT "' is no address", STR_ARG(text));
    *ret_address = a;
    return 0;
}

void address_format(const struct address *a, char ret_text[ADDRESS_TEXT])
{
    if (is_ipv4(a))
        inet_ntop(AF_INET, a->bytes + 12, ret_text, ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, a->bytes, ret_text, ADDRESS_TEXT);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_in(const struct address *a, const struct address_network *n)
{
    size_t whole = (size_t)n->prefix / 8;
    if (memcmp(a->bytes, n->base.bytes, whole) != 0)
        return false;
    int rest = n->prefix % 8;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return ((a->bytes[whole] ^ n->base.bytes[whole]) & mask) == 0;
}

// Whether *a* is in one of a NULL-ended list of networks, given as text of our own.
static bool in_any(const struct address *a, const char *const *networks)
{
    for (size_t i = 0; networks[i]; i++) {
        struct address_network n;
        if (address_parse_network(str_of(networks[i]), &n) == 0 && address_in(a, &n))
            return true;
    }
    return false;
}

bool address_is_loopback(const struct address *a)
{
    if (is_ipv4(a))
        return a->bytes[12] == 127;
    static const uint8_t one[16] = {[15] = 1};
    return memcmp(a->bytes, one, sizeof(one)) == 0;
}

bool address_is_private(const struct address *a)
{
    static const char *const networks[] = {
        "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",
        "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24",   "192.0.2.0/24",   "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
        "::/96", // unspecified, loopback, and IPv4 written in the old compatible form
        "64:ff9b:1::/48", "100::/64",       "2001::/23",
        "2001:db8::/32",  "fc00::/7",       "fe80::/10",
        "fec0::/10",      "ff00::/8",       NULL,
    };
    static const struct address_network nat64 = {{{0x00, 0x64, 0xff, 0x9b}}, 96};
    static const struct address_network six_to_four = {{{0x20, 0x02}}, 16};
    if (in_any(a, networks))
        return true;
    struct in_addr inner;
    if (address_in(a, &nat64))
        memcpy(&inner, a->bytes + 12, 4);
    else if (address_in(a, &six_to_four))
        memcpy(&inner, a->bytes + 2, 4);
    else
        return false;
    struct address v4 = from_ipv4(&inner);
    return in_any(&v4, networks);
}

int address_parse_network(struct str text, struct address_network *ret_network)
{
    struct str rest = text;
    struct str part;
    struct address_network n = {.prefix = 128};
    if (!str_split(&rest, '/', &part))
        return err_set(ERR_INVALID, "'" STR_FMT "' is no network", STR_ARG(text));
    int r = address_parse(part, &n.base);
    if (r < 0)
        return r;
    if (part.n != text.n) {
        int64_t bits;
        bool v4 = is_ipv4(&n.base) && memchr(part.p, '.', part.n);
        if (str_to_i64(rest, &bits) < 0 || bits < 0 || bits > (v4 ? 32 : 128))
            return err_set(ERR_INVALID,
                           "'" STR_FMT "' is no network: the part behind / counts its bits",
                           STR_ARG(text));
        n.prefix = (int)bits + (v4 ? 96 : 0);
    }
    *ret_network = n;
    return 0;
}

int address_parse_listen(const char *text, struct address *ret_address, uint16_t *ret_port)
{
    struct str s = str_of(text);
    const char *colon = s.p ? strrchr(s.p, ':') : NULL;
    int64_t port;
    if (!colon || str_to_i64(str_of(colon + 1), &port) < 0 || port < 0 || port > 65535)
        return err_set(ERR_INVALID, "'%s' is no ADDRESS:PORT", text ? text : "");
    struct str host = {s.p, (size_t)(colon - s.p)};
    if (host.n == 0) {
        *ret_address = (struct address){{0}};
    } else if (str_is_nocase(host, "localhost")) {
        IGNORE(address_parse(STR("127.0.0.1"), ret_address)); // a constant that is one
    } else if (memchr(host.p, ':', host.n) && host.p[0] != '[') {
        return err_set(ERR_INVALID, "'%s' is no ADDRESS:PORT: an IPv6 address stands in brackets",
                       text);
    } else if (address_parse(host, ret_address) < 0) {
        return err_set(ERR_INVALID, "'%s' is no ADDRESS:PORT: '" STR_FMT "' is no address", text,
                       STR_ARG(host));
    }
    *ret_port = (uint16_t)port;
    return 0;
}

bool address_is_loopback_name(struct str host)
{
    struct address a;
    if (str_is_nocase(host, "localhost"))
        return true;
    if (host.n > 10 && str_is_nocase((struct str){host.p + host.n - 10, 10}, ".localhost"))
        return true;
    return address_parse(host, &a) == 0 && address_is_loopback(&a);
}
