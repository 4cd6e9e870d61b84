// SPDX-License-Identifier: Apache-2.0
// columns.c - blocks of packed columns: building, writing, and reading with every byte checked.
//
// LAYOUT (little-endian; docs/FILES.md)
// head (64 bytes) | float32 columns | int32 columns | uint16 column | uint8 column | frames |
// labels Each column has n_detections elements and is padded with zeros to a multiple of 8 bytes;
// frames are varints: frame and pts as differences to the frame before, count, latency (zigzag)
// where flagged; labels are class id (int32), length (uint8), bytes.

#include "store/columns.h"

#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are copied as they lie");

struct head {
    uint32_t magic;
    uint32_t n_bytes; // of the whole block
    uint32_t flags;
    uint32_t n_frames;
    uint32_t n_detections;
    uint32_t n_labels;
    uint32_t frames_bytes;
    uint32_t labels_bytes;
    int64_t first_frame;
    int64_t first_pts_us;
    int64_t last_frame;
    float max_confidence;
    uint32_t zero;
};
_Static_assert(sizeof(struct head) == COLUMNS_HEAD_BYTES, "the head is as documented");

enum column_type {
    COLUMN_F32,
    COLUMN_I32,
    COLUMN_U16,
    COLUMN_U8,
};

// The columns in the order they lie.
static const struct column {
    size_t offset; // in struct columns_detection
    enum column_type type;
    uint32_t flag; // which has it; 0: always
} table[] = {
    {offsetof(struct columns_detection, x), COLUMN_F32, 0},
    {offsetof(struct columns_detection, y), COLUMN_F32, 0},
    {offsetof(struct columns_detection, w), COLUMN_F32, 0},
    {offsetof(struct columns_detection, h), COLUMN_F32, 0},
    {offsetof(struct columns_detection, confidence), COLUMN_F32, 0},
    {offsetof(struct columns_detection, truth_x), COLUMN_F32, COLUMNS_OUTCOMES},
    {offsetof(struct columns_detection, truth_y), COLUMN_F32, COLUMNS_OUTCOMES},
    {offsetof(struct columns_detection, truth_w), COLUMN_F32, COLUMNS_OUTCOMES},
    {offsetof(struct columns_detection, truth_h), COLUMN_F32, COLUMNS_OUTCOMES},
    {offsetof(struct columns_detection, iou), COLUMN_F32, COLUMNS_OUTCOMES},
    {offsetof(struct columns_detection, track_id), COLUMN_I32, COLUMNS_TRACKS},
    {offsetof(struct columns_detection, label), COLUMN_U16, 0},
    {offsetof(struct columns_detection, outcome), COLUMN_U8, COLUMNS_OUTCOMES},
};

static const size_t element_bytes[] = {
    [COLUMN_F32] = 4, [COLUMN_I32] = 4, [COLUMN_U16] = 2, [COLUMN_U8] = 1};

// ---- building

void columns_finish(struct columns *c)
{
    mem_free(c->frames);
    mem_free(c->detections);
    mem_free(c->labels);
    *c = (struct columns){0};
}

void columns_clear(struct columns *c)
{
    c->n_frames = c->n_detections = c->n_labels = 0;
}

int columns_add_frame(struct columns *c, int64_t frame, int64_t pts_us, int64_t latency_us)
{
    if (frame < 0)
        return err_set(ERR_INVALID, "frame %lld: negative", (long long)frame);
    if (c->n_frames > 0 && c->frames[c->n_frames - 1].frame >= frame)
        return err_set(ERR_INVALID, "frame %lld: comes after frame %lld", (long long)frame,
                       (long long)c->frames[c->n_frames - 1].frame);
    if (c->n_frames >= COLUMNS_MAX_FRAMES)
        return err_set(ERR_TOO_BIG, "more than %d frames in a block", COLUMNS_MAX_FRAMES);
    int r = MEM_GROW(c->frames, c->cap_frames, c->n_frames);
    if (r < 0)
        return r;
    c->frames[c->n_frames++] = (struct columns_frame){.frame = frame,
                                                      .pts_us = pts_us,
                                                      .latency_us = latency_us,
                                                      .first = (uint32_t)c->n_detections};
    return 0;
}

