// SPDX-License-Identifier: Apache-2.0
// r_upload.c - uploads that may be interrupted, by tus 1.0 (core, creation, creation-with-upload,
// expiration, termination, checksum); and a file put in one piece.
//
// INVARIANTS
// (1) What was acknowledged is on the disk, and the row's offset says so: mark first, then the row.
// (2) An upload's row is never at its length: the last bytes are acknowledged by the rows of what
//     it became, in the transaction in which the upload's row goes. That thing bears its id, and so
//     does the blob: whoever asks again finds either the upload or a blob that a row needs.
// (3) One request at a time writes or ends an upload: it holds the claim from before it reads the
//     row until it let go of the part.
//     A holder whose client has been silent for a while gives way to the next request: a client
//     whose connection died comes back on another one, long before the dead one is known to be
//     dead.
// (4) Bytes under a checksum count when the sum holds, else not at all.
// (5) An upload whose creation is not answered with 201 is gone with it: its client does not know
//     where it is, and could neither go on with it nor end it.

#include <string.h>
#include <unistd.h>

#include "api/arrival.h"
#include "api/tus_head.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_upload.h"

enum {
    MARK_BYTES = 8 * 1024 * 1024, // between two marks of a body that is long ...
    MARK_NS = 1000 * 1000 * 1000, // ... or slow
    SILENT_MS = 2000,             // after which whoever comes next takes over ...
    GIVE_WAY_MS = 10 * 1000,      // ... waiting so long for what came to be written
};

struct upload_claim {
    const char *id;
    struct request *request;
    _Atomic int64_t heard_ns; // when its client last sent something; INT64_MAX: we are at work
    struct upload_claim *next;
};

// Of one request: PATCH, or a POST with bytes.
struct tus {
    struct request *request;
    struct upload_claim claim; // held while claim.id
    struct store_upload row;
    struct tus_metadata metadata;
    struct blob_writer *writer; // NULL: none is open
    struct tus_checksum checksum;
    int64_t marked_ns;
    bool is_new; // made by this request, which has not told its client where it is
};

// ---- claims

static struct upload_claim *find_claim_locked(const struct api *a, const char *id)
{
    struct upload_claim *c = a->claims;
    while (c && strcmp(c->id, id) != 0)
        c = c->next;
    return c;
}

// Whether nobody has the upload; a silent holder is cut off and waited for.
static bool await_free_locked(struct api *a, const char *id)
{
    const struct upload_claim *other = find_claim_locked(a, id);
    int64_t now_ns = clock_now_ns();
    if (!other || now_ns - atomic_load(&other->heard_ns) < SILENT_MS * CLOCK_NS_PER_MS)
        return !other;
    request_cut(other->request); // it ends only after it let go of the claim
    while (find_claim_locked(a, id) == other) {
        if (!cond_wait(&a->claims_changed, &a->claims_lock, now_ns + GIVE_WAY_MS * CLOCK_NS_PER_MS))
            break;
    }
    return !find_claim_locked(a, id);
}

// Until heard() its holder is at work.
static bool claim(struct request *q, struct upload_claim *c, const char *id)
{
    struct api *a = api_of(q);
    lock_acquire(&a->claims_lock);
    bool is_free = await_free_locked(a, id);
    if (is_free) {
        *c = (struct upload_claim){.id = id, .request = q, .next = a->claims};
        atomic_init(&c->heard_ns, INT64_MAX);
        a->claims = c;
    }
    lock_release(&a->claims_lock);
    return is_free;
}

static void heard(struct upload_claim *c, bool is_at_work)
{
    atomic_store(&c->heard_ns, is_at_work ? INT64_MAX : clock_now_ns());
}

static void disclaim(struct api *a, struct upload_claim *c)
{
    if (!c->id)
        return;
    lock_acquire(&a->claims_lock);
    struct upload_claim **at = &a->claims;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->id = NULL;
    cond_broadcast(&a->claims_changed);
    lock_release(&a->claims_lock);
}

// ---- small things

static int gone(struct request *q, const char *id)
{
    return reply_error(q, 410, "GONE", "upload '%.40s' has expired, or its bytes are lost", id);
}

static int64_t expiry(struct request *q)
{
    return store_now_us(api_of(q)->opts.store) + api_of(q)->opts.upload_lifetime_ms * 1000;
}

