// SPDX-License-Identifier: Apache-2.0
// child.h - the same program run once more, confined, to touch bytes that may crash it: a decoder
// of uploaded media, the first load of an uploaded model.
//
// Parent and child talk over one socket in whole messages, each with up to one file descriptor. A
// child starts with the socket and its standard streams and nothing else open, confines itself
// (see child_limits) before it looks at any outside byte, and dies with its parent.
//
// Standard error and standard output of a child are one memory of CHILD_SAID_BYTES: what a library,
// an assertion or a sanitizer said there is logged when the child is finished, for whatever that
// thread works on. A child that says more gets an error of the write, and goes on. Standard input
// is /dev/null.
//
// Ownership: whoever starts a child finishes it. Descriptors sent stay the sender's; those received
//   are the receiver's to close.
// Threads: start, receive and finish from one, which must live as long as the child (the kernel
//   ends a child with the thread that started it); send and kill from any.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"

struct str_buf;

enum {
    CHILD_MAX_MESSAGE = 60 * 1024, // bytes
    CHILD_MAX_READABLE = 4,
    CHILD_MAX_PATH = 4096,
    CHILD_SAID_BYTES = 64 * 1024,
    CHILD_SAID_LINES = 200, // logged; then how many there were
    CHILD_KEPT_LINES = 15,  // of them in what is kept of a thread's own log (base/log_keep.h)
};

// What the child may use. Zero: the default.
struct child_limits {
    int64_t max_memory;  // bytes of address space [4 GiB]; not enforced in sanitizer builds
    int64_t max_data;    // bytes that may be written to, touched or not [no limit]; likewise
    int64_t cpu_seconds; // [no limit]
    int max_files;       // open at once [64]
    int niceness;        // added to the parent's [5]
    bool network;        // may open sockets [no]
    // Files and directories (with all below) that it may read besides the system's own; NULL ends.
    // Where the kernel has no Landlock this is not enforced.
    const char *readable[CHILD_MAX_READABLE];
    // The one directory in which it may make and write files; NULL: it opens none for writing (what
    // it was sent a descriptor of it may still write).
    const char *writable;
};

struct child;

// Runs *program* (NULL: this one) as `PROGRAM child KIND`. ERR_NOMEM, ERR_BUSY (no more processes),
// ERR_IO. ERR_CLOSED: it ended at once, and the message says how.
int child_start(const char *program, const char *kind, const struct child_limits *limits,
                struct child **ret_child) MUST_CHECK;
// The whole message (1 to CHILD_MAX_MESSAGE bytes) or none; *fd* -1: none goes along. ERR_CLOSED:
// the child is gone. ERR_TOO_BIG.
int child_send(struct child *c, const void *bytes, size_t n, int fd) MUST_CHECK;
// The same without waiting for a child that leaves its messages unread: ERR_AGAIN.
int child_try_send(struct child *c, const void *bytes, size_t n) MUST_CHECK;
// The next message, at most CHILD_MAX_MESSAGE bytes into *ret_bytes*; *ret_fd* is -1 where none
// came along. ERR_TIMEOUT; ERR_CLOSED: the child ended, child_finish() says how.
int child_receive(struct child *c, int64_t timeout_ns, void *ret_bytes, size_t max, size_t *ret_n,
                  int *ret_fd) MUST_CHECK;
void child_kill(struct child *c);
pid_t child_pid(const struct child *c);
// Closes the socket, waits a little for the child to end by itself, else kills it; the pointer is
// nulled. 0: it ended well, or because it was told to. ERR_MEDIA is never returned: ERR_NOMEM where
// somebody killed it, which another try may escape; ERR_INTERNAL with "crashed (SIGSEGV)", "ran out
// of its memory", "used up its 30 s of CPU time".
int child_finish(struct child **pc);

// --- in the child

// Takes over from main() for `PROGRAM child KIND`: confines the process, then serves messages by
// the row of *kinds* that bears the name; returns the exit status. The program's own threads have
// not been started yet.
struct child_kind {
    const char *name;
    // Until it has done what it was asked. The socket is child_receive_from()'s and
    // child_send_to()'s.
    int (*run)(int socket);
};
int child_main(const char *kind, const struct child_kind *kinds, size_t n_kinds);
int child_send_to(int socket, const void *bytes, size_t n, int fd) MUST_CHECK;
int child_try_send_to(int socket, const void *bytes, size_t n) MUST_CHECK;
int child_receive_from(int socket, int64_t timeout_ns, void *ret_bytes, size_t max, size_t *ret_n,
                       int *ret_fd) MUST_CHECK;

// The code that a child sends for *code*: the same sort of failure (worth another try or not), but
// never one that is a state of who waits: cancelled, timed out, closed and the like. Each code that
// may be sent is its own child_error(); one that is not, is a lie.
int child_error(int code);

// --- one question, one answer

// Starts a child of *kind*, sends *request* (1 to CHILD_MAX_MESSAGE bytes) and *fd* (or -1), and
// puts its answer, of any length up to the buffer's max, into *ret_answer*. What the child answered
// as an error is this call's; a child that crashed, passed *timeout_ns* or answered what cannot be
// is ERR_MEDIA.
int child_ask(const char *program, const char *kind, const struct child_limits *limits,
              const void *request, size_t n, int fd, int64_t timeout_ns,
              struct str_buf *ret_answer) MUST_CHECK;
// The same, but the child is ended soon after *stop* became true: ERR_CANCELLED.
int child_ask_until(const char *program, const char *kind, const struct child_limits *limits,
                    const void *request, size_t n, int64_t timeout_ns, const atomic_bool *stop,
                    struct str_buf *ret_answer) MUST_CHECK;
// The child's side, to be used as a child_kind's run: receives the request, calls *answer*, sends
// what it put into the buffer (at most *max_answer* bytes), or its error with the message.
int child_answer(int socket, size_t max_answer,
                 int (*answer)(const void *request, size_t n, int fd, struct str_buf *ret_answer));
