// SPDX-License-Identifier: Apache-2.0
// test_child.c - a confined child: what it may do, what it may not, and how its end is told.
//
// The children are this very program, run as `PROGRAM child KIND`.

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log_keep.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    DEADLINE_S = 60,
    LONG_ANSWER = 300 * 1000,
    MANY_MESSAGES = 100 * 1000, // more than a socket holds
};

#define SOON (10 * CLOCK_NS_PER_S)

// --- what children do

static int answer_back(const void *request, size_t n, int fd, struct str_buf *out)
{
    str_buf_add(out, request, n);
    char c;
    while (fd >= 0 && read(fd, &c, 1) == 1)
        str_buf_putc(out, c);
    return 0;
}

static int answer_long(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)request;
    (void)n;
    (void)fd;
    for (int i = 0; i < LONG_ANSWER; i++)
        str_buf_putc(out, (char)('a' + i % 26));
    return 0;
}

static int answer_error(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    (void)out;
    return err_set(ERR_MEDIA, "%.*s: no video stream", (int)n, (const char *)request);
}

// As its request says: a number of err.h.
static int answer_code(const void *request, size_t n, int fd, struct str_buf *out)
{
    int64_t number = 0;
    (void)fd;
    (void)out;
    int r = str_to_i64((struct str){(const char *)request, n}, &number);
    return r < 0 ? r : err_set((enum err) - number, "of the child's own");
}

// One word for each thing that was refused.
static int answer_tries(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)n;
    (void)fd;
    const char *path = (const char *)request;
    int file = open(path, O_RDONLY);
    str_buf_puts(out, file >= 0 ? "read " : "");
    if (file >= 0)
        close(file);
    file = open(path, O_WRONLY);
    str_buf_puts(out, file < 0 ? "no-write " : "");
    file = open("new.file", O_WRONLY | O_CREAT, 0600);
    str_buf_puts(out, file < 0 ? "no-create " : "");
    str_buf_puts(out, socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? "no-socket " : "");
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    str_buf_puts(out, pid < 0 ? "no-fork " : "");
    str_buf_puts(out, unlink(path) < 0 && errno == EPERM ? "no-unlink" : "");
    return 0;
}

static int run_echo(int socket)
{
    return child_answer(socket, 1 * MIB, answer_back);
}

static int run_long(int socket)
{
    return child_answer(socket, 1 * MIB, answer_long);
}

static int run_too_long(int socket)
{
    return child_answer(socket, 1000, answer_long);
}

static int run_error(int socket)
{
    return child_answer(socket, 1 * MIB, answer_error);
}

static int run_code(int socket)
{
    return child_answer(socket, 1 * MIB, answer_code);
}

static int run_tries(int socket)
{
    return child_answer(socket, 1 * MIB, answer_tries);
}

static int run_crash(int socket)
{
    (void)socket;
    (void)signal(SIGSEGV, SIG_DFL); // a sanitizer would have it
    raise(SIGSEGV);
    return 0;
}

static int run_hang(int socket)
{
    (void)socket;
    pause(); // its signals are ignored or deadly
    return 0;
}

static int run_greedy(int socket)
{
    (void)socket;
    return mem_calloc(1, 3 * GIB) ? 0 : ERR_NOMEM;
}

static int run_liar(int socket)
{
    char request[16];
    size_t n = 0;
    int fd = -1;
    int r = child_receive_from(socket, INT64_MAX, request, sizeof(request), &n, &fd);
    return r < 0 ? r : child_send_to(socket, "nonsense", 8, -1);
}

// As a failed assertion does it, a line of NULs, a line that was never ended, and bytes that no log
// should have.
static int run_last_words(int socket)
{
    static const char nothing[40];
    (void)write(STDERR_FILENO, nothing, sizeof(nothing));
    (void)write(STDERR_FILENO, "\n", 1);
    (void)write(STDERR_FILENO, "child.c:12: assertion\n\n", 23);
    (void)write(STDOUT_FILENO, "\x1b[31mred\r\nunended", 17);
    return run_crash(socket);
}

