// SPDX-License-Identifier: Apache-2.0
// serving_access.c - options of access, read and judged.

#include "app/serving_access.h"

#include <string.h>

#include "api/access.h"
#include "base/err.h"
#include "base/log.h"
#include "store/store_user.h"

static int read_networks(const struct opt_list *list, const char *option,
                         struct address_network *ret_networks, size_t *ret_n)
{
    if (list->n > SERVING_MAX_NETWORKS)
        return err_set(ERR_INVALID, "%s: more than %d", option, SERVING_MAX_NETWORKS);
    for (size_t i = 0; i < list->n; i++) {
        int r = address_parse_network(str_of(list->items[i]), &ret_networks[i]);
        if (r < 0)
            return err_prefix(r, "%s", option);
    }
    *ret_n = list->n;
    return 0;
}

// A host and perhaps a port: what looks like a URL would never be met.
static int check_sources(const struct opt_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *host = list->items[i];
        if (!*host || strcspn(host, "/@*?# \t") != strlen(host))
            return err_set(ERR_INVALID,
                           "--allow-source: '%s' is no host: example.com, example.com:8080 or "
                           ".example.com",
                           host);
    }
    return 0;
}

static void read_rates(const struct serving_access *a, struct serving_rules *ret)
{
    for (size_t i = 0; i < API_N_RATES; i++)
        ret->rates[i] = a->rates[i] < 0 ? 0 : a->rates[i] > 0 ? a->rates[i] : -1;
    ret->login_ms = (int64_t)(a->login_minutes * 60000);
}

// What any client may say of itself is believed where any client is a proxy.
static void warn_of_wide(const struct serving_rules *rules)
{
    enum { IPV4_BITS = 96, WIDE_IPV4 = 8, WIDE_IPV6 = 16 };
    for (size_t i = 0; i < rules->n_proxies; i++) {
        char text[ADDRESS_TEXT];
        struct address start;
        const struct address_network *n = &rules->proxies[i];
        IGNORE(address_parse(STR("0.0.0.0"), &start)); // it is one
        bool is_ipv4 = n->prefix >= IPV4_BITS && memcmp(n->base.bytes, start.bytes, 12) == 0;
        int bits = is_ipv4 ? n->prefix - IPV4_BITS : n->prefix;
        address_format(&n->base, text);
        if (bits < (is_ipv4 ? WIDE_IPV4 : WIDE_IPV6))
            log_warning(NULL,
                        "--proxy %s/%d: everybody in so wide a network is believed about who "
                        "their client is (X-Forwarded-For) and that they came by https: name the "
                        "proxy's own address",
                        text, bits);
    }
}

int serving_rules_read(const struct serving_access *a, const char *listen, struct store *s,
                       struct serving_rules *ret)
{
    struct address address;
    uint16_t port;
    int64_t n_users = 0;
    int64_t n_admins = 0;
    const char *warning;
    int r = address_parse_listen(listen, &address, &port);
    if (r < 0)
        return err_prefix(r, "--listen");
    r = read_networks(&a->proxies, "--proxy", ret->proxies, &ret->n_proxies);
    if (r == 0)
        r = read_networks(&a->metrics_from, "--metrics-from", ret->metrics_from,
                          &ret->n_metrics_from);
    if (r == 0)
        r = check_sources(&a->sources);
    if (r == 0)
        r = store_user_count(s, &n_users, &n_admins);
    if (r < 0)
        return r;
    ret->is_loopback = address_is_loopback(&address);
    read_rates(a, ret);
    r = access_check_start(&(struct access_start){.listen = listen,
                                                  .is_loopback = ret->is_loopback,
                                                  .has_proxy = ret->n_proxies > 0,
                                                  .allow_direct = a->allow_direct,
                                                  .has_admin = n_admins > 0},
                           &warning);
    if (r == 0 && warning)
        log_warning(NULL, "%s", warning);
    if (r == 0)
        warn_of_wide(ret);
    return r;
}
