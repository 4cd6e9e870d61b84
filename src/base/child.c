// SPDX-License-Identifier: Apache-2.0
// child.c - starting, talking to and ending a confined child.
//
// INVARIANTS
// (1) The first message of every child is its limits; it confines itself before it reads another.
// (2) The child's socket is descriptor CHILD_SOCKET, everything above it is closed at its start.

#include "base/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/confine.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

extern char **environ;

enum {
    CHILD_SOCKET = 3,
    KIND_BYTES = 32,
    GRACE_MS = 2000, // for a child to end by itself once its socket is closed
    GRACE_STEP_MS = 1,
    EXIT_CONFINE = 71, // it could not confine itself
    EXIT_MEMORY = 72,
};

struct child {
    // --- constant after start
    pid_t pid;
    int socket;
    int said; // its standard error
    char kind[KIND_BYTES];
    int64_t cpu_seconds;
    bool was_killed; // by us
    double cpu_used; // seconds, once it ended
};

// The limits as they travel: the paths one after the other.
struct start_message {
    int64_t max_memory;
    int64_t cpu_seconds;
    int32_t max_files;
    int32_t niceness;
    int32_t network;
    int32_t n_readable;
    int32_t has_writable;
    char paths[CHILD_MAX_READABLE + 1][CHILD_MAX_PATH];
};

// --- the parent's side

static int pack_limits(const struct child_limits *l, struct start_message *m)
{
    *m = (struct start_message){.max_memory = l->max_memory,
                                .cpu_seconds = l->cpu_seconds,
                                .max_files = l->max_files,
                                .niceness = l->niceness,
                                .network = l->network,
                                .has_writable = l->writable != NULL};
    const char *paths[CHILD_MAX_READABLE + 1] = {0};
    size_t n = 0;
    while (n < CHILD_MAX_READABLE && l->readable[n]) {
        paths[n] = l->readable[n];
        n++;
    }
    m->n_readable = (int32_t)n;
    if (l->writable)
        paths[n++] = l->writable;
    for (size_t i = 0; i < n; i++) {
        if (strlen(paths[i]) >= CHILD_MAX_PATH)
            return err_set(ERR_INVALID, "%s: path is too long", paths[i]);
        memcpy(m->paths[i], paths[i], strlen(paths[i]) + 1);
    }
    return 0;
}

// Of a size that whoever has it cannot change.
static int make_said(int *ret_fd)
{
    int fd = memfd_create("stderr", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, CHILD_SAID_BYTES) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0) {
        *ret_fd = fd;
        return 0;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    return err_set_errno(error, "standard error of a child process");
}

// Into the log, and its first lines into what is kept for whom this thread works: there must be
// room for what they said themselves.
static int64_t log_lines(const char *context, struct str rest)
{
    const struct log_about about = log_get_about();
    struct str line;
    int64_t n_lines = 0;
    while (str_line(&rest, &line)) {
        line = str_trim(line);
        bool is_empty = line.n == 0 || line.p[0] == '\0'; // where it wrote with a gap
        n_lines += !is_empty;
        if (n_lines == CHILD_KEPT_LINES + 1)
            log_set_about((struct log_about){.name = about.name, .id = about.id});
        if (!is_empty && n_lines <= CHILD_SAID_LINES)
            log_warning(context, STR_FMT, STR_ARG(line));
    }
    log_set_about(about);
    return n_lines;
}

// Once nobody writes any more. Where its position is, is the child's word.
static void log_said(const struct child *c)
{
    char context[KIND_BYTES + 16];
    int64_t end = lseek(c->said, 0, SEEK_CUR);
    size_t n = (size_t)MAX(MIN(end, (int64_t)CHILD_SAID_BYTES), 0);
    char *text = n > 0 ? mem_array(char, n) : NULL;
    ssize_t got = text ? pread(c->said, text, n, 0) : 0;
    snprintf(context, sizeof(context), "child %s", c->kind);
    int64_t n_lines = log_lines(context, (struct str){text, got > 0 ? (size_t)got : 0});
    if (n_lines > CHILD_KEPT_LINES)
        log_warning(context, "%lld lines in all, in the server's log the first %d",
                    (long long)n_lines, (int)MIN(n_lines, (int64_t)CHILD_SAID_LINES));
    mem_free(text);
}

