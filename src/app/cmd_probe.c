// SPDX-License-Identifier: Apache-2.0
// cmd_probe.c - assay probe: what media files hold, by decoding them.

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "app/commands.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "media/probe.h"

enum {
    OUTPUT_MAX = 64 * 1024 * 1024,
};

struct probe_settings {
    int64_t stream_index;
    const char *json;
};

static struct probe_settings settings = {.stream_index = -1};
static atomic_bool stop;

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct probe_settings, "json", json, "FILE", "write JSON to a file, - for standard output", NULL),
    OPT_INT(struct probe_settings, "stream-index", stream_index, -1, 1e6, "N", "stream of the container to count", "the best video stream"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}};

// What the probes of a run write to.
struct report {
    struct str_buf text;
    struct str_buf json;
    struct json_writer w;
};

static void cancel(void *arg)
{
    (void)arg;
    atomic_store(&stop, true);
}

// Frames a second between the first and the last frame; 0 where there is no distance. What the
// container says is more exact than rounded times, where the two agree.
static double frame_rate(const struct probe_result *p)
{
    int64_t us = p->last_pts_us - p->first_pts_us;
    double measured = p->n_frames > 1 && us > 0 ? (double)(p->n_frames - 1) * 1e6 / (double)us : 0;
    double said = p->frame_rate_den ? (double)p->frame_rate_num / p->frame_rate_den : 0;
    return !p->is_variable && fabs(said - measured) < 1e-3 * measured ? said : measured;
}

