// SPDX-License-Identifier: Apache-2.0
// model_describe.c - what `assay model inspect` says, for people and as JSON.
//
// Names and labels are a stranger's text: control characters become \xNN for people; the JSON
// writer escapes for machines.

#include <stdio.h>

#include "base/json.h"
#include "infer/model_priv.h"

static void add_escaped(struct str_buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f)
            str_buf_printf(out, "\\x%02x", c);
        else
            str_buf_putc(out, *p);
    }
}

static const char *type_name(enum tensor_type type)
{
    // clang-format off
    static const char *const names[] = {
        [TENSOR_TYPE_UNSET] = "unknown", [TENSOR_FLOAT32] = "float32", [TENSOR_FLOAT16] = "float16",
        [TENSOR_UINT8] = "uint8", [TENSOR_INT8] = "int8", [TENSOR_INT32] = "int32",
        [TENSOR_INT64] = "int64", [TENSOR_BOOL] = "bool", [TENSOR_FLOAT64] = "float64",
        [TENSOR_OTHER] = "other",
    };
    // clang-format on
    return names[type];
}

static const char *rule_name(enum letterbox_rule rule)
{
    static const char *const names[] = {
        [LETTERBOX_UNSET] = "unset",
        [LETTERBOX_CENTRE] = "centre",
        [LETTERBOX_TOP_LEFT] = "top-left",
        [LETTERBOX_STRETCH] = "stretch",
    };
    return names[rule];
}

static void add_tensor(struct str_buf *out, const char *what, const struct model_tensor *t)
{
    str_buf_printf(out, "%-12s", what);
    add_escaped(out, t->name);
    str_buf_printf(out, "  %s [", type_name(t->type));
    for (int i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0)
            str_buf_printf(out, "%s?", i ? "," : "");
        else
            str_buf_printf(out, "%s%lld", i ? "," : "", (long long)t->dims[i]);
    }
    str_buf_puts(out, "]\n");
}

static void add_three(struct str_buf *out, const char *what, const float v[3])
{
    str_buf_printf(out, "%s ", what);
    for (int i = 0; i < 3; i++) {
        str_buf_puts(out, i ? "," : "");
        str_buf_float(out, v[i]);
    }
}

static void add_pixels(struct str_buf *out, const struct model_input *in)
{
    str_buf_printf(out, "%-12s%dx%d%s, %s, %s, ", "pixels", in->width, in->height,
                   in->dynamic_size ? " (open: --imgsz)" : "", in->bgr ? "BGR" : "RGB",
                   in->nhwc ? "height,width,colours" : "colours,height,width");
    str_buf_puts(out, in->scale < 1 ? "0..1" : "0..255");
    if (in->mean[0] != 0 || in->std[0] != 1) {
        add_three(out, ", mean", in->mean);
        add_three(out, ", std", in->std);
    }
    str_buf_printf(out, ", fit: %s", rule_name(in->rule));
    if (in->rule != LETTERBOX_STRETCH)
        str_buf_printf(out, ", filled with %d", in->fill);
    str_buf_putc(out, '\n');
}

// The reason's lines, each under the last.
static void add_lines(struct str_buf *out, const char *what, const char *text)
{
    struct str rest = str_of(text);
    struct str line;
    while (str_line(&rest, &line)) {
        str_buf_printf(out, "%-12s", what);
        for (size_t i = 0; i < line.n; i++) {
            char one[2] = {line.p[i], '\0'};
            add_escaped(out, one);
        }
        str_buf_putc(out, '\n');
        what = "";
    }
}

static void add_labels(struct str_buf *out, const struct model_info *info)
{
    enum { SHOWN = 12 };
    str_buf_printf(out, "%-12s%d (%s): ", "labels", info->n_labels, info->labels_from);
    for (int i = 0; i < info->n_labels && i < SHOWN; i++) {
        str_buf_puts(out, i ? ", " : "");
        add_escaped(out, info->labels[i]);
    }
    str_buf_puts(out, info->n_labels > SHOWN ? ", ...\n" : "\n");
}

