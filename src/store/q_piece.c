// SPDX-License-Identifier: Apache-2.0
// q_piece.c - what systems under test post to sessions.

#include "store/store_piece.h"

#include "base/str.h"
#include "store/store_blob.h"
#include "store/store_priv.h"
#include "store/store_session.h"

enum {
    TAKES,
    FIND,
    ADD,
    COUNT,
    RESET,
    DROP,
    DROP_EVENTS,
    BLOBS,
    AFTER,
    PLAY,
    HAS_VIDEO,
};

// clang-format off
const struct query queries_piece[] = {
    [TAKES] = {"piece_takes",
        "SELECT v.piece_format, v.n_pieces, v.n_piece_bytes, v.n_piece_items, "
        "(SELECT coalesce(max(p.seq), -1) FROM session_pieces p WHERE p.session_id = v.session_id AND p.video_id = v.video_id), "
        "s.project_id "
        "FROM session_videos v JOIN sessions s ON s.id = v.session_id "
        "WHERE v.session_id = $1 AND v.video_id = $2 AND s.source = 'external' AND s.status = 'open'"},
    [FIND] = {"piece_find", "SELECT sha256 FROM session_pieces WHERE session_id = $1 AND video_id = $2 AND seq = $3"},
    [ADD] = {"piece_add",
        "INSERT INTO session_pieces (session_id, video_id, seq, sha256, n_bytes, n_items, last_us, received_at_us, blob_key, bytes) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"},
    [COUNT] = {"piece_count",
        "UPDATE session_videos SET piece_format = $3, n_pieces = n_pieces + 1, n_piece_bytes = n_piece_bytes + $4, "
        "n_piece_items = n_piece_items + $5 WHERE session_id = $1 AND video_id = $2"},
    [RESET] = {"piece_reset",
        "UPDATE session_videos SET piece_format = NULL, n_pieces = 0, n_piece_bytes = 0, n_piece_items = 0 "
        "WHERE session_id = $1 AND video_id = $2"},
    [DROP] = {"piece_drop", "DELETE FROM session_pieces WHERE session_id = $1 AND video_id = $2"},
    [DROP_EVENTS] = {"piece_drop_events", "DELETE FROM session_events WHERE session_id = $1 AND video_id = $2"},
    [BLOBS] = {"piece_blobs",
        "SELECT blob_key FROM session_pieces WHERE session_id = $1 AND video_id = $2 AND blob_key IS NOT NULL"},
    [AFTER] = {"piece_after",
        "SELECT session_id, video_id, seq, sha256, n_bytes, n_items, last_us, received_at_us, blob_key, bytes FROM session_pieces "
        "WHERE session_id = $1 AND video_id = $2 AND seq > $3 ORDER BY seq LIMIT 1"},
    [PLAY] = {"piece_play", "UPDATE session_videos SET played_at_us = $3 WHERE session_id = $1 AND video_id = $2"},
    [HAS_VIDEO] = {"piece_has_video", "SELECT 1 FROM session_videos WHERE session_id = $1 AND video_id = $2"},
    {0},
};
// clang-format on

static const struct field fields[] = {
    FIELD(struct store_piece, session_id, FIELD_TEXT),
    FIELD(struct store_piece, video_id, FIELD_TEXT),
    FIELD(struct store_piece, seq, FIELD_I64),
    FIELD(struct store_piece, sha256, FIELD_TEXT),
    FIELD(struct store_piece, n_bytes, FIELD_I64),
    FIELD(struct store_piece, n_items, FIELD_I64),
    FIELD(struct store_piece, last_us, FIELD_I64),
    FIELD(struct store_piece, received_at_us, FIELD_I64),
    FIELD(struct store_piece, blob_key, FIELD_TEXT),
};

enum {
    BYTES_PARAMETER = 10,
    BYTES_COLUMN = 9,
};

// ---- what is there

struct taking {
    char format[32]; // "": nothing came yet
    int64_t n_pieces, n_bytes, n_items, last_seq;
    char project_id[ID_BYTES];
};

static void open_of_video(struct store *s, int q, const char *session_id, const char *video_id,
                          struct run *run)
{
    IGNORE(run_open(s, &queries_piece[q], run)); // sticky
    run_text(run, 1, session_id);
    run_text(run, 2, video_id);
}

int store_piece_check_video(struct store *s, const char *session_id, const char *video_id)
{
    int r = 0;
    struct run run;
    open_of_video(s, HAS_VIDEO, session_id, video_id, &run);
    if (!run_step(&run) && run.r == 0)
        r = err_set(ERR_NOT_FOUND, "session '%.40s' has no video '%.40s'", session_id, video_id);
    return run_end(&run, r);
}

