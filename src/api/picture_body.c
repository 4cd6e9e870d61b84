// SPDX-License-Identifier: Apache-2.0
// picture_body.c - a file in memory, out of a body or a form.

#include "api/picture_body.h"

#include <stdatomic.h>
#include <string.h>

#include "api/api_priv.h"
#include "api/form_fields.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/multipart.h"

enum {
    MAX_FIELD_BYTES = 4096,
};

struct picture_upload {
    struct request *request;
    struct multipart *multipart; // NULL: the body is the file
    struct str_buf bytes;
    struct form_fields fields;
    size_t n_held; // of the bound
    bool in_file, has_file;
};

static atomic_size_t n_inside;

static void release(void *state)
{
    struct picture_upload *u = (struct picture_upload *)state;
    form_fields_finish(&u->fields);
    str_buf_finish(&u->bytes);
    multipart_destroy(u->multipart);
    atomic_fetch_sub(&n_inside, u->n_held);
}

static int hold(struct picture_upload *u, size_t n)
{
    if (atomic_fetch_add(&n_inside, n) + n > INFERENCE_MAX_INSIDE) {
        atomic_fetch_sub(&n_inside, n);
        return err_set(ERR_BUSY, "bodies of %d MiB are being worked on already",
                       INFERENCE_MAX_INSIDE / (int)MIB);
    }
    u->n_held += n;
    return 0;
}

static int add_bytes(struct picture_upload *u, const void *bytes, size_t n)
{
    size_t n_after = u->bytes.n + n;
    int r = n_after > u->n_held ? hold(u, n_after - u->n_held) : 0;
    if (r < 0)
        return r;
    str_buf_add(&u->bytes, bytes, n);
    return str_buf_check(&u->bytes);
}

// --- forms

static int form_part(void *arg, const struct multipart_part *p)
{
    struct picture_upload *u = (struct picture_upload *)arg;
    u->in_file = p->file_name.p != NULL;
    if (u->in_file) {
        if (u->has_file)
            return err_set(ERR_INVALID, "the form has more than one file");
        u->has_file = true;
        return 0;
    }
    return form_fields_begin(&u->fields, u->request, p->name);
}

static int form_data(void *arg, const void *bytes, size_t n)
{
    struct picture_upload *u = (struct picture_upload *)arg;
    return u->in_file ? add_bytes(u, bytes, n) : form_fields_add(&u->fields, bytes, n);
}

static int form_part_end(void *arg)
{
    (void)arg;
    return 0;
}

static const struct multipart_calls form_calls = {form_part, form_data, form_part_end};

// --- the sink

static int sink_begin(struct request *q)
{
    struct picture_upload *u = arena_new(request_arena(q), struct picture_upload);
    if (!u)
        return ERR_NOMEM;
    u->request = q;
    u->bytes = STR_BUF_INIT(INFERENCE_MAX_BODY);
    form_fields_init(&u->fields, MAX_FIELD_BYTES);
    request_set_state(q, u, release);
    if (!request_has_body(q))
        return err_set(ERR_INVALID, "the body holds no picture");
    if (str_is(request_content_type(q), "multipart/form-data"))
        return multipart_create(request_content_parameter(q, "boundary"), &form_calls, u,
                                &u->multipart);
    int64_t n = request_content_length(q);
    u->has_file = true;
    if (n > INFERENCE_MAX_BODY)
        return err_set(ERR_TOO_BIG, "a picture of more than %d bytes", INFERENCE_MAX_BODY);
    if (n <= 0)
        return 0;
    int r = hold(u, (size_t)n);
    if (r == 0)
        str_buf_reserve(&u->bytes, (size_t)n);
    return r;
}

static int sink_data(struct request *q, const void *bytes, size_t n)
{
    struct picture_upload *u = (struct picture_upload *)request_state(q);
    return u->multipart ? multipart_add(u->multipart, bytes, n) : add_bytes(u, bytes, n);
}

const struct route_sink picture_body_sink = {.begin = sink_begin, .data = sink_data};

// --- in the handler

int picture_body(struct request *q, struct str *ret_bytes)
{
    struct picture_upload *u = (struct picture_upload *)request_state(q);
    int r = u->multipart ? multipart_finish(u->multipart) : 0;
    if (r < 0)
        return r;
    if (!u->has_file)
        return err_set(ERR_INVALID, "the form has no file");
    if (u->bytes.n == 0)
        return err_set(ERR_INVALID, "the picture is empty");
    *ret_bytes = str_buf_view(&u->bytes);
    return 0;
}

int picture_body_hold(struct request *q, size_t n)
{
    return hold((struct picture_upload *)request_state(q), n);
}

const char *picture_body_field(struct request *q, const char *name)
{
    struct picture_upload *u = (struct picture_upload *)request_state(q);
    return form_fields_get(&u->fields, q, name);
}

int picture_body_each(struct request *q,
                      int (*call)(void *arg, const char *name, const char *value), void *arg)
{
    struct picture_upload *u = (struct picture_upload *)request_state(q);
    int r = 0;
    for (size_t i = 0; i < u->fields.n && r == 0; i++)
        r = call(arg, u->fields.items[i].name, str_buf_text(&u->fields.items[i].value));
    struct str name;
    struct str value;
    for (size_t i = 0; r == 0 && request_query_at(q, i, &name, &value); i++) {
        const char *n = arena_strndup(request_arena(q), name.p, name.n);
        const char *v = arena_strndup(request_arena(q), value.p, value.n);
        r = n && v ? call(arg, n, v) : ERR_NOMEM;
    }
    return r;
}
