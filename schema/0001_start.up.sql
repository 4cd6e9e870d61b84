-- SPDX-License-Identifier: Apache-2.0
-- The first schema. For PostgreSQL the same files serve: INTEGER is read as BIGINT, BLOB as BYTEA,
-- REAL as DOUBLE PRECISION, and STRICT is left out; text compares by bytes (COLLATE "C").
-- Times are microseconds since 1970. Ids sort by time. Long columns stand last.

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    quota_bytes INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    role TEXT,
    is_disabled INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    last_login_us INTEGER NOT NULL
) STRICT;

CREATE TABLE project_roles (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id)
) STRICT;
CREATE INDEX project_roles_by_user ON project_roles (user_id, project_id);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    hash TEXT NOT NULL UNIQUE,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    created_at_us INTEGER NOT NULL,
    last_used_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
CREATE INDEX api_keys_by_project ON api_keys (project_id);

CREATE TABLE logins (
    hash TEXT NOT NULL PRIMARY KEY,
    csrf_hash TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client TEXT,
    created_at_us INTEGER NOT NULL,
    last_used_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX logins_by_user ON logins (user_id);
CREATE INDEX logins_by_expiry ON logins (expires_at_us);

CREATE TABLE login_failures (
    subject TEXT NOT NULL PRIMARY KEY,
    n INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL,
    locked_until_us INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    created_at_us INTEGER NOT NULL,
    user_id TEXT,
    user_name TEXT,
    client TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    object_id TEXT,
    detail_json TEXT
) STRICT;
CREATE INDEX audit_by_user ON audit (user_id, id);
CREATE INDEX audit_by_action ON audit (action, id);
CREATE INDEX audit_by_object ON audit (object_id, id);

CREATE TABLE models (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    blob_key TEXT,
    sha256 TEXT,
    n_bytes INTEGER NOT NULL,
    head TEXT,
    labels_json TEXT,
    input_json TEXT,
    description_json TEXT,
    error TEXT,
    created_by TEXT,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE videos (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    content_type TEXT,
    source_url TEXT,
    blob_key TEXT,
    sha256 TEXT,
    n_bytes INTEGER NOT NULL,
    preview_key TEXT,
    thumbnail_key TEXT,
    created_by TEXT,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    container TEXT,
    codec TEXT,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    rotation INTEGER NOT NULL,
    n_frames INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    frame_rate REAL NOT NULL,
    is_variable INTEGER NOT NULL,
    is_playable INTEGER NOT NULL,
    error TEXT,
    probe_json TEXT
) STRICT;
CREATE INDEX videos_by_project ON videos (project_id, id);
CREATE INDEX videos_by_project_status ON videos (project_id, status, id);
CREATE INDEX videos_duration ON videos (project_id, status, duration_us);
CREATE INDEX videos_by_status ON videos (status, id);

CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    name TEXT,
    content_type TEXT,
    metadata TEXT,
    created_by TEXT,
    length INTEGER NOT NULL,
    received INTEGER NOT NULL,
    digest BLOB,
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX uploads_by_project ON uploads (project_id);
CREATE INDEX uploads_by_expiry ON uploads (expires_at_us, id);

CREATE TABLE truths (
    id TEXT NOT NULL PRIMARY KEY,
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    format TEXT,
    name TEXT,
    original_key TEXT,
    coco_key TEXT,
    n_objects INTEGER NOT NULL,
    n_frames INTEGER NOT NULL,
    labels_json TEXT,
    notices_json TEXT,
    created_by TEXT,
    created_at_us INTEGER NOT NULL,
    UNIQUE (video_id, version)
) STRICT;
CREATE INDEX truths_by_video ON truths (video_id, id);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    model_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    model_name TEXT,
    model_sha256 TEXT,
    settings_json TEXT,
    profile_json TEXT,
    error TEXT,
    created_by TEXT,
    created_at_us INTEGER NOT NULL,
    started_at_us INTEGER NOT NULL,
    finished_at_us INTEGER NOT NULL,
    verdict TEXT,
    ap REAL,
    ap50 REAL,
    "precision" REAL,
    recall REAL,
    f1 REAL
) STRICT;
CREATE INDEX sessions_by_project ON sessions (project_id, id);
CREATE INDEX sessions_by_project_status ON sessions (project_id, status, id);
CREATE INDEX sessions_by_status ON sessions (status, id);
CREATE INDEX sessions_by_model ON sessions (model_id);
CREATE INDEX sessions_by_verdict ON sessions (project_id, verdict);

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    priority INTEGER NOT NULL,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    video_id TEXT REFERENCES videos (id) ON DELETE CASCADE,
    model_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    max_attempts INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    created_by TEXT,
    attempt INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    n_lost INTEGER NOT NULL,
    n_waits INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    progress REAL NOT NULL,
    frames_done INTEGER NOT NULL,
    frames_total INTEGER NOT NULL,
    frames_per_second REAL NOT NULL,
    n_detections INTEGER NOT NULL,
    worker TEXT,
    lease_epoch TEXT,
    lease_until_ns INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    due_at_us INTEGER NOT NULL,
    started_at_us INTEGER NOT NULL,
    finished_at_us INTEGER NOT NULL,
    message TEXT,
    error TEXT,
    settings_json TEXT,
    result_json TEXT
) STRICT;
CREATE INDEX tasks_to_claim ON tasks (status, n_waits, priority DESC, id);
CREATE INDEX tasks_by_status ON tasks (status, id);
CREATE INDEX tasks_by_project ON tasks (project_id, id);
CREATE INDEX tasks_by_project_status ON tasks (project_id, status);
CREATE INDEX tasks_by_video ON tasks (video_id, id);
CREATE INDEX tasks_by_model ON tasks (model_id, status);
CREATE INDEX tasks_by_session ON tasks (session_id, id);

