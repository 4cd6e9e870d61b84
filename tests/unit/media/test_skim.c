// SPDX-License-Identifier: Apache-2.0
// test_skim.c - frames that are left out are hardly decoded, and those given are what they were.

#include "media_test.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include "media/h264_cut.h"
#include "media/skim.h"

enum {
    WIDTH = 160,
    HEIGHT = 128,
    N_FRAMES = 90,
    LONG = 400, // bytes of a slice that is cut
};

// --- packets

// A packet of NAL units, each its first byte and so many more; with lengths of *length_size* bytes.
static size_t packet_of(int length_size, const int (*nals)[2], uint8_t *ret_bytes)
{
    uint8_t *to = ret_bytes;
    for (; (*nals)[1] > 0; nals++) {
        int n = (*nals)[1];
        if (length_size == 0)
            *to++ = 0, *to++ = 0, *to++ = 1;
        for (int i = length_size - 1; i >= 0; i--)
            *to++ = (uint8_t)(n >> 8 * i);
        memset(to, 0x55, (size_t)n);
        *to = (uint8_t)(*nals)[0];
        to += n;
    }
    return (size_t)(to - ret_bytes);
}

static void test_packets_cut(void **state)
{
    (void)state;
    enum {
        SLICE = 0x01,
        OF_REFERENCE = 0x41,
        SEI = 0x06,
        DELIMITER = 0x09,
        KEY = 0x65,
        SET = 0x68
    };
    static const struct {
        int nals[5][2];
        int least; // what is left of it; 0: it stays whole
    } rows[] = {
        // clang-format off
        {{{SLICE, LONG}},                                   H264_CUT_KEPT},
        {{{DELIMITER, 2}, {SEI, 300}, {SLICE, LONG}},       H264_CUT_KEPT + 302},
        {{{SLICE, LONG}, {SLICE, 9}, {SLICE, LONG}},        2 * H264_CUT_KEPT + 9},
        {{{SLICE, H264_CUT_KEPT + 1}},                      H264_CUT_KEPT},
        {{{SLICE, H264_CUT_KEPT}},                          0}, // short already
        {{{OF_REFERENCE, LONG}},                            0},
        {{{SLICE, LONG}, {OF_REFERENCE, LONG}},             0},
        {{{KEY, LONG}},                                     0},
        {{{SET, 20}, {SLICE, LONG}},                        0}, // later frames need the set
        {{{SEI, LONG}},                                     0},
        // clang-format on
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int size = 0; size <= 4; size++) {
            if (size == 1)
                continue; // too small for these
            uint8_t bytes[2048];
            uint8_t cut[2048];
            size_t n = packet_of(size, rows[i].nals, bytes);
            size_t n_nals = 0;
            while (n_nals < 5 && rows[i].nals[n_nals][1] > 0)
                n_nals++;
            size_t want =
                rows[i].least ? (size_t)rows[i].least + n_nals * (size_t)(size ? size : 3) : 0;
            size_t got = h264_cut(size, bytes, n, cut);
            if (got != want)
                fail_msg("row %zu, lengths of %d bytes: %zu, not %zu", i, size, got, want);
            if (got > 0) // what is left is packets again, and cannot be cut further
                assert_int_equal(h264_cut(size, cut, got, bytes), 0);
        }
    }
}

static void test_packets_broken(void **state)
{
    (void)state;
    static const int slice[][2] = {{0x01, LONG}, {0, 0}};
    static const int two[][2] = {{0x01, LONG}, {0x01, LONG}, {0, 0}};
    uint8_t bytes[2048];
    uint8_t cut[2048];
    size_t n = packet_of(4, slice, bytes);
    assert_int_equal(h264_cut(4, bytes, 0, cut), 0);
    for (size_t shorter = 1; shorter < n; shorter += 7) // the length reaches beyond the packet
        assert_int_equal(h264_cut(4, bytes, n - shorter, cut), 0);
    memset(bytes, 0, 4);
    assert_int_equal(h264_cut(4, bytes, n, cut), 0);
    memset(bytes, 0xff, 4);
    assert_int_equal(h264_cut(4, bytes, n, cut), 0);
    n = packet_of(0, two, bytes);
    assert_true(h264_cut(0, bytes, n, cut) > 0);
    bytes[2] = 7; // no start code at the beginning
    assert_int_equal(h264_cut(0, bytes, n, cut), 0);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(h264_cut(0, bytes, 100, cut), 0);
}

