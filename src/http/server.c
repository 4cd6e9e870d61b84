// SPDX-License-Identifier: Apache-2.0
// server.c - the server's life: bind, start, drain, stop.

#include "http/http_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    BACKLOG = 1024,
    CROWD = 128, // connections past the limit that are told so at a time
};

static int defaulted(int value, int otherwise)
{
    return value > 0 ? value : otherwise;
}

static struct server_opts with_defaults(const struct server_opts *given)
{
    struct server_opts o = *given;
    o.max_connections = defaulted(o.max_connections, 1024);
    o.max_connections_per_client = defaulted(o.max_connections_per_client, 128);
    o.header_timeout_ms = defaulted(o.header_timeout_ms, 10 * 1000);
    o.idle_timeout_ms = defaulted(o.idle_timeout_ms, 60 * 1000);
    o.body_bytes_per_s = defaulted(o.body_bytes_per_s, 1024);
    o.grace_ms = defaulted(o.grace_ms, 20 * 1000);
    o.stop_timeout_ms = defaulted(o.stop_timeout_ms, 10 * 1000);
    o.stack_bytes = o.stack_bytes ? o.stack_bytes : 256 * KIB;
    return o;
}

// --- listening

static int bind_error(const char *listen_text, int e)
{
    if (e == EADDRINUSE)
        return err_set(ERR_BUSY, "%s: the address is in use by another program", listen_text);
    if (e == EACCES)
        return err_set(ERR_DENIED, "%s: ports below 1024 need the right to bind them", listen_text);
    if (e == EADDRNOTAVAIL)
        return err_set(ERR_INVALID, "%s: is no address of this machine", listen_text);
    return err_set_errno(e, "%s", listen_text);
}

static socklen_t to_socket(const struct address *a, uint16_t port,
                           struct sockaddr_storage *ret_addr)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    memset(ret_addr, 0, sizeof(*ret_addr));
    if (memcmp(a->bytes, mapped, sizeof(mapped)) == 0) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in.sin_addr, a->bytes + 12, 4);
        memcpy(ret_addr, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&in.sin6_addr, a->bytes, sizeof(a->bytes));
    memcpy(ret_addr, &in, sizeof(in));
    return sizeof(in);
}

static int read_port(int fd, uint16_t *ret_port)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } addr;
    socklen_t n = sizeof(addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &n) < 0)
        return err_set_errno(errno, "socket");
    *ret_port = ntohs(addr.any.ss_family == AF_INET ? addr.v4.sin_port : addr.v6.sin6_port);
    return 0;
}

static int open_listener(struct server *s)
{
    struct address a;
    uint16_t port;
    struct sockaddr_storage addr;
    int yes = 1;
    int no = 0;
    int r = address_parse_listen(s->opts.listen, &a, &port);
    if (r < 0)
        return r;
    socklen_t n = to_socket(&a, port, &addr);
    int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(errno, "%s", s->opts.listen);
    // Both only ease things: without them a restart waits, or IPv4 is not listened to.
    IGNORE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
    if (addr.ss_family == AF_INET6)
        IGNORE(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)));
    if (bind(fd, (struct sockaddr *)&addr, n) < 0 || listen(fd, BACKLOG) < 0) {
        r = bind_error(s->opts.listen, errno);
        close(fd);
        return r;
    }
    s->listen_fd = fd;
    return read_port(fd, &s->port);
}

// --- life

