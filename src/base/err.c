// SPDX-License-Identifier: Apache-2.0
// err.c - the error table and the message of each thread.

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

enum {
    MAX_TEXT = 16 * 1024, // of a message before it is shortened: two paths and what is said of them
};

static const struct {
    const char *name;
    const char *text;
    int exit_status;
    int http_status;
    bool retry;
} errors[ERR_N_NUMBERS] = {
    [ERR_NUMBER_NONE] = {"OK", "no error", 0, 200, false},
#define X(code, exit_status, http_status, retry, text) \
    [ERR_NUMBER_##code] = {#code, text, exit_status, http_status, retry},
#include "base/err.def"
#undef X
};

static _Thread_local char message[ERR_MESSAGE_BYTES];
static _Thread_local int message_code; // what it was set for

static unsigned number_of(int code)
{
    unsigned n = code <= 0 ? 0u - (unsigned)code : (unsigned)ERR_NUMBER_INTERNAL;
    return n < ERR_N_NUMBERS ? n : (unsigned)ERR_NUMBER_INTERNAL;
}

// A sequence of UTF-8 that the buffer's end cut is dropped.
static void drop_torn_end(char *s)
{
    size_t n = strlen(s);
    if (n + 1 < ERR_MESSAGE_BYTES)
        return;
    size_t end = n;
    while (end > 0 && n - end < 3 && ((unsigned char)s[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)s[end - 1] >= 0xc0)
        s[end - 1] = '\0';
}

static bool continues_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

// Objects stand first and causes last, and objects may be paths of any length: what does not fit is
// left out of the middle, at the borders of characters.
static void copy_shortened(char *to, size_t n_bytes, const char *text)
{
    static const char mark[] = "...";
    size_t n = strlen(text);
    if (n < n_bytes || n_bytes < 4 * sizeof(mark)) {
        snprintf(to, n_bytes, "%s", text);
        return;
    }
    size_t head = (n_bytes - sizeof(mark)) / 2;
    size_t tail = n - (n_bytes - sizeof(mark) - head);
    while (head > 0 && continues_character(text[head]))
        head--;
    while (tail < n && continues_character(text[tail]))
        tail++;
    snprintf(to, n_bytes, "%.*s%s%s", (int)head, text, mark, text + tail);
}

static int keep(enum err code, const char *text)
{
    copy_shortened(message, sizeof(message), text);
    drop_torn_end(message);
    printable_make(message); // file names, labels and library texts go to terminals and logs
    message_code = code;
    return code;
}

int err_set_v(enum err code, const char *format, va_list ap)
{
    char text[MAX_TEXT]; // arguments may point into the old message
    vsnprintf(text, sizeof(text), format, ap);
    return keep(code, text);
}

int err_set(enum err code, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int r = err_set_v(code, format, ap);
    va_end(ap);
    return r;
}

static enum err code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return ERR_NOSPACE;
    case ENOMEM:
        return ERR_NOMEM;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EISDIR:
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}

int err_set_errno(int sys_errno, const char *format, ...)
{
    char text[MAX_TEXT];
    char reason[128];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text) - sizeof(reason) - 2, format, ap);
    va_end(ap);
    size_t n = strlen(text);
    snprintf(text + n, sizeof(text) - n, ": %s", strerror_r(sys_errno, reason, sizeof(reason)));
    return keep(code_of_errno(sys_errno), text);
}

int err_prefix(int code, const char *format, ...)
{
    char prefix[ERR_MESSAGE_BYTES / 2];
    va_list ap;
    va_start(ap, format);
    vsnprintf(prefix, sizeof(prefix), format, ap);
    va_end(ap);
    return err_set((enum err)code, "%s: %s", prefix,
                   message[0] ? message : errors[number_of(code)].text);
}

const char *err_message(int code)
{
    return message[0] && (code == 0 || message_code == code) ? message
                                                             : errors[number_of(code)].text;
}

void err_clear(void)
{
    message[0] = '\0';
    message_code = 0;
}

void err_copy_message(int code, char *ret_text, size_t n_bytes)
{
    copy_shortened(ret_text, n_bytes, err_message(code));
}

const char *err_name(int code)
{
    return errors[number_of(code)].name;
}

int err_exit_status(int code)
{
    return errors[number_of(code)].exit_status;
}

int err_http_status(int code)
{
    return errors[number_of(code)].http_status;
}

bool err_may_retry(int code)
{
    return errors[number_of(code)].retry;
}
