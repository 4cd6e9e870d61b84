// SPDX-License-Identifier: Apache-2.0
// log_keep.c - a ring of lines, bounded in number and in bytes.

#include "base/log_keep.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

struct kept_line {
    int64_t time_us;
    enum log_level level;
    char *text; // owned
    size_t n_bytes;
};

struct log_keep {
    // --- constant after create
    char *hidden; // NULL: nothing
    // --- under lock
    struct lock lock;
    struct kept_line lines[LOG_KEEP_LINES];
    size_t first, n;
    size_t n_bytes;
    int64_t n_left_out;
};

int log_keep_create(const char *hidden, struct log_keep **ret_keep)
{
    struct log_keep *k = mem_new(struct log_keep);
    if (!k)
        return ERR_NOMEM;
    int r = lock_init(&k->lock, LOCK_RANK_LOG);
    if (r < 0) {
        mem_free(k);
        return r;
    }
    if (hidden && *hidden) {
        k->hidden = mem_strdup(hidden);
        if (!k->hidden) {
            log_keep_destroy(k);
            return ERR_NOMEM;
        }
    }
    *ret_keep = k;
    return 0;
}

static void drop_oldest_locked(struct log_keep *k)
{
    struct kept_line *line = &k->lines[k->first];
    k->n_bytes -= line->n_bytes;
    mem_free(line->text);
    line->text = NULL;
    k->first = (k->first + 1) % LOG_KEEP_LINES;
    k->n--;
}

void log_keep_destroy(struct log_keep *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < LOG_KEEP_LINES; i++)
        mem_free(k->lines[i].text);
    lock_finish(&k->lock);
    mem_free(k->hidden);
    mem_free(k);
}

// *text* without what is hidden, and without the '/' behind it.
static void add_shown(struct str_buf *out, const struct log_keep *k, const char *text)
{
    const char *at = k->hidden ? strstr(text, k->hidden) : NULL;
    while (at) {
        str_buf_add_printable(out, (struct str){text, (size_t)(at - text)});
        text = at + strlen(k->hidden);
        text += *text == '/';
        at = strstr(text, k->hidden);
    }
    str_buf_add_printable(out, str_of(text));
}

void log_keep_add(struct log_keep *k, enum log_level level, const char *context, const char *text)
{
    struct str_buf b = STR_BUF_INIT(LOG_KEEP_LINES * LOG_KEEP_LINE_BYTES);
    if (context) {
        add_shown(&b, k, context);
        str_buf_puts(&b, ": ");
    }
    add_shown(&b, k, text);
    struct kept_line line = {.time_us = clock_wall_us(), .level = level};
    line.n_bytes = MIN(b.n, (size_t)LOG_KEEP_LINE_BYTES);
    line.text = str_buf_take(&b);
    str_buf_finish(&b);
    lock_acquire(&k->lock);
    if (line.text) {
        line.text[line.n_bytes] = '\0';
        while (k->n == LOG_KEEP_LINES || (k->n > 0 && k->n_bytes + line.n_bytes > LOG_KEEP_BYTES)) {
            drop_oldest_locked(k);
            k->n_left_out++;
        }
        k->lines[(k->first + k->n++) % LOG_KEEP_LINES] = line;
        k->n_bytes += line.n_bytes;
    } else {
        k->n_left_out++;
    }
    lock_release(&k->lock);
}

static void put_line(const struct kept_line *line, struct json_writer *w)
{
    struct str_buf when = STR_BUF_INIT(64);
    log_add_time(&when, line->time_us, 6);
    json_object(w);
    json_put_text(w, "time", str_buf_text(&when));
    json_put_text(w, "level", log_level_name(line->level));
    json_put_text(w, "message", line->text);
    json_end(w);
    str_buf_finish(&when);
}

void log_keep_put(struct log_keep *k, struct json_writer *w)
{
    lock_acquire(&k->lock);
    json_object(w);
    json_put_int(w, "left_out", k->n_left_out);
    json_key(w, "lines");
    json_array(w);
    for (size_t i = 0; i < k->n; i++)
        put_line(&k->lines[(k->first + i) % LOG_KEEP_LINES], w);
    json_end(w);
    json_end(w);
    lock_release(&k->lock);
}
