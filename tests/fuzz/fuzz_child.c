// SPDX-License-Identifier: Apache-2.0
// fuzz_child.c - what a child process says that a hostile file has taken over, to the functions
// that ask it: a source's messages and pictures in shared memory, a probe, a frame, times, a posted
// picture, and in JSON a model's description, what a bench measured and what a calibration gave.
//
// The process part of base/child.h is replaced by a script over a socket; messages, descriptors and
// answers go through the real base/child_message.c and base/child_ask.c. The input:
//   asker, rule of the letterbox, pictures held at once, how the child ends;
//   then messages: op (low three bits the template, then two for the descriptors that go along),
//   flags (PATCHED, SIZED, REPEATED), then what they say, see make_message(). Of the one answer to
//   a question its contents follow in the same way.

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/child_model.h"
#include "app/model_tools.h"
#include "base/child.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/printable.h"
#include "base/str.h"
#include "media/child_jobs.h"
#include "media/frame_at.h"
#include "media/frame_times.h"
#include "media/probe.h"
#include "media/remote_priv.h"
#include "vision/letterbox.h"
#include "vision/picture.h"

enum {
    SIDE = 16, // of the prepared pictures
    MAX_HELD = 4,
    MAX_PIXELS = 1 << 24,
    MAX_FDS = 3,
    PAYLOAD_MAX = 64 * 1024,
};

enum flags {
    PATCHED = 1, // a count, then offset (2 bytes), length (1) and bytes of each
    SIZED = 2,   // 2 bytes: the size, modulo a little more than the template's
    REPEATED = 4 // 1 byte: so many times more
};

enum template {
    SAY_OPENED,
    SAY_PICTURE,
    SAY_COUNTS,
    SAY_END,
    SAY_ZEROS,
    SAY_NOTHING, // the parent's patience is tried
};

// As base/child_ask.c lays it out.
struct answer {
    int64_t n;
    int32_t result;
    char message[ERR_MESSAGE_BYTES];
};

struct child {
    int ours, theirs;
};

static struct {
    const uint8_t *p, *end;
    bool is_question;
    int end_error; // what child_finish() says
    int n_pictures;
    int n_more; // of the message below
    int fds;
    size_t n_bytes;
    union {
        struct remote_message remote;
        struct answer answer;
        uint8_t bytes[sizeof(struct remote_message) + 64];
    } m;
} script;

static volatile uint64_t sink; // what was read is used

// --- the script

static unsigned take(void)
{
    return script.p < script.end ? *script.p++ : 0;
}

static unsigned take_two(void)
{
    unsigned low = take();
    return low | take() << 8;
}

static void patch(uint8_t *bytes, size_t n)
{
    for (unsigned left = take(); left > 0; left--) {
        size_t at = take_two() % n;
        for (unsigned length = take(); length > 0; length--, at++) {
            unsigned byte = take();
            if (at < n)
                bytes[at] = (uint8_t)byte;
        }
    }
}

static void fill_picture(struct remote_message *m)
{
    int64_t n = script.n_pictures++;
    m->counts.decoded = n + 1;
    m->picture = (struct remote_picture){.slot = (int32_t)(n % REMOTE_SLOTS),
                                         .src_width = 48,
                                         .src_height = 32,
                                         .pts_us = 500000 + 40000 * n,
                                         .ordinal = n};
}

static void fill_remote(enum template say, struct remote_message *m)
{
    if (say == SAY_OPENED) {
        *m = (struct remote_message){.kind = REMOTE_OPENED};
        m->info = (struct remote_info){.kind = SOURCE_VIDEO,
                                       .width = 48,
                                       .height = 32,
                                       .coded_width = 48,
                                       .coded_height = 32,
                                       .frame_rate_num = 25,
                                       .frame_rate_den = 1,
                                       .time_base_num = 1,
                                       .time_base_den = 12800,
                                       .n_frames_hint = 10,
                                       .duration_s = 0.4,
                                       .container = "mov,mp4",
                                       .codec = "h264",
                                       .pixel_format = "yuv420p"};
    } else if (say == SAY_PICTURE) {
        *m = (struct remote_message){.kind = REMOTE_PICTURE};
        fill_picture(m);
    } else if (say == SAY_COUNTS) {
        *m = (struct remote_message){.kind = REMOTE_COUNTS, .counts = {.decoded = 7, .skipped = 7}};
    } else if (say == SAY_END) {
        *m = (struct remote_message){.kind = REMOTE_END, .error = ERR_EOF, .text = "clip.mp4: end"};
    }
}

