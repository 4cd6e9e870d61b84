// SPDX-License-Identifier: Apache-2.0
// r_audit.c - who changed what.

#include "api/access_priv.h"
#include "base/err.h"
#include "store/store_audit.h"

static int row(void *arg, const struct store_audit *x)
{
    struct json_writer *w = &((struct listing *)arg)->w;
    json_object(w);
    json_put_text(w, "id", x->id);
    put_time(w, "created_at", x->created_at_us);
    json_put_text(w, "user_id", x->user_id);
    json_put_text(w, "user", x->user_name);
    json_put_text(w, "client", x->client);
    json_put_text(w, "request_id", x->request_id);
    json_put_text(w, "action", x->action);
    json_put_text(w, "object_id", x->object_id);
    put_raw(w, "detail", x->detail_json);
    json_end(w);
    return 0;
}

static int audit_list(struct request *q)
{
    struct listing l;
    struct store_audit_filter f = {0};
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_query(q, "user_id", &f.user_id);
    if (r == 0)
        r = api_query(q, "action", &f.action);
    if (r == 0)
        r = api_query(q, "object_id", &f.object_id);
    if (r == 0)
        r = store_audit_list(api_of(q)->opts.store, &f, &l.page, row, &l, &l.next);
    return listing_end(&l, r);
}

const struct route api_routes_audit[] = {
    {"GET", "/api/v1/audit", audit_list, .role = API_ADMIN},
    {0},
};
