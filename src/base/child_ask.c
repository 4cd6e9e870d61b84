// SPDX-License-Identifier: Apache-2.0
// child_ask.c - one question to a child, one answer of any length.
//
// The answer's bytes lie in memory that the child made and sent as a descriptor; they are read, not
// mapped, so a child that cuts it meanwhile gives a short read and nothing worse.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

enum {
    LOOK_MS = 200, // how often who may be stopped looks whether it is
};

struct answer_message {
    int64_t n;      // bytes of the answer
    int32_t result; // 0 or an error code
    char message[ERR_MESSAGE_BYTES];
};

int child_error(int code)
{
    switch (code) {
    case ERR_AGAIN:
    case ERR_BUSY:
        return ERR_NOMEM; // of the system's threads, files, ...
    case ERR_TIMEOUT:
        return ERR_IO;
    case ERR_CANCELLED:
    case ERR_CLOSED:
    case ERR_EOF:
    case ERR_EXISTS:
    case ERR_FORBIDDEN:
    case ERR_READONLY:
        return ERR_INTERNAL;
    default:
        return code <= 0 && code > -ERR_N_NUMBERS ? code : ERR_INTERNAL;
    }
}

static int read_answer(int fd, int64_t n, struct str_buf *out)
{
    char piece[4096];
    for (int64_t at = 0; at < n;) {
        ssize_t got = pread(fd, piece, (size_t)MIN(n - at, (int64_t)sizeof(piece)), at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set(ERR_MEDIA, "a child process cut its own answer");
        str_buf_add(out, piece, (size_t)got);
        at += got;
        if (str_buf_check(out) < 0)
            return out->failed;
    }
    return 0;
}

static int take_answer(const struct answer_message *m, size_t n, int fd, struct str_buf *out)
{
    if (n != sizeof(*m) || m->n < 0 || m->result != child_error(m->result))
        return err_set(ERR_MEDIA, "a child process answered nonsense");
    if (m->result < 0)
        return err_set((enum err)m->result, "%.*s", (int)sizeof(m->message) - 1, m->message);
    if (m->n == 0)
        return 0;
    return fd < 0 ? err_set(ERR_MEDIA, "a child process answered nonsense")
                  : read_answer(fd, m->n, out);
}

// A question, and what ends the waiting for its answer.
struct question {
    const void *bytes;
    size_t n;
    int fd;
    int64_t timeout_ns;
    const atomic_bool *stop; // NULL: none
};

static int await_answer(struct child *c, const struct question *q, struct answer_message *m,
                        size_t *n_got, int *answer_fd)
{
    if (!q->stop)
        return child_receive(c, q->timeout_ns, m, sizeof(*m), n_got, answer_fd);
    int64_t deadline_ns = clock_now_ns() + q->timeout_ns;
    int r = ERR_TIMEOUT;
    while (r == ERR_TIMEOUT && clock_now_ns() < deadline_ns) {
        if (atomic_load(q->stop))
            return err_set(ERR_CANCELLED, "cancelled");
        r = child_receive(c, LOOK_MS * CLOCK_NS_PER_MS, m, sizeof(*m), n_got, answer_fd);
    }
    return r;
}

static int ask(struct child *c, const struct question *q, struct str_buf *out)
{
    struct answer_message m;
    size_t n_got = 0;
    int answer_fd = -1;
    int r = child_send(c, q->bytes, q->n, q->fd);
    if (r == 0)
        r = await_answer(c, q, &m, &n_got, &answer_fd);
    if (r < 0)
        return r;
    r = take_answer(&m, n_got, answer_fd, out);
    if (answer_fd >= 0)
        close(answer_fd);
    return r;
}

static int ask_child(const char *program, const char *kind, const struct child_limits *limits,
                     const struct question *q, struct str_buf *ret_answer)
{
    struct child *c = NULL;
    int r = child_start(program, kind, limits, &c);
    if (r == ERR_CLOSED) // it ended before it had read what it may do
        return err_set(ERR_MEDIA, "%s", err_message(r));
    if (r < 0)
        return r;
    r = ask(c, q, ret_answer);
    if (r == ERR_TIMEOUT || r == ERR_CANCELLED) {
        child_kill(c);
        IGNORE(child_finish(&c));
        if (r == ERR_CANCELLED)
            return err_set(ERR_CANCELLED, "cancelled");
        return err_set(ERR_MEDIA, "was not done after %.0f s and was ended",
                       (double)q->timeout_ns / (double)CLOCK_NS_PER_S);
    }
    int ended = child_finish(&c);
    if (r == ERR_CLOSED)
        return ended == ERR_NOMEM
                   ? ended
                   : err_set(ERR_MEDIA, "%s",
                             ended < 0 ? err_message(ended) : "ended without an answer");
    return r;
}

int child_ask(const char *program, const char *kind, const struct child_limits *limits,
              const void *request, size_t n, int fd, int64_t timeout_ns, struct str_buf *ret_answer)
{
    const struct question q = {.bytes = request, .n = n, .fd = fd, .timeout_ns = timeout_ns};
    return ask_child(program, kind, limits, &q, ret_answer);
}

int child_ask_until(const char *program, const char *kind, const struct child_limits *limits,
                    const void *request, size_t n, int64_t timeout_ns, const atomic_bool *stop,
                    struct str_buf *ret_answer)
{
    const struct question q = {
        .bytes = request, .n = n, .fd = -1, .timeout_ns = timeout_ns, .stop = stop};
    return ask_child(program, kind, limits, &q, ret_answer);
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_set_errno(errno, "answer of a child process");
        bytes += put;
        n -= (size_t)put;
    }
    return 0;
}

static int send_answer(int socket, int result, const struct str_buf *answer)
{
    struct answer_message m = {.result = child_error(result)};
    int fd = -1;
    if (result < 0) {
        err_copy_message(result, m.message, sizeof(m.message));
    } else if (answer->n > 0) {
        fd = memfd_create("answer", MFD_CLOEXEC);
        int r = fd < 0 ? err_set_errno(errno, "answer of a child process")
                       : write_all(fd, answer->p, answer->n);
        if (r < 0)
            return r;
        m.n = (int64_t)answer->n;
    }
    int r = child_send_to(socket, &m, sizeof(m), fd);
    if (fd >= 0)
        close(fd);
    return r;
}

int child_answer(int socket, size_t max_answer,
                 int (*answer)(const void *request, size_t n, int fd, struct str_buf *ret_answer))
{
    char request[CHILD_MAX_MESSAGE];
    size_t n;
    int fd;
    int r = child_receive_from(socket, INT64_MAX, request, sizeof(request), &n, &fd);
    if (r < 0)
        return r;
    struct str_buf out = STR_BUF_INIT(max_answer);
    r = answer(request, n, fd, &out);
    if (r == 0)
        r = str_buf_check(&out);
    r = send_answer(socket, r, &out);
    str_buf_finish(&out);
    if (fd >= 0)
        close(fd);
    return r;
}
