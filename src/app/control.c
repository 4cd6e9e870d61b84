// SPDX-License-Identifier: Apache-2.0
// control.c - the socket in the data directory: asking, and answering.

#include "app/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "store/store_audit.h"
#include "store/store_login.h"

enum {
    MAX_MESSAGE = 16 * 1024,
    WAIT_S = 10,
    BACKLOG = 8,
};
#define SOCKET_NAME "control"

struct control {
    struct store *store;
    struct api *api;
    struct thread thread;
    int listen_fd, stop_fd;
    char path[64 + sizeof(SOCKET_NAME)];
    int directory_fd;
};

static const char *const verbs[] = {
    [CONTROL_USER_ADD] = "user.create", [CONTROL_USER_PASSWORD] = "user.password"};

// ---- doing it

static int note(struct store *s, const struct control_request *q, const char *id)
{
    const struct store_audit x = {.client = "this machine",
                                  .action = verbs[q->verb],
                                  .object_id = id,
                                  .detail_json = "{\"outcome\":\"done\",\"by\":\"assay user\"}"};
    return store_audit_add(s, &x);
}

static int add(struct store *s, const struct control_request *q, char ret_id[ID_BYTES])
{
    const struct store_user u = {
        .name = q->name, .role = q->role, .password_hash = q->password_hash};
    int64_t n = 0;
    int r = store_user_count(s, &n, NULL);
    if (r == 0 && n == 0 && q->role != STORE_ROLE_ADMIN)
        return err_set(ERR_CONFLICT,
                       "the first user is an admin: somebody has to be (--role admin)");
    return r == 0 ? store_user_create(s, &u, ret_id) : r;
}

// What the user forgot is forgotten here too: logins end, failures count no longer.
static int set_password(struct store *s, const struct control_request *q, struct arena *a,
                        char ret_id[ID_BYTES])
{
    struct store_user u;
    const char *subject = arena_printf(a, "user:%s", q->name);
    int r = subject ? store_user_find_by_name(s, q->name, a, &u) : ERR_NOMEM;
    if (r == 0)
        r = store_user_set_password(s, u.id, q->password_hash, true);
    if (r == 0)
        r = store_login_succeeded(s, subject);
    if (r == 0)
        memcpy(ret_id, u.id, ID_BYTES);
    return r;
}

int control_do(struct store *s, const struct control_request *q, struct arena *a,
               char ret_id[ID_BYTES])
{
    int r = store_begin(s);
    if (r < 0)
        return r;
    r = q->verb == CONTROL_USER_ADD ? add(s, q, ret_id) : set_password(s, q, a, ret_id);
    if (r == 0)
        r = note(s, q, ret_id);
    return store_end(s, r);
}

// ---- the socket: its path may be longer than an address holds, so it is named from its directory

static int name_socket(const char *data, char *ret_path, size_t n, int *ret_fd)
{
    int fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(errno, "%s", data);
    snprintf(ret_path, n, "/proc/self/fd/%d/" SOCKET_NAME, fd);
    *ret_fd = fd;
    return 0;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

static int open_socket(void)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set_errno(errno, "socket");
    IGNORE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait))); // waits longer without
    IGNORE(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)));
    return fd;
}

static int send_all(int fd, const struct str_buf *text)
{
    size_t at = 0;
    while (at < text->n) {
        ssize_t n = send(fd, text->p + at, text->n - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set_errno(errno, "the server's socket");
        at += (size_t)n;
    }
    return shutdown(fd, SHUT_WR) == 0 ? 0 : err_set_errno(errno, "the server's socket");
}

static int receive_all(int fd, struct str_buf *ret_text)
{
    char bytes[1024];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(errno, "the server's socket");
        if (n == 0)
            return str_buf_check(ret_text);
        str_buf_add(ret_text, bytes, (size_t)n);
    }
}

// ---- messages: objects of texts

struct member {
    const char *name;
    const char **value;
};

static int read_message(struct str text, struct arena *a, const struct member *members, size_t n)
{
    struct json_reader *json;
    struct json_event e;
    const struct json_reader_opts opts = {.text = text, .name = "control", .max_depth = 2};
    int r = json_reader_create(&opts, &json);
    if (r < 0)
        return r;
    r = json_next(json, &e);
    while (r == 0 && (r = json_next(json, &e)) == 0 && e.type == JSON_KEY) {
        const struct member *m = NULL;
        for (size_t i = 0; i < n; i++)
            m = str_is(e.text, members[i].name) ? &members[i] : m;
        r = json_next(json, &e);
        if (r == 0 && (!m || e.type != JSON_STRING))
            r = err_set(ERR_INVALID, "control: not a message of this program");
        if (r == 0)
            *m->value = arena_strndup(a, e.text.p, e.text.n);
        if (r == 0 && !*m->value)
            r = ERR_NOMEM;
    }
    json_reader_destroy(json);
    return r;
}

static void put_request(const struct control_request *q, struct str_buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "verb", verbs[q->verb]);
    json_put_text(&w, "name", q->name);
    json_put_known(&w, "role", store_role_name((int)q->role));
    json_put_text(&w, "password_hash", q->password_hash);
    json_end(&w);
    str_buf_putc(out, '\n');
}

static int read_request(struct str text, struct arena *a, struct control_request *ret)
{
    const char *verb = "";
    const char *role = NULL;
    struct control_request q = {0};
    const struct member members[] = {
        {"verb", &verb}, {"name", &q.name}, {"role", &role}, {"password_hash", &q.password_hash}};
    int r = read_message(text, a, members, ARRAY_LEN(members));
    if (r < 0)
        return r;
    for (int i = CONTROL_UNSET + 1; i < CONTROL_N_VERBS; i++)
        q.verb = strcmp(verbs[i], verb) == 0 ? (enum control_verb)i : q.verb;
    q.role = (enum store_role)store_role_parse(role);
    if (!q.verb || !q.name || !q.password_hash)
        return err_set(ERR_INVALID, "control: not a message of this program");
    *ret = q;
    return 0;
}

