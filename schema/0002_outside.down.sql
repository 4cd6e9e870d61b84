-- SPDX-License-Identifier: Apache-2.0

DROP TABLE session_comparisons;
DROP TABLE session_pieces;
ALTER TABLE session_results DROP COLUMN more_json;
ALTER TABLE session_videos DROP COLUMN n_piece_items;
ALTER TABLE session_videos DROP COLUMN n_piece_bytes;
ALTER TABLE session_videos DROP COLUMN n_pieces;
ALTER TABLE session_videos DROP COLUMN piece_format;
ALTER TABLE session_videos DROP COLUMN played_at_us;