static int spawn(const struct child *c, const char *program, int socket, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return err_set(ERR_NOMEM, "child process: out of memory");
    int e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&actions, c->said, STDOUT_FILENO);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&actions, c->said, STDERR_FILENO);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&actions, socket, CHILD_SOCKET);
    // posix_spawn() only reads its arguments; its interface is older than const.
    union {
        const char *in[4];
        char *out[4];
    } arguments = {.in = {"assay", "child", c->kind, NULL}};
    if (e == 0)
        e = posix_spawn(ret_pid, program ? program : "/proc/self/exe", &actions, NULL,
                        arguments.out, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (e == EAGAIN)
        return err_set(ERR_BUSY, "child process: the system has no room for more processes");
    return e == 0 ? 0 : err_set_errno(e, "%s: child process", program ? program : "this program");
}

// A socket that is CHILD_SOCKET already would keep its close-on-exec flag through the dup2().
static int socket_pair(int ret_sockets[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_sockets) < 0)
        return err_set_errno(errno, "socket to a child process");
    if (ret_sockets[1] != CHILD_SOCKET)
        return 0;
    int moved = fcntl(ret_sockets[1], F_DUPFD_CLOEXEC, CHILD_SOCKET + 1);
    int error = errno;
    close(ret_sockets[1]);
    ret_sockets[1] = moved;
    if (moved >= 0)
        return 0;
    close(ret_sockets[0]);
    return err_set_errno(error, "socket to a child process");
}

static int start(struct child *c, const char *program, const struct start_message *m)
{
    int sockets[2];
    int r = make_said(&c->said);
    if (r == 0)
        r = socket_pair(sockets);
    if (r < 0)
        return r;
    r = spawn(c, program, sockets[1], &c->pid);
    close(sockets[1]);
    c->socket = sockets[0];
    if (r == 0)
        r = child_send_to(c->socket, m, sizeof(*m), -1);
    return r;
}

static int explain_end(const struct child *c, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MEMORY)
        return err_set(ERR_INTERNAL, "ran out of the memory that it may use");
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFINE)
        return err_set(ERR_INTERNAL, "could not be confined");
    if (WIFEXITED(status))
        return err_set(ERR_INTERNAL, "ended with status %d", WEXITSTATUS(status));
    int number = WTERMSIG(status);
    if (c->was_killed && number == SIGKILL)
        return 0;
    bool is_used_up = c->cpu_seconds > 0 && c->cpu_used >= 0.9 * (double)c->cpu_seconds;
    if (number == SIGXCPU || (number == SIGKILL && is_used_up))
        return err_set(ERR_INTERNAL, "used up its %lld s of CPU time", (long long)c->cpu_seconds);
    if (number == SIGKILL)
        return err_set(ERR_NOMEM, "was killed, as the system does when memory is short");
    const char *name = sigabbrev_np(number);
    return err_set(ERR_INTERNAL, "crashed (SIG%s)", name ? name : "?");
}

// A child that could not be told its limits: gone with all that it said.
static int give_up(struct child *c, int r)
{
    char message[ERR_MESSAGE_BYTES];
    int status = 0;
    err_copy_message(r, message, sizeof(message));
    kill(c->pid, SIGKILL); // c->was_killed stays: one that closed its end before ended by itself
    (void)waitpid(c->pid, &status, 0);
    log_said(c);
    if (r != ERR_CLOSED)
        return err_set((enum err)r, "%s", message);
    int ended = explain_end(c, status);
    if (ended == ERR_NOMEM)
        return ended;
    return err_set(ERR_CLOSED, "%s", ended < 0 ? err_message(ended) : "ended without an answer");
}

