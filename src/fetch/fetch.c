// SPDX-License-Identifier: Apache-2.0
// fetch.c - one GET with libcurl, and no more of libcurl than that.

#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

enum {
    CONNECT_S = 15,
    SLOW_BYTES_PER_S = 1024, // slower than that for
    SLOW_S = 30,             // so long is given up
    BUFFER_BYTES = 256 * 1024,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort(); // memory, at the very first use
}

// ---- where it is

static int keep_host(const char *host, struct fetch_where *ret)
{
    size_t n = strlen(host);
    while (n > 0 && host[n - 1] == '.') // "example.com." is the same
        n--;
    if (n == 0 || n >= sizeof(ret->host))
        return err_set(ERR_INVALID, "url: its host is no name");
    for (size_t i = 0; i < n; i++) {
        char c = host[i];
        ret->host[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    ret->host[n] = '\0';
    return 0;
}

static int read_parts(CURLU *u, struct fetch_where *ret)
{
    char *part = NULL;
    struct fetch_where w = {0};
    int64_t port = 0;
    static const CURLUPart secrets[] = {CURLUPART_USER, CURLUPART_PASSWORD};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (curl_url_get(u, secrets[i], &part, 0) == CURLUE_OK) {
            curl_free(part);
            return err_set(ERR_INVALID, "url: names and passwords in it are not taken");
        }
    }
    if (curl_url_get(u, CURLUPART_SCHEME, &part, 0) != CURLUE_OK)
        return err_set(ERR_INVALID, "url: neither http nor https");
    w.is_secure = strcmp(part, "https") == 0;
    bool is_known = w.is_secure || strcmp(part, "http") == 0;
    curl_free(part);
    if (!is_known || curl_url_get(u, CURLUPART_HOST, &part, 0) != CURLUE_OK)
        return err_set(ERR_INVALID, "url: neither http nor https, or without a host");
    int r = keep_host(part, &w);
    curl_free(part);
    if (r == 0 && curl_url_get(u, CURLUPART_PORT, &part, CURLU_DEFAULT_PORT) == CURLUE_OK) {
        r = str_to_i64(str_of(part), &port);
        curl_free(part);
    }
    w.port = (int)port;
    if (r == 0)
        *ret = w;
    return r;
}

int fetch_parse(const char *url, struct fetch_where *ret)
{
    pthread_once(&once, start_library);
    if (strlen(url) > FETCH_MAX_URL)
        return err_set(ERR_INVALID, "url: longer than %d bytes", FETCH_MAX_URL);
    CURLU *u = curl_url();
    if (!u)
        return ERR_NOMEM;
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, url, 0);
    int r = rc == CURLUE_OK ? read_parts(u, ret)
                            : err_set(ERR_INVALID, "url: %s", curl_url_strerror(rc));
    curl_url_cleanup(u);
    return r;
}

static bool is_meant(const struct fetch_where *w, const char *pattern)
{
    struct str name = str_of(pattern);
    struct str host = str_of(w->host);
    int64_t port = 0;
    const char *colon = strrchr(pattern, ':');
    if (colon && !memchr(colon, ']', strlen(colon)) && str_to_i64(str_of(colon + 1), &port) == 0)
        name.n = (size_t)(colon - pattern);
    err_clear();
    if (port == 0 ? w->port != 80 && w->port != 443 : w->port != port)
        return false;
    if (name.n > 1 && name.p[0] == '.' && host.n > name.n) // one below it
        host = (struct str){host.p + host.n - name.n, name.n};
    if (host.n != name.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (host.p[i] != (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c))
            return false;
    }
    return true;
}

bool fetch_is_listed(const struct fetch_where *w, const char *const *hosts, size_t n_hosts)
{
    for (size_t i = 0; i < n_hosts; i++) {
        if (is_meant(w, hosts[i]))
            return true;
    }
    return false;
}

// ---- one GET