static void put_row(struct str_buf *out, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void put_row(struct str_buf *out, const char *name, const char *format, ...)
{
    struct str_buf value = STR_BUF_INIT(64 * KIB);
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(&value, format, ap);
    va_end(ap);
    str_buf_printf(out, "  %-12s ", name);
    str_buf_add_printable(out, str_buf_view(&value));
    str_buf_putc(out, '\n');
    str_buf_finish(&value);
}

static void put_times(struct str_buf *out, const struct probe_result *p)
{
    double rate = frame_rate(p);
    if (p->n_frames > 0)
        put_row(out, "times", "%.6f s to %.6f s", (double)p->first_pts_us / 1e6,
                (double)p->last_pts_us / 1e6);
    if (p->kind == SOURCE_PICTURES || rate <= 0)
        return;
    if (p->is_variable)
        put_row(out, "rate", "variable, %.4g frames a second on average, %.3f to %.3f ms apart",
                rate, (double)p->min_distance_us / 1e3, (double)p->max_distance_us / 1e3);
    else
        put_row(out, "rate", "constant, %.6g frames a second", rate);
}

static void put_streams(struct str_buf *out, const struct probe_result *p)
{
    struct str_buf list = STR_BUF_INIT(16 * KIB);
    for (size_t i = 0; i < MIN(p->n_streams, (size_t)PROBE_MAX_STREAMS); i++)
        str_buf_printf(&list, "%s%d %s %s", i ? ", " : "", p->streams[i].index, p->streams[i].type,
                       p->streams[i].codec);
    if (p->n_streams > PROBE_MAX_STREAMS)
        str_buf_printf(&list, ", %zu more", p->n_streams - PROBE_MAX_STREAMS);
    if (list.n)
        put_row(out, "streams", "%s", str_buf_text(&list));
    str_buf_finish(&list);
}

static void put_text(struct str_buf *out, const char *path, const struct probe_result *p)
{
    str_buf_add_printable(out, str_of(path));
    str_buf_putc(out, '\n');
    put_row(out, "container", "%s", p->container);
    put_row(out, "codec", "%s%s%s, %s", p->codec, p->profile[0] ? " " : "", p->profile,
            p->pixel_format);
    put_row(out, "size", "%dx%d", p->width, p->height);
    if (p->rotation || p->coded_width != p->width || p->coded_height != p->height)
        put_row(out, "stored as", "%dx%d, turned clockwise by %d degrees", p->coded_width,
                p->coded_height, p->rotation);
    put_row(out, "frames", "%lld (counted)", (long long)p->n_frames);
    put_times(out, p);
    if (p->counts.undecodable > 0)
        put_row(out, "undecodable", "%lld packets: %s", (long long)p->counts.undecodable,
                p->counts.undecodable_reason);
    if (p->counts.cut_short)
        put_row(out, "cut short", "%s", p->counts.cut_reason);
    put_streams(out, p);
}

// Empty: not known.
static void put_json_text(struct json_writer *w, const char *key, const char *text)
{
    json_put_text(w, key, text[0] ? text : NULL);
}

static void put_json_streams(struct json_writer *w, const struct probe_result *p)
{
    json_key(w, "streams");
    json_array(w);
    for (size_t i = 0; i < MIN(p->n_streams, (size_t)PROBE_MAX_STREAMS); i++) {
        json_object(w);
        json_put_int(w, "index", p->streams[i].index);
        put_json_text(w, "type", p->streams[i].type);
        put_json_text(w, "codec", p->streams[i].codec);
        json_end(w);
    }
    json_end(w);
}

// Figures without data are null.
static void put_json_times(struct json_writer *w, const struct probe_result *p)
{
    double rate = frame_rate(p);
    const struct {
        const char *key;
        int64_t us;
        bool is_known;
    } times[] = {
        {"first_pts_us", p->first_pts_us, p->n_frames > 0},
        {"last_pts_us", p->last_pts_us, p->n_frames > 0},
        {"min_distance_us", p->min_distance_us, p->n_frames > 1},
        {"max_distance_us", p->max_distance_us, p->n_frames > 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        json_key(w, times[i].key);
        if (times[i].is_known)
            json_int(w, times[i].us);
        else
            json_null(w);
    }
    json_key(w, "frames_per_second");
    if (rate > 0 && p->kind == SOURCE_VIDEO)
        json_double(w, rate);
    else
        json_null(w);
    json_put_bool(w, "variable_frame_rate", p->is_variable);
}

static void put_json(struct json_writer *w, const char *path, const struct probe_result *p)
{
    json_object(w);
    put_json_text(w, "path", path);
    put_json_text(w, "container", p->container);
    put_json_text(w, "codec", p->codec);
    put_json_text(w, "profile", p->profile);
    put_json_text(w, "pixel_format", p->pixel_format);
    json_put_int(w, "stream_index", p->stream_index);
    json_put_int(w, "width", p->width);
    json_put_int(w, "height", p->height);
    json_put_int(w, "coded_width", p->coded_width);
    json_put_int(w, "coded_height", p->coded_height);
    json_put_int(w, "rotation", p->rotation);
    json_put_int(w, "frames", p->n_frames);
    json_put_int(w, "undecodable", p->counts.undecodable);
    put_json_text(w, "cut_short", p->counts.cut_short ? p->counts.cut_reason : "");
    put_json_times(w, p);
    put_json_streams(w, p);
    json_end(w);
}

static void put_json_error(struct json_writer *w, const char *path, int r)
{
    json_object(w);
    put_json_text(w, "path", path);
    json_put_text(w, "error", err_name(r));
    json_put_text(w, "message", err_message(r));
    json_end(w);
}

// Returns the exit status of this file.
static int probe_one(struct report *report, const char *path)
{
    struct probe_result result;
    struct source_opts opts = {
        .path = path,
        .stream_index = settings.stream_index,
        .has_stream_index = settings.stream_index >= 0,
        .threads = 0,
        .allow_network = true,
        .stop = &stop,
    };
    int r = probe_file(&opts, &result);
    if (r < 0) {
        put_json_error(&report->w, path, r);
        return app_fail(r);
    }
    put_json(&report->w, path, &result);
    put_text(&report->text, path, &result);
    return 0;
}

static int write_report(struct report *report)
{
    bool only_json = settings.json && str_is(str_of(settings.json), "-");
    int r = only_json ? 0 : app_write("-", &report->text);
    if (r == 0 && settings.json)
        r = app_write(settings.json, &report->json);
    return r < 0 ? app_fail(r) : 0;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments == 0)
        return app_usage_error(&command_probe, "no FILE is given");
    struct report report = {.text = STR_BUF_INIT(OUTPUT_MAX), .json = STR_BUF_INIT(OUTPUT_MAX)};
    int status = 0;
    json_writer_init(&report.w, &report.json);
    report.w.pretty = true;
    json_object(&report.w);
    json_key(&report.w, "files");
    json_array(&report.w);
    app_on_interrupt(cancel, NULL);
    for (size_t i = 0; i < call->n_arguments && !atomic_load(&stop); i++) {
        int one = probe_one(&report, call->arguments[i]);
        status = MAX(status, one);
    }
    app_on_interrupt(NULL, NULL);
    json_end(&report.w);
    json_end(&report.w);
    str_buf_putc(&report.json, '\n');
    int written = write_report(&report);
    str_buf_finish(&report.text);
    str_buf_finish(&report.json);
    return MAX(status, written);
}

const struct command command_probe = {
    .name = "probe",
    .summary = "says what media files hold, by decoding them",
    .usage = "FILE... [options]",
    .details = "Container, codec, size, rotation, frames by counting, constant or variable rate. "
               "FILE may be\na video, a directory of pictures, a numbered pattern "
               "(img%06d.jpg) or a URL.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