// The size of what an upload became; ERR_NOT_FOUND where it became nothing.
static int finished_size(struct request *q, const char *id, int64_t *ret_size)
{
    bool is_used = false;
    int fd;
    int r = id_is_valid(str_of(id)) ? store_blob_used(api_of(q)->opts.store, id, &is_used) : 0;
    if (r == 0 && !is_used)
        r = err_set(ERR_NOT_FOUND, "upload '%.40s' does not exist", id);
    if (r == 0)
        r = blob_read(api_of(q)->opts.blob, id, &fd, ret_size);
    if (r == 0)
        close(fd);
    return r;
}

// Not by a clock that jumped: then the row's time is moved by as much, and read again.
static int get_row(struct request *q, const char *id, struct store_upload *ret)
{
    struct store *s = api_of(q)->opts.store;
    int64_t jump_us = 0;
    int r = store_upload_get(s, id, request_arena(q), ret);
    if (r == 0 && ret->is_expired)
        r = store_check_clock(s, &jump_us);
    return r == 0 && jump_us != 0 ? store_upload_get(s, id, request_arena(q), ret) : r;
}

// ---- bytes

static int open_part(struct tus *t)
{
    struct blob *b = api_of(t->request)->opts.blob;
    const struct blob_part at = {
        .offset = t->row.offset, .has_digest = t->row.has_digest, .digest = t->row.digest};
    int64_t rest = t->row.length - t->row.offset;
    int r = blob_part_open(b, t->row.id, &at, rest, &t->writer);
    if (r == ERR_NOT_FOUND && at.offset == 0)
        r = blob_part_open(b, t->row.id, NULL, rest, &t->writer);
    if (r == ERR_NOT_FOUND || r == ERR_DATA)
        return gone(t->request, t->row.id);
    t->marked_ns = clock_now_ns();
    request_set_body_limit(t->request, rest);
    return r;
}

// Acknowledges what is there, short of the last byte: invariant (2).
static int mark(struct tus *t)
{
    struct blob_part at;
    int64_t n = blob_writer_offset(t->writer);
    t->marked_ns = clock_now_ns();
    if (n == t->row.offset || n >= t->row.length || t->checksum.kind != TUS_SUM_NONE)
        return 0;
    int64_t expires_at_us = expiry(t->request);
    int r = blob_writer_mark(t->writer, &at);
    if (r == 0)
        r = store_upload_advance(api_of(t->request)->opts.store, t->row.id, t->row.offset,
                                 at.offset, &at.digest, expires_at_us);
    if (r < 0)
        return r;
    t->row.offset = at.offset;
    t->row.expires_at_us = expires_at_us;
    return 0;
}

static int sink_data(struct request *q, const void *bytes, size_t n)
{
    struct tus *t = (struct tus *)request_state(q);
    heard(&t->claim, true);
    int r = blob_write(t->writer, bytes, n);
    tus_checksum_add(&t->checksum, bytes, n);
    bool is_time = blob_writer_offset(t->writer) - t->row.offset >= MARK_BYTES ||
                   clock_now_ns() - t->marked_ns >= MARK_NS;
    if (r == 0 && is_time)
        r = mark(t);
    heard(&t->claim, false);
    return r;
}

// The part stays, and what came of it. Returns *r*, whose message is kept.
static int let_go(struct tus *t, int r)
{
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    if (t->writer && mark(t) < 0)
        err_clear(); // the offset stays where it was acknowledged
    if (t->writer && blob_writer_suspend(&t->writer, NULL) < 0)
        err_clear();
    disclaim(api_of(t->request), &t->claim);
    return r < 0 ? err_set((enum err)r, "%s", text) : r;
}

// Invariant (5). Returns *r*, whose message is kept.
static int forget_new(struct tus *t, int r)
{
    struct api *api = api_of(t->request);
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    if (!t->is_new)
        return r;
    t->is_new = false;
    if (blob_part_delete(api->opts.blob, t->row.id) < 0)
        err_clear(); // none was written, or it is the janitor's
    if (store_upload_delete(api->opts.store, t->row.id) < 0)
        err_clear(); // it was over, or expires
    return r < 0 ? err_set((enum err)r, "%s", text) : r;
}

static void create_abandon(struct request *q)
{
    struct tus *t = (struct tus *)request_state(q);
    IGNORE(forget_new(t, let_go(t, 0)));
    if (!reply_was_made(q)) // its client is gone: nobody else puts the line right
        api_replied(q, 499);
}

static void sink_abandon(struct request *q)
{
    IGNORE(let_go((struct tus *)request_state(q), 0));
}

static void release(void *state)
{
    IGNORE(let_go((struct tus *)state, 0));
}

// ---- the end

