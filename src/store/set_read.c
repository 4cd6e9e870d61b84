// SPDX-License-Identifier: Apache-2.0
// set_read.c - reading a set of detections: block by block, as pages or as a stream.
//
// INVARIANTS
// (1) A block is copied out of the database before it is looked at: no statement is open between
// two
//     calls, nor while a callback runs, so the log can be checkpointed under the longest stream.
// (2) The index columns only leave blocks out that cannot have a match; matches are decided here.

#include <assert.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/detection_priv.h"

struct store_set_stream {
    struct store *store;
    struct store_set_filter filter; // texts point below
    char set_id[ID_BYTES];
    char label[STORE_NAME_MAX + 1];
    bool keeps_empty; // frames without objects
    bool is_whole;    // nothing is filtered
    int64_t next_seq;
    uint32_t n_blocks;
    uint64_t n_detections;
    bool is_ended;
    struct str_buf raw;    // of the block, as stored
    struct columns block;  // all of it
    struct columns picked; // what the filter leaves
    struct str_buf bytes;  // encoded
};

// ---- blocks

static int copy_block(struct run *run, struct str_buf *raw)
{
    size_t n = (size_t)sqlite3_column_bytes(run->stmt, 1);
    const void *bytes = sqlite3_column_blob(run->stmt, 1);
    str_buf_reset(raw);
    if (n > COLUMNS_MAX_BYTES || !bytes)
        return err_set(ERR_DATA, "a block of %zu bytes", n);
    str_buf_add(raw, bytes, n);
    return str_buf_check(raw);
}

// The next block that may have a match, into x->block. ERR_EOF.
static int read_block(struct store_set_stream *x, int64_t *ret_seq)
{
    const struct store_set_filter *f = &x->filter;
    int64_t seq = -1;
    int r = 0;
    struct run run;
    IGNORE(run_open(x->store, &queries_detection[f->label ? SET_BLOCK_LABEL : SET_BLOCK],
                    &run)); // sticky
    run_text(&run, 1, x->set_id);
    run_int(&run, 2, x->next_seq);
    run_int(&run, 3, f->from_frame);
    run_int(&run, 4, f->has_to_frame ? f->to_frame : INT64_MAX);
    run_double(&run, 5, (double)f->min_confidence);
    if (f->label)
        run_text(&run, 6, f->label);
    if (run_step(&run)) {
        seq = run_get_int(&run, 0);
        r = copy_block(&run, &x->raw);
    } else {
        r = ERR_EOF;
    }
    r = run_end(&run, run.r < 0 ? 0 : r);
    if (r == 0)
        r = columns_decode(x->raw.p, x->raw.n, &x->block);
    if (r == ERR_DATA)
        r = err_prefix(r, "set of detections '%s', block %lld", x->set_id, (long long)seq);
    if (r == 0)
        *ret_seq = seq;
    return r;
}

static bool frame_fits(const struct store_set_filter *f, const struct columns_frame *frame)
{
    return frame->frame >= f->from_frame && (!f->has_to_frame || frame->frame <= f->to_frame);
}

static bool fits(const struct store_set_filter *f, const struct columns *c,
                 const struct columns_detection *d)
{
    if (f->outcome && d->outcome != f->outcome)
        return false;
    if (d->confidence < f->min_confidence && d->outcome != COLUMNS_FN)
        return false;
    return !f->label || strcmp(c->labels[d->label].text, f->label) == 0;
}

// ---- opening

static int check_exists(struct store *s, const char *set_id)
{
    struct arena *a = NULL;
    struct store_set set;
    int r = arena_create(0, &a);
    if (r == 0)
        r = store_set_get(s, set_id, a, &set);
    arena_destroy(a);
    return r;
}

int store_set_stream_open(struct store *s, const struct store_set_filter *filter,
                          struct store_set_stream **ret_stream)
{
    int r = check_text("label", filter->label, STORE_NAME_MAX);
    if (r == 0)
        r = check_exists(s, filter->set_id);
    if (r < 0)
        return r;
    struct store_set_stream *x = mem_new(struct store_set_stream);
    if (!x)
        return ERR_NOMEM;
    *x = (struct store_set_stream){.store = s,
                                   .filter = *filter,
                                   .raw = STR_BUF_INIT(COLUMNS_MAX_BYTES + KIB),
                                   .bytes = STR_BUF_INIT(COLUMNS_MAX_BYTES + KIB)};
    snprintf(x->set_id, ID_BYTES, "%s", filter->set_id);
    x->filter.set_id = x->set_id;
    if (filter->label) {
        snprintf(x->label, sizeof(x->label), "%s", filter->label);
        x->filter.label = x->label;
    }
    x->keeps_empty = !filter->label && filter->min_confidence <= 0 && !filter->outcome;
    x->is_whole = x->keeps_empty && filter->from_frame <= 0 && !filter->has_to_frame;
    *ret_stream = x;
    return 0;
}

void store_set_stream_close(struct store_set_stream *x)
{
    if (!x)
        return;
    str_buf_finish(&x->raw);
    str_buf_finish(&x->bytes);
    columns_finish(&x->block);
    columns_finish(&x->picked);
    mem_free(x);
}

// ---- streaming

