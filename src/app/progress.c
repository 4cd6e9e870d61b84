// SPDX-License-Identifier: Apache-2.0
// progress.c - a thread that looks at a counter and draws it.

#include "app/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

enum {
    BAR_PERIOD_MS = 200,
    LINE_PERIOD_MS = 5000,
    DEFAULT_COLUMNS = 80,
    LABEL_COLUMNS = 28,
    BAR_CELLS_MAX = 30,
    BAR_CELLS_MIN = 8,
    TEXT_MAX = 4 * 1024,
};

struct progress {
    // --- constant after start
    struct progress_opts opts;
    bool is_terminal;
    struct thread thread;
    // --- progress thread only
    int64_t last_ns;
    int64_t last_done;
    double per_second; // smoothed; 0: not known yet
    struct str_buf text;
    // --- guarded by lock
    struct lock lock;
    struct cond wake;
    bool stopping;
    // --- guarded by the log's lock
    bool is_drawn;
};

// Cut to *columns* columns, one a code point.
static void put_cut(struct str_buf *out, struct str s, int columns)
{
    size_t i = 0;
    for (int n = 0; i < s.n && n < columns; n++)
        i += MAX(str_utf8_length((struct str){s.p + i, s.n - i}), (size_t)1);
    str_buf_add(out, s.p, i);
}

static int count_columns(struct str s)
{
    int n = 0;
    for (; s.n; n++) {
        size_t used = MAX(str_utf8_length(s), (size_t)1);
        s = (struct str){s.p + used, s.n - used};
    }
    return n;
}

// Of a long path the end says more.
static void put_label(struct str_buf *out, const char *label)
{
    struct str_buf printable = STR_BUF_INIT(TEXT_MAX);
    str_buf_add_printable(&printable, str_of(label));
    struct str s = str_buf_view(&printable);
    int over = count_columns(s) - LABEL_COLUMNS;
    if (over > 0) {
        str_buf_puts(out, "..");
        for (over += 2; over > 0; over--) {
            size_t used = str_utf8_length(s);
            s = (struct str){s.p + used, s.n - used};
        }
    }
    str_buf_add_str(out, s);
    str_buf_putc(out, ' ');
    str_buf_finish(&printable);
}

static void put_duration(struct str_buf *out, double seconds)
{
    long s = lround(fmin(seconds, 359999.0));
    if (s >= 3600)
        str_buf_printf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        str_buf_printf(out, "%ld:%02ld", s / 60, s % 60);
}

static void put_speed(const struct progress_view *v, struct str_buf *out)
{
    if (v->per_second <= 0)
        return;
    str_buf_printf(out, v->per_second < 10 ? " %.1f" : " %.0f", v->per_second);
    if (v->unit)
        str_buf_printf(out, " %s/s", v->unit);
    else
        str_buf_puts(out, " fps");
    if (v->now.total > v->now.done) {
        str_buf_puts(out, " ETA ");
        put_duration(out, (double)(v->now.total - v->now.done) / v->per_second);
    }
}

static void put_counts(const struct progress_view *v, struct str_buf *out)
{
    str_buf_i64(out, v->now.done);
    if (v->now.total > 0)
        str_buf_printf(out, "/%lld", (long long)v->now.total);
    str_buf_printf(out, " %s", v->unit ? v->unit : "frames");
}

// A container's frame count is a hint: more may come.
static double part_done(const struct progress_view *v)
{
    return fmin(1.0, (double)v->now.done / (double)v->now.total);
}

void progress_bar(const struct progress_view *v, int columns, struct str_buf *out)
{
    struct str_buf left = STR_BUF_INIT(TEXT_MAX);
    struct str_buf right = STR_BUF_INIT(TEXT_MAX);
    if (v->label)
        put_label(&left, v->label);
    put_counts(v, &right);
    put_speed(v, &right);
    int room = columns - LABEL_COLUMNS - 1 - (int)right.n - 9; // "[", "] 100% " and a free column
    int cells = MIN(room, (int)BAR_CELLS_MAX);
    if (v->now.total > 0 && cells >= BAR_CELLS_MIN) {
        int full = (int)(part_done(v) * cells);
        str_buf_putc(&left, '[');
        for (int i = 0; i < cells; i++)
            str_buf_putc(&left, i < full ? '#' : '-');
        str_buf_printf(&left, "] %3d%% ", (int)(part_done(v) * 100));
    }
    str_buf_add_str(&left, str_buf_view(&right));
    put_cut(out, str_buf_view(&left), MAX(columns - 1, 1));
    str_buf_finish(&left);
    str_buf_finish(&right);
}