static void test_entropy(void **state)
{
    (void)state;
    // picture sets: ids 0 and 0, CABAC; 0 and 0, CAVLC; 1 (010) and 0, CABAC; not readable
    static const struct {
        uint8_t bytes[3];
        unsigned want;
    } rows[] = {
        {{0x68, 0xe0, 0x00}, H264_HAS_CABAC},
        {{0x68, 0xc0, 0x00}, H264_HAS_OTHER},
        {{0x68, 0x58, 0x00}, H264_HAS_CABAC},
        {{0x68, 0x00, 0x00}, H264_HAS_OTHER},
        {{0x67, 0xc0, 0x00}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t packet[8] = {0, 0, 0, 3};
        memcpy(packet + 4, rows[i].bytes, 3);
        assert_int_equal(h264_cut_entropy(4, packet, 7), rows[i].want);
        uint8_t avcc[] = {1, 100, 0, 30, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 3, 0, 0, 0};
        memcpy(avcc + 12, rows[i].bytes, 3);
        if (rows[i].want)
            assert_int_equal(h264_cut_entropy_of_extradata(avcc, sizeof(avcc)), rows[i].want);
        avcc[11] = 4; // longer than there is
        assert_int_equal(h264_cut_entropy_of_extradata(avcc, sizeof(avcc)), H264_HAS_OTHER);
        uint8_t codes[] = {0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0, 0, 0};
        memcpy(codes + 9, rows[i].bytes, 3);
        assert_int_equal(h264_cut_entropy_of_extradata(codes, sizeof(codes)), rows[i].want);
    }
    assert_int_equal(h264_cut_entropy_of_extradata(NULL, 0), 0);
    assert_int_equal(h264_cut_length_size(NULL, 0), 0);
}

// --- bookkeeping

static struct skim skim_made(void)
{
    static const AVCodecParameters par = {.codec_id = AV_CODEC_ID_H264};
    struct skim k;
    assert_int_equal(skim_start(&k, &par), 0);
    assert_true(k.is_on);
    k.entropy = H264_HAS_CABAC;
    k.n_out = 100;
    return k;
}

static AVPacket *packet_at(int64_t pts)
{
    AVPacket *p = av_packet_alloc();
    assert_non_null(p);
    assert_int_equal(av_new_packet(p, 64), 0);
    memset(p->data, 0, 64);
    p->pts = pts;
    return p;
}

static void sent(struct skim *k, int64_t pts, bool is_cut)
{
    AVPacket *p = packet_at(pts);
    skim_note_sent(k, p, is_cut);
    av_packet_free(&p);
}

static int64_t ordinal_at(const struct skim *k, int64_t pts)
{
    AVPacket *p = packet_at(pts);
    int64_t ordinal = skim_ordinal(k, p);
    av_packet_free(&p);
    return ordinal;
}

static void test_ordinals(void **state)
{
    (void)state;
    struct skim k = skim_made();
    sent(&k, 50, false);
    sent(&k, 20, false);
    struct skim_packet next = {.packet = packet_at(10), .number = 7};
    skim_push(&k, &next); // read ahead, and before all others
    k.entropy = H264_HAS_CABAC;
    assert_int_equal(ordinal_at(&k, 5), 100);
    assert_int_equal(ordinal_at(&k, 30), 102);
    assert_int_equal(ordinal_at(&k, 60), 103);
    assert_int_equal(ordinal_at(&k, 20), -1); // two of one time
    assert_int_equal(ordinal_at(&k, AV_NOPTS_VALUE), -1);
    k.entropy |= H264_HAS_OTHER;
    assert_int_equal(ordinal_at(&k, 30), -1);
    k.entropy = H264_HAS_CABAC;
    k.n_out = SKIM_SETTLED - 1;
    assert_int_equal(ordinal_at(&k, 30), -1);
    assert_true(skim_pop(&k, &next));
    assert_true(next.number == 7 && next.packet->pts == 10);
    assert_false(skim_pop(&k, &next));
    av_packet_free(&next.packet);
    skim_stop(&k);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct skim k = skim_made();
    sent(&k, 20, true);
    sent(&k, 10, false);
    assert_false(skim_note_out(&k, 10));
    assert_true(skim_note_out(&k, 20));
    skim_note_end(&k);
    assert_false(k.is_wrong);
    sent(&k, 30, false);
    assert_false(skim_note_out(&k, 40)); // one that was whole is lost: no matter
    assert_false(k.is_wrong);
    sent(&k, 50, true);
    assert_false(skim_note_out(&k, 60));
    assert_true(k.is_wrong);
    k = (skim_stop(&k), skim_made());
    sent(&k, 10, true);
    sent(&k, 10, false);
    assert_true(k.is_wrong);
    k = (skim_stop(&k), skim_made());
    sent(&k, 10, true);
    skim_note_end(&k);
    assert_true(k.is_wrong);
    k = (skim_stop(&k), skim_made());
    sent(&k, 10, true);
    for (int i = 0; i < SKIM_MOST_SENT; i++)
        sent(&k, 100 + i, false);
    assert_true(k.is_wrong);
    skim_stop(&k);
}

// --- whole runs

struct clip {
    const char *name, *options;
    bool swaps;  // some neighbours' times, so that frames do not come out in their order
    bool varies; // the time between frames
};

// A moving pattern with noise: slices are some kilobytes.
static void draw(AVFrame *f, int n)
{
    static uint32_t noise = 1;
    for (int plane = 0; plane < 3; plane++) {
        int height = plane ? HEIGHT / 2 : HEIGHT;
        int width = plane ? WIDTH / 2 : WIDTH;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                noise = noise * 1664525u + 1013904223u;
                f->data[plane][y * f->linesize[plane] + x] =
                    (uint8_t)((x * 3 + y + n * 5) % 160 + (int)(noise >> 27));
            }
        }
    }
}