int server_create(const struct server_opts *opts, struct server **ret_server)
{
    struct server *s = mem_new(struct server);
    if (!s)
        return ERR_NOMEM;
    s->opts = with_defaults(opts);
    s->listen_fd = -1;
    int r = open_listener(s);
    if (r == 0)
        r = route_tree_create(s->opts.routes, &s->routes);
    if (r == 0)
        r = connections_create(s, &s->connections);
    if (r == 0)
        r = dispatch_register_metrics();
    if (r == 0)
        r = ws_loop_create(&s->opts.ws, &s->ws);
    if (r < 0) {
        server_destroy(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

// Paths and queries are decoded in uri.c; libmicrohttpd leaves them as they are.
static size_t no_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

// The status of "Error processing request (HTTP response code is %u ..."; 0 for other lines. A
// version with other words sends its own page, nothing worse.
static int refusal_status(const char *format, va_list ap)
{
    static const char begin[] = "Error processing request (HTTP response code is %u";
    return strncmp(format, begin, sizeof(begin) - 1) == 0 ? (int)va_arg(ap, unsigned) : 0;
}

static void PRINTF_LIKE(2, 0) log_daemon(void *cls, const char *format, va_list ap)
{
    char text[512];
    va_list again;
    (void)cls;
    va_copy(again, ap);
    int status = refusal_status(format, again);
    va_end(again);
    vsnprintf(text, sizeof(text), format, ap);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", "%s", text);
    if (status >= 400 && status < 600)
        dispatch_refused(status);
}

static struct MHD_Daemon *start_daemon(struct server *s)
{
    // No thread of the daemon takes signals: they are main's, and a client that goes away while a
    // file is sent to it must not raise SIGPIPE.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
    struct MHD_Daemon *d = MHD_start_daemon(
        flags, 0, connections_policy, s, dispatch_call, s, MHD_OPTION_EXTERNAL_LOGGER, log_daemon,
        NULL, MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_UNESCAPE_CALLBACK, no_unescape,
        NULL, MHD_OPTION_URI_LOG_CALLBACK, dispatch_target, s, MHD_OPTION_NOTIFY_COMPLETED,
        dispatch_completed, s, MHD_OPTION_NOTIFY_CONNECTION, connections_notify, s,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->opts.max_connections + CROWD,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(s->opts.idle_timeout_ms + 999) / 1000,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
        MHD_OPTION_THREAD_STACK_SIZE, s->opts.stack_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d;
}

int server_start(struct server *s)
{
    int r = ws_loop_start(s->ws);
    if (r < 0)
        return r;
    r = connections_start_watch(s->connections);
    if (r < 0)
        goto fail_ws;
    s->daemon = start_daemon(s);
    if (s->daemon)
        return 0;
    r = err_set(ERR_BUSY, "%s: the server's threads cannot be started", s->opts.listen);
    connections_stop_watch(s->connections);
fail_ws:
    ws_loop_stop(s->ws, 0);
    return r;
}

void server_drain(struct server *s)
{
    atomic_store(&s->is_draining, true);
}

bool server_is_draining(const struct server *s)
{
    return atomic_load(&s->is_draining);
}

void server_stop(struct server *s)
{
    if (!s->daemon || s->is_stopped)
        return;
    int64_t deadline = clock_now_ns() + s->opts.stop_timeout_ms * CLOCK_NS_PER_MS;
    s->is_stopped = true;
    server_drain(s);
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    s->listen_fd = -1;
    connections_cut(s->connections, true);
    connections_wait_quiet(s->connections, deadline);
    ws_loop_stop(s->ws, (int)MAX((deadline - clock_now_ns()) / CLOCK_NS_PER_MS, 500));
    connections_cut(s->connections, false);
    MHD_stop_daemon(s->daemon); // waits for handlers that still run
    s->daemon = NULL;
    connections_stop_watch(s->connections);
}

void server_destroy(struct server *s)
{
    if (!s)
        return;
    server_stop(s);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    ws_loop_destroy(s->ws);
    connections_destroy(s->connections);
    route_tree_destroy(s->routes);
    mem_free(s);
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

struct ws_loop *server_ws(struct server *s)
{
    return s->ws;
}

int server_n_active(const struct server *s)
{
    return atomic_load(&s->n_active);
}

int server_raise_files(size_t wanted, size_t *ret_got)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) < 0)
        return err_set_errno(errno, "limit of open files");
    if (l.rlim_cur < wanted) {
        l.rlim_cur = MIN((rlim_t)wanted, l.rlim_max);
        if (setrlimit(RLIMIT_NOFILE, &l) < 0)
            return err_set_errno(errno, "limit of open files");
    }
    *ret_got = l.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)l.rlim_cur;
    if (*ret_got < wanted)
        return err_set(
            ERR_UNAVAILABLE,
            "limit of open files: %zu are wanted and the hard limit is %zu (raise it with "
            "'ulimit -Hn' or LimitNOFILE=)",
            wanted, *ret_got);
    return 0;
}
