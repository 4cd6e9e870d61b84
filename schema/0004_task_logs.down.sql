-- SPDX-License-Identifier: Apache-2.0

DROP TABLE task_logs;
