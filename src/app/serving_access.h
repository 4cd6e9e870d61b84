// SPDX-License-Identifier: Apache-2.0
// serving_access.h - from where a server is reached and how often it may be asked: the options, and
// what follows from them and from the accounts there are.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/attr.h"
#include "base/opt.h"
#include "http/address.h"

struct store;

struct serving_access {
    struct opt_list proxies, metrics_from;
    struct opt_list sources; // hosts that files are fetched from
    bool allow_private_sources;
    bool allow_direct;
    double login_minutes;      // 0: the API's own
    double rates[API_N_RATES]; // < 0: the API's own; 0: no limit
};

enum {
    SERVING_MAX_NETWORKS = 16,
};

struct serving_rules {
    bool is_loopback;
    struct address_network proxies[SERVING_MAX_NETWORKS], metrics_from[SERVING_MAX_NETWORKS];
    size_t n_proxies, n_metrics_from;
    double rates[API_N_RATES]; // as api_opts
    int64_t login_ms;
};

// ERR_INVALID: an address is none, or what is asked for needs an admin, a proxy, or
// --allow-direct first. Logs what has to be warned of.
int serving_rules_read(const struct serving_access *a, const char *listen, struct store *s,
                       struct serving_rules *ret) MUST_CHECK;
