// SPDX-License-Identifier: Apache-2.0
// self_client.c - one request, one connection, one answer with a known length.

#include "app/self_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"

enum {
    PATIENCE_S = 120, // an answer may need a whole video to be hashed and synced
    MAX_ANSWER = 16 * 1024 * 1024,
    CHUNK = 64 * 1024,
    MAX_MESSAGE = 512,
};

// ---- the connection

static int connect_to(const char *url, int *ret_socket)
{
    const char *colon = strrchr(url, ':');
    int64_t port = 0;
    if (!colon || str_to_i64(str_of(colon + 1), &port) < 0)
        return err_set(ERR_INVALID, "%s is no address of a server", url);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return err_set_errno(errno, "a socket");
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
        connect(s, (const struct sockaddr *)&to, sizeof(to)) < 0) {
        int r = err_set_errno(errno, "%s", url);
        close(s);
        return r;
    }
    *ret_socket = s;
    return 0;
}

static int io_error(const struct self_request *w)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return err_set(ERR_TIMEOUT, "%s %s: no answer in %d seconds", w->method, w->path,
                       PATIENCE_S);
    return err_set_errno(errno, "%s %s", w->method, w->path);
}

static int send_all(int s, const struct self_request *w, struct str text)
{
    while (text.n > 0) {
        ssize_t n = send(s, text.p, text.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(w);
        text = (struct str){text.p + n, text.n - (size_t)n};
    }
    return 0;
}

// ---- asking

static int send_file(int s, const struct self_request *w, int fd, int64_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = sendfile(s, fd, NULL, (size_t)MIN(n_bytes, (int64_t)1 << 30));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EPIPE || errno == ECONNRESET ? 0 : io_error(w); // it says why
        if (n == 0)
            return err_set(ERR_IO, "%s became shorter while it was read", w->file);
        n_bytes -= n;
    }
    return 0;
}

static int send_head(int s, const struct self_request *w, int64_t n_bytes)
{
    struct str_buf head = STR_BUF_INIT(CHUNK);
    str_buf_printf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", w->method, w->path,
                   strstr(w->url, "//") + 2);
    if (w->json || w->file)
        str_buf_printf(&head, "Content-Type: %s\r\nContent-Length: %lld\r\n",
                       w->json ? "application/json" : "application/octet-stream",
                       (long long)n_bytes);
    str_buf_puts(&head, "\r\n");
    if (w->json)
        str_buf_puts(&head, w->json);
    int r = str_buf_check(&head);
    if (r == 0)
        r = send_all(s, w, str_buf_view(&head));
    str_buf_finish(&head);
    return r;
}