static void fill_probe(struct probe_result *p)
{
    *p = (struct probe_result){.kind = SOURCE_VIDEO,
                               .container = "mov,mp4",
                               .codec = "h264",
                               .profile = "High",
                               .pixel_format = "yuv420p",
                               .width = 48,
                               .height = 32,
                               .frame_rate_num = 25,
                               .frame_rate_den = 1,
                               .duration_s = 0.4,
                               .n_frames = 10,
                               .first_pts_us = 500000,
                               .last_pts_us = 860000,
                               .min_distance_us = 40000,
                               .max_distance_us = 40000,
                               .counts = {.decoded = 10},
                               .n_marks = 2,
                               .marks = {{0, 500000}, {5, 700000}},
                               .n_streams = 1,
                               .streams = {{.type = "video", .codec = "h264"}}};
}

static size_t fill_text(uint8_t *bytes, const char *text)
{
    size_t n = strlen(text);
    memcpy(bytes, text, n);
    return n;
}

// The contents of an answer, by who asked.
static size_t fill_payload(unsigned asker, uint8_t *bytes)
{
    static const char model[] =
        "{\"path\":\"model.onnx\",\"sha256\":\"00ff\",\"head\":\"yolov8\",\"why\":[\"one output\"],"
        "\"input\":{\"width\":640,\"height\":640,\"dynamic_size\":false,\"batch\":1,"
        "\"layout\":\"nchw\",\"colours\":\"rgb\",\"scale\":0.003921569,\"mean\":[0,0,0],"
        "\"std\":[1,1,1],\"fit\":\"centre\",\"fill\":114},\"labels\":[\"person\",\"car\"],"
        "\"labels_from\":\"names\",\"inputs\":[{\"name\":\"images\",\"type\":\"float32\","
        "\"shape\":[-1,3,640,640]}],\"outputs\":[{\"name\":\"output0\",\"type\":\"float32\","
        "\"shape\":[-1,84,8400]}],\"producer\":null,\"opset\":17,\"parameters\":3151904,"
        "\"quantized\":false}";
    static const char bench[] =
        "{\"assay\":\"0.1\",\"model\":{\"path\":\"m\",\"sha256\":\"00ff\",\"head\":\"yolov8\"},"
        "\"rows\":[{\"engine\":\"native\",\"precision\":\"bf16\",\"threads\":1,\"workers\":2,"
        "\"milliseconds\":{\"min\":40.5,\"median\":41,\"max\":50},\"pictures_per_second\":24.4,"
        "\"share_of_peak\":0.4,\"resident_bytes\":70000000}]}\n";
    static const char quantized[] =
        "{\"AP\":null,\"agreement\":{\"fp32\":1,\"int8\":0.99},\"loss\":0.01,\"frames\":32,"
        "\"layers_in_fp32\":0,\"source\":\"clip.mp4\"}";
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xD9};
    const int64_t times[] = {500000, 540000, 580000};
    const int32_t sides[] = {48, 32};
    switch (asker) {
    case 1:
        fill_probe((struct probe_result *)(void *)bytes);
        return sizeof(struct probe_result);
    case 2:
        memcpy(bytes, jpeg, sizeof(jpeg));
        return sizeof(jpeg);
    case 3:
        memcpy(bytes, times, sizeof(times));
        return sizeof(times);
    case 5:
        return fill_text(bytes, model);
    case 6:
        return fill_text(bytes, bench);
    case 7:
        return fill_text(bytes, quantized);
    default:
        memcpy(bytes, sides, sizeof(sides));
        return sizeof(sides) + (size_t)SIDE * SIDE * 3;
    }
}

// --- the child's end

static unsigned asker;

