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
    ACCESS_PASSWORD_HASH_BYTES = 128,
    ACCESS_CLIENTS = 4096, // told apart by the rate limits
    ACCESS_KEY_MAX = 128,  // bytes of what is looked up as a key or cookie
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
    struct access_said {
        const char *key, *value;
    } said[API_AUDIT_SAID];
    size_t n_said;
    // --- of the line that goes with the change
    bool is_told;            // it does
    int told_status;         // what it says of the end
    char line_id[ID_BYTES];  // "": not written yet
    bool line_is_new;        // by the transaction that is being committed
    const char *line_object; // ... as it was written
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
// Whether a reply to that route is a line of the audit log. *is_marked*: the handler said so, by
// api_audit_object().
bool access_is_recorded(const struct route *route, bool is_marked, int status);

// access_password.c: hashing takes 64 MiB and a core each, so few run side by side, few wait, and
// the others are told to come again.

// As secret_password_check() and secret_password_hash(), and ERR_BUSY. *still* (may be NULL) is
// asked once it is this one's turn; what it returns (< 0) is returned in place of the check.
int access_password_check(struct api *a, const char *password, const char *hash,
                          int (*still)(void *arg), void *arg, bool *ret_stale) MUST_CHECK;
int access_password_hash(struct api *a, const char *password,
                         char ret_hash[ACCESS_PASSWORD_HASH_BYTES]) MUST_CHECK;
struct access_gate;
int access_gate_create(struct access_gate **ret_gate) MUST_CHECK;
void access_gate_destroy(struct access_gate *g); // NULL is a no-op

// r_login.c: {"has_accounts", "user", ...}

int access_reply_me(struct request *q, const struct access_who *who) MUST_CHECK;

// access_sockets.c: WebSockets end with the right to have them.
//
// A socket's record is made in its handler and destroyed in on_close; until then what was withdrawn
// closes it, at once and with code 1008. Topics that not everybody may hear are looked up by a
// thread of their own: the loop asks no store.

struct access_socket;
struct access_sockets;
struct ws_client;

// From whoever asks *q*. ERR_NOMEM.
int access_socket_create(struct request *q, struct access_socket **ret_socket) MUST_CHECK;
// In on_open. ERR_FORBIDDEN: withdrawn since.
int access_socket_open(struct access_socket *s, struct ws_client *c) MUST_CHECK;
void access_socket_destroy(struct access_socket *s); // in on_close; NULL is a no-op
// Follows "project:ID" or "task:ID" (or no longer), now or once it was looked up; what whoever asks
// may not see closes the socket. ERR_INVALID, ERR_BUSY. Loop.
int access_socket_follow(struct access_socket *s, struct str topic, bool is_on) MUST_CHECK;

enum access_end {
    ACCESS_END_UNSET,
    ACCESS_END_KEY,
    ACCESS_END_LOGIN,     // by the hash of its cookie
    ACCESS_END_USER,      // or what the user may do has changed
    ACCESS_END_EVERYBODY, // those of a server without accounts
};
void access_end_sockets(struct api *a, enum access_end what, const char *id);

int access_sockets_create(struct api *a) MUST_CHECK;
int access_sockets_start(struct api *a) MUST_CHECK; // once a->server is there
void access_sockets_stop(struct api *a);
void access_sockets_destroy(struct api *a);

// What *who* may do with an object of *home*.
struct store_home;
int access_object_facts(struct api *a, const struct access_who *who, const struct store_home *home,
                        struct access_facts *ret) MUST_CHECK;
