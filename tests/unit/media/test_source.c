// SPDX-License-Identifier: Apache-2.0
// test_source.c - choosing frames, counting, ends, and refusals, on clips made here.

#include "media/source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "unit/media/media_test.h"

// Ten frames, not evenly spaced, from 0.5 s on.
static const int64_t times_us[10] = {500000, 540000, 580001, 620000, 700000,
                                     740000, 780000, 900000, 940000, 980000};

static const char *clip(void)
{
    static char path[MEDIA_TEST_PATH_BYTES];
    if (!path[0]) {
        snprintf(path, sizeof(path), "%s", media_test_temp("clip.mp4"));
        media_test_video(path, 64, 48, times_us, (int)ARRAY_LEN(times_us));
    }
    return path;
}

static void test_times_and_contents(void **state)
{
    (void)state;
    const struct source_opts opts = {.path = clip()};
    struct source *s;
    assert_int_equal(source_open(&opts, &s), 0);
    assert_int_equal(source_info(s)->kind, SOURCE_VIDEO);
    assert_int_equal(source_info(s)->n_frames_hint, ARRAY_LEN(times_us));
    for (int i = 0; i < (int)ARRAY_LEN(times_us); i++) {
        struct picture *p;
        assert_int_equal(source_next(s, &p), 0);
        assert_int_equal(p->pts_us, times_us[i]);
        assert_int_equal(p->ordinal, i);
        assert_in_range(p->planes[0][10 * p->strides[0] + 10], 38 + i - 3, 38 + i + 3);
        assert_null(p->file);
        picture_unref(&p);
    }
    struct picture *p = NULL;
    assert_int_equal(source_next(s, &p), ERR_EOF);
    assert_false(source_counts(s).cut_short);
    source_close(s);
}

