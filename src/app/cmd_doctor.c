// SPDX-License-Identifier: Apache-2.0
// cmd_doctor.c - assay doctor: what this machine has and lacks.

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "app/commands.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/thread.h"
#include "infer/engine.h"
#include "media/about.h"

enum {
    OUTPUT_MAX = 1024 * 1024,
    SYSTEM_FILE_MAX = 1024 * 1024,
};

struct doctor_settings {
    const char *json;
};

static struct doctor_settings settings;

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct doctor_settings, "json", json, "FILE", "write JSON to a file, - for standard output", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}};

struct finding {
    struct str_buf text;
    struct str_buf json;
    struct json_writer w;
};

enum verdict {
    VERDICT_FACT,
    VERDICT_HAS,
    VERDICT_LACKS,
};

static void note(struct finding *f, enum verdict v, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);

static void note(struct finding *f, enum verdict v, const char *name, const char *format, ...)
{
    static const char *const marks[] = {"  ", "ok", "--"};
    static const char *const words[] = {"fact", "has", "lacks"};
    struct str_buf value = STR_BUF_INIT(16 * KIB);
    va_list ap;
    va_start(ap, format);
    str_buf_vprintf(&value, format, ap);
    va_end(ap);
    str_buf_printf(&f->text, "%s  %-14s ", marks[v], name);
    str_buf_add_printable(&f->text, str_buf_view(&value));
    str_buf_putc(&f->text, '\n');
    json_object(&f->w);
    json_key(&f->w, "name");
    json_cstring(&f->w, name);
    json_key(&f->w, "verdict");
    json_cstring(&f->w, words[v]);
    json_key(&f->w, "value");
    json_string(&f->w, str_buf_view(&value));
    json_end(&f->w);
    str_buf_finish(&value);
}

// The value behind the first "key<spaces>:" of a file of such lines; empty where absent.
static struct str field_of(struct str bytes, const char *key)
{
    struct str line;
    while (str_line(&bytes, &line)) {
        struct str value = line;
        struct str name;
        if (str_split(&value, ':', &name) && value.p && str_is(str_trim(name), key))
            return str_trim(value);
    }
    return (struct str){NULL, 0};
}

// A file of /proc or /sys as owned text; NULL where absent.
static char *system_file(const char *path, struct str *ret_text)
{
    char *bytes = NULL;
    *ret_text = (struct str){NULL, 0};
    if (file_read(path, SYSTEM_FILE_MAX, &bytes, &ret_text->n) < 0)
        return NULL;
    ret_text->p = bytes;
    return bytes;
}

static void check_cpu(struct finding *f)
{
    // What the kernels here and in the engines make use of, by the kernel's names.
    static const char *const wanted[] = {
        "sse4_2",      "avx2",     "fma",         "f16c",     "avx512f",  "avx512bw",
        "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16",
        "asimd",       "asimddp",  "i8mm",        "bf16",     "sve"};
    struct str info;
    char *bytes = system_file("/proc/cpuinfo", &info);
    struct str model = field_of(info, "model name");
    struct str flags = field_of(info, "flags");
    if (!flags.n)
        flags = field_of(info, "Features");
    note(f, VERDICT_FACT, "cpu", STR_FMT, STR_ARG(model.n ? model : STR("unknown")));
    struct str_buf has = STR_BUF_INIT(4 * KIB);
    struct str flag;
    while (str_split(&flags, ' ', &flag)) {
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
            if (str_is(flag, wanted[i]))
                str_buf_printf(&has, "%s%s", has.n ? " " : "", wanted[i]);
        }
    }
    note(f, VERDICT_FACT, "cpu features", "%s", has.n ? str_buf_text(&has) : "none known here");
    note(f, VERDICT_FACT, "cores", "%d usable of %ld", thread_n_cores(),
         sysconf(_SC_NPROCESSORS_ONLN));
    str_buf_finish(&has);
    mem_free(bytes);
}

// "16384 kB" in GiB.
static double gib_of(struct str kib)
{
    struct str number;
    int64_t v = 0;
    if (!str_split(&kib, ' ', &number) || str_to_i64(number, &v) < 0)
        return 0;
    return (double)v / (double)MIB;
}

static void check_memory(struct finding *f)
{
    struct str info;
    char *bytes = system_file("/proc/meminfo", &info);
    note(f, VERDICT_FACT, "memory", "%.1f GiB, %.1f GiB available",
         gib_of(field_of(info, "MemTotal")), gib_of(field_of(info, "MemAvailable")));
    mem_free(bytes);

    struct str limit;
    int64_t n_bytes;
    bytes = system_file("/sys/fs/cgroup/memory.max", &limit);
    if (bytes && str_to_i64(str_trim(limit), &n_bytes) == 0)
        note(f, VERDICT_FACT, "memory limit", "%.1f GiB", (double)n_bytes / (double)GIB);
    mem_free(bytes);
}

