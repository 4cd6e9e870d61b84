// SPDX-License-Identifier: Apache-2.0
// rate_limit.h - token buckets per client and class of requests, in memory that is fixed at create.
//
// A bucket holds up to *burst* tokens and gains *per_second*; a request takes one. Buckets stand in
// a table of sets of eight; a set that is full gives its longest unused bucket to the newcomer, who
// starts with a full one.
//
// Ownership: rate_limit_create()/_destroy(). Threads: any.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct rate_limit;

struct rate_limit_class {
    const char *name;  // the label of rate_limited_total{class}; a constant
    double per_second; // 0: no limit
    double burst;      // at least 1
};

enum {
    RATE_LIMIT_MAX_CLASSES = 16,
};

// *n_clients*: about how many clients are told apart at a time; 48 bytes each and class. Classes
// are copied. ERR_NOMEM.
int rate_limit_create(const struct rate_limit_class *classes, size_t n_classes, size_t n_clients,
                      struct rate_limit **ret_limit) MUST_CHECK;
void rate_limit_destroy(struct rate_limit *l); // NULL is a no-op

// Takes *cost* tokens (1 for a request) of the client's bucket. False: there are not as many;
// *ret_retry_after_s (at least 1) says when there will be. *client*: an address, a user, a key: any
// bytes. A cost above the burst is taken as the burst.
bool rate_limit_take(struct rate_limit *l, size_t class_index, struct str client, double cost,
                     int *ret_retry_after_s);
