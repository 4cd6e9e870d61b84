// SPDX-License-Identifier: Apache-2.0
// r_project.c - projects.

#include <string.h>

#include "api/api_priv.h"
#include "base/err.h"
#include "store/store_blob.h"
#include "store/store_project.h"
#include "store/store_task.h"
#include "store/store_user.h"

static void put_project(struct json_writer *w, const struct store_project *p)
{
    json_object(w);
    json_put_text(w, "id", p->id);
    json_put_text(w, "name", p->name);
    json_put_text(w, "description", p->description);
    json_put_int(w, "quota_bytes", p->quota_bytes);
    json_put_int(w, "videos", p->n_videos);
    json_put_int(w, "sessions", p->n_sessions);
    put_time(w, "created_at", p->created_at_us);
    put_time(w, "updated_at", p->updated_at_us);
    json_end(w);
}

struct project_body {
    const char *name, *description;
    int64_t quota_bytes;
};

static const struct body_field create_fields[] = {
    {"name", BODY_TEXT, offsetof(struct project_body, name), true, 0},
    {"description", BODY_TEXT, offsetof(struct project_body, description), false, STORE_TEXT_MAX},
    {"quota_bytes", BODY_INT, offsetof(struct project_body, quota_bytes), false, 0},
    {0},
};

static const struct body_field change_fields[] = {
    {"name", BODY_TEXT, offsetof(struct project_body, name), false, 0},
    {"description", BODY_TEXT, offsetof(struct project_body, description), false, STORE_TEXT_MAX},
    {"quota_bytes", BODY_INT, offsetof(struct project_body, quota_bytes), false, 0},
    {0},
};

static int reply_project(struct request *q, int status, const char *id)
{
    struct store_project p;
    int r = store_project_get(api_of(q)->opts.store, id, request_arena(q), &p);
    if (r < 0)
        return r;
    REPLY_OBJECT(q, status, put_project, &p);
}

// Whoever makes a project may do everything in it.
static int create_with_admin(struct request *q, const struct store_project *p,
                             char ret_id[ID_BYTES])
{
    struct store *s = api_of(q)->opts.store;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = store_project_create(s, p, ret_id);
    if (r == 0 && api_user_id(q))
        r = store_user_set_role(s, ret_id, api_user_id(q), STORE_ROLE_ADMIN);
    return store_end(s, r);
}

static int project_create(struct request *q)
{
    struct project_body b = {0};
    char id[ID_BYTES];
    int r = body_read(q, create_fields, &b);
    if (r < 0)
        return r;
    const struct store_project p = {
        .name = b.name, .description = b.description, .quota_bytes = b.quota_bytes};
    r = create_with_admin(q, &p, id);
    if (r < 0)
        return r;
    reply_headerf(q, "Location", "/api/v1/projects/%s", id);
    return reply_project(q, 201, id);
}

static int project_get(struct request *q)
{
    const char *id;
    int r = api_parameter(q, "id", &id);
    return r == 0 ? reply_project(q, 200, id) : r;
}

// What another request changes meanwhile stays changed.
static int change(struct request *q, const char *id, const struct project_body *b)
{
    struct store *s = api_of(q)->opts.store;
    struct store_project p;
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = store_project_get(s, id, request_arena(q), &p);
    if (r == 0) {
        p.name = b->name ? b->name : p.name;
        p.description = b->description ? b->description : p.description;
        p.quota_bytes = b->quota_bytes >= 0 ? b->quota_bytes : p.quota_bytes;
        r = store_project_update(s, &p);
    }
    return store_end(s, r);
}

static int project_change(struct request *q)
{
    struct store_project p;
    struct project_body b = {.quota_bytes = -1};
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_project_get(api_of(q)->opts.store, id, request_arena(q), &p); // a 404 comes first
    if (r == 0)
        r = body_read(q, change_fields, &b);
    if (r == 0)
        r = change(q, id, &b);
    return r == 0 ? reply_project(q, 200, id) : r;
}

static int project_delete(struct request *q)
{
    struct store_dropped dropped = {0};
    struct api_ending ending;
    const char *id;
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = api_ending_note(q, &(struct store_task_filter){.project_id = id}, &ending);
    if (r == 0)
        r = store_project_delete(api_of(q)->opts.store, id, &dropped);
    api_delete_blobs(api_of(q), &dropped);
    if (r < 0)
        return r;
    api_ending_tell(&ending);
    return reply_empty(q, 204);
}

static int list_row(void *arg, const struct store_project *p)
{
    put_project(&((struct listing *)arg)->w, p);
    return 0;
}

static int project_list(struct request *q)
{
    struct listing l;
    struct store_project p;
    const char *project_id = NULL;
    const char *user_id;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_scope(q, &project_id, &user_id);
    if (r == 0 && project_id) { // a key for one project
        r = store_project_get(api_of(q)->opts.store, project_id, request_arena(q), &p);
        if (r == 0)
            put_project(&l.w, &p);
    } else if (r == 0) {
        r = store_project_list(api_of(q)->opts.store, user_id, &l.page, list_row, &l, &l.next);
    }
    return listing_end(&l, r);
}

const struct route api_routes_project[] = {
    {"POST", "/api/v1/projects", project_create, .role = API_EDITOR, .rate_class = API_RATE_WRITE},
    {"GET", "/api/v1/projects", project_list, .role = API_VIEWER},
    {"GET", "/api/v1/projects/{id}", project_get, .role = API_VIEWER},
    {"PATCH", "/api/v1/projects/{id}", project_change, .role = API_EDITOR,
     .rate_class = API_RATE_WRITE},
    {"DELETE", "/api/v1/projects/{id}", project_delete, .role = API_ADMIN,
     .rate_class = API_RATE_WRITE},
    {0},
};