static int64_t time_of(const struct clip *c, int64_t n)
{
    if (c->swaps && n > 50 && n < 70)
        n ^= 1;
    return (c->varies ? n * 10 + n * n % 7 : n * 10) * 90;
}

static void write_packets(const struct clip *c, AVCodecContext *e, AVFormatContext *f, AVPacket *p)
{
    while (avcodec_receive_packet(e, p) == 0) {
        AVRational ticks = {1, 9000};
        p->dts = time_of(&(struct clip){.name = ""}, p->dts - 4);
        p->pts = time_of(c, p->pts);
        p->duration = 900;
        av_packet_rescale_ts(p, ticks, f->streams[0]->time_base);
        assert_true(av_interleaved_write_frame(f, p) >= 0);
    }
}

static AVCodecContext *encoder_of(const struct clip *c)
{
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec) {
        print_message("no libx264\n");
        skip();
    }
    AVCodecContext *e = avcodec_alloc_context3(codec);
    assert_non_null(e);
    e->width = WIDTH;
    e->height = HEIGHT;
    e->pix_fmt = AV_PIX_FMT_YUV420P;
    e->time_base = (AVRational){1, 25};
    e->thread_count = 1;
    e->max_b_frames = 3;
    if (!strstr(c->name, ".ts"))
        e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    assert_int_equal(av_opt_set(e->priv_data, "preset", "ultrafast", 0), 0);
    assert_int_equal(av_opt_set(e->priv_data, "x264-params", c->options, 0), 0);
    assert_int_equal(avcodec_open2(e, codec, NULL), 0);
    return e;
}

static const char *make_clip(const struct clip *c)
{
    const char *path = media_test_temp(c->name);
    AVCodecContext *e = encoder_of(c);
    AVFormatContext *f = NULL;
    assert_true(avformat_alloc_output_context2(&f, NULL, NULL, path) >= 0);
    AVStream *st = avformat_new_stream(f, NULL);
    assert_non_null(st);
    assert_true(avcodec_parameters_from_context(st->codecpar, e) >= 0);
    st->time_base = (AVRational){1, 9000};
    assert_true(avio_open(&f->pb, path, AVIO_FLAG_WRITE) >= 0);
    assert_true(avformat_write_header(f, NULL) >= 0);
    AVPacket *p = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    assert_true(p && frame);
    frame->format = e->pix_fmt;
    frame->width = WIDTH;
    frame->height = HEIGHT;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    for (int i = 0; i <= N_FRAMES; i++) {
        assert_int_equal(av_frame_make_writable(frame), 0);
        draw(frame, i);
        frame->pts = i;
        assert_int_equal(avcodec_send_frame(e, i < N_FRAMES ? frame : NULL), 0);
        write_packets(c, e, f, p);
    }
    assert_int_equal(av_write_trailer(f), 0);
    avio_closep(&f->pb);
    avformat_free_context(f);
    avcodec_free_context(&e);
    av_frame_free(&frame);
    av_packet_free(&p);
    return path;
}

