-- SPDX-License-Identifier: Apache-2.0
-- What dashboards, lists of projects and quotas count, kept by whoever changes a row: a question
-- reads a few rows in place of all. One row a project, kind of thing and status (or verdict);
-- project '' is what belongs to none. "amount" is microseconds of videos, detections of sets,
-- bytes of blobs; "more" is frames of sets. Rows may stand at 0.
--
-- Sets count when they are complete, and only those of detections. A deleted project's rows go last:
-- what it owns goes before, by foreign keys, and is counted down.
-- A change is two statements, one a row: in PostgreSQL one statement may not update a row twice. These
-- triggers ran in SQLite only; PostgreSQL's would call functions with the same statements.

CREATE TABLE counts (
    project_id TEXT NOT NULL,
    what TEXT NOT NULL,
    kind TEXT NOT NULL,
    n INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    more INTEGER NOT NULL,
    PRIMARY KEY (project_id, what, kind)
) STRICT;
CREATE INDEX counts_by_what ON counts (what, amount); -- the quota of all: its sum alone

INSERT INTO counts SELECT project_id, 'videos', status, count(*), sum(duration_us), 0 FROM videos GROUP BY project_id, status;
INSERT INTO counts SELECT coalesce(project_id, ''), 'tasks', status, count(*), 0, 0 FROM tasks GROUP BY coalesce(project_id, ''), status;
INSERT INTO counts SELECT project_id, 'sessions', status, count(*), 0, 0 FROM sessions GROUP BY project_id, status;
INSERT INTO counts SELECT project_id, 'verdicts', verdict, count(*), 0, 0 FROM sessions WHERE verdict IS NOT NULL GROUP BY project_id, verdict;
INSERT INTO counts SELECT project_id, 'sets', '', count(*), sum(n_detections), sum(n_frames) FROM detection_sets
    WHERE kind = 'detections' AND is_complete = 1 GROUP BY project_id;
INSERT INTO counts SELECT coalesce(project_id, ''), 'blobs', '', count(*), sum(n_bytes), 0 FROM blobs GROUP BY coalesce(project_id, '');

CREATE TRIGGER videos_counted_in AFTER INSERT ON videos BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'videos', NEW.status, 1, NEW.duration_us, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER videos_counted_out AFTER DELETE ON videos BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'videos', OLD.status, -1, -OLD.duration_us, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER videos_counted_on AFTER UPDATE OF project_id, status, duration_us ON videos BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'videos', OLD.status, -1, -OLD.duration_us, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
    INSERT INTO counts VALUES (NEW.project_id, 'videos', NEW.status, 1, NEW.duration_us, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER tasks_counted_in AFTER INSERT ON tasks BEGIN
    INSERT INTO counts VALUES (coalesce(NEW.project_id, ''), 'tasks', NEW.status, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER tasks_counted_out AFTER DELETE ON tasks BEGIN
    INSERT INTO counts VALUES (coalesce(OLD.project_id, ''), 'tasks', OLD.status, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER tasks_counted_on AFTER UPDATE OF project_id, status ON tasks BEGIN
    INSERT INTO counts VALUES (coalesce(OLD.project_id, ''), 'tasks', OLD.status, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
    INSERT INTO counts VALUES (coalesce(NEW.project_id, ''), 'tasks', NEW.status, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER sessions_counted_in AFTER INSERT ON sessions BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'sessions', NEW.status, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER sessions_counted_out AFTER DELETE ON sessions BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'sessions', OLD.status, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER sessions_counted_on AFTER UPDATE OF project_id, status ON sessions BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'sessions', OLD.status, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
    INSERT INTO counts VALUES (NEW.project_id, 'sessions', NEW.status, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER verdicts_counted_in AFTER INSERT ON sessions WHEN NEW.verdict IS NOT NULL BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'verdicts', NEW.verdict, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER verdicts_counted_out AFTER DELETE ON sessions WHEN OLD.verdict IS NOT NULL BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'verdicts', OLD.verdict, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER verdicts_counted_from AFTER UPDATE OF project_id, verdict ON sessions WHEN OLD.verdict IS NOT NULL BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'verdicts', OLD.verdict, -1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER verdicts_counted_to AFTER UPDATE OF project_id, verdict ON sessions WHEN NEW.verdict IS NOT NULL BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'verdicts', NEW.verdict, 1, 0, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER sets_counted_in AFTER INSERT ON detection_sets WHEN NEW.kind = 'detections' AND NEW.is_complete = 1 BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'sets', '', 1, NEW.n_detections, NEW.n_frames)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER sets_counted_out AFTER DELETE ON detection_sets WHEN OLD.kind = 'detections' AND OLD.is_complete = 1 BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'sets', '', -1, -OLD.n_detections, -OLD.n_frames)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER sets_counted_from AFTER UPDATE OF project_id, kind, is_complete ON detection_sets WHEN OLD.kind = 'detections' AND OLD.is_complete = 1 BEGIN
    INSERT INTO counts VALUES (OLD.project_id, 'sets', '', -1, -OLD.n_detections, -OLD.n_frames)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER sets_counted_to AFTER UPDATE OF project_id, kind, is_complete ON detection_sets WHEN NEW.kind = 'detections' AND NEW.is_complete = 1 BEGIN
    INSERT INTO counts VALUES (NEW.project_id, 'sets', '', 1, NEW.n_detections, NEW.n_frames)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER blobs_counted_in AFTER INSERT ON blobs BEGIN
    INSERT INTO counts VALUES (coalesce(NEW.project_id, ''), 'blobs', '', 1, NEW.n_bytes, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER blobs_counted_out AFTER DELETE ON blobs BEGIN
    INSERT INTO counts VALUES (coalesce(OLD.project_id, ''), 'blobs', '', -1, -OLD.n_bytes, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;
CREATE TRIGGER blobs_counted_on AFTER UPDATE OF project_id, n_bytes ON blobs BEGIN
    INSERT INTO counts VALUES (coalesce(OLD.project_id, ''), 'blobs', '', -1, -OLD.n_bytes, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
    INSERT INTO counts VALUES (coalesce(NEW.project_id, ''), 'blobs', '', 1, NEW.n_bytes, 0)
    ON CONFLICT (project_id, what, kind) DO UPDATE SET n = counts.n + excluded.n, amount = counts.amount + excluded.amount, more = counts.more + excluded.more;
END;

CREATE TRIGGER projects_counted_out AFTER DELETE ON projects BEGIN
    DELETE FROM counts WHERE project_id = OLD.id;
END;
