// SPDX-License-Identifier: Apache-2.0
// r_overview.c - a project's videos with their newest truth and what judged them last.

#include "api/api_priv.h"
#include "store/store_overview.h"
#include "store/store_project.h"

static void put_truth(struct json_writer *w, const struct store_overview *o)
{
    json_key(w, "truth");
    if (!o->truth_id) {
        json_null(w);
        return;
    }
    json_object(w);
    json_put_text(w, "id", o->truth_id);
    json_put_int(w, "version", o->truth_version);
    json_put_text(w, "name", o->truth_name);
    json_put_text(w, "format", o->truth_format);
    json_put_int(w, "objects", o->truth_objects);
    json_put_int(w, "frames", o->truth_frames);
    json_end(w);
}

static void put_judged(struct json_writer *w, const struct store_overview *o)
{
    json_key(w, "last_session");
    if (!o->session_id) {
        json_null(w);
        return;
    }
    json_object(w);
    json_put_text(w, "id", o->session_id);
    json_put_text(w, "name", o->session_name);
    json_put_text(w, "model", o->session_model);
    json_put_text(w, "verdict", o->verdict ? store_verdict_name((int)o->verdict) : NULL);
    json_put_double(w, "AP50", o->ap50);
    put_time(w, "finished_at", o->judged_at_us);
    json_end(w);
}

static int list_row(void *arg, const struct store_overview *o)
{
    struct json_writer *w = &((struct listing *)arg)->w;
    json_object(w);
    json_put_text(w, "video_id", o->video_id);
    put_truth(w, o);
    put_judged(w, o);
    json_end(w);
    return 0;
}

static int overview(struct request *q)
{
    struct listing l;
    struct store_project p;
    int r = listing_begin(&l, q);
    if (r == 0)
        r = api_project(q, &p);
    if (r == 0)
        r = store_overview_list(api_of(q)->opts.store, p.id, &l.page, list_row, &l, &l.next);
    return listing_end(&l, r);
}

const struct route api_routes_overview[] = {
    {"GET", "/api/v1/projects/{id}/overview", overview, .role = API_VIEWER},
    {0},
};
