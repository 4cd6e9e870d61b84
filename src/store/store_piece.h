// SPDX-License-Identifier: Apache-2.0
// store_piece.h - what a system under test posts to an external session, as it came: text in
// pieces, each with a sequence number, so that one that is sent again counts once; or timed events.
//
// All pieces of a video are of one format. Pieces are kept until the session goes.
#pragma once

#include <stdbool.h>

#include "store/store.h"

struct store_blob;
struct store_dropped;
struct store_event;

enum {
    STORE_PIECES_MAX = 1000 * 1000,       // of one video of a session
    STORE_PIECE_EVENTS_MAX = 100 * 1000,  // likewise; as a list of events holds
    STORE_PIECE_BYTES = 16 * 1024 * 1024, // of one piece
};
#define STORE_PIECE_SEQ_MAX (INT64_C(1) << 53) // the largest number of a piece; exact in any JSON
#define STORE_PIECES_BYTES  (INT64_C(512) * 1024 * 1024) // of all pieces of one video of a session

struct store_piece {
    const char *session_id, *video_id;
    int64_t seq;        // -1 in store_piece_add(): the next one
    const char *format; // "jsonl", "coco", "mot", "events"; not read back
    const char *sha256;
    int64_t n_bytes, n_items;
    int64_t last_us;        // latest presentation time in it; INT64_MIN: unknown
    int64_t received_at_us; // 0 in store_piece_add(): now
    const char *blob_key;   // of a whole file; NULL: in *bytes*
    const void *bytes;      // NULL: kept as events
};

// Whether the video is the session's: 0, or ERR_NOT_FOUND, which names both.
int store_piece_check_video(struct store *s, const char *session_id,
                            const char *video_id) MUST_CHECK;
// Keeps a piece, and the *events* that it says (NULL: none). *ret_is_new* (may be NULL) is false
// where a piece of that number is there with the same bytes. *ret_seq* may be NULL. ERR_CONFLICT:
// the session is not open or the video is none of its; the number is taken by other bytes; a piece
// of another format is there. ERR_TOO_BIG: the limits above.
int store_piece_add(struct store *s, const struct store_piece *p, const struct store_event *events,
                    size_t n_events, int64_t *ret_seq, bool *ret_is_new) MUST_CHECK;
// A whole file (*blob*, or with NULL what *p* has) in place of all pieces and events of the video.
int store_piece_replace(struct store *s, const struct store_piece *p, const struct store_blob *blob,
                        const struct store_event *events, size_t n_events,
                        struct store_dropped *dropped) MUST_CHECK;
// By number; what *each* gets lives until it returns, and no transaction stays open meanwhile.
int store_piece_each(struct store *s, const char *session_id, const char *video_id,
                     int (*each)(void *arg, const struct store_piece *p), void *arg) MUST_CHECK;
// When the video began to play to the system under test. 0 *at_us*: now. ERR_CONFLICT: not open.
int store_piece_play(struct store *s, const char *session_id, const char *video_id, int64_t at_us,
                     int64_t *ret_at_us) MUST_CHECK;
