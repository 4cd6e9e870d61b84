// SPDX-License-Identifier: Apache-2.0
// api_priv.h - what the files of this room share.
#pragma once

#include <stdatomic.h>

#include "api/access.h"
#include "api/api.h"
#include "base/json.h"
#include "base/str.h"
#include "base/thread.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/route.h"
#include "store/store.h"

struct access_gate;
struct access_sockets;
struct bus_listener;
struct cache;
struct converted;
struct rate_limit;
struct reply_cache;
struct upload_claim;

struct api {
    // --- constant after create
    struct api_opts opts;
    struct cache *predictions;     // of pictures; tags are ids of models
    struct server *server;         // after attach
    struct bus_listener *listener; // of everything on the bus
    struct rate_limit *rates;
    struct access_gate *gate;        // of password hashing
    struct access_sockets *sockets;  // open WebSockets
    bool is_rate_asked[API_N_RATES]; // by the options
    struct reply_cache *replies;
    struct converted *converted; // truths in other formats
    // --- guarded by claims_lock
    struct lock claims_lock;
    struct cond claims_changed;
    struct upload_claim *claims; // uploads that a request writes or ends
    // --- atomic
    atomic_bool has_accounts;
};

enum {
    API_AUDIT_SAID = 4,
    API_MAX_JSON = 64 * 1024 * 1024, // of a reply that is built in memory
};

// Tables, one a file.
// clang-format off
extern const struct route
    api_routes_audit[],
    api_routes_compare[],
    api_routes_confusion[],
    api_routes_dashboard[],
    api_routes_detection[],
    api_routes_health[],
    api_routes_inference[],
    api_routes_key[],
    api_routes_kserve[],
    api_routes_live[],
    api_routes_login[],
    api_routes_model[],
    api_routes_outside[],
    api_routes_overview[],
    api_routes_page[],
    api_routes_probe[],
    api_routes_project[],
    api_routes_session[],
    api_routes_settings[],
    api_routes_task[],
    api_routes_truth[],
    api_routes_upload[],
    api_routes_user[],
    api_routes_video[],
    api_routes_vitals[];
// clang-format on

// openapi.yaml, in the program; see scripts/embed.
extern const char openapi_begin[], openapi_end[];

struct api *api_of(const struct request *q);

// ---- bodies (body.c): a JSON object whose members are known

enum body_type {
    BODY_TEXT,  // const char *
    BODY_INT,   // int64_t
    BODY_BOOL,  // bool
    BODY_MAYBE, // enum body_maybe
    BODY_JSON,  // const char *: the member's value as compact JSON
    BODY_TEXTS, // struct body_texts
};

enum body_maybe {
    BODY_NOT_NAMED,
    BODY_NO,
    BODY_YES,
};

struct body_texts {
    const char **items;
    size_t n;
};

struct body_field {
    const char *name; // NULL ends
    enum body_type type;
    size_t offset;
    bool is_needed;
    size_t max; // bytes of a text, number of texts, largest integer; 0: STORE_NAME_MAX, 10000, 2^53
};

// Fills *out* (zeroed by the caller: what is absent or null stays); texts live in the request's
// arena. ERR_INVALID: no such member, a needed one is absent, a wrong type; ERR_DATA: no JSON.
int body_read(struct request *q, const struct body_field *fields, void *out) MUST_CHECK;
// Likewise from *text*: where a sink took the body.
int body_read_text(struct request *q, struct str text, const struct body_field *fields,
                   void *out) MUST_CHECK;

// ---- replies (respond.c)

void put_time(struct json_writer *w, const char *key, int64_t us);      // RFC 3339; 0 writes null
void put_raw(struct json_writer *w, const char *key, const char *json); // a document; NULL: null

// A list being written: {"items":[...],"next_cursor":...}.
struct listing {
    struct request *request;
    struct str_buf body;
    struct json_writer w;
    struct store_page page;
    struct store_next next;
};
// Reads ?limit= and ?cursor=.
int listing_begin(struct listing *l, struct request *q) MUST_CHECK;
// *r* is what the store said; replies, or returns the error.
int listing_end(struct listing *l, int r) MUST_CHECK;

// One object: put *row* with *put*, reply.
#define REPLY_OBJECT(q, status, put, row)                  \
    do {                                                   \
        struct str_buf body_ = STR_BUF_INIT(API_MAX_JSON); \
        struct json_writer w_;                             \
        json_writer_init(&w_, &body_);                     \
        put(&w_, (row));                                   \
        return reply_json((q), (status), &body_);          \
    } while (0)

// ---- shared by nouns

// The text of a route's parameter as a C string in the request's arena. ERR_NOMEM.
int api_parameter(struct request *q, const char *name, const char **ret_text) MUST_CHECK;
// Likewise of the query; NULL where absent.
int api_query(struct request *q, const char *name, const char **ret_text) MUST_CHECK;