static struct arrival arrival_of(const struct tus *t)
{
    struct arrival a = {.project_id = t->row.project_id,
                        .video_id = t->metadata.video_id,
                        .name = t->metadata.name,
                        .file_name = t->metadata.file_name,
                        .content_type = t->row.content_type,
                        .format = t->metadata.format,
                        .upload_id = t->row.id};
    if (arrival_kind_parse(t->row.purpose, &a.kind) < 0)
        err_clear(); // rows hold what it knows
    return a;
}

// The blob goes; and where what refused it will refuse it again, so does the upload.
static void undo(struct tus *t, int r)
{
    struct api *api = api_of(t->request);
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    if (blob_delete(api->opts.blob, t->row.id) < 0)
        err_clear(); // the janitor's
    if (!err_may_retry(r)) {
        if (store_upload_delete(api->opts.store, t->row.id) < 0)
            err_clear(); // it was over, or expires
        blob_writer_abort(&t->writer);
    }
    err_set((enum err)r, "%s", text);
}

static int finish(struct tus *t)
{
    struct arrival a = arrival_of(t);
    struct blob_info info;
    char id[ID_BYTES];
    int r = blob_writer_publish(t->writer, t->row.id, &info);
    if (r < 0)
        return r;
    a.blob = &info;
    r = arrival_take(t->request, &a, id);
    if (r < 0) {
        undo(t, r);
        return r;
    }
    blob_writer_abort(&t->writer); // the part's name; the bytes have the blob's
    t->row.offset = info.n_bytes;
    return 0;
}

// After the whole body: the offset, or what the upload became.
static int take_body(struct tus *t)
{
    struct request *q = t->request;
    if (!tus_checksum_holds(&t->checksum))
        return t->is_new ? reply_error(q, 460, "CHECKSUM_MISMATCH",
                                       "Upload-Checksum: the bytes that came have another sum; "
                                       "no upload was made")
                         : reply_error(q, 460, "CHECKSUM_MISMATCH",
                                       "Upload-Checksum: the bytes that came have another sum; "
                                       "the upload is still at byte %lld",
                                       (long long)t->row.offset);
    t->checksum.kind = TUS_SUM_NONE;
    int r = blob_writer_offset(t->writer) == t->row.length ? finish(t) : mark(t);
    if (r < 0)
        return r;
    reply_headerf(q, "Upload-Offset", "%lld", (long long)t->row.offset);
    if (t->row.offset < t->row.length)
        tus_expires(q, t->row.expires_at_us);
    return 0;
}

static struct tus *tus_create(struct request *q)
{
    struct tus *t = arena_new(request_arena(q), struct tus);
    if (!t)
        return NULL;
    t->request = q;
    request_set_state(q, t, release);
    return t;
}

// ---- creation

static int read_wish(struct tus *t, struct arrival *a)
{
    struct request *q = t->request;
    if (request_header(q, "Upload-Defer-Length"))
        return err_set(ERR_INVALID, "Upload-Defer-Length: the length is to be known at once");
    int r = tus_number(q, "Upload-Length", &t->row.length);
    if (r == 0 && t->row.length == 0)
        return err_set(ERR_INVALID, "Upload-Length: the file is empty");
    if (r == 0)
        r = tus_metadata(q, request_header(q, "Upload-Metadata"), &t->metadata);
    if (r == 0)
        r = arrival_kind_parse(t->metadata.kind, &a->kind);
    a->project_id = t->metadata.project_id;
    a->video_id = t->metadata.video_id;
    a->name = t->metadata.name;
    a->file_name = t->metadata.file_name;
    return r;
}

// What it is to need is counted with it: two that begin at once do not both get the last of a
// quota.
static int create_row(struct tus *t, struct arrival *a)
{
    struct request *q = t->request;
    struct store *s = api_of(q)->opts.store;
    char *id = arena_alloc(request_arena(q), ID_BYTES, 1);
    int r = id ? store_begin(s) : ERR_NOMEM;
    if (r < 0)
        return r;
    id_make(id);
    t->row.id = id;
    r = arrival_check(q, a, t->row.length);
    t->row.purpose = arrival_kind_name((int)a->kind);
    t->row.project_id = a->project_id;
    t->row.name = a->file_name;
    t->row.content_type = t->metadata.content_type;
    t->row.metadata = t->metadata.text;
    t->row.created_by = api_user_id(q);
    t->row.expires_at_us = expiry(q);
    if (r == 0)
        r = store_upload_create(s, &t->row, id);
    if (r == 0) {
        api_audit_object(q, id);
        api_audit_tell(q, 201);
    }
    r = store_end(s, r);
    t->is_new = r == 0;
    return r;
}

