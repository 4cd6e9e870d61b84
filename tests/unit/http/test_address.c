// SPDX-License-Identifier: Apache-2.0
// test_address.c - addresses, networks, and what may be listened to.

#include "http/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"

static const struct {
    const char *text;
    const char *again; // NULL: no address
    bool loopback;
    bool is_private;
} addresses[] = {
    {"127.0.0.1", "127.0.0.1", true, true},
    {"127.9.9.9", "127.9.9.9", true, true},
    {"::1", "::1", true, true},
    {"[::1]", "::1", true, true},
    {"::ffff:127.0.0.1", "127.0.0.1", true, true},
    {"8.8.8.8", "8.8.8.8", false, false},
    {"10.1.2.3", "10.1.2.3", false, true},
    {"172.15.0.1", "172.15.0.1", false, false},
    {"172.16.0.1", "172.16.0.1", false, true},
    {"172.32.0.1", "172.32.0.1", false, false},
    {"192.168.1.1", "192.168.1.1", false, true},
    {"169.254.169.254", "169.254.169.254", false, true},
    {"100.64.0.1", "100.64.0.1", false, true},
    {"0.0.0.0", "0.0.0.0", false, true},
    {"224.0.0.1", "224.0.0.1", false, true},
    {"255.255.255.255", "255.255.255.255", false, true},
    {"2606:4700::1111", "2606:4700::1111", false, false},
    {"fe80::1", "fe80::1", false, true},
    {"fd00::1", "fd00::1", false, true},
    {"::", "::", false, true},
    {"64:ff9b::a00:1", "64:ff9b::a00:1", false, true}, // 10.0.0.1 behind NAT64
    {"64:ff9b::808:808", "64:ff9b::808:808", false, false},
    {"2002:a00:1::", "2002:a00:1::", false, true}, // 10.0.0.1 in 6to4
    {"2002:808:808::", "2002:808:808::", false, false},
    {"", NULL, false, false},
    {"1.2.3", NULL, false, false},
    {"1.2.3.4.5", NULL, false, false},
    {"0x7f.1", NULL, false, false},
    {"2130706433", NULL, false, false},
    {"127.0.0.1 ", NULL, false, false},
    {"[::1", NULL, false, false},
    {"fe80::1%lo", NULL, false, false},
    {"localhost", NULL, false, false},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct address a;
        char text[ADDRESS_TEXT];
        int r = address_parse(str_of(addresses[i].text), &a);
        if ((r == 0) != (addresses[i].again != NULL))
            fail_msg("'%s': %d", addresses[i].text, r);
        if (r < 0)
            continue;
        address_format(&a, text);
        assert_string_equal(text, addresses[i].again);
        if (address_is_loopback(&a) != addresses[i].loopback ||
            address_is_private(&a) != addresses[i].is_private)
            fail_msg("'%s'", addresses[i].text);
    }
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *address;
        int in; // -1: no network
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", 1}, {"10.0.0.0/8", "11.0.0.1", 0},
        {"10.0.0.0/9", "10.128.0.1", 0}, {"10.1.2.3", "10.1.2.3", 1},
        {"10.1.2.3", "10.1.2.4", 0},     {"0.0.0.0/0", "1.2.3.4", 1},
        {"0.0.0.0/0", "::1", 0},         {"::/0", "1.2.3.4", 1},
        {"fd00::/8", "fdff::1", 1},      {"10.0.0.0/33", "10.0.0.1", -1},
        {"10.0.0.0/", "10.0.0.1", -1},   {"10.0.0.0/x", "10.0.0.1", -1},
        {"::/129", "::1", -1},           {"/8", "::1", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address_network n;
        struct address a;
        int r = address_parse_network(str_of(rows[i].network), &n);
        assert_int_equal(address_parse(str_of(rows[i].address), &a), 0);
        int in = r < 0 ? -1 : address_in(&a, &n);
        if (in != rows[i].in)
            fail_msg("%s in %s: %d", rows[i].address, rows[i].network, in);
    }
}

static void test_listen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *address; // NULL: refused
        int port;
    } rows[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080},
        {"[::1]:80", "::1", 80},
        {":9", "::", 9},
        {"localhost:0", "127.0.0.1", 0},
        {"0.0.0.0:65535", "0.0.0.0", 65535},
        {"8080", NULL, 0},
        {"", NULL, 0},
        {"::1:80", NULL, 0},
        {"h:80", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:-1", NULL, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address a;
        uint16_t port = 1;
        char text[ADDRESS_TEXT];
        int r = address_parse_listen(rows[i].text, &a, &port);
        if (!rows[i].address) {
            assert_int_equal(r, ERR_INVALID);
            continue;
        }
        assert_int_equal(r, 0);
        address_format(&a, text);
        assert_string_equal(text, rows[i].address);
        assert_int_equal(port, rows[i].port);
    }
    assert_int_equal(address_parse_listen(NULL, &(struct address){{0}}, &(uint16_t){0}),
                     ERR_INVALID);
}

static void test_loopback_names(void **state)
{
    (void)state;
    static const char *const good[] = {"localhost", "LOCALHOST", "a.localhost", "127.0.0.1",
                                       "[::1]"};
    static const char *const bad[] = {
        "", "localhost.evil.example", "evil.example", "notlocalhost", "10.0.0.1", ".localhost.x"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(address_is_loopback_name(str_of(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(address_is_loopback_name(str_of(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_loopback_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
