// SPDX-License-Identifier: Apache-2.0
// store_audit.h - who changed what, when; rows are only added, the newest once put right.
#pragma once

#include "store/store.h"

struct store_audit {
    const char *id; // NULL where it is added: one is made
    int64_t created_at_us;
    const char *user_id;   // NULL: nobody was logged in
    const char *user_name; // kept when the user goes
    const char *client;    // address
    const char *request_id;
    const char *action;    // "project.delete"
    const char *object_id; // NULL: none
    const char *detail_json;
};

int store_audit_add(struct store *s, const struct store_audit *x) MUST_CHECK;
// A line that was written with its change (store_opts.committing), where it came otherwise: its
// object and detail. ERR_NOT_FOUND.
int store_audit_amend(struct store *s, const struct store_audit *x) MUST_CHECK;

struct store_audit_filter { // NULL: any
    const char *user_id, *action, *object_id;
};
int store_audit_list(struct store *s, const struct store_audit_filter *filter,
                     const struct store_page *page,
                     int (*row)(void *arg, const struct store_audit *x), void *arg,
                     struct store_next *ret_next) MUST_CHECK;
// Removes what is older.
int store_audit_prune(struct store *s, int64_t before_us, int64_t *ret_n) MUST_CHECK;