static int create_begin(struct request *q)
{
    struct arrival a = {.kind = ARRIVAL_UNSET};
    struct tus *t = tus_create(q);
    int r = t ? tus_check_version(q) : ERR_NOMEM;
    if (r < 0 || reply_was_made(q))
        return r;
    if (request_has_body(q) && !str_is(request_content_type(q), TUS_TYPE))
        return err_set(ERR_UNSUPPORTED, "Content-Type: bytes of an upload are " TUS_TYPE);
    r = read_wish(t, &a);
    if (r == 0)
        r = tus_checksum_begin(q, &t->checksum);
    if (r == 0 && request_content_length(q) > t->row.length)
        r = err_set(ERR_TOO_BIG, "the body ends past the upload's end");
    if (r == 0)
        r = create_row(t, &a);
    if (r < 0 || !request_has_body(q))
        return r;
    IGNORE(claim(q, &t->claim, t->row.id)); // nobody else knows of it yet
    r = open_part(t);
    heard(&t->claim, false);
    if (r < 0 || reply_was_made(q))
        r = forget_new(t, let_go(t, r));
    return r;
}

static int create(struct request *q)
{
    struct tus *t = (struct tus *)request_state(q);
    heard(&t->claim, true);
    int r = t->writer ? take_body(t) : 0;
    r = let_go(t, r);
    if (r < 0 || reply_was_made(q))
        return forget_new(t, r);
    reply_headerf(q, "Location", "/api/v1/uploads/%s", t->row.id);
    if (!request_has_body(q))
        tus_expires(q, t->row.expires_at_us);
    return reply_empty(q, 201);
}

static const struct route_sink create_sink = {create_begin, sink_data, create_abandon};

// ---- going on

static int check_offset(struct tus *t)
{
    struct request *q = t->request;
    int64_t offset;
    int r = tus_number(q, "Upload-Offset", &offset);
    if (r < 0)
        return r;
    if (offset != t->row.offset)
        return err_set(ERR_CONFLICT, "Upload-Offset: the upload is at byte %lld, not %lld",
                       (long long)t->row.offset, (long long)offset);
    if (request_content_length(q) > t->row.length - offset)
        return err_set(ERR_TOO_BIG, "the chunk ends past the upload's end at byte %lld",
                       (long long)t->row.length);
    return 0;
}

static int find_claimed(struct tus *t)
{
    struct request *q = t->request;
    const char *id;
    int64_t size;
    int r = api_parameter(q, "id", &id);
    if (r < 0)
        return r;
    if (!claim(q, &t->claim, id))
        return reply_error(q, 423, "LOCKED", "upload '%.40s' is being written by another request",
                           id);
    r = get_row(q, id, &t->row);
    if (r == ERR_NOT_FOUND && finished_size(q, id, &size) == 0)
        return err_set(ERR_CONFLICT, "upload '%s' is finished", id);
    if (r == 0 && t->row.is_expired)
        return gone(q, id);
    return r;
}

static int begin_append(struct tus *t)
{
    struct request *q = t->request;
    int r = tus_check_version(q);
    if (r < 0 || reply_was_made(q))
        return r;
    if (!str_is(request_content_type(q), TUS_TYPE))
        return err_set(ERR_UNSUPPORTED, "Content-Type: bytes of an upload are " TUS_TYPE);
    r = tus_checksum_begin(q, &t->checksum);
    if (r == 0)
        r = find_claimed(t);
    if (r < 0 || reply_was_made(q))
        return r;
    r = check_offset(t);
    if (r == 0)
        r = tus_metadata(q, t->row.metadata, &t->metadata);
    return r == 0 ? open_part(t) : r;
}

static int append_begin(struct request *q)
{
    struct tus *t = tus_create(q);
    int r = t ? begin_append(t) : ERR_NOMEM;
    if (t && (r < 0 || reply_was_made(q)))
        r = let_go(t, r);
    else if (t)
        heard(&t->claim, false);
    return r;
}

static int append(struct request *q)
{
    struct tus *t = (struct tus *)request_state(q);
    heard(&t->claim, true);
    int r = take_body(t);
    r = let_go(t, r);
    if (r < 0 || reply_was_made(q))
        return r;
    const struct arrival a = arrival_of(t);
    if (t->row.offset == t->row.length)
        arrival_location(q, &a, t->row.id);
    return reply_empty(q, 204);
}

static const struct route_sink append_sink = {append_begin, sink_data, sink_abandon};

// ---- asking, ending

