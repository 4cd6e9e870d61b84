-- SPDX-License-Identifier: Apache-2.0
-- Back to nothing: children before parents.

DROP TABLE blobs;
DROP TABLE session_events;
DROP TABLE session_results;
DROP TABLE session_videos;
DROP TABLE detection_labels;
DROP TABLE detection_blocks;
DROP TABLE detection_sets;
DROP TABLE task_waits;
DROP TABLE tasks;
DROP TABLE sessions;
DROP TABLE truths;
DROP TABLE uploads;
DROP TABLE videos;
DROP TABLE models;
DROP TABLE audit;
DROP TABLE login_failures;
DROP TABLE logins;
DROP TABLE api_keys;
DROP TABLE project_roles;
DROP TABLE users;
DROP TABLE projects;
