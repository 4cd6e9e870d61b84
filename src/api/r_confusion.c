// SPDX-License-Identifier: Apache-2.0
// r_confusion.c - what stands behind a cell of a session's confusion matrix.

#include <string.h>

#include "api/api_priv.h"
#include "api/detection_reply.h"
#include "base/arena.h"
#include "base/err.h"
#include "store/store_detection.h"
#include "store/store_session.h"

#define SEPARATOR "\x1f" // of the two labels that a pair bears

static void put_side(struct json_writer *w, const char *key, struct str label)
{
    json_key(w, key);
    json_string(w, label);
}

static int page_row(void *arg, const struct store_detection *d)
{
    struct json_writer *w = &((struct listing *)arg)->w;
    const struct columns_detection *v = d->values;
    struct str rest = str_of(d->label);
    struct str truth = {"", 0};
    if (!str_split(&rest, SEPARATOR[0], &truth))
        return err_set(ERR_DATA, "a pair of the confusion matrix has no two labels");
    json_object(w);
    json_put_int(w, "frame", d->frame);
    json_put_int(w, "pts_us", d->pts_us);
    put_side(w, "truth", truth);
    put_side(w, "detected", rest);
    if (v->outcome != COLUMNS_FN) {
        json_key(w, "confidence");
        json_float(w, v->confidence);
        put_box(w, "bounding_box", v->x, v->y, v->w, v->h);
        if (v->track_id > 0)
            json_put_int(w, "track_id", v->track_id);
    }
    if (v->outcome != COLUMNS_FP)
        put_box(w, "truth_box", v->truth_x, v->truth_y, v->truth_w, v->truth_h);
    if (v->outcome == COLUMNS_TP) {
        json_key(w, "iou");
        json_float(w, v->iou);
    }
    json_end(w);
    return 0;
}

static int read_cell(struct request *q, struct store_set_filter *f)
{
    const char *truth;
    const char *detected;
    int r = api_query(q, "truth", &truth);
    if (r == 0)
        r = api_query(q, "detected", &detected);
    if (r < 0)
        return r;
    if (!truth != !detected)
        return err_set(ERR_INVALID, "a cell is named by 'truth' and 'detected'");
    if (!truth)
        return 0;
    f->label = arena_printf(request_arena(q), "%s" SEPARATOR "%s", truth, detected);
    return f->label ? 0 : ERR_NOMEM;
}

static int find_set(struct request *q, struct store_set *ret)
{
    struct store *s = api_of(q)->opts.store;
    struct store_session x;
    const char *id;
    const char *named;
    char video[ID_BYTES] = "";
    int r = api_parameter(q, "id", &id);
    if (r == 0)
        r = store_session_get(s, id, request_arena(q), &x);
    if (r == 0)
        r = api_query(q, "video", &named);
    if (r == 0)
        r = api_session_video(q, &x, named, video);
    return r == 0
               ? store_set_of_session(s, x.id, video, STORE_SET_CONFUSIONS, request_arena(q), ret)
               : r;
}

static int session_confusions(struct request *q)
{
    struct listing l;
    struct store_set set = {0};
    struct store_set_filter f = {0};
    int r = listing_begin(&l, q);
    if (r == 0)
        r = find_set(q, &set);
    if (r == 0)
        r = detections_filter(q, &f);
    if (r == 0)
        r = read_cell(q, &f);
    f.set_id = set.id;
    if (r == 0)
        r = store_set_page(api_of(q)->opts.store, &f, &l.page, page_row, &l, &l.next);
    return listing_end(&l, r);
}

const struct route api_routes_confusion[] = {
    {"GET", "/api/v1/sessions/{id}/confusions", session_confusions, .role = API_VIEWER},
    {0},
};