struct seen {
    int64_t ordinal, pts_us;
    uint64_t sum; // of the pixels
};

static uint64_t sum_of(const struct picture *p)
{
    uint64_t sum = 1469598103934665603u;
    for (int plane = 0; plane < 3; plane++) {
        int height = plane ? p->height / 2 : p->height;
        int width = plane ? p->width / 2 : p->width;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                sum = (sum ^ p->planes[plane][y * p->strides[plane] + x]) * 1099511628211u;
    }
    return sum;
}

static int run(const struct source_opts *opts, struct seen *seen, struct source_counts *ret_counts)
{
    struct source *s;
    struct picture *p;
    int n = 0;
    assert_int_equal(source_open(opts, &s), 0);
    while (source_next(s, &p) == 0) {
        assert_true(n < N_FRAMES);
        seen[n++] = (struct seen){p->ordinal, p->pts_us, sum_of(p)};
        picture_unref(&p);
    }
    *ret_counts = source_counts(s);
    source_close(s);
    return n;
}

// Every picture that *opts* gives is the one of its ordinal in *all*, and none is missing.
static int64_t compare(const struct source_opts *opts, const struct seen *all, int n_all,
                       const char *name)
{
    struct seen some[N_FRAMES];
    struct source_counts counts;
    int n = run(opts, some, &counts);
    int at = 0;
    for (int i = 0; i < n_all; i++) {
        if (all[i].ordinal % opts->stride != 0 ||
            (double)(all[i].pts_us - all[0].pts_us) < opts->start_s * 1e6)
            continue;
        if (at >= n || memcmp(&some[at], &all[i], sizeof(all[i])) != 0)
            fail_msg("%s, stride %d, start %g: frame %d differs or is missing", name,
                     (int)opts->stride, opts->start_s, i);
        at++;
    }
    assert_int_equal(at, n);
    assert_int_equal(counts.decoded, n_all);
    assert_int_equal(counts.undecodable, 0);
    assert_false(counts.cut_short);
    return counts.skimmed;
}

static void test_same_pictures(void **state)
{
    (void)state;
    static const struct {
        struct clip clip;
        enum { NEVER, ALWAYS, NOT_ALWAYS } skimmed;
    } rows[] = {
        // clang-format off
        {{"plain.mp4",   "bframes=3:b-adapt=0:cabac=1:keyint=30", false, false}, ALWAYS},
        {{"pyramid.mkv", "bframes=3:b-adapt=0:cabac=1:b-pyramid=normal:keyint=40", false, false}, ALWAYS},
        {{"open.ts",     "bframes=3:b-adapt=0:cabac=1:open-gop=1:keyint=20", false, false}, ALWAYS},
        {{"slices.mp4",  "bframes=3:b-adapt=0:cabac=1:slices=3", false, false}, ALWAYS},
        {{"fields.mp4",  "bframes=3:b-adapt=0:cabac=1:tff=1", false, false}, ALWAYS},
        {{"varies.mp4",  "bframes=3:b-adapt=0:cabac=1", false, true}, ALWAYS},
        {{"cavlc.mp4",   "bframes=3:b-adapt=0:cabac=0", false, false}, NEVER},
        {{"all_refer.mp4", "bframes=0:cabac=1", false, false}, NEVER},
        {{"swapped.mkv", "bframes=3:b-adapt=0:cabac=1", true, false}, NOT_ALWAYS}, // mistakes: once more
        // clang-format on
    };
    static struct seen all[N_FRAMES];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = make_clip(&rows[i].clip);
        const struct source_opts whole = {.path = path};
        struct source_counts counts;
        int n = run(&whole, all, &counts);
        assert_int_equal(n, N_FRAMES);
        assert_int_equal(counts.skimmed, 0);
        int n_skimming = 0; // runs
        static const int strides[] = {2, 3, 10};
        for (size_t j = 0; j < ARRAY_LEN(strides); j++) {
            const struct source_opts o = {.path = path, .stride = strides[j]};
            n_skimming += compare(&o, all, n, rows[i].clip.name) > 0;
        }
        const struct source_opts late = {.path = path, .stride = 1, .start_s = 3.1};
        n_skimming += compare(&late, all, n, rows[i].clip.name) > 0;
        static const int least[] = {0, 4, 1};
        static const int most[] = {0, 4, 3};
        if (n_skimming < least[rows[i].skimmed] || n_skimming > most[rows[i].skimmed])
            fail_msg("%s: skimmed in %d of 4 runs", rows[i].clip.name, n_skimming);
        unlink(path);
    }
}