static int pick_frame(struct store_set_stream *x, const struct columns_frame *frame)
{
    const struct columns *c = &x->block;
    bool is_begun = false;
    if (x->keeps_empty) {
        int r = columns_add_frame(&x->picked, frame->frame, frame->pts_us, frame->latency_us);
        if (r < 0)
            return r;
        is_begun = true;
    }
    for (uint32_t i = frame->first; i < frame->first + frame->n; i++) {
        int r = 0;
        if (!fits(&x->filter, c, &c->detections[i]))
            continue;
        if (!is_begun)
            r = columns_add_frame(&x->picked, frame->frame, frame->pts_us, frame->latency_us);
        is_begun = true;
        if (r == 0)
            r = columns_add(&x->picked, &c->detections[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

// What the filter leaves of x->block, with the same labels.
static int pick(struct store_set_stream *x)
{
    const struct columns *c = &x->block;
    columns_clear(&x->picked);
    x->picked.flags = c->flags;
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->n_labels; i++) {
        uint16_t index;
        r = columns_label(&x->picked, c->labels[i].class_id, c->labels[i].text, &index);
    }
    for (size_t i = 0; r == 0 && i < c->n_frames; i++) {
        if (frame_fits(&x->filter, &c->frames[i]))
            r = pick_frame(x, &c->frames[i]);
    }
    return r;
}

int store_set_stream_next(struct store_set_stream *x, const struct columns **ret_block)
{
    for (;;) {
        int64_t seq = 0;
        int r = read_block(x, &seq);
        if (r == ERR_EOF) {
            r = check_exists(x->store, x->set_id); // not cut short by a deletion
            return r < 0 ? r : ERR_EOF;
        }
        if (r == 0 && !x->is_whole)
            r = pick(x);
        if (r < 0)
            return r;
        x->next_seq = seq + 1;
        const struct columns *found = x->is_whole ? &x->block : &x->picked;
        if (found->n_frames == 0)
            continue;
        x->n_blocks++;
        x->n_detections += found->n_detections;
        *ret_block = found;
        return 0;
    }
}

int store_set_stream_bytes(struct store_set_stream *x, const void **ret_bytes, size_t *ret_n)
{
    const struct columns *c;
    if (x->is_ended)
        return ERR_EOF;
    const struct str_buf *from = &x->bytes;
    int r = store_set_stream_next(x, &c);
    str_buf_reset(&x->bytes);
    if (r == ERR_EOF) {
        x->is_ended = true;
        r = columns_encode_end(x->n_blocks, x->n_detections, &x->bytes);
    } else if (r == 0 && x->is_whole) {
        from = &x->raw; // checked, and as it is stored
    } else if (r == 0) {
        r = columns_encode(c, &x->bytes);
    }
    if (r < 0)
        return r;
    *ret_bytes = from->p;
    *ret_n = from->n;
    return 0;
}

// ---- pages

// The cursor is SEQ:INDEX of the last detection that was given.
static int parse_cursor(const char *text, int64_t *ret_seq, int64_t *ret_index)
{
    struct str rest = str_of(text);
    struct str seq;
    *ret_seq = 0;
    *ret_index = -1;
    if (rest.n == 0)
        return 0;
    if (!str_split(&rest, ':', &seq) || str_to_i64(seq, ret_seq) < 0 ||
        str_to_i64(rest, ret_index) < 0 || *ret_seq < 0 || *ret_index < 0)
        return err_set(ERR_INVALID, "cursor '%.64s': none of a page", text);
    return 0;
}

struct page {
    int limit, n;
    bool has_more;
    int64_t seq, index; // of the last one given
    int (*row)(void *arg, const struct store_detection *d);
    void *arg;
};

static int page_frame(struct store_set_stream *x, const struct columns_frame *frame, int64_t seq,
                      int64_t after, struct page *p)
{
    const struct columns *c = &x->block;
    for (uint32_t i = frame->first; i < frame->first + frame->n; i++) {
        const struct columns_detection *d = &c->detections[i];
        if ((int64_t)i <= after || !fits(&x->filter, c, d))
            continue;
        p->has_more = p->n == p->limit;
        if (p->has_more)
            return 0;
        const struct store_detection row = {.frame = frame->frame,
                                            .pts_us = frame->pts_us,
                                            .latency_us = frame->latency_us,
                                            .class_id = c->labels[d->label].class_id,
                                            .label = c->labels[d->label].text,
                                            .values = d,
                                            .flags = c->flags};
        p->n++;
        p->seq = seq;
        p->index = (int64_t)i;
        int r = p->row(p->arg, &row);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fill_page(struct store_set_stream *x, int64_t after_seq, int64_t after, struct page *p)
{
    x->next_seq = after_seq;
    while (!p->has_more) {
        int64_t seq = 0;
        int r = read_block(x, &seq);
        if (r == ERR_EOF)
            return 0;
        for (size_t i = 0; r == 0 && !p->has_more && i < x->block.n_frames; i++) {
            if (frame_fits(&x->filter, &x->block.frames[i]))
                r = page_frame(x, &x->block.frames[i], seq, seq == after_seq ? after : -1, p);
        }
        if (r < 0)
            return r;
        x->next_seq = seq + 1;
    }
    return 0;
}

int store_set_page(struct store *s, const struct store_set_filter *filter,
                   const struct store_page *page,
                   int (*row)(void *arg, const struct store_detection *d), void *arg,
                   struct store_next *ret_next)
{
    static const struct store_page ordinary;
    page = page ? page : &ordinary;
    int64_t seq;
    int64_t index;
    struct store_set_stream *x = NULL;
    struct page p = {.limit =
                         page->limit <= 0 ? STORE_PAGE_LIMIT : MIN(page->limit, STORE_PAGE_MAX),
                     .row = row,
                     .arg = arg};
    int r = parse_cursor(page->cursor, &seq, &index);
    if (r == 0)
        r = store_set_stream_open(s, filter, &x);
    if (r == 0)
        r = fill_page(x, seq, index, &p);
    store_set_stream_close(x);
    if (r < 0 || !ret_next)
        return r;
    ret_next->cursor[0] = 0;
    if (p.has_more)
        snprintf(ret_next->cursor, sizeof(ret_next->cursor), "%lld:%lld", (long long)p.seq,
                 (long long)p.index);
    return 0;
}
