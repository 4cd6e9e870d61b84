// SPDX-License-Identifier: Apache-2.0
// err.h - one error model: 0 or a negative code from err.def, and one message, kept per thread.
//
// The message is set where the error happened and names the object: "clip.mp4: no video stream".
// Rooms return; the owner of the thread or request prints err_message() once.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum err_number {
    ERR_NUMBER_NONE,
#define X(code, exit_status, http_status, retry, text) ERR_NUMBER_##code,
#include "base/err.def"
#undef X
    ERR_N_NUMBERS
};

enum err {
    ERR_NONE = 0,
#define X(code, exit_status, http_status, retry, text) ERR_##code = -ERR_NUMBER_##code,
#include "base/err.def"
#undef X
};

enum {
    ERR_MESSAGE_BYTES = 1024, // longer messages lose their middle: object and cause stay
};

// Keeps the message for this thread and returns *code* as it is, so that a failure is one line:
// `return err_set(ERR_DATA, "%s: line %d: ...", path, line)`. Control characters of outside text
// are replaced by '?'.
int err_set(enum err code, const char *format, ...) PRINTF_LIKE(2, 3);
int err_set_v(enum err code, const char *format, va_list ap) PRINTF_LIKE(2, 0);

// As err_set(), with ": " and the text of errno value *sys_errno* behind; ENOSPC/EDQUOT, ENOMEM,
// ENOENT become their own codes, everything else ERR_IO.
int err_set_errno(int sys_errno, const char *format, ...) PRINTF_LIKE(2, 3);

// Puts "prefix: " before this thread's message and returns *code*, which becomes the message's: for
// callers that know the object.
int err_prefix(int code, const char *format, ...) PRINTF_LIKE(2, 3);

// This thread's last message if it was set for *code*, else the code's own text: an old message
// never explains a new error. With *code* 0 the last message, whatever it was set for. Never NULL.
const char *err_message(int code);
void err_clear(void);

// Carries an error to another thread: copies this thread's message; err_set(code, "%s", text)
// there.
void err_copy_message(int code, char *ret_text, size_t n_bytes);

const char *err_name(int code); // "NOT_FOUND"
int err_exit_status(int code);  // 0, 2, 3 or 130
int err_http_status(int code);
bool err_may_retry(int code);
