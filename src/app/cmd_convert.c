// SPDX-License-Identifier: Apache-2.0
// cmd_convert.c - annotation and detection formats into each other.

#include <string.h>

#include "app/app.h"
#include "app/commands.h"
#include "app/formats.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "dataset/dataset.h"
#include "dataset/write.h"

static struct convert_settings {
    int from, to; // enum dataset_format
    int as;       // enum dataset_role, 0: by format
    int text_kind, voc_boxes, to_voc_boxes;
    const char *truth, *images, *names;
} settings;

static const char *const roles[] = {"auto", "truth", "detections", NULL};

// clang-format off
static const struct opt rows[] = {
    OPT_CHOICE(struct convert_settings, "from", from, app_formats, "FORMAT", "what IN is", "auto (by content)"),
    OPT_CHOICE(struct convert_settings, "to", to, app_formats, "FORMAT", "what OUT becomes", "by its ending: .json coco, .jsonl, .xml cvat, .csv openimages, .txt mot"),
    OPT_CHOICE(struct convert_settings, "as", as, roles, "ROLE", "whether IN is truth or detections with confidences", "auto (by format)"),
    OPT_TEXT(struct convert_settings, "truth", truth, "FILE", "truth that detections belong to: COCO results need it for names of classes and pictures", NULL),
    OPT_TEXT(struct convert_settings, "images", images, "DIR", "folder of the pictures: relative boxes need their sizes", "the folder of IN"),
    OPT_TEXT(struct convert_settings, "names", names, "FILE", "class names for the numbers of IN: one a line, or data.yaml", "the list beside IN"),
    OPT_CHOICE(struct convert_settings, "text-boxes", text_kind, app_text_kinds, "KIND", "how the four numbers of detection texts are meant: xywh, xyxy or relative", "auto (by the numbers)"),
    OPT_CHOICE(struct convert_settings, "voc-boxes", voc_boxes, app_voc_boxes, "KIND", "Pascal VOC corners of IN as they stand, or as first and last pixel counted from 1 (pixels)", "corners"),
    OPT_CHOICE(struct convert_settings, "to-voc-boxes", to_voc_boxes, app_voc_boxes, "KIND", "likewise those of OUT", "corners"),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}};

static int choose_format(const char *path, enum dataset_format *ret_format)
{
    static const struct {
        const char *ending;
        enum dataset_format format;
    } endings[] = {
        {".json", DATASET_COCO},      {".jsonl", DATASET_JSONL}, {".xml", DATASET_CVAT},
        {".csv", DATASET_OPENIMAGES}, {".txt", DATASET_MOT},
    };
    *ret_format = (enum dataset_format)settings.to;
    for (size_t i = 0; *ret_format == DATASET_FORMAT_UNSET && i < ARRAY_LEN(endings); i++) {
        if (str_ends(str_of(path), endings[i].ending))
            *ret_format = endings[i].format;
    }
    if (*ret_format != DATASET_FORMAT_UNSET)
        return 0;
    return err_set(ERR_INVALID, "'%s': the ending names no format: say it with --to", path);
}

static int read_in(const char *path, struct dataset **ret_truth, struct dataset **ret_dataset)
{
    struct dataset_read_opts opts = {
        .role = DATASET_TRUTH,
        .images = settings.images,
        .text = (enum dataset_text)settings.text_kind,
        .voc_boxes = (enum dataset_voc_boxes)settings.voc_boxes,
    };
    int r = 0;
    if (settings.truth)
        r = app_dataset_read(settings.truth, &opts, ret_truth);
    opts.truth = *ret_truth;
    opts.role = settings.truth ? DATASET_DETECTIONS : (enum dataset_role)settings.as;
    opts.format = (enum dataset_format)settings.from;
    opts.names = settings.names;
    return r == 0 ? app_dataset_read(path, &opts, ret_dataset) : r;
}

static void say_losses(const struct dataset *d, const struct dataset_losses *losses)
{
    for (size_t i = 0; i < d->n_notices; i++)
        log_warning(NULL, "%s", d->notices[i]);
    for (size_t i = 0; i < losses->n; i++)
        log_warning(NULL, "%zu %s", losses->rows[i].n, losses->rows[i].what);
}

static int convert(const char *in, const char *out)
{
    struct dataset *truth = NULL;
    struct dataset *d = NULL;
    struct dataset_losses losses = {0};
    struct dataset_write_opts opts = {
        .voc_boxes = (enum dataset_voc_boxes)settings.to_voc_boxes,
        .images = settings.images,
    };
    const char *const inputs[] = {in, settings.truth, settings.names};
    int r = choose_format(out, &opts.format);
    if (r == 0 && file_exists(out) && !file_is_directory(out))
        r = app_check_out(out, inputs, ARRAY_LEN(inputs));
    if (r == 0)
        r = read_in(in, &truth, &d);
    if (r == 0) {
        opts.role = d->role;
        r = app_dataset_write(d, out, &opts, &losses);
    }
    if (r == 0) {
        say_losses(d, &losses);
        log_info(NULL, "%s: %zu objects of %zu classes in %zu pictures, as %s", out, d->n_objects,
                 d->n_classes, d->n_pictures, dataset_format_name(opts.format));
    }
    dataset_destroy(d);
    dataset_destroy(truth);
    return r;
}

static int run(const struct app_call *call)
{
    if (call->n_arguments != 2)
        return app_usage_error(&command_convert, "IN and OUT are needed, and nothing else");
    int r = convert(call->arguments[0], call->arguments[1]);
    return r < 0 ? app_fail(r) : 0;
}

const struct command command_convert = {
    .name = "convert",
    .summary = "turns annotations or detections into another format",
    .usage = "IN OUT [options]",
    .details =
        "IN is a file or a folder, its format recognised by content. Formats of a file a picture\n"
        "(voc, yolo, kitti, labelme) become a folder, which must not be there yet, or be empty.\n\n"
        "What the new format cannot hold is said, with how many objects lose it.",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .run = run,
};
