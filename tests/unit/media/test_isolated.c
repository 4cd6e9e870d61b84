// SPDX-License-Identifier: Apache-2.0
// test_isolated.c - a source in a child process: the same pictures as without, and children that
// crash, lie or fall silent.
//
// The children are this very program; what they do instead of their work stands in an environment
// variable.

#include <math.h>
#include <signal.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/thread.h"
#include "media/child_source.h"
#include "media/remote_priv.h"
#include "unit/media/media_test.h"
#include "vision/letterbox.h"

#define BEHAVIOUR "ASSAY_TEST_CHILD"

enum {
    WIDTH = 32, // of the prepared pictures
    HEIGHT = 32,
    FILL = 114,
    N_FRAMES = 10,
    N_DEAF = 2000, // more than a socket's buffer holds of slots given back
    DEADLINE_S = 60,
};

// --- children

static int say(int socket, struct remote_message *m)
{
    return child_send_to(socket, m, sizeof(*m), -1);
}

static struct remote_message opened(void)
{
    struct remote_message m = {.kind = REMOTE_OPENED};
    m.info.kind = SOURCE_VIDEO;
    m.info.width = m.info.height = 48;
    m.info.frame_rate_den = 1;
    return m;
}

static struct remote_message pictured(int slot)
{
    struct remote_message m = {.kind = REMOTE_PICTURE};
    m.picture.slot = slot;
    m.picture.src_width = m.picture.src_height = 48;
    m.counts.decoded = 1;
    return m;
}

static int lie(int socket, const char *what)
{
    struct remote_message m = opened();
    if (strcmp(what, "no-kind") == 0)
        m.info.kind = 7;
    if (strcmp(what, "endless-text") == 0)
        memset(m.info.codec, 'x', sizeof(m.info.codec));
    if (strcmp(what, "no-utf8") == 0)
        memcpy(m.info.codec, "h\xff", 3);
    if (strcmp(what, "control") == 0)
        memcpy(m.info.container, "m\x1b[31m", 7);
    if (strcmp(what, "no-duration") == 0)
        m.info.duration_s = NAN;
    if (strcmp(what, "askew") == 0)
        m.info.rotation = 45;
    int r = say(socket, &m);
    if (strcmp(what, "slot") == 0)
        m = pictured(REMOTE_SLOTS);
    else if (strcmp(what, "negative-slot") == 0)
        m = pictured(-1);
    else if (strcmp(what, "twice") == 0)
        m = pictured(0);
    else if (strcmp(what, "no-size") == 0)
        m = (m = pictured(0), m.picture.src_width = 0, m);
    else if (strcmp(what, "counts") == 0)
        m = (m = pictured(0), m.counts.skipped = 5, m);
    else if (strcmp(what, "error") == 0)
        m = (struct remote_message){.kind = REMOTE_END, .error = 3};
    else if (strcmp(what, "cancelled") == 0)
        m = (struct remote_message){.kind = REMOTE_END, .error = ERR_CANCELLED};
    else if (strcmp(what, "timeout") == 0)
        m = (struct remote_message){.kind = REMOTE_END, .error = ERR_TIMEOUT};
    else if (strcmp(what, "closed") == 0)
        m = (struct remote_message){.kind = REMOTE_END, .error = ERR_CLOSED};
    else if (strcmp(what, "bool") == 0)
        m = (m = pictured(0), memset(&m.counts.cut_short, 2, 1), m);
    else if (strcmp(what, "far-time") == 0)
        m = (m = pictured(0), m.picture.pts_us = INT64_MIN, m);
    else if (strcmp(what, "far-ordinal") == 0)
        m = (m = pictured(0), m.picture.ordinal = INT64_MAX, m);
    else if (strcmp(what, "back") == 0)
        m = pictured(1);
    if (r == 0)
        r = say(socket, &m);
    if (r == 0 && strcmp(what, "twice") == 0)
        r = say(socket, &m);
    m.picture.slot = 2;
    if (r == 0 && strcmp(what, "back") == 0) // another slot, the same frame
        r = say(socket, &m);
    pause(); // until the parent has had enough
    return r;
}

// Pictures without end, and not a word of the parent's is read.
static int be_deaf(int socket)
{
    struct remote_message m = opened();
    int r = say(socket, &m);
    for (int i = 0; r == 0 && i < N_DEAF; i++) {
        m = pictured(i % REMOTE_SLOTS);
        m.picture.ordinal = m.picture.pts_us = i;
        memcpy(m.picture.file, "a\n\xff.png", 8); // as a file of this name would be told
        memcpy(m.counts.undecodable_reason, "b\x1b", 3);
        r = say(socket, &m);
    }
    m = (struct remote_message){.kind = REMOTE_END, .error = ERR_EOF};
    return r == 0 ? say(socket, &m) : r;
}

