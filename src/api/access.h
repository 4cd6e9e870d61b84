// SPDX-License-Identifier: Apache-2.0
// access.h - who may do what: the rules, apart from where their facts come from.
//
// Somebody has a role everywhere and roles in projects; the higher counts. A key has at most its
// own role and may be of one project. An object of a project that one has no role in does not
// exist (404); what one may see but not do is forbidden (403); who did not say who they are is told
// to (401). Without accounts there is nothing to ask: whoever reaches the address may do it all.
//
// Threads: pure functions.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "store/store_user.h"

enum api_role { // of routes; as store_role, but for what needs nobody
    API_OPEN,
    API_METRICS, // a key with that role, an admin, or an address that may
    API_VIEWER,
    API_EDITOR,
    API_ADMIN,
    // The project stands in the body or the query, where it cannot be known before: somebody who is
    // an editor somewhere is let through, and the handler calls api_check_project().
    API_EDITOR_NAMED,
    API_N_ROLES,
};

enum access_kind {
    ACCESS_NOBODY,    // said nothing about who they are
    ACCESS_EVERYBODY, // there are no accounts
    ACCESS_LOGIN,
    ACCESS_KEY,
};

struct access_facts {
    enum access_kind kind;
    enum store_role everywhere; // the user's role in all projects
    enum store_role cap;        // the key's; a login: ADMIN
    bool is_of_project;         // the key is for one project only
    // --- of the object that the path names
    bool has_object;
    bool is_elsewhere;          // the key is for another project
    bool is_own;                // of no project, and made by whoever asks
    enum store_role in_project; // the user's role there
    // --- API_EDITOR_NAMED
    enum store_role somewhere; // the highest role in any project
    // --- API_METRICS
    bool is_from_metrics_address;
};

enum access_verdict {
    ACCESS_UNSET,
    ACCESS_ALLOWED,
    ACCESS_UNKNOWN,   // 401
    ACCESS_FORBIDDEN, // 403
    ACCESS_HIDDEN,    // 404
};

enum access_verdict access_decide(enum api_role needed, const struct access_facts *f);

// What *f* may do with its object, or (without one) with what belongs to no project.
enum store_role access_role(const struct access_facts *f);

// ---- where a server may listen

struct access_start {
    const char *listen; // for messages
    bool is_loopback;
    bool has_proxy, allow_direct;
    bool has_admin;
};
// ERR_INVALID says what is missing. *ret_warning: NULL, or what has to be said at start.
int access_check_start(const struct access_start *s, const char **ret_warning) MUST_CHECK;