struct fetch {
    CURL *curl;
    const struct fetch_calls *calls;
    int64_t max_bytes, n_taken;
    bool has_begun, is_refused;
    char address[INET6_ADDRSTRLEN]; // that was refused
    int r;                          // of the calls
};

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *f = (struct fetch *)arg;
    uint8_t bytes[FETCH_ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff};
    (void)purpose;
    if (a->family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &a->addr, sizeof(in));
        memcpy(bytes + 12, &in.sin_addr, 4);
        inet_ntop(AF_INET, &in.sin_addr, f->address, sizeof(f->address));
    } else if (a->family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, &a->addr, sizeof(in));
        memcpy(bytes, &in.sin6_addr, sizeof(bytes));
        inet_ntop(AF_INET6, &in.sin6_addr, f->address, sizeof(f->address));
    } else {
        return CURL_SOCKET_BAD;
    }
    if (!f->calls->may_connect(f->calls->arg, bytes)) {
        f->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

// Nothing but the file itself was asked for.
static int check_coding(CURL *curl)
{
    struct curl_header *h = NULL;
    if (curl_easy_header(curl, "Content-Encoding", 0, CURLH_HEADER, -1, &h) != CURLHE_OK ||
        str_is_nocase(str_of(h->value), "identity"))
        return 0;
    return err_set(ERR_DATA, "its host sends it packed (Content-Encoding: %.40s)", h->value);
}

static int begin(struct fetch *f)
{
    curl_off_t n = -1;
    const char *type = NULL;
    long status = 0;
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299)
        return 0; // its body is nothing for us
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n);
    curl_easy_getinfo(f->curl, CURLINFO_CONTENT_TYPE, &type);
    f->has_begun = true;
    if (status == 206)
        return err_set(ERR_DATA, "its host answers 206: a part of it, and the whole was asked for");
    int r = check_coding(f->curl);
    if (r < 0)
        return r;
    if (f->max_bytes > 0 && n > f->max_bytes)
        return err_set(ERR_TOO_BIG, "it has %lld bytes, and %lld are taken", (long long)n,
                       (long long)f->max_bytes);
    return f->calls->begin(f->calls->arg, (int64_t)n, type);
}

static size_t take(char *bytes, size_t one, size_t n, void *arg)
{
    struct fetch *f = (struct fetch *)arg;
    if (!f->has_begun)
        f->r = begin(f);
    if (f->r < 0)
        return 0; // ends it
    if (!f->has_begun)
        return n * one;
    f->n_taken += (int64_t)n;
    if (f->max_bytes > 0 && f->n_taken > f->max_bytes)
        f->r = err_set(ERR_TOO_BIG, "it has more than the %lld bytes that are taken",
                       (long long)f->max_bytes);
    else
        f->r = f->calls->take(f->calls->arg, bytes, n);
    return f->r < 0 ? 0 : n;
}

static int see(void *arg, curl_off_t n_total, curl_off_t n, curl_off_t up_total, curl_off_t up)
{
    struct fetch *f = (struct fetch *)arg;
    (void)n;
    (void)up_total;
    (void)up;
    if (f->r == 0)
        f->r = f->calls->check(f->calls->arg, f->n_taken, (int64_t)n_total);
    return f->r < 0;
}

static bool set_up(CURL *c, const char *url, struct fetch *f, char error[CURL_ERROR_SIZE])
{
    CURLcode rc = curl_easy_setopt(c, CURLOPT_URL, url);
    rc |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(c, CURLOPT_PROXY, ""); // not the environment's
    rc |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
    rc |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
    rc |= curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    rc |= curl_easy_setopt(c, CURLOPT_USERAGENT, "assay/" ASSAY_VERSION);
    rc |= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    rc |= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
    rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    rc |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, see);
    rc |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
    rc |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    rc |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    return rc == CURLE_OK;
}

static int judge(struct fetch *f, CURLcode rc, const char *error)
{
    long status = 0;
    if (f->r < 0)
        return f->r;
    // a name may have other addresses: what comes of one that was reached is judged below
    if (rc == CURLE_COULDNT_CONNECT && f->is_refused)
        return err_set(ERR_FORBIDDEN, "its host is at %s, which is no address to fetch from",
                       f->address);
    if (rc != CURLE_OK)
        return err_set(ERR_IO, "%s", error[0] ? error : curl_easy_strerror(rc));
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 && status < 400)
        return err_set(ERR_DATA, "its host answers %ld: redirects are not followed", status);
    if (status < 200 || status > 299)
        return err_set(status >= 500 ? ERR_IO : ERR_DATA, "its host answers %ld", status);
    return f->n_taken > 0 ? 0 : err_set(ERR_DATA, "it is empty");
}

int fetch_run(const char *url, int64_t max_bytes, const struct fetch_calls *calls)
{
    char error[CURL_ERROR_SIZE] = "";
    struct fetch f = {.calls = calls, .max_bytes = max_bytes};
    pthread_once(&once, start_library);
    f.curl = curl_easy_init();
    if (!f.curl)
        return ERR_NOMEM;
    int r = set_up(f.curl, url, &f, error) ? judge(&f, curl_easy_perform(f.curl), error)
                                           : err_set(ERR_INTERNAL, "libcurl lacks a setting");
    curl_easy_cleanup(f.curl);
    return r;
}