static void test_choosing(void **state)
{
    (void)state;
    static const struct {
        int64_t stride, max_frames;
        double start_s, end_s;
        int64_t n_given, first, last, decoded;
    } rows[] = {
        // clang-format off
        {1, 0, 0, 0,         10, 0, 9, 10},
        {0, 0, 0, 0,         10, 0, 9, 10},
        {3, 0, 0, 0,          4, 0, 9, 10},
        {10, 0, 0, 0,         1, 0, 0, 10},
        {1, 3, 0, 0,          3, 0, 2, 3},
        {3, 2, 0, 0,          2, 0, 3, 4},
        {1, 0, 0.2, 0,        6, 4, 9, 10},  // at 0.2 s exactly
        {1, 0, 0.200001, 0,   5, 5, 9, 10},
        {3, 0, 0.2, 0,        2, 6, 9, 10},  // stride counts from the stream's start
        {1, 0, 0, 0.2,        4, 0, 3, 5},   // the frame at the end is decoded, not given
        {1, 0, 0.1, 0.2,      1, 3, 3, 5},
        {1, 0, 0.25, 0.27,    0, 0, 0, 7},
        {1, 0, 100, 0,        0, 0, 0, 10},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct source_opts opts = {.path = clip(),
                                         .stride = rows[i].stride,
                                         .max_frames = rows[i].max_frames,
                                         .start_s = rows[i].start_s,
                                         .end_s = rows[i].end_s};
        struct media_test_run run = media_test_run(&opts);
        if (run.end_result != ERR_EOF || run.n_given != rows[i].n_given ||
            run.first_ordinal != rows[i].first || run.last_ordinal != rows[i].last ||
            run.counts.decoded != rows[i].decoded)
            fail_msg("row %zu: %lld given, %lld to %lld, %lld decoded", i, (long long)run.n_given,
                     (long long)run.first_ordinal, (long long)run.last_ordinal,
                     (long long)run.counts.decoded);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char html[] = "<!DOCTYPE html><html><body>Sign in</body></html>";
    const char *page = media_test_temp("page.mp4");
    media_test_write(page, html, sizeof(html) - 1);
    const struct {
        struct source_opts opts;
        int result;
        const char *part;
    } rows[] = {
        {{.path = "/nowhere/clip.mp4"}, ERR_NOT_FOUND, "/nowhere/clip.mp4"},
        {{.path = page}, ERR_MEDIA, "web page"},
        {{.path = clip(), .stride = -1}, ERR_INVALID, "negative"},
        {{.path = clip(), .start_s = 2, .end_s = 1}, ERR_INVALID, "not after start"},
        {{.path = clip(), .has_stream_index = true, .stream_index = 1}, ERR_INVALID, "no stream 1"},
        {{.path = clip(), .max_pixels = 64 * 48 - 1}, ERR_TOO_BIG, "64x48"},
        {{.path = "http://127.0.0.1:1/a.mp4"}, ERR_UNSUPPORTED, "network"},
        {{.path = "concat:/etc/passwd|/etc/hosts"}, ERR_NOT_FOUND, "concat:"},
        {{.path = "rtsp://127.0.0.1:1/a", .allow_network = true},
         ERR_UNSUPPORTED,
         "only http and https"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct media_test_run run = media_test_run(&rows[i].opts);
        if (run.open_result != rows[i].result || !strstr(run.message, rows[i].part))
            fail_msg("row %zu: %s: %s", i, err_name(run.open_result), run.message);
    }
    const struct source_opts all = {.path = clip(), .max_pixels = 64 * 48};
    assert_int_equal(media_test_run(&all).n_given, 10);
    unlink(page);
}

// A file that names others by their paths is not followed.
static void test_playlists_are_not_followed(void **state)
{
    (void)state;
    char text[MEDIA_TEST_PATH_BYTES * 2];
    static const char *const heads[] = {
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '%s'\n"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        const char *path = media_test_temp("list.mp4");
        const char *percent = strstr(heads[i], "%s");
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(percent - heads[i]), heads[i], clip(),
                 percent + 2);
        media_test_write(path, text, strlen(text));
        const struct source_opts opts = {.path = path};
        struct media_test_run run = media_test_run(&opts);
        assert_int_equal(run.open_result, ERR_MEDIA);
        assert_non_null(strstr(run.message, "playlist"));
        unlink(path);
    }
}

static size_t read_clip(char *bytes, size_t n)
{
    FILE *f = fopen(clip(), "rb");
    assert_non_null(f);
    size_t got = fread(bytes, 1, n, f);
    fclose(f);
    return got;
}

static void test_cut_short(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    size_t n = read_clip(bytes, sizeof(bytes));
    assert_true(n > 1000 && n < sizeof(bytes));
    const char *path = media_test_temp("cut.mp4");
    media_test_write(path, bytes, n - 40); // within the last frames: the index stands in front
    const struct source_opts opts = {.path = path};
    struct media_test_run run = media_test_run(&opts);
    assert_int_equal(run.end_result, ERR_EOF);
    assert_true(run.n_given > 0 && run.n_given <= 10);
    assert_true(run.counts.cut_short);
    assert_true(run.counts.cut_reason[0]);
    static const struct {
        size_t n;
        const char *part;
    } rows[] = {
        {20, "index (moov) is missing"}, // before the index, and within it
        {100, "file is incomplete"},
        {400, "file is incomplete"},
        {700, "file is incomplete"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        media_test_write(path, bytes, rows[i].n);
        run = media_test_run(&opts);
        assert_int_equal(run.open_result, ERR_MEDIA);
        if (!strstr(run.message, rows[i].part))
            fail_msg("cut after %zu: %s", rows[i].n, run.message);
    }
    unlink(path);
}

static void test_interrupt(void **state)
{
    (void)state;
    atomic_bool stop = true;
    const struct source_opts stopped = {.path = clip(), .stop = &stop};
    struct source *s;
    assert_int_equal(source_open(&stopped, &s), ERR_CANCELLED);
    atomic_store(&stop, false);
    assert_int_equal(source_open(&stopped, &s), 0);
    struct picture *p;
    assert_int_equal(source_next(s, &p), 0);
    picture_unref(&p);
    source_interrupt(s);
    assert_int_equal(source_next(s, &p), ERR_CANCELLED);
    assert_int_equal(source_next(s, &p), ERR_CANCELLED);
    source_close(s);
}

// How often a file was opened to be read, and closed again, since it is watched.
static int count_readers(int watch)
{
    int n = 0;
    _Alignas(8) char events[4096];
    ssize_t got = read(watch, events, sizeof(events));
    for (ssize_t at = 0; at < got; at += (ssize_t)sizeof(struct inotify_event)) // no names
        n += (((struct inotify_event *)(events + at))->mask & IN_CLOSE_NOWRITE) != 0;
    return n;
}

// A pipe cannot seek; a Matroska or MPEG-TS stream comes through all the same, an MP4 with the
// index in front too. It is opened once: what was written is lost where the last reader closes it.
static void test_pipe(void **state)
{
    (void)state;
    const char *path = media_test_temp("pipe.mp4");
    assert_int_equal(mkfifo(path, 0600), 0);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    assert_true(watch >= 0 && inotify_add_watch(watch, path, IN_CLOSE_NOWRITE) >= 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static char bytes[1 << 20];
        size_t n = read_clip(bytes, sizeof(bytes));
        FILE *f = fopen(path, "wb");
        if (f)
            fwrite(bytes, 1, n, f);
        if (f)
            fclose(f);
        _exit(0);
    }
    const struct source_opts opts = {.path = path};
    struct media_test_run run = media_test_run(&opts);
    kill(child, SIGKILL); // where nobody read, it waits still
    waitpid(child, NULL, 0);
    assert_int_equal(run.n_given, 10);
    assert_int_equal(run.last_pts_us, 980000);
    assert_int_equal(count_readers(watch), 1);
    close(watch);
    unlink(path);
}

// One file over HTTP from this machine's own loopback, to every connection that asks.
static pid_t serve(int listener)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    static char bytes[1 << 20];
    size_t n = read_clip(bytes, sizeof(bytes));
    for (;;) {
        char request[4096];
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || read(fd, request, sizeof(request)) <= 0)
            _exit(1);
        bool is_known = strncmp(request, "GET /clip.mp4 ", 14) == 0;
        dprintf(fd, "HTTP/1.0 %s\r\nContent-Length: %zu\r\n\r\n",
                is_known ? "200 OK" : "404 Not Found", is_known ? n : 0);
        if (is_known && write(fd, bytes, n) < 0)
            _exit(1);
        close(fd);
    }
}

