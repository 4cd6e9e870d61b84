// SPDX-License-Identifier: Apache-2.0
// log.c - one line, one write().

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log_keep.h"
#include "base/str.h"

enum {
    TEXT_MAX_BYTES = 4 * 1024,            // longer messages are cut
    LINE_MAX_BYTES = 16 * TEXT_MAX_BYTES, // JSON escapes a byte with six at most
};

static const char *const level_names[LOG_N_LEVELS] = {
    [LOG_UNSET] = "info", [LOG_ERROR] = "error", [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",  [LOG_DEBUG] = "debug",
};

// --- constant after log_setup()
static enum log_level log_level = LOG_INFO;
static enum log_format log_format = LOG_FORMAT_TEXT;
// --- guarded by line_lock (innermost: nothing is called with it held but the erase function)
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*before_line)(void *arg);
static void *before_line_arg;

void log_setup(enum log_level level, enum log_format format)
{
    log_level = level == LOG_UNSET ? LOG_INFO : level;
    log_format = format == LOG_FORMAT_UNSET ? LOG_FORMAT_TEXT : format;
}

bool log_wants(enum log_level level)
{
    return level <= log_level;
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
    for (enum log_level l = LOG_ERROR; l < LOG_N_LEVELS; l++) {
        if (strcmp(name, level_names[l]) == 0) {
            *ret_level = l;
            return 0;
        }
    }
    return err_set(ERR_INVALID, "log level '%s' is none of error, warning, info, debug", name);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

// The thread's own.
static _Thread_local struct log_about about;

void log_set_about(struct log_about now)
{
    about = now;
}

struct log_about log_get_about(void)
{
    return about;
}

void log_add_time(struct str_buf *b, int64_t us, int n_digits)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    int fraction = (int)(n_digits == 3 ? us / 1000 % 1000 : us % 1000000);
    str_buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%0*dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, n_digits, fraction);
}

static void write_line(struct str_buf *line)
{
    pthread_mutex_lock(&line_lock);
    if (before_line)
        before_line(before_line_arg);
    if (line->p && write(STDERR_FILENO, line->p, line->n) < 0) {
        // nobody is left to be told
    }
    pthread_mutex_unlock(&line_lock);
    str_buf_finish(line);
}

// *fields* may be NULL.
static void add_json_line(struct str_buf *b, enum log_level level, const char *context,
                          const char *text, const struct log_field *fields, size_t n)
{
    struct json_writer w;
    json_writer_init(&w, b);
    struct str_buf when = STR_BUF_INIT(64);
    log_add_time(&when, clock_wall_us(), 3);
    json_object(&w);
    json_key(&w, "time");
    json_string(&w, str_buf_view(&when));
    json_key(&w, "level");
    json_string(&w, str_of(level_names[level]));
    if (about.name)
        json_put_text(&w, about.name, about.id);
    if (context) {
        json_key(&w, "context");
        json_string(&w, str_of(context));
    }
    json_key(&w, "message");
    json_string(&w, str_of(text));
    for (size_t i = 0; i < n; i++) {
        if (!fields[i].is_number && fields[i].text.n == 0)
            continue;
        json_key(&w, fields[i].name);
        if (fields[i].is_number)
            json_double(&w, fields[i].number);
        else
            json_string(&w, fields[i].text);
    }
    json_end(&w);
    str_buf_putc(b, '\n');
    str_buf_finish(&when);
}

static void add_text_line(struct str_buf *b, enum log_level level, const char *context,
                          const char *text)
{
    str_buf_puts(b, "assay: ");
    if (level != LOG_INFO)
        str_buf_printf(b, "%s: ", level_names[level]);
    if (about.name) {
        str_buf_printf(b, "%s=", about.name);
        str_buf_add_printable(b, str_of(about.id));
        str_buf_puts(b, ": ");
    }
    if (context) {
        str_buf_add_printable(b, str_of(context));
        str_buf_puts(b, ": ");
    }
    str_buf_add_printable(b, str_of(text));
    str_buf_putc(b, '\n');
}

// What is kept does not depend on --log-level, but for what is only there on demand.
static bool is_kept(enum log_level level)
{
    return about.keep && (level <= LOG_INFO || log_wants(level));
}

void log_write(enum log_level level, const char *context, const char *format, ...)
{
    if (!log_wants(level) && !is_kept(level))
        return;
    char text[TEXT_MAX_BYTES];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);

    if (is_kept(level))
        log_keep_add(about.keep, level, context, text);
    if (!log_wants(level))
        return;
    struct str_buf line = STR_BUF_INIT(LINE_MAX_BYTES);
    if (log_format == LOG_FORMAT_JSON)
        add_json_line(&line, level, context, text, NULL, 0);
    else
        add_text_line(&line, level, context, text);

    write_line(&line);
}

// "message name=value name=value"
static void put_fields(struct str_buf *out, const char *message, const struct log_field *fields,
                       size_t n)
{
    str_buf_puts(out, message);
    for (size_t i = 0; i < n; i++) {
        if (!fields[i].is_number && fields[i].text.n == 0)
            continue;
        str_buf_printf(out, " %s=", fields[i].name);
        if (fields[i].is_number)
            str_buf_double(out, fields[i].number);
        else
            str_buf_add_str(out, fields[i].text);
    }
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields, size_t n)
{
    bool wants_text = log_format != LOG_FORMAT_JSON || is_kept(level);
    if (!log_wants(level) && !is_kept(level))
        return;
    struct str_buf text = STR_BUF_INIT(TEXT_MAX_BYTES);
    if (wants_text)
        put_fields(&text, message, fields, n);
    if (is_kept(level))
        log_keep_add(about.keep, level, NULL, str_buf_text(&text));
    struct str_buf line = STR_BUF_INIT(LINE_MAX_BYTES);
    if (log_wants(level) && log_format == LOG_FORMAT_JSON)
        add_json_line(&line, level, NULL, message, fields, n);
    else if (log_wants(level))
        add_text_line(&line, level, NULL, str_buf_text(&text));
    if (log_wants(level))
        write_line(&line);
    str_buf_finish(&text);
}

void log_set_before_line(void (*erase)(void *arg), void *arg)
{
    pthread_mutex_lock(&line_lock);
    before_line = erase;
    before_line_arg = arg;
    pthread_mutex_unlock(&line_lock);
}

void log_between_lines(void (*draw)(void *arg), void *arg)
{
    pthread_mutex_lock(&line_lock);
    draw(arg);
    pthread_mutex_unlock(&line_lock);
}