void model_describe(const struct model *m, struct str_buf *out)
{
    const struct model_info *info = &m->info;
    str_buf_printf(out, "%-12s", "file");
    add_escaped(out, info->path);
    str_buf_printf(out, "\n%-12s%s\n%-12s%s\n", "sha256", info->sha256, "head", info->head_name);
    add_lines(out, "why", info->why);
    add_pixels(out, &info->input);
    add_labels(out, info);
    for (int i = 0; i < info->n_inputs; i++)
        add_tensor(out, i ? "" : "inputs", &info->inputs[i]);
    for (int i = 0; i < info->n_outputs; i++)
        add_tensor(out, i ? "" : "outputs", &info->outputs[i]);
    str_buf_printf(out, "%-12s", "made by");
    add_escaped(out, info->producer);
    str_buf_printf(out, ", operator set %lld, %lld parameters%s\n", (long long)info->opset,
                   (long long)info->n_parameters, info->quantized ? ", quantized" : "");
}

static void json_tensors(struct json_writer *w, const char *key, const struct model_tensor *t,
                         int n)
{
    json_key(w, key);
    json_array(w);
    for (int i = 0; i < n; i++) {
        json_object(w);
        json_put_text(w, "name", t[i].name);
        json_put_text(w, "type", type_name(t[i].type));
        json_key(w, "shape");
        json_array(w);
        for (int k = 0; k < t[i].n_dims; k++)
            json_int(w, t[i].dims[k]);
        json_end(w);
        json_end(w);
    }
    json_end(w);
}

static void json_three(struct json_writer *w, const char *key, const float v[3])
{
    json_key(w, key);
    json_array(w);
    for (int i = 0; i < 3; i++)
        json_float(w, v[i]);
    json_end(w);
}

static void json_input(struct json_writer *w, const struct model_input *in)
{
    json_key(w, "input");
    json_object(w);
    json_put_int(w, "width", in->width);
    json_put_int(w, "height", in->height);
    json_put_bool(w, "dynamic_size", in->dynamic_size);
    json_put_int(w, "batch", in->batch);
    json_put_text(w, "layout", in->nhwc ? "nhwc" : "nchw");
    json_put_text(w, "colours", in->bgr ? "bgr" : "rgb");
    json_key(w, "scale");
    json_float(w, in->scale);
    json_three(w, "mean", in->mean);
    json_three(w, "std", in->std);
    json_put_text(w, "fit", rule_name(in->rule));
    json_put_int(w, "fill", in->fill);
    json_end(w);
}

static void json_lines(struct json_writer *w, const char *key, const char *text)
{
    struct str rest = str_of(text);
    struct str line;
    json_key(w, key);
    json_array(w);
    while (str_line(&rest, &line))
        json_string(w, line);
    json_end(w);
}

void model_describe_json(const struct model *m, struct str_buf *out)
{
    const struct model_info *info = &m->info;
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_put_text(&w, "path", info->path);
    json_put_text(&w, "sha256", info->sha256);
    json_put_text(&w, "head", info->head_name);
    json_lines(&w, "why", info->why);
    json_input(&w, &info->input);
    json_key(&w, "labels");
    json_array(&w);
    for (int i = 0; i < info->n_labels; i++)
        json_cstring(&w, info->labels[i]);
    json_end(&w);
    json_put_text(&w, "labels_from", info->labels_from);
    json_tensors(&w, "inputs", info->inputs, info->n_inputs);
    json_tensors(&w, "outputs", info->outputs, info->n_outputs);
    json_put_text(&w, "producer", info->producer);
    json_put_int(&w, "opset", info->opset);
    json_put_int(&w, "parameters", info->n_parameters);
    json_put_bool(&w, "quantized", info->quantized);
    json_end(&w);
}
