// SPDX-License-Identifier: Apache-2.0
// log_keep.h - the last lines that some work logged, kept for whoever asks later why it failed.
//
// Whoever works names the keeper in its log_about (base/log.h). Errors, warnings and information
// are kept whatever --log-level says.
//
// Ownership: whoever creates one destroys it when nothing logs to it any more.
// Threads: any.
#pragma once

#include "base/attr.h"
#include "base/log.h"

struct json_writer;
struct log_keep;

enum {
    LOG_KEEP_LINES = 50,
    LOG_KEEP_BYTES = 16 * 1024, // of all lines kept
    LOG_KEEP_LINE_BYTES = 4096, // of one; longer ones are cut
};

// *hidden* (may be NULL; copied) is cut out of the lines where it stands as a path or begins one:
// the directory in which files lie. Only an absolute path can be told from words; any other, and
// "/", hides nothing. ERR_NOMEM.
int log_keep_create(const char *hidden, struct log_keep **ret_keep) MUST_CHECK;
void log_keep_destroy(struct log_keep *k); // NULL is a no-op
// The log's own. *context* may be NULL. A line for which there is no memory is left out.
void log_keep_add(struct log_keep *k, enum log_level level, const char *context, const char *text);
// {"left_out":N,"lines":[{"time","level","message"}]}, the oldest first; left out are those before.
void log_keep_put(struct log_keep *k, struct json_writer *w);
