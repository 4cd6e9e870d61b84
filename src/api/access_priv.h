// SPDX-License-Identifier: Apache-2.0
// access_priv.h - who asks, how often, from where: what the files about access share.
#pragma once

#include "api/access.h"
#include "api/api_priv.h"

enum {
    ACCESS_CSRF_BYTES = 65,             // hex, and a zero
    ACCESS_LOGIN_MS = 12 * 3600 * 1000, // a login that is not used ends [12 hours]
    ACCESS_LOGIN_MAX_DAYS = 30,         // and any after so long
    ACCESS_USED_EVERY_MS = 60 * 1000,   // how exact "last used" is
    ACCESS_CLIENTS = 4096,              // told apart by the rate limits
    ACCESS_KEY_MAX = 128,               // bytes of what is looked up as a key or cookie
};
#define ACCESS_KEY_PREFIX "assay_" // so that scanners of secrets know one when they see it
// Browsers take a name with this prefix from https only (httpwg/http-extensions#2605: on
// http://localhost Firefox does, Chrome and Safari do not), so plain HTTP has a plain name.
#define ACCESS_COOKIE_SECURE "__Host-assay"
#define ACCESS_COOKIE_PLAIN  "assay-login"

// Who asks. In the request's arena, as request_user().
struct access_who {
    struct access_facts facts; // without an object
    const char *user_id, *user_name;
    const char *key_id, *key_project; // NULL: none
    const char *login_hash;           // NULL: none
    char csrf[ACCESS_CSRF_BYTES];     // of the login
    int64_t expires_at_us;            // of key or login; 0: never
    // --- as the request goes on
    const char *object_id; // what it is about, for the audit log
    bool has_checked;      // api_check_project() was called
};

// Never NULL once api_before() ran for the request.
const struct access_who *access_who(const struct request *q);

// access_who.c

// Finds out and keeps it as the request's user. ERR_DENIED: a key or login that is none, or no
// longer; the user is then nobody.
int access_find_who(struct request *q) MUST_CHECK;
// The token that has to come with changes made under a login's cookie.
void access_csrf(struct str cookie, char ret_csrf[ACCESS_CSRF_BYTES]);
const char *access_cookie_name(const struct request *q);
// Adds Set-Cookie; *token* NULL takes the cookie away.
void access_set_cookie(struct request *q, const char *token);

// access_check.c

// Whether there are users, read anew.
int access_reload(struct api *a) MUST_CHECK;
bool access_has_accounts(const struct api *a);
// True: a 429 was answered (*ret_r: what replying gave).
bool access_is_too_fast(struct request *q, enum api_rate rate_class, struct str client, int *ret_r);
int access_rates_create(struct api *a) MUST_CHECK;

// access_audit.c

enum {
    ACCESS_ACTION_MAX = 80,
};
// "POST", "/api/v1/videos/{id}/process" -> "video.process"; "DELETE", "/api/v1/keys/{id}" ->
// "key.delete".
void access_action(const char *method, const char *path, char ret_action[ACCESS_ACTION_MAX]);
// Whether a reply to that route is a line of the audit log.
bool access_is_recorded(const struct route *route, int status);