// More than there is room for, and all is well nevertheless.
static int run_flood(int socket)
{
    static const char line[] = "0123456789abcdef0123456789abcdef\n";
    size_t n = 0;
    for (int i = 0; i < 1000 * 1000 / (int)sizeof(line); i++)
        n += write(STDERR_FILENO, line, sizeof(line) - 1) > 0;
    return n * sizeof(line) <= 2 * (size_t)CHILD_SAID_BYTES ? run_echo(socket) : ERR_INTERNAL;
}

// What base/child_ask.c sends, without its care.
static int run_liar_code(int socket)
{
    struct {
        int64_t n;
        int32_t result;
        char message[ERR_MESSAGE_BYTES];
    } m = {.message = "of the child's own"};
    char number[16] = "";
    size_t n = 0;
    int fd = -1;
    int r = child_receive_from(socket, INT64_MAX, number, sizeof(number) - 1, &n, &fd);
    m.result = -(int32_t)strtol(number, NULL, 10);
    return r < 0 ? r : child_send_to(socket, &m, sizeof(m), -1);
}

static const struct child_kind kinds[] = {
    {"last-words", run_last_words},
    {"flood", run_flood},
    {"echo", run_echo},
    {"long", run_long},
    {"too-long", run_too_long},
    {"error", run_error},
    {"tries", run_tries},
    {"crash", run_crash},
    {"hang", run_hang},
    {"greedy", run_greedy},
    {"liar", run_liar},
    {"code", run_code},
    {"liar-code", run_liar_code},
};

// --- rows

static void test_echo(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], " and more", 9), 9);
    close(ends[1]);
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    assert_int_equal(
        child_ask(NULL, "echo", &(struct child_limits){0}, "words", 5, ends[0], SOON, &out), 0);
    assert_string_equal(str_buf_text(&out), "words and more");
    close(ends[0]);
    str_buf_finish(&out);
}

static void test_long_answer(void **state)
{
    (void)state;
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    assert_int_equal(child_ask(NULL, "long", &(struct child_limits){0}, "?", 1, -1, SOON, &out), 0);
    assert_int_equal(out.n, LONG_ANSWER);
    assert_int_equal(out.p[LONG_ANSWER - 1], 'a' + (LONG_ANSWER - 1) % 26);
    str_buf_finish(&out);
    struct str_buf small = STR_BUF_INIT(100);
    assert_int_equal(child_ask(NULL, "long", &(struct child_limits){0}, "?", 1, -1, SOON, &small),
                     ERR_TOO_BIG);
    str_buf_finish(&small);
}

struct failing_row {
    const char *kind;
    const char *request;
    int error;
    const char *message; // part of it
};

static const struct failing_row failing_rows[] = {
    {"error", "clip.mp4", ERR_MEDIA, "clip.mp4: no video stream"},
    {"too-long", "?", ERR_TOO_BIG, ""},
    {"crash", "?", ERR_MEDIA, "crashed (SIGSEGV)"},
    {"liar", "?", ERR_MEDIA, "nonsense"},
    // It may be gone before it is told what it may do.
    {"no-such-kind", "?", ERR_MEDIA, "could not be confined"},
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(failing_rows); i++) {
        const struct failing_row *row = &failing_rows[i];
        struct str_buf out = STR_BUF_INIT(1 * MIB);
        int r = child_ask(NULL, row->kind, &(struct child_limits){0}, row->request,
                          strlen(row->request), -1, SOON, &out);
        // A child that is gone before it was asked refuses the question instead.
        if (r != row->error || !strstr(err_message(r), row->message))
            fail_msg("%s: %d, %s", row->kind, r, err_message(r));
        str_buf_finish(&out);
    }
}

// Runs a child of *kind* and gives what was logged for whoever asked it, as JSON (owned).
static char *said_by(const char *kind, int error)
{
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    struct str_buf json = STR_BUF_INIT(1 * MIB);
    struct json_writer w;
    struct log_keep *k;
    assert_int_equal(log_keep_create(NULL, &k), 0);
    log_set_about((struct log_about){.name = "task", .id = "01X", .keep = k});
    log_setup(LOG_ERROR, LOG_FORMAT_TEXT);
    int r = child_ask(NULL, kind, &(struct child_limits){0}, "words", 5, -1, SOON, &out);
    log_setup(LOG_UNSET, LOG_FORMAT_TEXT);
    log_set_about((struct log_about){0});
    assert_int_equal(r, error);
    json_writer_init(&w, &json);
    log_keep_put(k, &w);
    log_keep_destroy(k);
    str_buf_finish(&out);
    return str_buf_take(&json);
}