void progress_line(const struct progress_view *v, struct str_buf *out)
{
    if (v->label)
        str_buf_printf(out, "%s: ", v->label); // the log makes it printable
    put_counts(v, out);
    if (v->now.total > 0)
        str_buf_printf(out, " (%d%%)", (int)(part_done(v) * 100));
    put_speed(v, out);
}

static int terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return DEFAULT_COLUMNS;
}

static void put_bytes(const char *p, size_t n)
{
    if (n && write(STDERR_FILENO, p, n) < 0) {
        // nobody is looking
    }
}

// With the log's lock held, as all below it.
static void erase(void *arg)
{
    struct progress *p = (struct progress *)arg;
    if (p->is_drawn)
        put_bytes("\r\033[K", 4);
    p->is_drawn = false;
}

static void draw(void *arg)
{
    struct progress *p = (struct progress *)arg;
    put_bytes(str_buf_text(&p->text), p->text.n);
    p->is_drawn = true;
}

static void measure(struct progress *p, struct progress_now now)
{
    const double memory_s = 3.0; // how long the past counts
    int64_t ns = clock_now_ns();
    double seconds = (double)(ns - p->last_ns) / CLOCK_NS_PER_S;
    if (seconds <= 0)
        return;
    double speed = (double)(now.done - p->last_done) / seconds;
    if (p->last_done == 0) // while models load nothing is known
        p->per_second = speed;
    else
        p->per_second += (speed - p->per_second) * (1 - exp(-seconds / memory_s));
    p->last_ns = ns;
    p->last_done = now.done;
}

static void show(struct progress *p)
{
    struct progress_now now = p->opts.read(p->opts.arg);
    measure(p, now);
    struct progress_view v = {p->opts.label, p->opts.unit, now, p->per_second};
    str_buf_reset(&p->text);
    if (p->is_terminal) {
        str_buf_puts(&p->text, "\r");
        progress_bar(&v, terminal_columns(), &p->text);
        str_buf_puts(&p->text, "\033[K");
        log_between_lines(draw, p);
    } else if (now.done > 0) {
        progress_line(&v, &p->text);
        log_info(NULL, "%s", str_buf_text(&p->text));
    }
}

// False: it is over.
static bool wait_period(struct progress *p)
{
    int64_t period_ms = p->is_terminal ? BAR_PERIOD_MS : LINE_PERIOD_MS;
    int64_t deadline_ns = clock_now_ns() + period_ms * CLOCK_NS_PER_MS;
    lock_acquire(&p->lock);
    while (!p->stopping && cond_wait(&p->wake, &p->lock, deadline_ns)) {
    }
    bool goes_on = !p->stopping;
    lock_release(&p->lock);
    return goes_on;
}

static void run(void *arg)
{
    struct progress *p = (struct progress *)arg;
    while (wait_period(p))
        show(p);
}

static bool is_drawable(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
}

int progress_start(const struct progress_opts *opts, struct progress **ret_progress)
{
    struct progress *p = mem_new(struct progress);
    if (!p)
        return ERR_NOMEM;
    p->opts = *opts;
    p->is_terminal = is_drawable();
    p->last_ns = clock_now_ns();
    p->text = STR_BUF_INIT(TEXT_MAX);
    int r = lock_init(&p->lock, LOCK_RANK_APP);
    if (r < 0)
        goto fail_lock;
    r = cond_init(&p->wake);
    if (r < 0)
        goto fail_wake;
    if (p->is_terminal)
        log_set_before_line(erase, p);
    r = opts->is_quiet ? 0 : thread_start(&p->thread, "progress", run, p);
    if (r < 0)
        goto fail_thread;
    *ret_progress = p;
    return 0;
fail_thread:
    log_set_before_line(NULL, NULL);
    cond_finish(&p->wake);
fail_wake:
    lock_finish(&p->lock);
fail_lock:
    mem_free(p);
    return r;
}

void progress_stop(struct progress **pp)
{
    struct progress *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    lock_acquire(&p->lock);
    p->stopping = true;
    cond_broadcast(&p->wake);
    lock_release(&p->lock);
    thread_join(&p->thread);
    log_between_lines(erase, p);
    log_set_before_line(NULL, NULL);
    cond_finish(&p->wake);
    lock_finish(&p->lock);
    str_buf_finish(&p->text);
    mem_free(p);
}