static int misbehave(int socket)
{
    const char *what = getenv(BEHAVIOUR);
    if (!what || !what[0])
        return child_source_run(socket);
    if (strcmp(what, "crash") == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strcmp(what, "crash-later") == 0) {
        struct remote_message m = opened();
        IGNORE(say(socket, &m));
        (void)signal(SIGABRT, SIG_DFL);
        abort();
    }
    if (strcmp(what, "silent") == 0)
        pause();
    if (strcmp(what, "deaf") == 0)
        return be_deaf(socket);
    return lie(socket, what);
}

// --- rows

static const char *clip(void)
{
    static char path[MEDIA_TEST_PATH_BYTES];
    if (!path[0]) {
        int64_t times_us[N_FRAMES];
        for (int i = 0; i < N_FRAMES; i++)
            times_us[i] = 500000 + 40000 * i;
        snprintf(path, sizeof(path), "%s", media_test_temp("clip.mp4"));
        media_test_video(path, 64, 48, times_us, N_FRAMES);
    }
    return path;
}

static struct source_opts isolated_opts(const char *path)
{
    return (struct source_opts){
        .path = path,
        .isolated = true,
        .prepare = {.rule = LETTERBOX_CENTRE, .width = WIDTH, .height = HEIGHT, .fill = FILL},
    };
}

static void letterbox_here(const struct picture *p, uint8_t *ret_rgb)
{
    struct letterbox_scratch *scratch;
    assert_int_equal(letterbox_scratch_create(CPU_ISA_UNSET, &scratch), 0);
    struct letterbox lb =
        letterbox_make(LETTERBOX_CENTRE, p->width, p->height, WIDTH, HEIGHT, FILL);
    assert_int_equal(letterbox_run(scratch, &lb, p, ret_rgb), 0);
    letterbox_scratch_destroy(scratch);
}

static void assert_same_next(struct source *here, struct source *there)
{
    static uint8_t rgb[WIDTH * HEIGHT * 3];
    struct picture *p;
    struct picture *q;
    assert_int_equal(source_next(here, &p), 0);
    assert_int_equal(source_next(there, &q), 0);
    assert_non_null(q->prepared);
    assert_int_equal(q->prepared->src_width, p->width);
    assert_int_equal(q->prepared->src_height, p->height);
    assert_int_equal(q->pts_us, p->pts_us);
    assert_int_equal(q->ordinal, p->ordinal);
    letterbox_here(p, rgb);
    assert_memory_equal(q->planes[0], rgb, sizeof(rgb));
    picture_unref(&p);
    picture_unref(&q);
}

static void test_same_pictures(void **state)
{
    (void)state;
    struct source_opts opts = isolated_opts(clip());
    opts.stride = 2;
    struct source *there;
    assert_int_equal(source_open(&opts, &there), 0);
    opts.isolated = false;
    struct source *here;
    assert_int_equal(source_open(&opts, &here), 0);
    assert_string_equal(source_info(there)->codec, source_info(here)->codec);
    assert_int_equal(source_info(there)->width, 64);
    for (int i = 0; i < N_FRAMES / 2; i++)
        assert_same_next(here, there);
    struct picture *p;
    assert_int_equal(source_next(there, &p), ERR_EOF);
    assert_int_equal(source_next(there, &p), ERR_EOF);
    assert_int_equal(source_counts(there).decoded, N_FRAMES);
    assert_int_equal(source_counts(there).skipped, N_FRAMES / 2);
    char hex[65];
    char hex_here[65];
    assert_int_equal(source_sha256(there, hex), 0);
    assert_int_equal(source_sha256(here, hex_here), 0);
    assert_string_equal(hex, hex_here);
    source_close(there);
    source_close(here);
}

static void test_pictures_outlive_the_source(void **state)
{
    (void)state;
    struct source_opts opts = isolated_opts(clip());
    struct source *s;
    assert_int_equal(source_open(&opts, &s), 0);
    struct picture *held[REMOTE_SLOTS];
    for (size_t i = 0; i < ARRAY_LEN(held); i++)
        assert_int_equal(source_next(s, &held[i]), 0);
    uint8_t before = held[0]->planes[0][WIDTH * HEIGHT * 3 / 2];
    source_close(s);
    assert_int_equal(held[0]->planes[0][WIDTH * HEIGHT * 3 / 2], before);
    for (size_t i = 0; i < ARRAY_LEN(held); i++)
        picture_unref(&held[i]);
}

struct bad_row {
    const char *behaviour;
    const char *path;
    int error;
    const char *message; // part of it
};