static int code_named(const char *name)
{
    for (int i = 1; i < ERR_N_NUMBERS; i++) {
        if (strcmp(err_name(-i), name) == 0)
            return -i;
    }
    return ERR_INTERNAL;
}

// ---- asking

static int exchange(int fd, const struct control_request *q, struct arena *a)
{
    struct str_buf text = STR_BUF_INIT(MAX_MESSAGE);
    const char *error = NULL;
    const char *message = "";
    const struct member members[] = {{"error", &error}, {"message", &message}};
    put_request(q, &text);
    int r = str_buf_check(&text);
    if (r == 0)
        r = send_all(fd, &text);
    str_buf_reset(&text);
    if (r == 0)
        r = receive_all(fd, &text);
    if (r == 0 && text.n == 0)
        r = err_set(ERR_IO, "the server gave no answer");
    if (r == 0)
        r = read_message(str_buf_view(&text), a, members, ARRAY_LEN(members));
    str_buf_finish(&text);
    if (r == 0 && error)
        return err_set((enum err)code_named(error), "%s", message);
    return r;
}

int control_ask(const char *data, const struct control_request *q)
{
    char path[64 + sizeof(SOCKET_NAME)];
    struct arena *a = NULL;
    int directory_fd = -1;
    int r = name_socket(data, path, sizeof(path), &directory_fd);
    if (r < 0)
        return r;
    int fd = open_socket();
    const struct sockaddr_un address = address_of(path);
    if (fd < 0)
        r = fd;
    else if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        r = err_set(ERR_NOT_FOUND, "%s: no server answers there: %s", data, strerror(errno));
    if (r == 0)
        r = arena_create(0, &a);
    if (r == 0)
        r = exchange(fd, q, a);
    arena_destroy(a);
    if (fd >= 0)
        close(fd);
    close(directory_fd);
    return r;
}

// ---- answering

static bool is_ours(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static int serve_one(struct control *c, struct str text, struct arena *a)
{
    struct control_request q;
    char id[ID_BYTES];
    int r = read_request(text, a, &q);
    if (r == 0)
        r = control_do(c->store, &q, a, id);
    if (r == 0)
        r = api_users_changed(c->api, id);
    if (r == 0)
        log_info(NULL, "%s %s, as asked on this machine", verbs[q.verb], q.name);
    return r;
}

static void answer(struct control *c, int fd)
{
    const struct timeval wait = {.tv_sec = WAIT_S};
    struct str_buf text = STR_BUF_INIT(MAX_MESSAGE);
    struct arena *a = NULL;
    struct json_writer w;
    IGNORE(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)));
    int r = is_ours(fd) ? arena_create(0, &a) : err_set(ERR_DENIED, "not for you");
    if (r == 0)
        r = receive_all(fd, &text);
    if (r == 0)
        r = serve_one(c, str_buf_view(&text), a);
    char why[ERR_MESSAGE_BYTES];
    err_copy_message(r, why, sizeof(why));
    str_buf_reset(&text);
    json_writer_init(&w, &text);
    json_object(&w);
    json_put_known(&w, "error", r < 0 ? err_name(r) : NULL);
    json_put_known(&w, "message", r < 0 ? why : NULL);
    json_end(&w);
    if (send_all(fd, &text) < 0)
        err_clear(); // whoever asked has gone
    str_buf_finish(&text);
    arena_destroy(a);
}

static void listen_on(void *arg)
{
    struct control *c = (struct control *)arg;
    struct pollfd fds[] = {{.fd = c->listen_fd, .events = POLLIN},
                           {.fd = c->stop_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
            break;
        if (fds[1].revents)
            break;
        int fd = fds[0].revents ? accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        answer(c, fd);
        close(fd);
    }
}

// The data directory's lock is ours, so a socket that is there was left by a server that died.
static int open_listener(struct control *c)
{
    const struct sockaddr_un address = address_of(c->path);
    c->listen_fd = open_socket();
    if (c->listen_fd < 0)
        return c->listen_fd;
    (void)unlink(c->path);
    // the mode of what bind() makes
    if (fchmod(c->listen_fd, 0600) < 0 ||
        bind(c->listen_fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(c->listen_fd, BACKLOG) < 0)
        return err_set_errno(errno, "the data directory's socket '" SOCKET_NAME "'");
    c->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (c->stop_fd < 0)
        return err_set_errno(errno, "eventfd");
    return thread_start(&c->thread, "control", listen_on, c);
}

int control_start(const char *data, struct store *s, struct api *a, struct control **ret_control)
{
    struct control *c = mem_new(struct control);
    if (!c)
        return ERR_NOMEM;
    c->store = s;
    c->api = a;
    c->listen_fd = c->stop_fd = c->directory_fd = -1;
    int r = name_socket(data, c->path, sizeof(c->path), &c->directory_fd);
    if (r == 0)
        r = open_listener(c);
    if (r < 0) {
        control_stop(c);
        return r;
    }
    *ret_control = c;
    return 0;
}

void control_stop(struct control *c)
{
    const uint64_t one = 1;
    if (!c)
        return;
    if (c->stop_fd >= 0)
        IGNORE(write(c->stop_fd, &one, sizeof(one)) != sizeof(one)); // an eventfd takes it
    thread_join(&c->thread);
    if (c->listen_fd >= 0) {
        close(c->listen_fd);
        (void)unlink(c->path);
    }
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    if (c->directory_fd >= 0)
        close(c->directory_fd);
    mem_free(c);
}