int columns_add(struct columns *c, const struct columns_detection *d)
{
    assert(c->n_frames > 0 && d->label < c->n_labels);
    if (c->n_detections >= COLUMNS_MAX_DETECTIONS)
        return err_set(ERR_TOO_BIG, "more than %d detections in a block", COLUMNS_MAX_DETECTIONS);
    int r = MEM_GROW(c->detections, c->cap_detections, c->n_detections);
    if (r < 0)
        return r;
    c->detections[c->n_detections++] = *d;
    c->frames[c->n_frames - 1].n++;
    return 0;
}

int columns_label(struct columns *c, int32_t class_id, const char *text, uint16_t *ret_index)
{
    for (size_t i = 0; i < c->n_labels; i++) {
        if (c->labels[i].class_id == class_id && strcmp(c->labels[i].text, text) == 0) {
            *ret_index = (uint16_t)i;
            return 0;
        }
    }
    size_t n = strlen(text);
    if (n > COLUMNS_MAX_LABEL)
        return err_set(ERR_TOO_BIG, "label '%.40s...': longer than %d bytes", text,
                       COLUMNS_MAX_LABEL);
    if (c->n_labels >= COLUMNS_MAX_LABELS)
        return err_set(ERR_TOO_BIG, "more than %d labels in a block", COLUMNS_MAX_LABELS);
    int r = MEM_GROW(c->labels, c->cap_labels, c->n_labels);
    if (r < 0)
        return r;
    struct columns_label *l = &c->labels[c->n_labels];
    *l = (struct columns_label){.class_id = class_id};
    memcpy(l->text, text, n);
    *ret_index = (uint16_t)c->n_labels++;
    return 0;
}

// ---- writing

static void put_varint(struct str_buf *out, uint64_t v)
{
    unsigned char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (unsigned char)((v & 127) | (v > 127 ? 128 : 0));
        v >>= 7;
    } while (v);
    str_buf_add(out, bytes, n);
}

static uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

// Differences are taken and added modulo 2^64, so that no pair of times overflows.
static int64_t difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void put_frames(const struct columns *c, struct str_buf *out)
{
    for (size_t i = 0; i < c->n_frames; i++) {
        const struct columns_frame *f = &c->frames[i];
        const struct columns_frame *before = i ? f - 1 : f;
        put_varint(out, (uint64_t)(f->frame - before->frame));
        put_varint(out, zigzag(difference(f->pts_us, before->pts_us)));
        put_varint(out, f->n);
        if (c->flags & COLUMNS_LATENCIES)
            put_varint(out, zigzag(f->latency_us));
    }
}

static void put_labels(const struct columns *c, struct str_buf *out)
{
    for (size_t i = 0; i < c->n_labels; i++) {
        size_t n = strlen(c->labels[i].text);
        str_buf_add(out, &c->labels[i].class_id, 4);
        str_buf_putc(out, (char)n);
        str_buf_add(out, c->labels[i].text, n);
    }
}

static void pad(struct str_buf *out, size_t start)
{
    static const char zeros[8];
    str_buf_add(out, zeros, (8 - (out->n - start) % 8) % 8);
}

static void put_column(const struct columns *c, const struct column *col, struct str_buf *out)
{
    enum {
        RUN = 512,
    };
    char run[RUN * 4];
    size_t size = element_bytes[col->type];
    size_t start = out->n;
    for (size_t i = 0; i < c->n_detections;) {
        size_t n = MIN((size_t)RUN, c->n_detections - i);
        const char *from = (const char *)&c->detections[i] + col->offset;
        for (size_t k = 0; k < n; k++, from += sizeof(struct columns_detection))
            memcpy(run + k * size, from, size);
        str_buf_add(out, run, n * size);
        i += n;
    }
    pad(out, start);
}

static float max_confidence(const struct columns *c)
{
    float most = 0;
    for (size_t i = 0; i < c->n_detections; i++)
        most = MAX(most, c->detections[i].confidence);
    return most;
}