CREATE TABLE task_waits (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    waits_for TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (task_id, waits_for)
) STRICT;
CREATE INDEX task_waits_by_other ON task_waits (waits_for, task_id);

CREATE TABLE detection_sets (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    task_id TEXT REFERENCES tasks (id) ON DELETE CASCADE,
    session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    fence INTEGER NOT NULL,
    is_complete INTEGER NOT NULL,
    n_blocks INTEGER NOT NULL,
    n_frames INTEGER NOT NULL,
    n_detections INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    finished_at_us INTEGER NOT NULL,
    header_json TEXT,
    summary_json TEXT
) STRICT;
CREATE INDEX detection_sets_by_video ON detection_sets (video_id, kind, id);
CREATE INDEX detection_sets_by_task ON detection_sets (task_id, id);
CREATE INDEX detection_sets_by_session ON detection_sets (session_id, video_id, kind, id);
CREATE INDEX detection_sets_by_project
    ON detection_sets (project_id, kind, is_complete, n_detections, n_frames);

CREATE TABLE detection_blocks (
    set_id TEXT NOT NULL REFERENCES detection_sets (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    first_frame INTEGER NOT NULL,
    last_frame INTEGER NOT NULL,
    n_frames INTEGER NOT NULL,
    n_detections INTEGER NOT NULL,
    max_confidence REAL NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (set_id, seq)
) STRICT;
CREATE INDEX detection_blocks_by_frame ON detection_blocks (set_id, first_frame, last_frame, seq);

CREATE TABLE detection_labels (
    set_id TEXT NOT NULL REFERENCES detection_sets (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    seq INTEGER NOT NULL,
    class_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    max_confidence REAL NOT NULL,
    PRIMARY KEY (set_id, label, seq, class_id)
) STRICT;

CREATE TABLE session_videos (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    task_id TEXT REFERENCES tasks (id) ON DELETE SET NULL,
    truth_id TEXT REFERENCES truths (id) ON DELETE SET NULL,
    set_id TEXT REFERENCES detection_sets (id) ON DELETE SET NULL,
    PRIMARY KEY (session_id, position),
    UNIQUE (session_id, video_id)
) STRICT;
CREATE INDEX session_videos_by_video ON session_videos (video_id);
CREATE INDEX session_videos_by_task ON session_videos (task_id);
CREATE INDEX session_videos_by_truth ON session_videos (truth_id);
CREATE INDEX session_videos_by_set ON session_videos (set_id);

CREATE TABLE session_results (
    session_id TEXT NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    report_key TEXT,
    verdict_json TEXT,
    metrics_json TEXT
) STRICT;

CREATE TABLE session_events (
    id TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    video_id TEXT NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    label TEXT NOT NULL,
    confidence REAL,
    latency_us INTEGER NOT NULL
) STRICT;
CREATE INDEX session_events_by_start ON session_events (session_id, video_id, start_us, id);
CREATE INDEX session_events_by_video ON session_events (video_id);

CREATE TABLE blobs (
    "key" TEXT NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    video_id TEXT REFERENCES videos (id) ON DELETE CASCADE,
    model_id TEXT REFERENCES models (id) ON DELETE CASCADE,
    session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
    created_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX blobs_by_project ON blobs (project_id, n_bytes);
CREATE INDEX blobs_by_video ON blobs (video_id);
CREATE INDEX blobs_by_model ON blobs (model_id);
CREATE INDEX blobs_by_session ON blobs (session_id);
