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

enum {
    UNCUT_BYTES = 256 * 1024, // of a line before it is cut: no context and message are longer
};

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
    if (hidden && hidden[0] == '/' && hidden[1]) {
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

// Whether *c* may be a part of a file's name. A blank may, too, but mostly ends it.
static bool is_of_name(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') ||
           u >= 0x80 || (u && strchr("._-+~%@", c));
}

// The first place in *text* where the hidden path stands, and no longer or other one. NULL: none.
static const char *find_hidden(const struct log_keep *k, const char *text)
{
    size_t n = k->hidden ? strlen(k->hidden) : 0;
    const char *at = n > 0 ? strstr(text, k->hidden) : NULL;
    while (at && ((at > text && (at[-1] == '/' || is_of_name(at[-1]))) || is_of_name(at[n])))
        at = strstr(at + 1, k->hidden);
    return at;
}

// *text* without what is hidden, and without the '/' behind it.
static void add_shown(struct str_buf *out, const struct log_keep *k, const char *text)
{
    for (const char *at = find_hidden(k, text); at; at = find_hidden(k, text)) {
        str_buf_add_printable(out, (struct str){text, (size_t)(at - text)});
        text = at + strlen(k->hidden);
        text += *text == '/';
    }
    str_buf_add_printable(out, str_of(text));
}

// The most of *text* that fits into *max* bytes and ends with a whole character.
static size_t cut_length(const char *text, size_t n, size_t max)
{
    if (n <= max)
        return n;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

void log_keep_add(struct log_keep *k, enum log_level level, const char *context, const char *text)
{
    struct str_buf b = STR_BUF_INIT(UNCUT_BYTES);
    if (context) {
        add_shown(&b, k, context);
        str_buf_puts(&b, ": ");
    }
    add_shown(&b, k, text);
    struct kept_line line = {.time_us = clock_wall_us(), .level = level};
    size_t n = b.n;
    line.text = str_buf_take(&b);
    if (line.text)
        line.n_bytes = cut_length(line.text, n, LOG_KEEP_LINE_BYTES);
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