static int answer_file(size_t *ret_n)
{
    static _Alignas(16) uint8_t bytes[PAYLOAD_MAX];
    memset(bytes, 0, sizeof(bytes));
    size_t n = fill_payload(asker, bytes);
    unsigned flags = take();
    if (flags & PATCHED)
        patch(bytes, n);
    if (flags & SIZED)
        n = take_two() % (n + 16);
    int fd = memfd_create("answer", MFD_CLOEXEC);
    if (fd >= 0 && n > 0 && write(fd, bytes, n) != (ssize_t)n)
        abort();
    *ret_n = n;
    return fd;
}

static void send_script(int socket, int answer_fd)
{
    union {
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = script.m.bytes, .iov_len = script.n_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (script.fds > 0) {
        int fds[MAX_FDS] = {socket, socket, socket}; // any will do where none is wanted
        if (answer_fd >= 0)
            fds[0] = answer_fd;
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)script.fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)script.fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)script.fds * sizeof(int));
    }
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        abort();
}

// The next message into script.m; false: nothing now. The answer's contents come first.
static bool make_message(int *ret_answer_fd)
{
    unsigned op = take();
    unsigned flags = take();
    size_t n_answer = 0;
    memset(&script.m, 0, sizeof(script.m));
    script.fds = (op >> 3) & 3;
    script.n_bytes = script.is_question ? sizeof(script.m.answer) : sizeof(script.m.remote);
    script.n_more = 0;
    if ((op & 7) == SAY_NOTHING)
        return false;
    if (!script.is_question) {
        fill_remote((enum template)(op & 7), &script.m.remote);
    } else if ((op & 7) == SAY_END) {
        script.m.answer = (struct answer){.result = ERR_MEDIA, .message = "clip.mp4: no stream"};
    } else {
        *ret_answer_fd = answer_file(&n_answer);
        script.m.answer.n = (int64_t)n_answer;
    }
    if (flags & PATCHED)
        patch(script.m.bytes, script.n_bytes);
    if (flags & SIZED)
        script.n_bytes = 1 + take_two() % (script.n_bytes + 32);
    if (flags & REPEATED)
        script.n_more = (int)take();
    return true;
}

int child_start(const char *program, const char *kind, const struct child_limits *limits,
                struct child **ret_child)
{
    (void)program;
    (void)kind;
    (void)limits;
    struct child *c = mem_new(struct child);
    int sockets[2];
    if (!c || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        abort();
    *c = (struct child){.ours = sockets[0], .theirs = sockets[1]};
    *ret_child = c;
    return 0;
}

int child_send(struct child *c, const void *bytes, size_t n, int fd)
{
    return child_send_to(c->ours, bytes, n, fd);
}

int child_try_send(struct child *c, const void *bytes, size_t n)
{
    return child_try_send_to(c->ours, bytes, n);
}

int child_receive(struct child *c, int64_t timeout_ns, void *ret_bytes, size_t max, size_t *ret_n,
                  int *ret_fd)
{
    int answer_fd = -1;
    if (script.n_more > 0) {
        script.n_more--;
        if (!script.is_question && script.m.remote.kind == REMOTE_PICTURE)
            fill_picture(&script.m.remote);
        send_script(c->theirs, -1);
    } else if (script.p >= script.end) {
        shutdown(c->theirs, SHUT_RDWR);
    } else if (make_message(&answer_fd)) {
        send_script(c->theirs, answer_fd);
    } else {
        return ERR_TIMEOUT;
    }
    if (answer_fd >= 0)
        close(answer_fd);
    return child_receive_from(c->ours, timeout_ns, ret_bytes, max, ret_n, ret_fd);
}

void child_kill(struct child *c)
{
    shutdown(c->theirs, SHUT_RDWR);
}

int child_finish(struct child **pc)
{
    struct child *c = *pc;
    *pc = NULL;
    if (!c)
        return 0;
    close(c->ours);
    close(c->theirs);
    mem_free(c);
    return script.end_error < 0 ? err_set((enum err)script.end_error, "crashed") : 0;
}

// --- what was believed

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_error(int r)
{
    check(r < 0 && r > -ERR_N_NUMBERS && err_message(r)[0] && printable_is(err_message(r)));
    check(r != ERR_CANCELLED && r != ERR_TIMEOUT && r != ERR_CLOSED); // nobody did that here
    sink += strlen(err_message(r));
}

static void check_counts(struct source_counts c)
{
    check(c.decoded >= c.skipped && c.skipped >= 0 && c.skimmed >= 0 && c.undecodable >= 0);
    sink += (c.cut_short ? 1 : 0) + strlen(c.cut_reason) + strlen(c.undecodable_reason);
}

static void check_distance(int64_t from_us, int64_t to_us)
{
    int64_t distance;
    check(!__builtin_sub_overflow(to_us, from_us, &distance) && distance >= 0);
}

static void check_pixels(const struct picture *p)
{
    const struct letterbox *lb = p->prepared;
    check(p->layout == PICTURE_RGB && p->width == SIDE && p->height == SIDE && lb);
    check(lb->x >= 0 && lb->y >= 0 && lb->width > 0 && lb->height > 0);
    check(lb->x + lb->width <= SIDE && lb->y + lb->height <= SIDE);
    check(isfinite(lb->scale_x) && lb->scale_x > 0 && isfinite(lb->scale_y) && lb->scale_y > 0);
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width * 3; x++)
            sink += p->planes[0][y * p->strides[0] + x];
    sink += p->file ? strlen(p->file) : 0;
}