static void test_what_it_said_is_logged(void **state)
{
    (void)state;
    char *said = said_by("last-words", ERR_MEDIA);
    const char *wanted[] = {
        "\"level\":\"warning\",\"message\":\"child last-words: child.c:12: assertion\"}",
        "\"message\":\"child last-words: ?[31mred\"}", "\"message\":\"child last-words: unended"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(said, wanted[i]))
            fail_msg("%s is not in %s", wanted[i], said);
    mem_free(said);
    said = said_by("echo", 0);
    assert_string_equal(said, "{\"left_out\":0,\"lines\":[]}");
    mem_free(said);
    said = said_by("flood", 0);
    assert_non_null(strstr(said, "lines in all, in the server's log the first 200\"}]}"));
    int n_lines = 0;
    for (const char *at = strstr(said, "flood: 0"); at; at = strstr(at + 1, "flood: 0"))
        n_lines++;
    assert_int_equal(n_lines, CHILD_KEPT_LINES);
    mem_free(said);
}

// Which errors of a child are its parent's as they are: its own state is not the child's to say.
// The same said without child_answer() is a lie.
static void test_codes(void **state)
{
    (void)state;
    static const struct {
        int said;
        int told;
    } rows[] = {
        {ERR_AGAIN, ERR_NOMEM},        {ERR_BUSY, ERR_NOMEM},
        {ERR_CANCELLED, ERR_INTERNAL}, {ERR_CLOSED, ERR_INTERNAL},
        {ERR_CONFLICT, ERR_CONFLICT},  {ERR_DATA, ERR_DATA},
        {ERR_EOF, ERR_INTERNAL},       {ERR_EXISTS, ERR_INTERNAL},
        {ERR_FORBIDDEN, ERR_INTERNAL}, {ERR_IO, ERR_IO},
        {ERR_MODEL, ERR_MODEL},        {ERR_NOMEM, ERR_NOMEM},
        {ERR_NOSPACE, ERR_NOSPACE},    {ERR_NOT_FOUND, ERR_NOT_FOUND},
        {ERR_READONLY, ERR_INTERNAL},  {ERR_TIMEOUT, ERR_IO},
        {ERR_TOO_BIG, ERR_TOO_BIG},    {ERR_UNSUPPORTED, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct child_limits none = {0};
        struct str_buf out = STR_BUF_INIT(1 * MIB);
        char number[16];
        size_t n = (size_t)snprintf(number, sizeof(number), "%d", -rows[i].said);
        int r = child_ask(NULL, "code", &none, number, n, -1, SOON, &out);
        if (r != rows[i].told || strcmp(err_message(r), "of the child's own") != 0)
            fail_msg("%s: %d, %s", err_name(rows[i].said), r, err_message(r));
        r = child_ask(NULL, "liar-code", &none, number, n, -1, SOON, &out);
        bool is_lie = rows[i].said != rows[i].told;
        if (r != (is_lie ? ERR_MEDIA : rows[i].told) ||
            (is_lie && !strstr(err_message(r), "nonse")))
            fail_msg("%s, a lie: %d, %s", err_name(rows[i].said), r, err_message(r));
        str_buf_finish(&out);
    }
}

static void test_hanging(void **state)
{
    (void)state;
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    int r =
        child_ask(NULL, "hang", &(struct child_limits){0}, "?", 1, -1, CLOCK_NS_PER_S / 5, &out);
    assert_int_equal(r, ERR_MEDIA);
    assert_non_null(strstr(err_message(r), "not done after"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // nobody is left
    str_buf_finish(&out);
}

static void test_stopped(void **state)
{
    (void)state;
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    atomic_bool stop = false;
    const struct child_limits none = {0};
    assert_int_equal(child_ask_until(NULL, "echo", &none, "words", 5, SOON, &stop, &out), 0);
    assert_string_equal(str_buf_text(&out), "words");
    atomic_store(&stop, true);
    assert_int_equal(child_ask_until(NULL, "hang", &none, "?", 1, SOON, &stop, &out),
                     ERR_CANCELLED);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // nobody is left
    str_buf_finish(&out);
}

// By somebody else: another try may go well, so it is told apart from what the child did itself.
static void test_killed(void **state)
{
    (void)state;
    const struct child_limits rows[] = {{.cpu_seconds = 0}, {.cpu_seconds = 100}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct child *c;
        assert_int_equal(child_start(NULL, "hang", &rows[i], &c), 0);
        kill(child_pid(c), SIGKILL);
        assert_int_equal(child_finish(&c), ERR_NOMEM);
        assert_non_null(strstr(err_message(ERR_NOMEM), "was killed"));
    }
}

static void test_memory(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip();
#endif
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    struct child_limits limits = {.max_memory = (int64_t)(2 * GIB)};
    int r = child_ask(NULL, "greedy", &limits, "?", 1, -1, SOON, &out);
    assert_int_equal(r, ERR_MEDIA);
    assert_non_null(strstr(err_message(r), "ran out of the memory"));
    str_buf_finish(&out);
}

static void test_confined(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-child-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct str_buf out = STR_BUF_INIT(1 * MIB);
    struct child_limits limits = {.readable = {path}};
    assert_int_equal(child_ask(NULL, "tries", &limits, path, sizeof(path), -1, SOON, &out), 0);
    assert_string_equal(str_buf_text(&out), "read no-write no-create no-socket no-fork no-unlink");
    assert_true(file_exists(path));
    str_buf_reset(&out);
    limits.readable[0] = NULL;
    assert_int_equal(child_ask(NULL, "tries", &limits, path, sizeof(path), -1, SOON, &out), 0);
    // Without Landlock in the kernel reading is not refused; the rest is.
    assert_non_null(strstr(str_buf_text(&out), "no-write no-create no-socket no-fork no-unlink"));
    if (access("/sys/kernel/security/landlock", F_OK) == 0)
        assert_null(strstr(str_buf_text(&out), "read "));
    unlink(path);
    str_buf_finish(&out);
}

static void test_many_at_once(void **state)
{
    (void)state;
    struct child *children[8];
    char reply[4096];
    size_t n;
    int fd;
    for (size_t i = 0; i < ARRAY_LEN(children); i++)
        assert_int_equal(child_start(NULL, "echo", &(struct child_limits){0}, &children[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(children); i++)
        assert_int_equal(child_send(children[i], "x", 1, -1), 0);
    for (size_t i = 0; i < ARRAY_LEN(children); i++) {
        assert_int_equal(child_receive(children[i], SOON, reply, sizeof(reply), &n, &fd), 0);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(child_finish(&children[i]), 0);
    }
}

static void send_descriptors(int socket, size_t n_fds)
{
    union {
        char bytes[CMSG_SPACE(3 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    const int fds[3] = {socket, socket, socket};
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static int free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

// One descriptor goes along with a message; none of more than that is left open.
static void test_descriptors(void **state)
{
    (void)state;
    for (size_t n_fds = 0; n_fds <= 3; n_fds++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
        send_descriptors(ends[1], n_fds);
        int before = free_descriptor();
        char byte;
        size_t n = 0;
        int fd = -1;
        assert_int_equal(child_receive_from(ends[0], SOON, &byte, 1, &n, &fd), 0);
        assert_int_equal(n, 1);
        assert_int_equal(fd >= 0, n_fds == 1);
        if (fd >= 0)
            close(fd);
        assert_int_equal(free_descriptor(), before);
        close(ends[0]);
        close(ends[1]);
    }
}

static void test_try_send(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    int r = 0;
    for (int i = 0; i < MANY_MESSAGES && r == 0; i++)
        r = child_try_send_to(ends[0], "x", 1);
    assert_int_equal(r, ERR_AGAIN);
    close(ends[1]);
    assert_int_equal(child_try_send_to(ends[0], "x", 1), ERR_CLOSED);
    close(ends[0]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        _exit(child_main(argv[2], kinds, ARRAY_LEN(kinds)));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),         cmocka_unit_test(test_long_answer),
        cmocka_unit_test(test_failures),     cmocka_unit_test(test_hanging),
        cmocka_unit_test(test_stopped),      cmocka_unit_test(test_killed),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_confined),
        cmocka_unit_test(test_many_at_once), cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_try_send),     cmocka_unit_test(test_what_it_said_is_logged),
        cmocka_unit_test(test_codes),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