int child_start(const char *program, const char *kind, const struct child_limits *limits,
                struct child **ret_child)
{
    struct start_message *m = mem_new(struct start_message);
    struct child *c = mem_new(struct child);
    int r = m && c ? pack_limits(limits, m) : ERR_NOMEM;
    if (r == 0) {
        c->socket = c->said = -1;
        c->cpu_seconds = limits->cpu_seconds;
        assert(strlen(kind) < KIND_BYTES);
        snprintf(c->kind, sizeof(c->kind), "%s", kind);
        r = start(c, program, m);
        if (r < 0 && c->pid > 0)
            r = give_up(c, r);
        if (r < 0 && c->socket >= 0)
            close(c->socket);
        if (r < 0 && c->said >= 0)
            close(c->said);
    }
    mem_free(m);
    if (r < 0) {
        mem_free(c);
        return r;
    }
    *ret_child = c;
    return 0;
}

int child_send(struct child *c, const void *bytes, size_t n, int fd)
{
    return child_send_to(c->socket, bytes, n, fd);
}

int child_try_send(struct child *c, const void *bytes, size_t n)
{
    return child_try_send_to(c->socket, bytes, n);
}

int child_receive(struct child *c, int64_t timeout_ns, void *ret_bytes, size_t max, size_t *ret_n,
                  int *ret_fd)
{
    return child_receive_from(c->socket, timeout_ns, ret_bytes, max, ret_n, ret_fd);
}

void child_kill(struct child *c)
{
    c->was_killed = true;
    kill(c->pid, SIGKILL);
}

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

// Waits up to GRACE_MS; then there is no more asking.
static int await_end(struct child *c)
{
    int status = 0;
    struct rusage used = {0};
    for (int waited_ms = 0;; waited_ms += GRACE_STEP_MS) {
        pid_t pid = wait4(c->pid, &status, c->was_killed ? 0 : WNOHANG, &used);
        c->cpu_used = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
        if (pid == c->pid || (pid < 0 && errno != EINTR))
            return status;
        if (waited_ms >= GRACE_MS)
            child_kill(c);
        (void)poll(NULL, 0, GRACE_STEP_MS);
    }
}

int child_finish(struct child **pc)
{
    struct child *c = *pc;
    *pc = NULL;
    if (!c)
        return 0;
    close(c->socket);
    int status = await_end(c);
    log_said(c);
    close(c->said);
    int r = explain_end(c, status);
    mem_free(c);
    return r;
}

// --- the child's side

static int confine_as_told(void)
{
    struct start_message *m = mem_new(struct start_message);
    if (!m)
        return ERR_NOMEM;
    size_t n;
    int fd;
    int r = child_receive_from(CHILD_SOCKET, 10 * CLOCK_NS_PER_S, m, sizeof(*m), &n, &fd);
    if (r == 0 && (n != sizeof(*m) || m->n_readable < 0 || m->n_readable > CHILD_MAX_READABLE))
        r = err_set(ERR_INVALID, "a child process is started by assay itself");
    if (r == 0) {
        struct child_limits l = {.max_memory = m->max_memory,
                                 .cpu_seconds = m->cpu_seconds,
                                 .max_files = m->max_files,
                                 .niceness = m->niceness,
                                 .network = m->network != 0};
        for (int i = 0; i < m->n_readable; i++)
            l.readable[i] = m->paths[i];
        if (m->has_writable)
            l.writable = m->paths[m->n_readable];
        r = confine(&l);
    }
    mem_free(m);
    return r;
}

int child_main(const char *kind, const struct child_kind *kinds, size_t n_kinds)
{
    const struct child_kind *k = NULL;
    for (size_t i = 0; i < n_kinds; i++)
        if (strcmp(kinds[i].name, kind) == 0)
            k = &kinds[i];
    // A terminal's Ctrl-C reaches the whole group; the parent decides what it means.
    (void)signal(SIGINT, SIG_IGN);
    if (close_range(CHILD_SOCKET + 1, ~0U, 0) < 0 || !k || confine_as_told() < 0) {
        fprintf(stderr, "assay child: %s\n",
                k ? err_message(0) : "this command is for the program itself");
        return EXIT_CONFINE;
    }
    int r = k->run(CHILD_SOCKET);
    if (r == ERR_NOMEM)
        return EXIT_MEMORY;
    return r == 0 || r == ERR_CLOSED ? 0 : 1;
}