static void check_info(const struct source_info *i)
{
    check(i->kind == SOURCE_VIDEO || i->kind == SOURCE_PICTURES);
    check(i->width >= 0 && i->height >= 0 && i->coded_width >= 0 && i->coded_height >= 0);
    check(i->rotation % 90 == 0 && i->rotation >= 0 && i->rotation < 360);
    check(i->frame_rate_num >= 0 && i->frame_rate_den > 0 && isfinite(i->duration_s));
    sink += strlen(i->container) + strlen(i->codec) + strlen(i->pixel_format);
}

// Takes pictures, holding some, until the end; some outlive the source.
static void read_source(struct source *s, int n_held)
{
    struct picture *held[MAX_HELD] = {0};
    struct picture *p = NULL;
    int64_t first_us = 0;
    int64_t last_ordinal = -1;
    int64_t last_us = 0;
    int r;
    check_info(source_info(s));
    check_counts(source_counts(s));
    for (int i = 0; (r = source_next(s, &p)) == 0; i++) {
        check_pixels(p);
        for (int k = 0; k < MAX_HELD; k++) // nobody else has these pixels
            check(!held[k] || held[k]->planes[0] != p->planes[0]);
        first_us = i == 0 ? p->pts_us : first_us;
        check_distance(first_us, p->pts_us);
        check(p->ordinal > last_ordinal && (i == 0 || p->pts_us > last_us));
        check(p->ordinal < INT64_MAX);
        last_ordinal = p->ordinal;
        last_us = p->pts_us;
        picture_unref(&held[i % MAX_HELD]);
        held[i % MAX_HELD] = p;
        for (int k = n_held; k < MAX_HELD; k++)
            picture_unref(&held[(i + MAX_HELD - k) % MAX_HELD]);
        check_counts(source_counts(s));
    }
    check_error(r);
    check(source_next(s, &p) == r); // for ever
    source_close(s);
    for (int i = 0; i < MAX_HELD; i++) {
        if (held[i])
            check_pixels(held[i]);
        picture_unref(&held[i]);
    }
}

static void ask_source(struct source_prepare prepare, int n_held)
{
    const struct source_opts opts = {.path = "clip.mp4", .isolated = true, .prepare = prepare};
    struct source *s = NULL;
    int r = source_open(&opts, &s);
    if (r < 0)
        check_error(r);
    else
        read_source(s, n_held);
}

static void ask_probe(void)
{
    static struct probe_result p;
    const struct source_opts opts = {.path = "clip.mp4"};
    int r = child_probe(NULL, &opts, 0, &p);
    if (r < 0) {
        check_error(r);
        return;
    }
    check_counts(p.counts);
    check_distance(p.first_pts_us, p.last_pts_us);
    sink += strlen(p.container) + strlen(p.codec) + strlen(p.profile) + strlen(p.pixel_format) +
            (p.is_variable ? 1 : 0);
    check(p.n_marks <= PROBE_MAX_MARKS && isfinite(p.duration_s) && p.rotation % 90 == 0 &&
          p.frame_rate_num >= 0 && p.frame_rate_den > 0);
    int64_t duration_us;
    check(!__builtin_add_overflow(p.last_pts_us - p.first_pts_us, p.min_distance_us, &duration_us));
    for (size_t i = 0; i < p.n_marks; i++)
        check(p.marks[i].ordinal >= 0 && p.marks[i].ordinal < p.n_frames);
    for (size_t i = 0; i < MIN(p.n_streams, (size_t)PROBE_MAX_STREAMS); i++)
        sink += strlen(p.streams[i].type) + strlen(p.streams[i].codec);
}

