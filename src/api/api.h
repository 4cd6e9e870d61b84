// SPDX-License-Identifier: Apache-2.0
// api.h - the routes of the server: what CONTRACTS.md promises over HTTP, over rows and blobs.
//
// Handlers read, write rows, announce and reply; work that takes longer than a request is a task's.
// What they need of rooms that they may not know (media, dataset, task) is a table of functions
// handed down by app.
//
// Ownership: app creates it before the server and destroys it after the server has stopped.
// Threads: handlers run on connections' threads; everything here is safe for any.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/id.h"
#include "base/str.h"

enum api_rate { // of routes: how often a client may ask
    API_RATE_READ,
    API_RATE_WRITE,
    API_RATE_COSTLY, // inference, reports, exports
    API_RATE_LOGIN,
    API_RATE_FREE, // health
    API_N_RATES,
};

struct address_network;
struct api;
struct arena;
struct blob;
struct blob_info;
struct bus;
struct detector;
struct engine_opts;
struct detector_settings;
struct frame;
struct model_cache;
struct opt_set;
struct request;
struct route;
struct server;
struct store;
struct store_event;
struct str_buf;

// A file of annotations that becomes a video's newest truth.
struct api_truth_wanted {
    const char *video_id, *name;
    const char *format; // NULL: by content
    const struct blob_info *source;
    const char *created_by; // user id; NULL: none
    const char *upload_id;  // that is over with it, and whose id the truth bears; NULL: none
    bool has_after;         // ERR_CONFLICT unless the newest version is *after* (0: none)
    int after;
};
struct api_truth_made {
    char id[ID_BYTES];
    int version;
    const char *format;
    int64_t n_objects, n_frames;
    const char *notices_json;
};

// A truth in another format: one file, an archive where the format is a folder.
struct api_export_wanted {
    const char *path; // of it as COCO
    const char *format, *out_path;
    int width, height; // of the video
};

struct api_part {
    int x, y, width, height; // pixels of the upright picture
};
struct api_frame_wanted {
    const char *path;       // of the video's blob
    const char *name;       // of the video, for messages
    const char *probe_json; // of its row; NULL: none
    int64_t ordinal;
    struct api_part part; // width 0: the whole picture
    int max_width;        // 0: as it is
};

struct api_times_wanted {
    const char *path;       // of the video's blob
    const char *probe_json; // of its row; NULL: none
    int64_t n_frames;       // of its row
};

struct api_model_facts {
    const char *head;
    const char *labels_json, *input_json, *description_json;
};

// A posted picture, to become the pixels of *frame* and its letterbox.
struct api_picture_wanted {
    const char *name; // for messages
    const void *bytes;
    size_t n;
    const struct detector *detector;
    bool whole; // not decoded smaller than it is, however small the model
    struct frame *frame;
};

struct api_picture_made {
    int decoded_width, decoded_height;
    bool in_child;
    int64_t decode_ns, letterbox_ns; // in a child both are in the first
};

// What a system under test posts: *text*, which needs *path* as a place of its own for a moment, or
// the file there.
struct api_piece_wanted {
    const char *path;
    struct str text;    // {NULL, 0}: the file
    const char *format; // NULL: by content
    const char *name;   // what messages call it
};
struct api_piece {
    const char *format;
    int64_t n_items;
    int64_t last_us; // latest presentation time; INT64_MIN: none is said
    struct store_event *events;
    size_t n_events;
};

