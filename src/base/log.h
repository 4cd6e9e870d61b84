// SPDX-License-Identifier: Apache-2.0
// log.h - messages to standard error: text on a terminal, JSON lines where asked.
//
// Only the owner of a thread or request logs (rooms return errors). A context is a short list of
// words that stand before the message: "source=clip.mp4". Threads: any; a line is written with one
// write().
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

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

// *context* may be NULL. Control characters in the text become '?'.
void log_write(enum log_level level, const char *context, const char *format, ...)
    PRINTF_LIKE(3, 4);

// What this thread works on, so that each of its lines says so: ("request", ID), ("task", ID).
// Borrowed; both NULL: nothing.
void log_set_about(const char *name, const char *id);

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