static const struct bad_row bad_rows[] = {
    {"crash", NULL, ERR_MEDIA, "the decoder crashed (SIGSEGV)"},
    {"crash-later", NULL, ERR_MEDIA, "the decoder crashed (SIGABRT)"},
    {"no-kind", NULL, ERR_MEDIA, "nonsense"},
    {"endless-text", NULL, ERR_MEDIA, "nonsense"},
    {"slot", NULL, ERR_MEDIA, "nonsense"},
    {"negative-slot", NULL, ERR_MEDIA, "nonsense"},
    {"twice", NULL, ERR_MEDIA, "nonsense"},
    {"no-size", NULL, ERR_MEDIA, "nonsense"},
    {"counts", NULL, ERR_MEDIA, "nonsense"},
    {"error", NULL, ERR_MEDIA, "nonsense"},
    {"cancelled", NULL, ERR_MEDIA, "nonsense"},
    {"timeout", NULL, ERR_MEDIA, "nonsense"},
    {"closed", NULL, ERR_MEDIA, "nonsense"},
    {"no-utf8", NULL, ERR_MEDIA, "nonsense"},
    {"control", NULL, ERR_MEDIA, "nonsense"},
    {"bool", NULL, ERR_MEDIA, "nonsense"},
    {"far-time", NULL, ERR_MEDIA, "nonsense"},
    {"far-ordinal", NULL, ERR_MEDIA, "nonsense"},
    {"back", NULL, ERR_MEDIA, "nonsense"},
    {"no-duration", NULL, ERR_MEDIA, "nonsense"},
    {"askew", NULL, ERR_MEDIA, "nonsense"},
    {"", "/nowhere/clip.mp4", ERR_NOT_FOUND, "/nowhere/clip.mp4"},
    {"", "/etc/hostname", ERR_MEDIA, "/etc/hostname"},
};

static void test_bad_children(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
        const struct bad_row *row = &bad_rows[i];
        assert_int_equal(setenv(BEHAVIOUR, row->behaviour, 1), 0);
        struct source_opts opts = isolated_opts(row->path ? row->path : clip());
        struct source *s = NULL;
        struct picture *held = NULL;
        int r = source_open(&opts, &s);
        if (r == 0)
            r = source_next(s, &held);
        struct picture *p = NULL;
        if (r == 0) // "twice": the first one is fine
            r = source_next(s, &p);
        if (r != row->error || !strstr(err_message(r), row->message))
            fail_msg("%s: %d, %s", row->behaviour, r, err_message(r));
        picture_unref(&held);
        source_close(s);
    }
    assert_int_equal(setenv(BEHAVIOUR, "", 1), 0);
}

// Whoever gives pictures back to it goes on; it is the child's loss.
static void test_deaf(void **state)
{
    (void)state;
    assert_int_equal(setenv(BEHAVIOUR, "deaf", 1), 0);
    struct source_opts opts = isolated_opts(clip());
    struct source *s;
    struct picture *p;
    assert_int_equal(source_open(&opts, &s), 0);
    for (int i = 0; i < N_DEAF; i++) {
        assert_int_equal(source_next(s, &p), 0);
        assert_int_equal(p->ordinal, i);
        assert_string_equal(p->file, "a\n\xff.png"); // as without a child: truths name it so
        picture_unref(&p);
    }
    assert_int_equal(source_next(s, &p), ERR_EOF);
    source_close(s);
    assert_int_equal(setenv(BEHAVIOUR, "", 1), 0);
}

static void stop_soon(void *arg)
{
    usleep(100 * 1000);
    atomic_store((atomic_bool *)arg, true);
}

static void test_interrupted_while_silent(void **state)
{
    (void)state;
    assert_int_equal(setenv(BEHAVIOUR, "silent", 1), 0);
    atomic_bool stop = false;
    struct thread t = {0};
    assert_int_equal(thread_start(&t, "stopper", stop_soon, &stop), 0);
    struct source_opts opts = isolated_opts(clip());
    opts.stop = &stop;
    struct source *s = NULL;
    assert_int_equal(source_open(&opts, &s), ERR_CANCELLED);
    thread_join(&t);
    assert_int_equal(setenv(BEHAVIOUR, "", 1), 0);
}

static const struct child_kind kinds[] = {{CHILD_SOURCE_KIND, misbehave}};

static int remove_clip(void **state)
{
    (void)state;
    return unlink(clip());
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        _exit(child_main(argv[2], kinds, ARRAY_LEN(kinds)));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_pictures),
        cmocka_unit_test(test_pictures_outlive_the_source),
        cmocka_unit_test(test_bad_children),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_interrupted_while_silent),
    };
    alarm(DEADLINE_S);
    return cmocka_run_group_tests(tests, NULL, remove_clip);
}