static void ask_frame(void)
{
    const struct frame_at f = {.path = "clip.mp4", .max_width = SIDE, .quality = 80};
    struct str_buf jpeg = STR_BUF_INIT(PAYLOAD_MAX);
    int r = child_frame(NULL, &f, &jpeg);
    if (r < 0)
        check_error(r);
    else
        check(jpeg.n >= 4);
    str_buf_finish(&jpeg);
}

static void ask_times(void)
{
    int64_t *times;
    size_t n;
    int r = child_frame_times(NULL, "clip.mp4", NULL, &times, &n);
    if (r < 0) {
        check_error(r);
        return;
    }
    check(n > 0);
    for (size_t i = 1; i < n; i++) {
        check(times[i] > times[i - 1]);
        check_distance(times[0], times[i]);
    }
    mem_free(times);
}

static void ask_picture(struct source_prepare prepare)
{
    struct picture *p = NULL;
    int r = child_picture(NULL, "bus.jpg", -1, MAX_PIXELS, &prepare, &p);
    if (r < 0)
        check_error(r);
    else
        check_pixels(p);
    picture_unref(&p);
}

// What was believed is JSON whose texts can be shown.
static void check_json(const struct str_buf *out)
{
    struct json_reader *reader;
    const struct json_reader_opts opts = {.text = str_buf_view(out)};
    struct json_event e = {.type = JSON_UNSET};
    check(str_buf_check(out) == 0 && json_reader_create(&opts, &reader) == 0);
    while (e.type != JSON_END) {
        check(json_next(reader, &e) == 0);
        if (e.type != JSON_STRING)
            continue;
        struct str_buf text = STR_BUF_INIT(PAYLOAD_MAX * 4);
        str_buf_add_str(&text, e.text);
        check(printable_is(str_buf_text(&text)) && strlen(str_buf_text(&text)) == text.n);
        str_buf_finish(&text);
    }
    json_reader_destroy(reader);
}

static void ask_about_model(void)
{
    static const struct task_quantize wanted = {.model_path = "model.onnx",
                                                .video_path = "clip.mp4",
                                                .video_name = "clip.mp4",
                                                .out_folder = "out",
                                                .out_path = "out/made.json",
                                                .n_frames = 32};
    const atomic_bool stop = false;
    struct str_buf out = STR_BUF_INIT(PAYLOAD_MAX * 4);
    int r = asker == 5   ? child_model_inspect(NULL, "model.onnx", &out)
            : asker == 6 ? model_tools.bench(NULL, "model.onnx", "m", &stop, &out)
                         : model_tools.quantize(NULL, &wanted, &stop, &out);
    if (r == 0)
        check_json(&out);
    else
        check_error(r);
    str_buf_finish(&out);
}

// The lowest that is free: the same again when nothing was left open.
static int free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check(fd >= 0);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    memset(&script, 0, sizeof(script));
    script.p = bytes;
    script.end = bytes + n;
    asker = take() % 8;
    const struct source_prepare prepare = {
        .rule = (enum letterbox_rule)(take() % 4), .width = SIDE, .height = SIDE, .fill = 114};
    int n_held = (int)(take() % (MAX_HELD + 1));
    script.end_error = -(int)(take() % ERR_N_NUMBERS);
    script.is_question = asker > 0;
    int before = free_descriptor();
    switch (asker) {
    case 0:
        ask_source(prepare, n_held);
        break;
    case 1:
        ask_probe();
        break;
    case 2:
        ask_frame();
        break;
    case 3:
        ask_times();
        break;
    case 4:
        ask_picture(prepare);
        break;
    default:
        ask_about_model();
    }
    check(free_descriptor() == before);
    return 0;
}
