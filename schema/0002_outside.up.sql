-- SPDX-License-Identifier: Apache-2.0
-- What systems under test post to sessions, piece by piece; comparisons of two sessions.

ALTER TABLE session_videos ADD COLUMN played_at_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session_videos ADD COLUMN piece_format TEXT;
ALTER TABLE session_videos ADD COLUMN n_pieces INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session_videos ADD COLUMN n_piece_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session_videos ADD COLUMN n_piece_items INTEGER NOT NULL DEFAULT 0;

ALTER TABLE session_results ADD COLUMN more_json TEXT;

CREATE TABLE session_pieces (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    n_items INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    received_at_us INTEGER NOT NULL,
    blob_key TEXT,
    bytes BLOB,
    PRIMARY KEY (session_id, video_id, seq)
) STRICT;
CREATE INDEX session_pieces_by_video ON session_pieces (video_id);

CREATE TABLE session_comparisons (
    session_a TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    session_b TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at_us INTEGER NOT NULL,
    comparison_json TEXT NOT NULL,
    PRIMARY KEY (session_a, session_b)
) STRICT;
CREATE INDEX session_comparisons_by_other ON session_comparisons (session_b);