struct store_video;
struct store_project;
struct store_model;
struct store_task;
struct store_session;
void put_video(struct json_writer *w, const struct store_video *v);
void put_task(struct json_writer *w, const struct store_task *t);
void put_model(struct json_writer *w, const struct store_model *m);
void put_session(struct json_writer *w, const struct store_session *s);
// The video, project ... that the route's {id} names, in the request's arena.
int api_video(struct request *q, struct store_video *ret) MUST_CHECK;
int api_project(struct request *q, struct store_project *ret) MUST_CHECK;
int api_find_model(struct request *q, const char *id_or_name, struct store_model *ret) MUST_CHECK;
// Settings of detection, by a model that has the labels they name. ERR_INVALID says what is wrong.
int api_check_settings(struct request *q, const char *json, const struct store_model *m) MUST_CHECK;

// The video of a session that ?video= or a body names, or (NULL) its only one. ERR_NOT_FOUND: it is
// none of the session's; ERR_INVALID: the session has several.
struct store_session;
int api_session_video(struct request *q, const struct store_session *x, const char *named,
                      char ret_id[ID_BYTES]) MUST_CHECK;

// For the start: what is asked for first is made beforehand.
int dashboard_warm(struct api *a) MUST_CHECK;
int session_warm(struct api *a, struct arena *arena) MUST_CHECK;
int video_warm(struct api *a) MUST_CHECK;

// One object as a reply.
int api_reply_video(struct request *q, int status, const char *id) MUST_CHECK;
int api_reply_model(struct request *q, int status, const char *id) MUST_CHECK;
int api_reply_truth(struct request *q, int status, const char *id) MUST_CHECK;

// ---- access: who asks was found and may use the route, before the handler runs

// For "created by"; NULL: no accounts.
const char *api_user_id(const struct request *q);
// For lists: what whoever asks may see. *project_id* is the one asked for, or NULL; afterwards the
// one to show, or with NULL all in which *ret_user_id* has a role (NULL: all there are).
// ERR_NOT_FOUND: there is no such project for them.
int api_scope(struct request *q, const char **project_id, const char **ret_user_id) MUST_CHECK;
// Where the path does not name the project (API_EDITOR_NAMED; ids in the body), before anything is
// done: ERR_NOT_FOUND, ERR_FORBIDDEN.
int api_check_project(struct request *q, const char *project_id, enum api_role needed) MUST_CHECK;
// Likewise for what belongs to no project. ERR_FORBIDDEN.
int api_check_shared(struct request *q, enum api_role needed) MUST_CHECK;
// Before something that costs more than its route says: true where a 429 was answered (*ret_r: what
// replying gave).
bool api_is_too_fast(struct request *q, enum api_rate rate_class, int *ret_r);
// What the request made or changed, for the audit log, where neither the path's first {id} nor the
// reply's Location says it. Borrowed until the reply.
void api_audit_object(struct request *q, const char *id);
// A member of the line's detail: {"role", "editor"}. *key* is static, *value* (NULL: nothing is
// said) borrowed until the reply; API_AUDIT_SAID of them.
void api_audit_say(struct request *q, const char *key, const char *value);
// From now on the line goes with the request's next change, in its transaction, and says that the
// request ends with *status*. For changes before the handler or of routes that are not told by
// themselves: logins, failures, one's own keys.
void api_audit_tell(struct request *q, int status);

// 202: {"task_id","status","message"} and Location.
int api_reply_queued(struct request *q, const char *task_id, const char *message) MUST_CHECK;
// A task row that was queued, for the bus: workers and listeners.
void api_announce_task(struct api *a, const struct store_task *t, const char *id);
// The tasks that a deletion will end, noted before it; and told after it, so that their workers
// stop and nobody waits for their last message. The newest thousand of each status.
struct api_ending {
    struct request *request;
    struct api_ended {
        const struct api_ended *next;
        const char *id, *kind, *project_id, *video_id, *session_id;
    } * first;
};
struct store_task_filter;
int api_ending_note(struct request *q, const struct store_task_filter *f,
                    struct api_ending *ret) MUST_CHECK;
void api_ending_tell(const struct api_ending *e);
// The open probes of a video, newest first.
struct api_probes {
    char ids[4][ID_BYTES];
    size_t n;
};
int api_find_probes(struct request *q, const char *video_id, struct api_probes *ret) MUST_CHECK;
// Queues the processing of a video: kind, project and video of *t* are filled in.
int api_queue_process(struct request *q, const struct store_video *v, struct store_task *t,
                      char ret_id[ID_BYTES]) MUST_CHECK;
// Deletes the files of what rows let go of.
struct store_dropped;
void api_delete_blobs(struct api *a, struct store_dropped *dropped);

// ---- uploads of whole files (upload.c)

struct upload;
// A sink that streams a raw body, or the "file" of a multipart one, to a blob.
extern const struct route_sink api_upload_sink;
struct uploaded {
    const struct blob_info *blob; // committed by upload_finish()
    const char *name;             // of the file; NULL: none was given
    const char *content_type;
};
// In the handler behind api_upload_sink. A field of the form, or of the query.
const char *upload_field(struct request *q, const char *name);
int upload_finish(struct request *q, struct uploaded *ret) MUST_CHECK;
// The blob is kept: a row has it. Else the request's end deletes it.
void upload_keep(struct request *q);
