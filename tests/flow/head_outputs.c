// SPDX-License-Identifier: Apache-2.0
// head_outputs.c - the first picture of a source in both engines: input and outputs as files of
// float32, for exact.py and tests/networks/check.py.
//
// head_outputs MODEL SOURCE FOLDER [PRECISION [REFERENCE]]; exit status 77: there is no ONNX
// Runtime. PRECISION: of the native engine (fp32). REFERENCE: what ONNX Runtime runs (MODEL).

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void check(int r)
{
    if (r >= 0)
        return;
    fprintf(stderr, "%s: %s\n", err_name(r), err_message(r));
    exit(1);
}

#include "flow/side.h"

enum {
    NOTHING_TO_COMPARE = 77,
    PATH_BYTES = 4096,
};

struct output_folder {
    const char *path;
    FILE *json;
};

static FILE *open_in(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wbe");
    check(f ? 0 : err_set(ERR_IO, "%s: cannot be written", path));
    return f;
}

static void write_tensor(struct output_folder *to, const char *name, int index,
                         const struct tensor *t)
{
    char file_name[64];
    snprintf(file_name, sizeof(file_name), "%s.%d.f32", name, index);
    FILE *f = open_in(to->path, file_name);
    size_t n = t->n_bytes / (t->type == TENSOR_FLOAT16 ? 2 : 4);
    for (size_t i = 0; i < n; i++) {
        float v = number(t, i);
        check(fwrite(&v, sizeof(v), 1, f) == 1 ? 0 : err_set(ERR_IO, "%s: disk full", file_name));
    }
    check(fclose(f) == 0 ? 0 : err_set(ERR_IO, "%s: disk full", file_name));
    fprintf(to->json, "{\"file\": \"%s\", \"dims\": [", file_name);
    for (int d = 0; d < t->n_dims; d++)
        fprintf(to->json, "%s%" PRId64, d ? ", " : "", (int64_t)t->dims[d]);
    fprintf(to->json, "]}");
}

static void write_side(struct output_folder *to, const char *name, const struct side *s)
{
    fprintf(to->json, ",\n\"%s\": [", name);
    for (int i = 0; i < model_info(s->m)->n_outputs; i++) {
        fprintf(to->json, i ? ",\n" : "");
        write_tensor(to, name, i, &s->outputs[i]);
    }
    fprintf(to->json, "]");
}

static uint8_t *first_pixels(const struct side *s, const char *path)
{
    const struct model_input *in = &model_info(s->m)->input;
    const struct source_opts opts = {.path = path, .max_frames = 1};
    struct source *source;
    uint8_t *rgb = mem_aligned((size_t)in->width * (size_t)in->height * 3);
    check(rgb ? 0 : ERR_NOMEM);
    check(source_open(&opts, &source));
    check(next_pixels(source, in, rgb) ? 0 : err_set(ERR_MEDIA, "%s: no picture", path));
    source_close(source);
    return rgb;
}

static int precision_of(const char *name)
{
    static const char *const names[] = {
        [PRECISION_FP32] = "fp32", [PRECISION_BF16] = "bf16", [PRECISION_INT8] = "int8"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i] && strcmp(names[i], name) == 0)
            return (int)i;
    }
    check(err_set(ERR_INVALID, "'%s' is no precision", name));
    return PRECISION_UNSET;
}

int main(int argc, char **argv)
{
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "head_outputs MODEL SOURCE FOLDER [PRECISION [REFERENCE]]\n");
        return 2;
    }
    int precision = argc > 4 ? precision_of(argv[4]) : PRECISION_FP32;
    struct side native;
    struct side other;
    if (!open_side(&other, argc > 5 ? argv[5] : argv[1], CHOICE_ONNXRUNTIME, 0))
        return NOTHING_TO_COMPARE;
    check(open_side(&native, argv[1], CHOICE_NATIVE, precision) ? 0 : ERR_UNAVAILABLE);
    uint8_t *rgb = first_pixels(&native, argv[2]);
    run_side(&native, rgb);
    run_side(&other, rgb);
    struct output_folder to = {argv[3], open_in(argv[3], "tensors.json")};
    fprintf(to.json, "{\"input\": ");
    struct tensor input = side_input(&native, rgb);
    write_tensor(&to, "input", 0, &input);
    write_side(&to, "native", &native);
    write_side(&to, "onnxruntime", &other);
    fprintf(to.json, "}\n");
    check(fclose(to.json) == 0 ? 0 : err_set(ERR_IO, "%s: disk full", argv[3]));
    mem_free(input.data);
    mem_free(rgb);
    close_side(&native);
    close_side(&other);
    return 0;
}