static void check_disk(struct finding *f)
{
    const char *temporary = getenv("TMPDIR");
    const char *const places[] = {".", temporary ? temporary : "/tmp"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct statvfs fs;
        if (statvfs(places[i], &fs) != 0)
            note(f, VERDICT_LACKS, "disk", "%s: not readable", places[i]);
        else
            note(f, VERDICT_FACT, "disk", "%s: %.1f GiB free of %.1f GiB", places[i],
                 (double)fs.f_bavail * (double)fs.f_frsize / (double)GIB,
                 (double)fs.f_blocks * (double)fs.f_frsize / (double)GIB);
    }
}

static void check_engines(struct finding *f)
{
    char text[4096] = "";
    int r = engine_runtime_describe(text, sizeof(text));
    if (r < 0)
        note(f, VERDICT_LACKS, "ONNX Runtime", "%s (see scripts/install-deps)", err_message(r));
    else
        note(f, VERDICT_HAS, "ONNX Runtime", "%s", text);
    r = engine_native_describe(text, sizeof(text));
    if (r < 0)
        note(f, VERDICT_LACKS, "native engine", "%s (see scripts/install-deps)", err_message(r));
    else
        note(f, VERDICT_HAS, "native engine", "%s", text);
    static const struct {
        const char *path;
        const char *what;
    } devices[] = {{"/dev/nvidia0", "NVIDIA device"}, {"/dev/dri/renderD128", "render device"}};
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        note(f, file_exists(devices[i].path) ? VERDICT_HAS : VERDICT_LACKS, "gpu", "%s (%s)",
             devices[i].what, devices[i].path);
}

static void check_media(struct finding *f)
{
    static const char *const decoders[] = {"h264",       "hevc",  "av1",    "vp8", "vp9", "mpeg4",
                                           "mpeg2video", "mjpeg", "prores", "gif", "png", "webp"};
    struct str_buf versions = STR_BUF_INIT(4 * KIB);
    struct str_buf has = STR_BUF_INIT(4 * KIB);
    struct str_buf lacks = STR_BUF_INIT(4 * KIB);
    media_about_versions(&versions);
    for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
        struct str_buf *list = media_about_has_decoder(decoders[i]) ? &has : &lacks;
        str_buf_printf(list, "%s%s", list->n ? " " : "", decoders[i]);
    }
    note(f, VERDICT_HAS, "libav", "%s (%s)", str_buf_text(&versions), media_about_license());
    note(f, VERDICT_HAS, "decoders", "%s", str_buf_text(&has));
    if (lacks.n)
        note(f, VERDICT_LACKS, "decoders", "%s", str_buf_text(&lacks));
    note(f, media_about_has_encoder("libx264") ? VERDICT_HAS : VERDICT_LACKS, "H.264 encoder",
         "libx264, for annotated videos");
    str_buf_finish(&versions);
    str_buf_finish(&has);
    str_buf_finish(&lacks);
}

static void check_system(struct finding *f)
{
    struct utsname name;
    note(f, VERDICT_FACT, "assay", "%s", ASSAY_VERSION);
    if (uname(&name) == 0)
        note(f, VERDICT_FACT, "system", "%s %s %s", name.sysname, name.release, name.machine);
}

static int run(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return app_usage_error(&command_doctor, "'%s' is one argument too many",
                               call->arguments[0]);
    struct finding f = {.text = STR_BUF_INIT(OUTPUT_MAX), .json = STR_BUF_INIT(OUTPUT_MAX)};
    json_writer_init(&f.w, &f.json);
    f.w.pretty = true;
    json_object(&f.w);
    json_key(&f.w, "findings");
    json_array(&f.w);
    check_system(&f);
    check_cpu(&f);
    check_memory(&f);
    check_disk(&f);
    check_engines(&f);
    check_media(&f);
    json_end(&f.w);
    json_end(&f.w);
    str_buf_putc(&f.json, '\n');

    bool only_json = settings.json && strcmp(settings.json, "-") == 0;
    int r = only_json ? 0 : app_write("-", &f.text);
    if (r == 0 && settings.json)
        r = app_write(settings.json, &f.json);
    str_buf_finish(&f.text);
    str_buf_finish(&f.json);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_doctor = {
    .name = "doctor",
    .summary = "says what this machine has and lacks",
    .usage = "[options]",
    .details = "CPU features, memory, disk, engines and their providers, media libraries. Lines "
               "marked ok are\nhere, lines marked -- are absent; all else is a fact.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
