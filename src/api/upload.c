// SPDX-License-Identifier: Apache-2.0
// upload.c - a file that comes as a body, raw or in a form, streamed to a blob on its way.
//
// INVARIANTS
// (1) No more of the file is in memory than the server's buffer.
// (2) What was written is gone with the request, unless upload_keep() was called.

#include <stdio.h>
#include <string.h>

#include "api/arrival.h"
#include "api/form_fields.h"
#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "http/multipart.h"
#include "store/store_access.h"

enum {
    MAX_FIELD_BYTES = 64 * 1024, // of a form's texts
};

struct upload {
    struct request *request;
    struct multipart *multipart; // NULL: the body is the file
    struct blob_writer *writer;
    struct blob_info blob;
    bool is_committed, is_kept;
    const char *name, *content_type;
    struct form_fields fields;
    char project_id[ID_BYTES]; // of what the path names; "": none
    bool in_file;
    int64_t n_bytes;
};

static void release(void *state)
{
    struct upload *u = (struct upload *)state;
    struct blob *b = api_of(u->request)->opts.blob;
    blob_writer_abort(&u->writer);
    if (u->is_committed && !u->is_kept && blob_delete(b, u->blob.key) < 0)
        err_clear(); // the janitor's
    form_fields_finish(&u->fields);
    multipart_destroy(u->multipart);
}

static const char *keep_text(struct upload *u, struct str text, int *r)
{
    if (text.n > STORE_NAME_MAX) {
        *r = err_set(ERR_INVALID, "a file's name of more than %d bytes", STORE_NAME_MAX);
        return NULL;
    }
    const char *own = arena_strndup(request_arena(u->request), text.p, text.n);
    if (!own)
        *r = ERR_NOMEM;
    return own;
}

// The project of the video or session that the path names; "": of none.
static int project_of_path(struct upload *u)
{
    struct request *q = u->request;
    struct str template = str_of(request_template(q));
    bool is_video = str_starts(template, "/api/v1/videos/{id}/");
    struct store_home home;
    const char *id;
    if (!is_video && !str_starts(template, "/api/v1/sessions/{id}/"))
        return 0;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_home_get(api_of(q)->opts.store, is_video ? STORE_NOUN_VIDEO : STORE_NOUN_SESSION,
                           id, &home);
    if (r == 0)
        memcpy(u->project_id, home.project_id, ID_BYTES);
    return r;
}

// Before a byte of the file is taken, as far as it is known by then where it belongs: who may, and
// whether there is room. What the path names was looked at before.
static int check_room(struct upload *u)
{
    struct request *q = u->request;
    const char *id = u->project_id;
    int r = 0;
    if (request_route(q)->role == API_EDITOR_NAMED) {
        id = upload_field(q, "project_id");
        if (id && *id)
            r = api_check_project(q, id, API_EDITOR);
    } else {
        r = project_of_path(u);
    }
    return r == 0 ? quota_check(q, id && *id ? id : NULL, request_content_length(q)) : r;
}

// --- forms

static int form_part(void *arg, const struct multipart_part *p)
{
    struct upload *u = (struct upload *)arg;
    int r = 0;
    u->in_file = p->file_name.p != NULL;
    if (u->in_file) {
        if (u->writer)
            return err_set(ERR_INVALID, "the form has more than one file");
        r = check_room(u);
        if (r < 0)
            return r;
        u->name = keep_text(u, p->file_name, &r);
        if (r == 0 && p->type.p)
            u->content_type = keep_text(u, p->type, &r);
        return r < 0 ? r : blob_writer_create(api_of(u->request)->opts.blob, -1, &u->writer);
    }
    return form_fields_begin(&u->fields, u->request, p->name);
}

static int write_file(struct upload *u, const void *bytes, size_t n)
{
    u->n_bytes += (int64_t)n;
    int64_t max = api_of(u->request)->opts.max_upload_bytes;
    if (max > 0 && u->n_bytes > max)
        return err_set(ERR_TOO_BIG, "the file is larger than the %.1f MB that are taken",
                       (double)max / 1e6);
    return blob_write(u->writer, bytes, n);
}

static int form_data(void *arg, const void *bytes, size_t n)
{
    struct upload *u = (struct upload *)arg;
    return u->in_file ? write_file(u, bytes, n) : form_fields_add(&u->fields, bytes, n);
}

static int form_part_end(void *arg)
{
    (void)arg;
    return 0;
}

static const struct multipart_calls form_calls = {form_part, form_data, form_part_end};

// --- the sink

static int begin_raw(struct upload *u)
{
    struct request *q = u->request;
    int64_t n = request_content_length(q);
    int r = check_room(u);
    if (r < 0)
        return r;
    r = api_query(q, "name", &u->name);
    if (r == 0 && u->name && strlen(u->name) > STORE_NAME_MAX)
        return err_set(ERR_INVALID, "a file's name of more than %d bytes", STORE_NAME_MAX);
    u->content_type = r == 0 ? keep_text(u, request_content_type(q), &r) : NULL;
    return r == 0 ? blob_writer_create(api_of(q)->opts.blob, n, &u->writer) : r;
}

static int sink_begin(struct request *q)
{
    struct upload *u = arena_new(request_arena(q), struct upload);
    if (!u)
        return ERR_NOMEM;
    u->request = q;
    form_fields_init(&u->fields, MAX_FIELD_BYTES);
    request_set_state(q, u, release);
    if (!request_has_body(q))
        return err_set(ERR_INVALID, "the body holds no file");
    if (!str_is(request_content_type(q), "multipart/form-data"))
        return begin_raw(u);
    int r = quota_check(q, NULL, request_content_length(q));
    if (r < 0)
        return r;
    return multipart_create(request_content_parameter(q, "boundary"), &form_calls, u,
                            &u->multipart);
}

static int sink_data(struct request *q, const void *bytes, size_t n)
{
    struct upload *u = (struct upload *)request_state(q);
    return u->multipart ? multipart_add(u->multipart, bytes, n) : write_file(u, bytes, n);
}

const struct route_sink api_upload_sink = {.begin = sink_begin, .data = sink_data};

// --- in the handler

const char *upload_field(struct request *q, const char *name)
{
    struct upload *u = (struct upload *)request_state(q);
    return form_fields_get(&u->fields, q, name);
}

int upload_finish(struct request *q, struct uploaded *ret)
{
    struct upload *u = (struct upload *)request_state(q);
    int r = u->multipart ? multipart_finish(u->multipart) : 0;
    if (r < 0)
        return r;
    if (!u->writer)
        return err_set(ERR_INVALID, "the form has no file");
    if (u->n_bytes == 0)
        return err_set(ERR_INVALID, "the file is empty");
    if (u->project_id[0]) // its length may not have been said
        r = quota_check_come(q, u->project_id, u->n_bytes);
    if (r < 0)
        return r;
    r = blob_writer_commit(&u->writer, &u->blob);
    if (r < 0)
        return r;
    u->is_committed = true;
    *ret = (struct uploaded){.blob = &u->blob, .name = u->name, .content_type = u->content_type};
    return 0;
}

void upload_keep(struct request *q)
{
    ((struct upload *)request_state(q))->is_kept = true;
}