static int send_request(int s, const struct self_request *w)
{
    if (!w->file)
        return send_head(s, w, w->json ? (int64_t)strlen(w->json) : 0);
    struct stat st;
    int fd = open(w->file, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 || fstat(fd, &st) < 0 ? err_set_errno(errno, "%s", w->file) : 0;
    if (r == 0)
        r = send_head(s, w, st.st_size);
    if (r == 0)
        r = send_file(s, w, fd, st.st_size);
    if (fd >= 0)
        close(fd);
    return r;
}

// ---- the answer

static int receive(int s, const struct self_request *w, struct str_buf *out)
{
    char chunk[CHUNK];
    for (;;) {
        ssize_t n = recv(s, chunk, sizeof(chunk), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(w);
        if (n == 0)
            return str_buf_check(out);
        str_buf_add(out, chunk, (size_t)n);
    }
}

static enum err code_of(const char *name)
{
    static const struct {
        const char *name;
        enum err code;
    } codes[] = {
#define X(code, exit_status, http_status, retry, text) {#code, ERR_##code},
#include "base/err.def"
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    }
    return ERR_UNAVAILABLE;
}

static int refusal(const struct self_request *w, int64_t status, struct str body)
{
    char name[MAX_MESSAGE];
    char message[MAX_MESSAGE];
    if (self_text(body, "error", name, sizeof(name)) < 0 ||
        self_text(body, "message", message, sizeof(message)) < 0 || !*message)
        return err_set(ERR_UNAVAILABLE, "%s %s: the server answers %lld", w->method, w->path,
                       (long long)status);
    return err_set(code_of(name), "%s", message);
}

static int read_answer(const struct self_request *w, struct str answer, struct str_buf *ret_body)
{
    struct str head = answer;
    const char *end = answer.n > 0 ? memmem(answer.p, answer.n, "\r\n\r\n", 4) : NULL;
    int64_t status = 0;
    if (!end || !str_starts(head, "HTTP/1.1 ") || head.n < 12 ||
        str_to_i64((struct str){head.p + 9, 3}, &status) < 0)
        return err_set(ERR_IO, "%s %s: the server's answer broke off", w->method, w->path);
    const struct str body = {end + 4, answer.n - (size_t)(end + 4 - answer.p)};
    if (status < 200 || status > 299)
        return refusal(w, status, body);
    str_buf_add_str(ret_body, body);
    return str_buf_check(ret_body);
}

int self_ask(const struct self_request *w, struct str_buf *ret_body)
{
    int s = -1;
    struct str_buf answer = STR_BUF_INIT(MAX_ANSWER);
    int r = connect_to(w->url, &s);
    if (r < 0)
        return r;
    r = send_request(s, w);
    if (r == 0)
        r = receive(s, w, &answer);
    if (r == 0)
        r = read_answer(w, str_buf_view(&answer), ret_body);
    str_buf_finish(&answer);
    close(s);
    return r;
}

// ---- members

static int keep(struct str text, const char *member, char *ret_text, size_t n_bytes)
{
    if (text.n >= n_bytes)
        return err_set(ERR_TOO_BIG, "'%s' of the answer has %zu bytes", member, text.n);
    memcpy(ret_text, text.p, text.n);
    ret_text[text.n] = '\0';
    return 0;
}

// The members of the object whose beginning was just read. *is_meant becomes true where *key* has
// *value*.
static int read_members(struct json_reader *j, const struct self_item *wanted, char *ret_text,
                        size_t n_bytes, bool *is_meant)
{
    struct json_event e;
    int r = json_next(j, &e);
    while (r == 0 && e.type == JSON_KEY) {
        const bool is_wanted = str_is(e.text, wanted->member);
        const bool is_key = wanted->key && str_is(e.text, wanted->key);
        r = json_next(j, &e);
        if (r == 0 && is_wanted && (e.type == JSON_STRING || e.type == JSON_NUMBER))
            r = keep(e.text, wanted->member, ret_text, n_bytes);
        if (r == 0 && is_key && e.type == JSON_STRING)
            *is_meant = str_is(e.text, wanted->value);
        if (r == 0)
            r = json_skip(j, &e);
        if (r == 0)
            r = json_next(j, &e);
    }
    return r;
}

int self_text(struct str body, const char *member, char *ret_text, size_t n_bytes)
{
    const struct json_reader_opts opts = {.text = body, .name = "the server's answer"};
    const struct self_item wanted = {.member = member};
    struct json_reader *j;
    struct json_event e;
    bool is_meant = false;
    ret_text[0] = '\0';
    int r = json_reader_create(&opts, &j);
    if (r < 0)
        return r;
    r = json_next(j, &e);
    if (r == 0 && e.type == JSON_OBJECT)
        r = read_members(j, &wanted, ret_text, n_bytes, &is_meant);
    json_reader_destroy(j);
    return r;
}

int self_int(struct str body, const char *member, int64_t *ret_value)
{
    char text[32];
    *ret_value = 0;
    int r = self_text(body, member, text, sizeof(text));
    return r == 0 && *text ? str_to_i64(str_of(text), ret_value) : r;
}

static int read_items(struct json_reader *j, const struct self_item *wanted, char *ret_text,
                      size_t n_bytes)
{
    struct json_event e;
    int r;
    while ((r = json_next(j, &e)) == 0 && e.type == JSON_OBJECT) {
        bool is_meant = !wanted->key;
        r = read_members(j, wanted, ret_text, n_bytes, &is_meant);
        if (r < 0 || (is_meant && *ret_text))
            return r;
        ret_text[0] = '\0';
    }
    return r;
}

int self_item_text(struct str body, const struct self_item *wanted, char *ret_text, size_t n_bytes)
{
    const struct json_reader_opts opts = {.text = body, .name = "the server's answer"};
    struct json_reader *j;
    struct json_event e;
    ret_text[0] = '\0';
    int r = json_reader_create(&opts, &j);
    if (r < 0)
        return r;
    r = json_next(j, &e);
    while (r == 0 && e.type != JSON_KEY && e.type != JSON_END)
        r = json_next(j, &e);
    while (r == 0 && e.type == JSON_KEY && !str_is(e.text, "items")) {
        r = json_next(j, &e);
        if (r == 0)
            r = json_skip(j, &e);
        if (r == 0)
            r = json_next(j, &e);
    }
    if (r == 0 && e.type == JSON_KEY)
        r = json_next(j, &e);
    if (r == 0 && e.type == JSON_ARRAY)
        r = read_items(j, wanted, ret_text, n_bytes);
    json_reader_destroy(j);
    return r;
}

void self_put_escaped(struct str_buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("-._~", *c) || (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
            (*c >= 'a' && *c <= 'z'))
            str_buf_putc(out, *c);
        else
            str_buf_printf(out, "%%%02X", (unsigned char)*c);
    }
}