int columns_encode(const struct columns *c, struct str_buf *out)
{
    assert(!(c->flags & ~(uint32_t)COLUMNS_ALL_FLAGS));
    const struct columns_frame *f = c->frames;
    struct head h = {.magic = COLUMNS_MAGIC,
                     .flags = c->flags,
                     .n_frames = (uint32_t)c->n_frames,
                     .n_detections = (uint32_t)c->n_detections,
                     .n_labels = (uint32_t)c->n_labels,
                     .first_frame = c->n_frames ? f[0].frame : 0,
                     .first_pts_us = c->n_frames ? f[0].pts_us : 0,
                     .last_frame = c->n_frames ? f[c->n_frames - 1].frame : 0,
                     .max_confidence = max_confidence(c)};
    size_t start = out->n;
    str_buf_add(out, &h, sizeof(h));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!table[i].flag || c->flags & table[i].flag)
            put_column(c, &table[i], out);
    }
    size_t at = out->n;
    put_frames(c, out);
    h.frames_bytes = (uint32_t)(out->n - at);
    at = out->n;
    put_labels(c, out);
    h.labels_bytes = (uint32_t)(out->n - at);
    pad(out, start);
    int r = str_buf_check(out);
    if (r < 0)
        return r;
    if (out->n - start > COLUMNS_MAX_BYTES)
        return err_set(ERR_TOO_BIG, "a block of %zu bytes", out->n - start);
    h.n_bytes = (uint32_t)(out->n - start);
    memcpy(out->p + start, &h, sizeof(h));
    return 0;
}

int columns_encode_end(uint32_t n_blocks, uint64_t n_detections, struct str_buf *out)
{
    uint32_t magic = COLUMNS_END_MAGIC;
    str_buf_add(out, &magic, sizeof(magic));
    str_buf_add(out, &n_blocks, sizeof(n_blocks));
    str_buf_add(out, &n_detections, sizeof(n_detections));
    return str_buf_check(out);
}

// ---- reading

struct cursor {
    const unsigned char *p, *end;
};

static bool get_varint(struct cursor *at, uint64_t *ret)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (at->p >= at->end)
            return false;
        unsigned char b = *at->p++;
        if (shift == 63 && b > 1)
            return false;
        v |= (uint64_t)(b & 127) << shift;
        if (!(b & 128)) {
            *ret = v;
            return true;
        }
    }
    return false;
}

static int bad(const char *what)
{
    return err_set(ERR_DATA, "columns: %s", what);
}

static size_t padded(size_t n)
{
    return (n + 7) / 8 * 8;
}

static int check_head(const struct head *h, size_t n)
{
    if (h->magic != COLUMNS_MAGIC)
        return bad("does not begin with ABC1");
    if (h->n_bytes != n || n > COLUMNS_MAX_BYTES)
        return bad("length does not agree with the head");
    if (h->flags & ~(uint32_t)COLUMNS_ALL_FLAGS || h->zero)
        return bad("unknown flags");
    if (h->n_frames > COLUMNS_MAX_FRAMES || h->n_detections > COLUMNS_MAX_DETECTIONS ||
        h->n_labels > COLUMNS_MAX_LABELS)
        return bad("a count is beyond its limit");
    if (h->first_frame < 0 || !isfinite(h->max_confidence))
        return bad("a number in the head is out of range");
    uint64_t need = sizeof(*h);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!table[i].flag || h->flags & table[i].flag)
            need += padded(h->n_detections * element_bytes[table[i].type]);
    }
    need += (uint64_t)h->frames_bytes + h->labels_bytes;
    if (padded((size_t)need) != n)
        return bad("columns do not fill the block");
    return 0;
}

static int get_frame(struct columns *c, const struct head *h, struct cursor *at)
{
    uint64_t frame;
    uint64_t pts;
    uint64_t n;
    uint64_t latency = 0;
    if (!get_varint(at, &frame) || !get_varint(at, &pts) || !get_varint(at, &n) ||
        ((h->flags & COLUMNS_LATENCIES) && !get_varint(at, &latency)))
        return bad("frames are cut short");
    const struct columns_frame *before = c->n_frames ? &c->frames[c->n_frames - 1] : NULL;
    int64_t base = before ? before->frame : h->first_frame;
    if (before ? frame == 0 : frame != 0 || pts != 0)
        return bad("frames do not rise");
    if (frame > (uint64_t)(INT64_MAX - base))
        return bad("frame number out of range");
    if (n > h->n_detections - c->n_detections)
        return bad("frames have more detections than the block");
    int64_t pts_us = sum(before ? before->pts_us : h->first_pts_us, unzigzag(pts));
    c->frames[c->n_frames++] = (struct columns_frame){.frame = base + (int64_t)frame,
                                                      .pts_us = pts_us,
                                                      .latency_us = unzigzag(latency),
                                                      .first = (uint32_t)c->n_detections,
                                                      .n = (uint32_t)n};
    c->n_detections += (size_t)n;
    return 0;
}