static int find_taking(struct store *s, const char *session_id, const char *video_id,
                       struct taking *ret)
{
    int r = 0;
    struct run run;
    open_of_video(s, TAKES, session_id, video_id, &run);
    if (run_step(&run)) {
        const char *format = run_get_text(&run, 0);
        *ret = (struct taking){.n_pieces = run_get_int(&run, 1),
                               .n_bytes = run_get_int(&run, 2),
                               .n_items = run_get_int(&run, 3),
                               .last_seq = run_get_int(&run, 4)};
        snprintf(ret->format, sizeof(ret->format), "%s", format ? format : "");
        snprintf(ret->project_id, sizeof(ret->project_id), "%s", run_get_text(&run, 5));
    } else if (run.r == 0) {
        r = err_set(ERR_CONFLICT,
                    "session '%.40s' is not external and open, or video '%.40s' is none of its",
                    session_id, video_id);
    }
    return run_end(&run, r);
}

// ERR_EXISTS: the same piece came before.
static int check_number(struct store *s, const struct store_piece *p)
{
    int r = 0;
    struct run run;
    open_of_video(s, FIND, p->session_id, p->video_id, &run);
    run_int(&run, 3, p->seq);
    if (run_step(&run)) {
        const char *sha256 = run_get_text(&run, 0);
        r = sha256 && strcmp(sha256, p->sha256) == 0
                ? ERR_EXISTS
                : err_set(ERR_CONFLICT, "piece %lld came before, with other bytes",
                          (long long)p->seq);
    }
    return run_end(&run, r);
}

static int check_room(const struct taking *t, const struct store_piece *p, size_t n_events)
{
    if (t->format[0] && strcmp(t->format, p->format) != 0)
        return err_set(ERR_CONFLICT, "this piece is %s, and the video's first one was %s",
                       p->format, t->format);
    if (t->n_pieces >= STORE_PIECES_MAX)
        return err_set(ERR_TOO_BIG, "more than %d pieces for one video", STORE_PIECES_MAX);
    if (!p->blob_key && t->n_bytes + p->n_bytes > STORE_PIECES_BYTES)
        return err_set(ERR_TOO_BIG, "more than %lld MiB in pieces for one video",
                       (long long)(STORE_PIECES_BYTES >> 20));
    if (n_events > 0 && t->n_items + (int64_t)n_events > STORE_PIECE_EVENTS_MAX)
        return err_set(ERR_TOO_BIG, "more than %d events for one video", STORE_PIECE_EVENTS_MAX);
    return 0;
}

// ---- adding

static int insert(struct store *s, const struct store_piece *p)
{
    struct run run;
    IGNORE(run_open(s, &queries_piece[ADD], &run)); // sticky
    run_fields(&run, 1, fields, ARRAY_LEN(fields), p);
    run_bytes(&run, BYTES_PARAMETER, p->bytes, (size_t)p->n_bytes);
    int r = run_done(&run, NULL);
    if (r < 0)
        return r;
    open_of_video(s, COUNT, p->session_id, p->video_id, &run);
    run_text(&run, 3, p->format);
    run_int(&run, 4, p->n_bytes);
    run_int(&run, 5, p->n_items);
    return run_done(&run, NULL);
}

// The latency of what says no other is from the video's time to now, where it plays.
static int add(struct store *s, struct store_piece *p, const struct taking *t,
               const struct store_event *events, size_t n_events)
{
    int r = check_room(t, p, n_events);
    if (r == 0)
        r = insert(s, p);
    if (r == 0 && n_events > 0)
        r = store_session_add_events(s, p->session_id, p->video_id, events, n_events);
    return r;
}

int store_piece_add(struct store *s, const struct store_piece *p, const struct store_event *events,
                    size_t n_events, int64_t *ret_seq, bool *ret_is_new)
{
    struct store_piece row = *p;
    struct taking t;
    bool is_new = true;
    if (p->n_bytes > STORE_PIECE_BYTES)
        return err_set(ERR_TOO_BIG, "a piece of more than %d MiB", STORE_PIECE_BYTES >> 20);
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = find_taking(s, p->session_id, p->video_id, &t);
    if (r == 0 && p->seq < 0 && t.last_seq >= STORE_PIECE_SEQ_MAX)
        r = err_set(ERR_CONFLICT, "no number comes after that of the last piece, %lld",
                    (long long)t.last_seq);
    row.seq = r == 0 && p->seq < 0 ? t.last_seq + 1 : p->seq;
    row.received_at_us = p->received_at_us > 0 ? p->received_at_us : store_now_us(s);
    if (r == 0)
        r = check_number(s, &row);
    if (r == 0)
        r = add(s, &row, &t, events, n_events);
    if (r == ERR_EXISTS) {
        is_new = false;
        r = 0;
    }
    r = write_end(s, r);
    if (r < 0)
        return r;
    if (ret_seq)
        *ret_seq = row.seq;
    if (ret_is_new)
        *ret_is_new = is_new;
    return 0;
}