static void test_http(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n_address = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n_address), 0);
    pid_t child = serve(listener);
    close(listener);
    char url[MEDIA_TEST_PATH_BYTES];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/clip.mp4", ntohs(address.sin_port));
    const struct source_opts opts = {.path = url, .allow_network = true};
    struct media_test_run run = media_test_run(&opts);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/other.mp4", ntohs(address.sin_port));
    struct media_test_run absent = media_test_run(&opts);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(run.n_given, 10);
    assert_int_equal(run.last_pts_us, 980000);
    assert_int_equal(absent.open_result, ERR_NOT_FOUND);
    assert_non_null(strstr(absent.message, "404"));
}

static void *stop_soon(void *arg)
{
    usleep(100 * 1000);
    atomic_store((atomic_bool *)arg, true);
    return NULL;
}

static void expect_stopped(const char *path)
{
    atomic_bool stop = false;
    const struct source_opts opts = {.path = path, .allow_network = true, .stop = &stop};
    struct source *s;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    int64_t begin_ns = clock_now_ns();
    assert_int_equal(source_open(&opts, &s), ERR_CANCELLED);
    assert_true(clock_now_ns() - begin_ns < 5 * CLOCK_NS_PER_S);
    pthread_join(thread, NULL);
}

// Opens that would wait for ever: a pipe that nobody writes, a server that never answers.
static void test_stopping_a_blocked_open(void **state)
{
    (void)state;
    const char *path = media_test_temp("silent.mp4");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_stopped(path);
    unlink(path);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n_address = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n_address), 0);
    char url[MEDIA_TEST_PATH_BYTES];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/clip.mp4", ntohs(address.sin_port));
    expect_stopped(url);
    close(listener);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    const struct source_opts opts = {.path = clip()};
    for (long at = 1; at < 100; at++) {
        struct source *s = NULL;
        struct picture *p = NULL;
        mem_test_fail_at(at);
        int r = source_open(&opts, &s);
        if (r == 0)
            r = source_next(s, &p);
        bool was_reached = !mem_test_fail_pending();
        mem_test_fail_at(0);
        picture_unref(&p);
        source_close(s);
        if (!was_reached)
            return;
        assert_int_equal(r, ERR_NOMEM);
    }
    fail_msg("more than 100 allocations");
}

static void test_digest(void **state)
{
    (void)state;
    const struct source_opts opts = {.path = clip()};
    struct source *s;
    char hex[65];
    assert_int_equal(source_open(&opts, &s), 0);
    assert_int_equal(source_sha256(s, hex), 0);
    assert_int_equal(strlen(hex), 64);
    source_close(s);
}

static int remove_clip(void **state)
{
    (void)state;
    unlink(clip());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_and_contents),
        cmocka_unit_test(test_choosing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_playlists_are_not_followed),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_stopping_a_blocked_open),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_digest),
    };
    return cmocka_run_group_tests(tests, NULL, remove_clip);
}