struct api_tools {
    void *arg;
    // Texts of results live in *a*.
    int (*import_truth)(void *arg, const struct api_truth_wanted *w, struct arena *a,
                        struct api_truth_made *ret);
    // *ret_ending* is the file's: "xml", "tar".
    int (*export_truth)(void *arg, const struct api_export_wanted *w, const char **ret_ending);
    int (*frame_jpeg)(void *arg, const struct api_frame_wanted *w, struct str_buf *out);
    // The time of each frame in microseconds, rising; *ret_times* is the caller's (mem_free).
    int (*frame_times)(void *arg, const struct api_times_wanted *w, int64_t **ret_times,
                       size_t *ret_n);
    // ERR_INVALID where a member of *json* is no setting of detection, or out of range.
    int (*check_settings)(void *arg, const char *json, struct arena *a);
    // Likewise of how detections from outside are judged.
    int (*check_outside_settings)(void *arg, const char *json, struct arena *a);
    // ERR_INVALID where a label that *json*, settings of detection, names is not among
    // *labels_json* of a model; the message says which.
    int (*check_labels)(void *arg, const char *json, const char *labels_json, struct arena *a);
    int (*read_piece)(void *arg, const struct api_piece_wanted *w, struct arena *a,
                      struct api_piece *ret);
    // ERR_INVALID, ERR_DATA where *json* is neither a built-in profile's name nor a profile.
    int (*check_profile)(void *arg, const char *json, struct arena *a);
    int (*prepare_picture)(void *arg, const struct api_picture_wanted *w,
                           struct api_picture_made *ret);
    // Settings of detection for one picture of *d*; they live in *a*.
    int (*picture_settings)(void *arg, const char *json, const struct detector *d, struct arena *a,
                            struct detector_settings *ret);
    // Likewise what is to compute it; zeros where the settings leave it to the server.
    int (*picture_engine)(void *arg, const char *json, struct arena *a, struct engine_opts *ret);
    // ERR_BUSY: models that were asked for are still being loaded; other errors: they cannot be.
    int (*check_ready)(void *arg);
    // Whether a file may be fetched from *url*: ERR_INVALID, ERR_FORBIDDEN.
    int (*check_source)(void *arg, const char *url);
    // Looks into an ONNX file; ERR_MODEL says why it is none that can be used.
    int (*inspect_model)(void *arg, const char *path, struct arena *a, struct api_model_facts *ret);
};

struct api_opts {
    struct store *store;
    struct blob *blob;
    struct bus *bus;
    struct model_cache *models;
    struct api_tools tools;
    int64_t max_upload_bytes;       // of one file [64 GiB]
    size_t cache_bytes;             // of memory, for answers that cost; 0: none are kept
    int64_t quota_bytes;            // of all files; 0: none
    int64_t project_quota_bytes;    // of each project that has none of its own; 0: none
    int64_t upload_lifetime_ms;     // of an upload that is not gone on with [a day]
    const struct opt_set *settings; // what it was started with, to be shown; outlive it
    size_t n_settings;
    // --- access
    bool is_loopback;                           // the server listens there only
    bool has_proxy;                             // server_opts.proxies are there
    bool allow_direct;                          // off loopback also without TLS
    const struct address_network *metrics_from; // who may read /metrics without a key
    size_t n_metrics_from;
    double rates[API_N_RATES]; // requests per second and client; 0: the class's own, < 0: no limit
    int64_t login_ms;          // a login that is not used ends [12 hours]
};

// ERR_NOMEM, and what counting users in the store gives.
int api_create(const struct api_opts *opts, struct api **ret_api) MUST_CHECK;
// Makes what is likely to be asked for first.
void api_warm(struct api *a);
void api_destroy(struct api *a); // NULL is a no-op

// For server_opts: its routes, context being the api; its hooks.
extern const struct route *const api_routes[];
int api_before(struct request *q);
int api_before_unrouted(struct request *q);
void api_replied(struct request *q, int status);
void api_handling(struct request *q, bool begins);
// For store_opts: a change is committed on this thread. ERR_..: of the store.
int api_committing(struct api *a) MUST_CHECK;
void api_taken_back(void); // ... and was not, after all
// Once the server was created: hands events of the bus to its WebSocket loop. ERR_NOMEM.
int api_attach(struct api *a, struct server *s) MUST_CHECK;
// After users or roles were changed past the routes: *user_id* (may be NULL) is whose. Errors of
// counting users.
int api_users_changed(struct api *a, const char *user_id) MUST_CHECK;
bool api_has_accounts(const struct api *a);
void api_detach(struct api *a); // before the server is destroyed
