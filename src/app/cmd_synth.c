// SPDX-License-Identifier: Apache-2.0
// cmd_synth.c - assay synth: a labelled synthetic road scene as MP4, with its truth.

#include "app/commands.h"
#include "app/synth_clip.h"
#include "base/clock.h"
#include "base/err.h"
#include "synth/synth.h"

enum {
    MAX_LINE_BYTES = 8192,
    BENCH_FRAMES = 150, // of each size
};

struct synth_command {
    const char *out;
    int64_t seed, width, height;
    double seconds, fps, density;
    const char *conditions;
    int camera;
    bool variable_rate, mot, bench;
};

static struct synth_command settings = {.seed = 1,
                                        .width = 1280,
                                        .height = 720,
                                        .seconds = 20,
                                        .fps = 25,
                                        .density = 1,
                                        .conditions = "mixed"};

// In the order of enum synth_camera.
static const char *const cameras[] = {"mixed", "standing", "moving", NULL};

// clang-format off
static const struct opt rows[] = {
    OPT_TEXT(struct synth_command, "out", out, "DIR", "directory for clip.mp4 and truth.coco.json; made where absent", NULL),
    OPT_INT(struct synth_command, "seed", seed, 0, 9e15, "N", "the same seed and settings give the same clip", "1"),
    OPT_DOUBLE(struct synth_command, "seconds", seconds, 0.01, SYNTH_MAX_SECONDS, "SECONDS", "length of the clip", "20"),
    OPT_INT(struct synth_command, "width", width, SYNTH_MIN_SIDE, SYNTH_MAX_SIDE, "N", "pixels of a row", "1280"),
    OPT_INT(struct synth_command, "height", height, SYNTH_MIN_SIDE, SYNTH_MAX_SIDE, "N", "rows of a picture", "720"),
    OPT_DOUBLE(struct synth_command, "fps", fps, 0.1, SYNTH_MAX_FPS, "N", "frames a second", "25"),
    OPT_DOUBLE(struct synth_command, "density", density, 0.01, 5, "D", "how many people are about; 1 is a lively street", "1"),
    OPT_TEXT(struct synth_command, "conditions", conditions, "LIST", "of day, dusk, night, rain, fog, separated by commas; each gets its share of the clip; mixed is all", "mixed"),
    OPT_CHOICE(struct synth_command, "camera", camera, cameras, "CAMERA", "mixed, standing or moving", "mixed"),
    OPT_BOOL(struct synth_command, "variable-rate", variable_rate, "frames are not equally far apart"),
    OPT_BOOL(struct synth_command, "mot", mot, "write truth.mot.txt too, all classes as one"),
    OPT_BOOL(struct synth_command, "bench", bench, "write nothing; print pictures a second on one core at 720p and 1080p"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}};

static int parse_conditions(const char *list, unsigned *ret_bits)
{
    struct str rest = str_of(list), part;
    unsigned bits = 0;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        unsigned bit = str_is(part, "mixed") ? BIT(SYNTH_N_CONDITIONS) - 2 : 0;
        for (int c = 1; c < SYNTH_N_CONDITIONS; c++)
            bit |= str_is(part, synth_condition_names[c]) ? BIT(c) : 0;
        if (bit == 0)
            return err_set(ERR_INVALID,
                           "--conditions: day, dusk, night, rain, fog or mixed, not '" STR_FMT "'",
                           STR_ARG(part));
        bits |= bit;
    }
    if (bits == 0)
        return err_set(ERR_INVALID, "--conditions: the list is empty");
    *ret_bits = bits;
    return 0;
}

static int fill_opts(struct synth_opts *o)
{
    *o = (struct synth_opts){.seed = (uint64_t)settings.seed,
                             .seconds = settings.seconds,
                             .width = (int)settings.width,
                             .height = (int)settings.height,
                             .fps = settings.fps,
                             .density = settings.density,
                             .camera = (enum synth_camera)settings.camera,
                             .variable_rate = settings.variable_rate};
    if ((o->width | o->height) & 1)
        return err_set(ERR_INVALID, "size: H.264 wants even sides, not %dx%d", o->width, o->height);
    return parse_conditions(settings.conditions, &o->conditions);
}

// ---- speed

static int bench_one(struct synth_opts o, int width, int height, enum synth_camera camera)
{
    struct synth *s;
    o.width = width;
    o.height = height;
    o.fps = 25;
    o.seconds = BENCH_FRAMES / 25.0;
    o.camera = camera;
    int r = synth_create(&o, &s);
    if (r < 0)
        return r;
    int64_t begun = clock_process_cpu_ns();
    for (int64_t n = 0; n < synth_n_frames(s) && r == 0; n++) {
        struct synth_frame f;
        r = synth_draw(s, n, &f);
    }
    double seconds = (double)(clock_process_cpu_ns() - begun) / 1e9;
    struct str_buf line = STR_BUF_INIT(MAX_LINE_BYTES);
    str_buf_printf(&line, "synth %dx%d %s camera: %.1f frames per second per core\n", width, height,
                   cameras[camera], (double)synth_n_frames(s) / (seconds > 0 ? seconds : 1));
    if (r == 0)
        r = app_write("-", &line);
    str_buf_finish(&line);
    synth_destroy(s);
    return r;
}

static int bench(const struct synth_opts *o)
{
    static const int sizes[][2] = {{1280, 720}, {1920, 1080}};
    int r = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes) && r == 0; i++) {
        r = bench_one(*o, sizes[i][0], sizes[i][1], SYNTH_STANDING);
        if (r == 0)
            r = bench_one(*o, sizes[i][0], sizes[i][1], SYNTH_MOVING);
    }
    return r;
}

static int run(const struct app_call *call)
{
    struct synth_opts o;
    struct synth *s = NULL;
    if (!settings.out && !settings.bench)
        return app_usage_error(&command_synth, "no --out DIR is given");
    if (call->n_arguments > 0)
        return app_usage_error(&command_synth, "'%s' is no option", call->arguments[0]);
    int r = fill_opts(&o);
    if (r == 0 && settings.bench) {
        r = bench(&o);
        return r < 0 ? app_fail(r) : 0;
    }
    if (r == 0)
        r = synth_create(&o, &s);
    if (r < 0)
        return app_fail(r);
    const struct synth_clip clip = {
        .dir = settings.out, .wants_mot = settings.mot, .is_quiet = call->is_quiet};
    r = synth_clip_write(s, &clip);
    synth_destroy(s);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_synth = {
    .name = "synth",
    .summary = "makes a labelled synthetic road scene",
    .usage = "--out DIR [options]",
    .details = "Writes clip.mp4 (H.264) and truth.coco.json: pedestrians, cyclists, motorcyclists, "
               "wheelchair\n"
               "users and scooter riders, each with its exact visible box, whole box, visible "
               "share and track.\n"
               "The same seed and settings give the same truth and pictures.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
