// SPDX-License-Identifier: Apache-2.0
// child_message.c - whole messages between a parent and its child, each with up to one descriptor.
//
// INVARIANTS
// (1) Every descriptor that the other end sent is closed or the caller's, whatever it sent.

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"

static int send_whole(int socket, const void *bytes, size_t n, int fd, int flags)
{
    assert(n > 0); // an empty message looks like the end
    if (n > CHILD_MAX_MESSAGE)
        return err_set(ERR_TOO_BIG, "message of %zu bytes to a child process", n);
    // sendmsg() only reads what it is given; its interface is older than const.
    union {
        const void *in;
        void *out;
    } data = {.in = bytes};
    struct iovec part = {.iov_base = data.out, .iov_len = n};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | flags);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    if (errno == EPIPE || errno == ECONNRESET)
        return err_set(ERR_CLOSED, "the process at the other end is gone");
    if (errno == EAGAIN)
        return err_set(ERR_AGAIN, "the process at the other end reads nothing");
    return err_set_errno(errno, "message to another process");
}

int child_send_to(int socket, const void *bytes, size_t n, int fd)
{
    return send_whole(socket, bytes, n, fd, 0);
}

int child_try_send_to(int socket, const void *bytes, size_t n)
{
    return send_whole(socket, bytes, n, -1, MSG_DONTWAIT);
}

static int wait_readable(int socket, int64_t deadline_ns)
{
    for (;;) {
        int64_t left_ms = -1;
        if (deadline_ns != INT64_MAX) {
            left_ms = (deadline_ns - clock_now_ns() + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
            left_ms = MAX(left_ms, 0);
        }
        struct pollfd p = {.fd = socket, .events = POLLIN};
        int r = poll(&p, 1, (int)MIN(left_ms, INT32_MAX));
        if (r > 0)
            return 0;
        if (r == 0 && left_ms == 0)
            return ERR_TIMEOUT;
        if (r < 0 && errno != EINTR)
            return err_set_errno(errno, "waiting for another process");
    }
}

// The one descriptor that came along, or -1. More than one is nothing that we agreed on: the
// alignment of *control* leaves the kernel room for a second, and both would stay open for ever.
static int received_fd(struct msghdr *message)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(message);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return -1;
    int fd = -1;
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(fd);
    for (size_t i = 0; i < n; i++) {
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
        if (n > 1)
            close(fd);
    }
    return n == 1 ? fd : -1;
}

int child_receive_from(int socket, int64_t timeout_ns, void *ret_bytes, size_t max, size_t *ret_n,
                       int *ret_fd)
{
    int64_t now_ns = clock_now_ns();
    bool forever = timeout_ns > INT64_MAX - now_ns;
    int r = wait_readable(socket, forever ? INT64_MAX : now_ns + timeout_ns);
    if (r < 0)
        return r;
    struct iovec part = {.iov_base = ret_bytes, .iov_len = max};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t n;
    // ECONNRESET, once: the other end closed before it had read all of ours; what it sent is here.
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n < 0)
        return err_set_errno(errno, "message from another process");
    int fd = received_fd(&message);
    bool is_cut = (message.msg_flags & MSG_TRUNC) != 0;
    if ((n == 0 || is_cut) && fd >= 0)
        close(fd);
    if (n == 0)
        return err_set(ERR_CLOSED, "the process at the other end is gone");
    if (is_cut)
        return err_set(ERR_TOO_BIG, "a message of another process is longer than %zu bytes", max);
    *ret_n = (size_t)n;
    *ret_fd = fd;
    return 0;
}