// ---- whole files

static int drop_blobs(struct store *s, const struct store_piece *p, struct store_dropped *dropped)
{
    struct store_dropped keys = {0};
    int r = 0;
    struct run run;
    open_of_video(s, BLOBS, p->session_id, p->video_id, &run);
    while (r == 0 && run_step(&run))
        r = dropped_add(&keys, run_get_text(&run, 0));
    r = run_end(&run, r);
    for (size_t i = 0; r == 0 && i < keys.n; i++)
        r = blob_remove(s, keys.keys[i], dropped);
    store_dropped_finish(&keys);
    return r;
}

static int drop_all(struct store *s, const struct store_piece *p, struct store_dropped *dropped)
{
    static const int steps[] = {DROP, DROP_EVENTS, RESET};
    int r = drop_blobs(s, p, dropped);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++) {
        struct run run;
        open_of_video(s, steps[i], p->session_id, p->video_id, &run);
        r = run_done(&run, NULL);
    }
    return r;
}

int store_piece_replace(struct store *s, const struct store_piece *p, const struct store_blob *blob,
                        const struct store_event *events, size_t n_events,
                        struct store_dropped *dropped)
{
    size_t before = dropped->n;
    struct store_piece row = *p;
    struct taking t;
    int r = write_begin(s);
    if (r < 0)
        return r;
    row.seq = 0;
    row.blob_key = blob ? blob->key : NULL;
    row.received_at_us = p->received_at_us > 0 ? p->received_at_us : store_now_us(s);
    r = find_taking(s, p->session_id, p->video_id, &t);
    if (r == 0)
        r = drop_all(s, p, dropped);
    if (r == 0 && blob)
        r = blob_add(s, blob,
                     (struct blob_owner){.project_id = t.project_id, .session_id = p->session_id});
    if (r == 0)
        r = add(s, &row, &(struct taking){.last_seq = -1}, events, n_events);
    r = write_end(s, r);
    if (r < 0)
        dropped->n = before;
    return r;
}

// ---- reading

static int next_piece(struct store *s, struct store_piece *p, struct arena *a, struct str_buf *raw)
{
    struct run run;
    int r = 0;
    open_of_video(s, AFTER, p->session_id, p->video_id, &run);
    run_int(&run, 3, p->seq);
    if (run_step(&run)) {
        r = run_row(&run, fields, ARRAY_LEN(fields), a, p);
        const void *bytes = sqlite3_column_blob(run.stmt, BYTES_COLUMN);
        str_buf_reset(raw);
        if (bytes)
            str_buf_add(raw, bytes, (size_t)sqlite3_column_bytes(run.stmt, BYTES_COLUMN));
        p->bytes = bytes ? raw->p : NULL;
        if (r == 0)
            r = str_buf_check(raw);
    } else {
        r = ERR_EOF;
    }
    return run_end(&run, run.r < 0 ? 0 : r);
}

int store_piece_each(struct store *s, const char *session_id, const char *video_id,
                     int (*each)(void *arg, const struct store_piece *p), void *arg)
{
    struct str_buf raw = STR_BUF_INIT(STORE_PIECE_BYTES + 1);
    struct arena *a = NULL;
    int r = arena_create(0, &a);
    int64_t seq = -1;
    while (r == 0) {
        struct store_piece p = {.session_id = session_id, .video_id = video_id, .seq = seq};
        arena_rewind(a, 0);
        r = next_piece(s, &p, a, &raw);
        if (r == 0)
            r = each(arg, &p);
        seq = p.seq;
    }
    str_buf_finish(&raw);
    arena_destroy(a);
    return r == ERR_EOF ? 0 : r;
}

// ---- playing

int store_piece_play(struct store *s, const char *session_id, const char *video_id, int64_t at_us,
                     int64_t *ret_at_us)
{
    struct taking t;
    int64_t at = at_us > 0 ? at_us : store_now_us(s);
    int r = write_begin(s);
    if (r < 0)
        return r;
    r = find_taking(s, session_id, video_id, &t);
    if (r == 0) {
        struct run run;
        open_of_video(s, PLAY, session_id, video_id, &run);
        run_int(&run, 3, at);
        r = run_done(&run, NULL);
    }
    r = write_end(s, r);
    if (r == 0)
        *ret_at_us = at;
    return r;
}