// Where the upload is, said after what a silent connection has brought is written.
static void await_silent(struct request *q, const char *id)
{
    struct api *a = api_of(q);
    lock_acquire(&a->claims_lock);
    IGNORE(await_free_locked(a, id)); // one that sends is at what it was acknowledged for
    lock_release(&a->claims_lock);
}

static int head(struct request *q)
{
    struct store_upload u;
    const char *id;
    int64_t size;
    int r = tus_check_version(q);
    if (r < 0 || reply_was_made(q))
        return r;
    reply_header(q, "Cache-Control", "no-store");
    r = api_parameter(q, "id", &id);
    if (r == 0) {
        await_silent(q, id);
        r = get_row(q, id, &u);
    }
    if (r == ERR_NOT_FOUND && finished_size(q, id, &size) == 0) {
        u = (struct store_upload){.offset = size, .length = size};
        r = 0;
    } else if (r == 0 && u.is_expired) {
        return gone(q, id);
    }
    if (r < 0)
        return r;
    reply_headerf(q, "Upload-Offset", "%lld", (long long)u.offset);
    reply_headerf(q, "Upload-Length", "%lld", (long long)u.length);
    if (u.metadata)
        reply_header(q, "Upload-Metadata", u.metadata);
    if (u.expires_at_us > 0)
        tus_expires(q, u.expires_at_us);
    return reply_empty(q, 200);
}

static int end_upload(struct tus *t)
{
    struct api *a = api_of(t->request);
    int r = find_claimed(t);
    if (r < 0 || reply_was_made(t->request))
        return r;
    r = blob_part_delete(a->opts.blob, t->row.id);
    return r == 0 || r == ERR_NOT_FOUND ? store_upload_delete(a->opts.store, t->row.id) : r;
}

static int terminate(struct request *q)
{
    struct tus *t = tus_create(q);
    int r = t ? tus_check_version(q) : ERR_NOMEM;
    if (r < 0 || reply_was_made(q))
        return r;
    r = end_upload(t);
    disclaim(api_of(q), &t->claim);
    return r < 0 || reply_was_made(q) ? r : reply_empty(q, 204);
}

static int options(struct request *q)
{
    reply_header(q, "Tus-Resumable", TUS_VERSION);
    reply_header(q, "Tus-Version", TUS_VERSION);
    reply_header(q, "Tus-Extension",
                 "creation,creation-with-upload,expiration,termination,checksum");
    reply_header(q, "Tus-Checksum-Algorithm", TUS_CHECKSUMS);
    reply_headerf(q, "Tus-Max-Size", "%lld", (long long)api_of(q)->opts.max_upload_bytes);
    return reply_empty(q, 204);
}

// ---- in one piece

static int put(struct request *q)
{
    struct uploaded file;
    struct arrival a = {.kind = ARRIVAL_UNSET};
    char id[ID_BYTES];
    int r = upload_finish(q, &file);
    if (r == 0)
        r = api_parameter(q, "name", &a.file_name);
    if (r == 0)
        r = arrival_kind_parse(upload_field(q, "kind"), &a.kind);
    if (r < 0)
        return r;
    a.project_id = upload_field(q, "project_id");
    a.video_id = upload_field(q, "video_id");
    a.format = upload_field(q, "format");
    a.content_type = file.content_type;
    a.blob = file.blob;
    r = arrival_check(q, &a, 0);
    if (r == 0)
        r = arrival_take(q, &a, id);
    if (r < 0)
        return r;
    upload_keep(q);
    return arrival_reply(q, &a, id);
}

const struct route api_routes_upload[] = {
    {"OPTIONS", "/api/v1/uploads", options, .role = API_OPEN, .rate_class = API_RATE_FREE},
    {"POST", "/api/v1/uploads", create, .role = API_EDITOR_NAMED, .rate_class = API_RATE_WRITE,
     .sink = &create_sink},
    {"OPTIONS", "/api/v1/uploads/{id}", options, .role = API_OPEN, .rate_class = API_RATE_FREE},
    {"HEAD", "/api/v1/uploads/{id}", head, .role = API_EDITOR},
    {"PATCH", "/api/v1/uploads/{id}", append, .role = API_EDITOR, .rate_class = API_RATE_WRITE,
     .sink = &append_sink},
    {"DELETE", "/api/v1/uploads/{id}", terminate, .role = API_EDITOR, .rate_class = API_RATE_WRITE},
    {"PUT", "/api/v1/files/{name}", put, .role = API_EDITOR_NAMED, .rate_class = API_RATE_WRITE,
     .sink = &api_upload_sink},
    {0},
};