static int get_frames(struct columns *c, const struct head *h, const unsigned char *p)
{
    struct cursor at = {p, p + h->frames_bytes};
    int r = h->n_frames > 0 ? MEM_GROW(c->frames, c->cap_frames, h->n_frames - 1) : 0;
    for (uint32_t i = 0; r == 0 && i < h->n_frames; i++)
        r = get_frame(c, h, &at);
    if (r < 0)
        return r;
    if (at.p != at.end || c->n_detections != h->n_detections)
        return bad("frames and detections do not agree");
    if (c->n_frames && c->frames[c->n_frames - 1].frame != h->last_frame)
        return bad("the last frame is not the head's");
    return 0;
}

static bool is_text(struct str s)
{
    while (s.n > 0) {
        size_t n = str_utf8_length(s);
        if (n == 0 || *s.p == 0)
            return false;
        s.p += n;
        s.n -= n;
    }
    return true;
}

static int get_labels(struct columns *c, const struct head *h, const unsigned char *p)
{
    const unsigned char *end = p + h->labels_bytes;
    int r = h->n_labels > 0 ? MEM_GROW(c->labels, c->cap_labels, h->n_labels - 1) : 0;
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < h->n_labels; i++) {
        if (end - p < 5 || end - p - 5 < p[4])
            return bad("labels are cut short");
        struct columns_label *l = &c->labels[i];
        *l = (struct columns_label){0};
        memcpy(&l->class_id, p, 4);
        memcpy(l->text, p + 5, p[4]);
        if (!is_text((struct str){l->text, p[4]}))
            return bad("a label is not text");
        p += 5 + p[4];
    }
    c->n_labels = h->n_labels;
    return p == end ? 0 : bad("labels do not fill their part");
}

static const unsigned char *get_column(struct columns *c, const struct column *col,
                                       const unsigned char *p, size_t n)
{
    size_t size = element_bytes[col->type];
    for (size_t i = 0; i < n; i++)
        memcpy((char *)&c->detections[i] + col->offset, p + i * size, size);
    return p + padded(n * size);
}

static int check_detections(const struct columns *c)
{
    bool has_outcome = c->flags & COLUMNS_OUTCOMES;
    for (size_t i = 0; i < c->n_detections; i++) {
        const struct columns_detection *d = &c->detections[i];
        if (d->label >= c->n_labels)
            return bad("a label's index is out of range");
        // the sum is finite only where all are: one look instead of five
        if (!isfinite((double)d->x + d->y + d->w + d->h + d->confidence))
            return bad("a box or confidence is no number");
        if (has_outcome &&
            (d->outcome == COLUMNS_OUTCOME_UNSET || d->outcome >= COLUMNS_N_OUTCOMES))
            return bad("an outcome is out of range");
        if (has_outcome &&
            !isfinite((double)d->truth_x + d->truth_y + d->truth_w + d->truth_h + d->iou))
            return bad("a truth's box or overlap is no number");
    }
    return 0;
}

int columns_decode(const void *bytes, size_t n, struct columns *c)
{
    struct head h;
    columns_clear(c);
    if (n < sizeof(h))
        return bad("shorter than a head");
    memcpy(&h, bytes, sizeof(h));
    int r = check_head(&h, n);
    if (r < 0)
        return r;
    c->flags = h.flags;
    if (h.n_detections > c->cap_detections) {
        struct columns_detection *more = mem_resize(c->detections, h.n_detections);
        if (!more)
            return ERR_NOMEM;
        c->detections = more;
        c->cap_detections = h.n_detections;
    }
    const unsigned char *p = (const unsigned char *)bytes + sizeof(h);
    if (h.n_detections) // columns that it lacks
        memset(c->detections, 0, h.n_detections * sizeof(*c->detections));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!table[i].flag || h.flags & table[i].flag)
            p = get_column(c, &table[i], p, h.n_detections);
    }
    r = get_frames(c, &h, p);
    if (r == 0)
        r = get_labels(c, &h, p + h.frames_bytes);
    if (r == 0)
        r = check_detections(c);
    if (r < 0)
        columns_clear(c);
    return r;
}
