// SPDX-License-Identifier: Apache-2.0
// access.c - who may do what, as one function of facts.

#include "api/access.h"

#include "base/err.h"

// What a route asks for, as a role of people.
static enum store_role role_needed(enum api_role needed)
{
    switch (needed) {
    case API_METRICS:
        return STORE_ROLE_METRICS;
    case API_VIEWER:
        return STORE_ROLE_VIEWER;
    case API_EDITOR:
    case API_EDITOR_NAMED:
        return STORE_ROLE_EDITOR;
    case API_ADMIN:
        return STORE_ROLE_ADMIN;
    case API_OPEN:
    case API_N_ROLES:
        break;
    }
    return STORE_ROLE_UNSET;
}

enum store_role access_role(const struct access_facts *f)
{
    enum store_role role = f->everywhere;
    if (f->kind == ACCESS_EVERYBODY)
        return STORE_ROLE_ADMIN;
    if (f->kind == ACCESS_NOBODY)
        return STORE_ROLE_UNSET;
    if (f->has_object) {
        role = MAX(role, f->in_project);
        if (f->is_own)
            role = MAX(role, STORE_ROLE_EDITOR);
        if (f->is_elsewhere)
            role = STORE_ROLE_UNSET;
    } else if (f->is_of_project) {
        role = STORE_ROLE_UNSET;
    }
    return MIN(role, f->cap);
}

static enum access_verdict decide_metrics(const struct access_facts *f)
{
    if (f->is_from_metrics_address || f->cap == STORE_ROLE_METRICS ||
        access_role(f) == STORE_ROLE_ADMIN)
        return ACCESS_ALLOWED;
    return f->kind == ACCESS_NOBODY ? ACCESS_UNKNOWN : ACCESS_FORBIDDEN;
}

enum access_verdict access_decide(enum api_role needed, const struct access_facts *f)
{
    if (needed == API_OPEN || f->kind == ACCESS_EVERYBODY)
        return ACCESS_ALLOWED;
    if (needed == API_METRICS)
        return decide_metrics(f);
    if (f->kind == ACCESS_NOBODY)
        return ACCESS_UNKNOWN;
    if (f->cap < STORE_ROLE_VIEWER) // a key for metrics is for nothing else
        return ACCESS_FORBIDDEN;
    enum store_role role = access_role(f);
    if (f->has_object && role < STORE_ROLE_VIEWER)
        return ACCESS_HIDDEN;
    if (needed == API_EDITOR_NAMED && !f->has_object)
        role = MIN(MAX(f->everywhere, f->somewhere), f->cap);
    if (needed == API_VIEWER) // lists show what one may see, and nothing else
        return ACCESS_ALLOWED;
    return role >= role_needed(needed) ? ACCESS_ALLOWED : ACCESS_FORBIDDEN;
}

int access_check_start(const struct access_start *s, const char **ret_warning)
{
    *ret_warning = NULL;
    if (s->is_loopback && !s->has_proxy)
        return 0;
    if (!s->has_admin && s->is_loopback)
        return err_set(ERR_INVALID, "--proxy: strangers come through it, and there are no accounts "
                                    "yet (first: assay user add NAME --role admin)");
    if (!s->has_admin)
        return err_set(ERR_INVALID,
                       "--listen %s: without accounts the server listens on this machine's "
                       "loopback address only (first: assay user add NAME --role admin)",
                       s->listen);
    if (!s->has_proxy && !s->allow_direct)
        return err_set(ERR_INVALID,
                       "--listen %s: passwords and keys would cross the network in clear text: "
                       "name the TLS proxy in front of this server (--proxy ADDRESS), or say "
                       "--allow-direct",
                       s->listen);
    if (s->allow_direct && !s->is_loopback)
        *ret_warning = "--allow-direct: passwords, keys and videos cross the network in clear "
                       "text, for everybody on the way to read";
    return 0;
}