// Bytes of the pictures' data that changed: what a decoder makes up for them is the same, too.
static void test_damaged(void **state)
{
    (void)state;
    static const struct clip clip = {"damaged.mp4", "bframes=3:b-adapt=0:cabac=1:keyint=30", false,
                                     false};
    static uint8_t bytes[1 << 20];
    static struct seen all[N_FRAMES];
    static struct seen some[N_FRAMES];
    const char *path = make_clip(&clip);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_true(n > 100000 && n < sizeof(bytes)); // the index is at the end
    for (size_t i = 0; i < 6; i++) {
        size_t at = n / 2 + i * n / 20;
        for (size_t j = 0; j < 40; j++)
            bytes[at + j * 3] ^= 0x5a;
        media_test_write(path, bytes, n);
        const struct source_opts whole = {.path = path};
        const struct source_opts few = {.path = path, .stride = 3};
        struct source_counts counts;
        struct source_counts few_counts;
        int n_all = run(&whole, all, &counts);
        int n_some = run(&few, some, &few_counts);
        assert_int_equal(n_some, (n_all + 2) / 3);
        for (int j = 0; j < n_some; j++)
            assert_memory_equal(&some[j], &all[j * 3], sizeof(all[0]));
        assert_int_equal(few_counts.decoded, counts.decoded);
        assert_int_equal(few_counts.undecodable, counts.undecodable);
        assert_int_equal(few_counts.cut_short, counts.cut_short);
        assert_string_equal(few_counts.undecodable_reason, counts.undecodable_reason);
    }
    unlink(path);
}

// The loop filter is left out where asked, and nowhere else.
static void test_unfiltered(void **state)
{
    (void)state;
    static const struct clip clip = {
        "filter.mp4", "bframes=3:b-adapt=0:cabac=1:no-deblock=0:qp=36:b-pyramid=none", false,
        false};
    static struct seen all[N_FRAMES];
    static struct seen some[N_FRAMES];
    struct source_counts counts;
    const char *path = make_clip(&clip);
    const struct source_opts whole = {.path = path};
    assert_int_equal(run(&whole, all, &counts), N_FRAMES);
    int differ[SOURCE_UNFILTERED_ALL + 1] = {0};
    for (int i = SOURCE_UNFILTERED_NONE; i <= SOURCE_UNFILTERED_ALL; i++) {
        const struct source_opts o = {.path = path, .unfiltered = i};
        assert_int_equal(run(&o, some, &counts), N_FRAMES);
        for (int j = 0; j < N_FRAMES; j++) {
            assert_int_equal(some[j].pts_us, all[j].pts_us);
            differ[i] += some[j].sum != all[j].sum;
        }
    }
    unlink(path);
    assert_int_equal(differ[SOURCE_UNFILTERED_NONE], 0);
    assert_in_range(differ[SOURCE_UNFILTERED_UNREFERENCED], N_FRAMES / 2, N_FRAMES * 3 / 4);
    assert_true(differ[SOURCE_UNFILTERED_ALL] > N_FRAMES * 9 / 10);
}

int main(void)
{
    av_log_set_level(AV_LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets_cut), cmocka_unit_test(test_packets_broken),
        cmocka_unit_test(test_entropy),     cmocka_unit_test(test_ordinals),
        cmocka_unit_test(test_mistakes),    cmocka_unit_test(test_same_pictures),
        cmocka_unit_test(test_damaged),     cmocka_unit_test(test_unfiltered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
