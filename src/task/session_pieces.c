// SPDX-License-Identifier: Apache-2.0
// session_pieces.c - pieces that were posted become the file that they are pieces of.
//
// JSON lines and MOT text are put one behind the other, line by line. COCO results are arrays:
// their entries become one array. A header and a summary line are added to JSON lines that came
// without: who finished the session said that they are whole.

#include "task/session_pieces.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "blob/blob.h"
#include "dataset/event_list.h"
#include "store/store_piece.h"
#include "store/store_session.h"
#include "task/kind.h"

struct writing {
    struct task_run *run;
    struct file_out *file;
    const char *path;
    bool is_coco, is_jsonl;
    bool has_begun;   // something was written
    bool has_summary; // the last line is one
    bool is_linked;   // a whole file stands in the place of *file*
};

const char *session_pieces_ending(const char *format)
{
    static const struct {
        const char *format, *ending;
    } rows[] = {{"jsonl", ".jsonl"}, {"coco", ".json"}, {"mot", ".txt"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].format, format) == 0)
            return rows[i].ending;
    return NULL;
}

static int put(struct writing *w, const char *text, size_t n)
{
    return file_out_write(w->file, text, n);
}

static int put_text(struct writing *w, const char *text)
{
    return put(w, text, strlen(text));
}

// The kinds of lines are told by their beginnings, as `detect` writes them, spaces aside.
static bool is_line_of(struct str line, const char *type)
{
    char text[64];
    size_t n = 0;
    for (size_t i = 0; i < line.n && n < sizeof(text) - 1; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t')
            text[n++] = line.p[i];
    text[n] = '\0';
    char wanted[32];
    snprintf(wanted, sizeof(wanted), "{\"type\":\"%s\"", type);
    return str_starts((struct str){text, n}, wanted);
}

static int put_lines(struct writing *w, struct str text)
{
    struct str first = text;
    struct str line;
    if (w->is_jsonl && !w->has_begun && !is_line_of(str_trim(first), "header")) {
        int r = put_text(w, "{\"type\":\"header\",\"assay\":\"" ASSAY_VERSION "\"}\n");
        if (r < 0)
            return r;
    }
    struct str rest = text;
    while (w->is_jsonl && str_line(&rest, &line)) {
        line = str_trim(line);
        if (line.n > 0)
            w->has_summary = is_line_of(line, "summary");
    }
    int r = put(w, text.p, text.n);
    w->has_begun = true;
    if (r == 0 && text.n > 0 && text.p[text.n - 1] != '\n')
        r = put_text(w, "\n");
    return r;
}

// What stands between the brackets of an array.
static int put_entries(struct writing *w, struct str text)
{
    struct str inner = str_trim(text);
    if (inner.n < 2 || inner.p[0] != '[' || inner.p[inner.n - 1] != ']')
        return err_set(ERR_DATA, "a piece of COCO results is no array");
    inner = str_trim((struct str){inner.p + 1, inner.n - 2});
    if (inner.n == 0)
        return 0;
    int r = put_text(w, w->has_begun ? ",\n" : "[");
    w->has_begun = true;
    return r == 0 ? put(w, inner.p, inner.n) : r;
}

static int link_whole(struct writing *w, const char *key)
{
    char blob[BLOB_PATH_BYTES];
    int r = blob_path(task_run_tools(w->run)->blob, key, blob);
    if (r == 0 && symlink(blob, w->path) < 0)
        r = err_set_errno(errno, "%s", w->path);
    w->is_linked = r == 0;
    return r;
}

static int write_piece(void *arg, const struct store_piece *p)
{
    struct writing *w = (struct writing *)arg;
    if (p->blob_key)
        return link_whole(w, p->blob_key);
    const struct str text = {p->bytes, p->bytes ? (size_t)p->n_bytes : 0};
    int r = w->is_coco ? put_entries(w, text) : put_lines(w, text);
    return r == 0 ? task_run_check(w->run) : r;
}

static int write_end(struct writing *w)
{
    if (w->is_coco)
        return put_text(w, w->has_begun ? "]\n" : "[]\n");
    if (w->is_jsonl && !w->has_summary)
        return put_text(w, "{\"type\":\"summary\",\"interrupted\":false}\n");
    return 0;
}

int session_pieces_write(struct task_run *run, const char *session_id, const char *video_id,
                         const char *format, const char *path)
{
    struct writing w = {.run = run,
                        .path = path,
                        .is_coco = strcmp(format, "coco") == 0,
                        .is_jsonl = strcmp(format, "jsonl") == 0};
    int r = file_out_open(path, &w.file);
    if (r < 0)
        return r;
    r = store_piece_each(task_run_tools(run)->store, session_id, video_id, write_piece, &w);
    if (r == 0 && !w.is_linked)
        r = write_end(&w);
    if (r == 0 && !w.is_linked)
        return file_out_commit(&w.file);
    file_out_abort(&w.file);
    return r;
}

// ---- events

struct gathering {
    struct task_run *run;
    struct event_list list;
    int64_t *arrival_us;
    size_t cap_items, cap_arrivals;
};

static int add_event(void *arg, const struct store_event *e)
{
    struct gathering *g = (struct gathering *)arg;
    const size_t n = g->list.n;
    int r = MEM_GROW(g->list.items, g->cap_items, n);
    if (r == 0)
        r = MEM_GROW(g->arrival_us, g->cap_arrivals, n);
    const char *label =
        r == 0 ? arena_strndup(task_run_arena(g->run), e->label, strlen(e->label)) : NULL;
    if (!label)
        return ERR_NOMEM;
    g->list.items[n] =
        (struct event){.label = label, .time_us = e->start_us, .confidence = e->confidence};
    g->arrival_us[n] = e->latency_us;
    g->list.n++;
    return 0;
}

// Into the arena: the list needs no owner then.
static int keep(const struct gathering *g, struct event_list *ret_list, int64_t **ret_arrival_us)
{
    struct arena *a = task_run_arena(g->run);
    const size_t n = g->list.n;
    struct event *items = arena_array(a, struct event, n);
    int64_t *arrivals = arena_array(a, int64_t, n);
    if (!items || !arrivals)
        return ERR_NOMEM;
    if (n > 0) {
        memcpy(items, g->list.items, n * sizeof(*items));
        memcpy(arrivals, g->arrival_us, n * sizeof(*arrivals));
    }
    *ret_list = (struct event_list){.items = items, .n = n};
    *ret_arrival_us = arrivals;
    return 0;
}

int session_pieces_events(struct task_run *run, const char *session_id, const char *video_id,
                          struct event_list *ret_list, int64_t **ret_arrival_us)
{
    struct gathering g = {.run = run};
    struct store_next next = {""};
    int r = 0;
    do {
        const struct store_page page = {.limit = STORE_PAGE_MAX, .cursor = next.cursor};
        struct store_next after = {""};
        r = store_session_events(task_run_tools(run)->store, session_id, video_id, &page, add_event,
                                 &g, &after);
        next = after;
    } while (r == 0 && next.cursor[0]);
    if (r == 0)
        r = keep(&g, ret_list, ret_arrival_us);
    mem_free(g.list.items);
    mem_free(g.arrival_us);
    return r;
}
