// SPDX-License-Identifier: Apache-2.0
// log.h - messages to standard error: text on a terminal, JSON lines where asked.
//
// Only the owner of a thread or request logs (rooms return errors). A context is a short list of
// words that stand before the message: "source=clip.mp4". Threads: any; a line is written with one
// write().
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct log_keep;

enum log_level {
    LOG_UNSET, // takes LOG_INFO
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
    LOG_N_LEVELS
};

enum log_format {
    LOG_FORMAT_UNSET, // takes text
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

// Called once at start, before any thread.
void log_setup(enum log_level level, enum log_format format);
bool log_wants(enum log_level level);
// "error", "warning", "info", "debug"; ERR_INVALID.
int log_level_parse(const char *name, enum log_level *ret_level) MUST_CHECK;
const char *log_level_name(enum log_level level);
// A wall clock's time with 3 or 6 digits behind the second: "2026-01-02T03:04:05.678Z".
void log_add_time(struct str_buf *out, int64_t us, int n_digits);

// *context* may be NULL. Control characters in the text become '?'.
void log_write(enum log_level level, const char *context, const char *format, ...)
    PRINTF_LIKE(3, 4);

// What a thread works on, so that each of its lines says so: {"request", ID}, {"task", ID}.
// Borrowed; zero: nothing.
struct log_about {
    const char *name, *id;
    struct log_keep *keep; // its lines are kept there as well (base/log_keep.h); NULL: nowhere
};
void log_set_about(struct log_about about);
// For threads that work for this one, and end before it goes on to something else.
struct log_about log_get_about(void);

// One thing that a line says apart from its message. Empty texts are left out.
struct log_field {
    const char *name;
    struct str text;
    bool is_number;
    double number;
};

// "message name=value name=value", or members of the JSON line.
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
                size_t n);
#define log_error(context, ...)   log_write(LOG_ERROR, (context), __VA_ARGS__)
#define log_warning(context, ...) log_write(LOG_WARNING, (context), __VA_ARGS__)
#define log_info(context, ...)    log_write(LOG_INFO, (context), __VA_ARGS__)
#define log_debug(context, ...)   log_write(LOG_DEBUG, (context), __VA_ARGS__)

// The progress line of a terminal is erased before a message and drawn again by its owner: a
// function that erases it, or NULL. Called with the log's lock held.
void log_set_before_line(void (*erase)(void *arg), void *arg);
// Runs *draw* with the log's lock held, so that no message comes between: it must not log.
void log_between_lines(void (*draw)(void *arg), void *arg);
