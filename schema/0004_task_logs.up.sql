-- SPDX-License-Identifier: Apache-2.0
-- The last lines that a task's newest try logged, where it failed: beside the row, so that lists of
-- tasks do not carry them.

CREATE TABLE task_logs (
    task_id TEXT NOT NULL PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    log_json TEXT NOT NULL
) STRICT;
