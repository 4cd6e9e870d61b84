// SPDX-License-Identifier: Apache-2.0
// err.c - the error table and the message of each thread.

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

// File names, labels and library texts go to terminals and logs: no control characters get there,
// neither of ASCII nor U+0080..U+009F, which terminals obey as well. A sequence of UTF-8 that the
// buffer's end cut is dropped.
static void make_printable(char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0 && (unsigned char)s[i + 1] >= 0x80)
            s[i] = s[i + 1] = '?';
        else if (c < 0x20 || c == 0x7f)
            s[i] = '?';
    }
    if (n + 1 < ERR_MESSAGE_BYTES)
        return;
    size_t end = n;
    while (end > 0 && n - end < 3 && ((unsigned char)s[end - 1] & 0xc0) == 0x80)
        end--;
    if (end > 0 && (unsigned char)s[end - 1] >= 0xc0)
        s[end - 1] = '\0';
}

int err_set_v(enum err code, const char *format, va_list ap)
{
    char text[ERR_MESSAGE_BYTES]; // arguments may point into the old message
    vsnprintf(text, sizeof(text), format, ap);
    make_printable(text);
    memcpy(message, text, sizeof(message));
    message_code = code;
    return code;
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
    va_list ap;
    va_start(ap, format);
    err_set_v(ERR_IO, format, ap);
    va_end(ap);

    char reason[128];
    size_t n = strlen(message);
    snprintf(message + n, sizeof(message) - n, ": %s",
             strerror_r(sys_errno, reason, sizeof(reason)));
    message_code = code_of_errno(sys_errno);
    return message_code;
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
    snprintf(ret_text, n_bytes, "%s", err_message(code));
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
