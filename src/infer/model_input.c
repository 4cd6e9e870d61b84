// SPDX-License-Identifier: Apache-2.0
// model_input.c - which input takes the picture, how large it is, and how pixels become its
// numbers.

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "infer/model_priv.h"

enum {
    INPUT_MAX_PIXELS = 8192, // a side
    INPUT_DEFAULT = 640,
    INPUT_STRIDE = 32, // dynamic sizes: what the families' coarsest grid divides
};

static const float no_mean[3] = {0, 0, 0};
static const float no_std[3] = {1, 1, 1};
static const float imagenet_mean_rgb[3] = {0.485f, 0.456f, 0.406f}; // of 0..1
static const float imagenet_std_rgb[3] = {0.229f, 0.224f, 0.225f};
static const float imagenet_mean_bgr_255[3] = {103.53f, 116.28f, 123.675f};
static const float imagenet_std_bgr_255[3] = {57.375f, 57.12f, 58.395f};

// How each family was trained.
static const struct {
    float scale;
    const float *mean, *std;
    bool bgr;
    enum letterbox_rule rule;
    uint8_t fill;
    const char *why;
} families[HEAD_N_KINDS] = {
    // clang-format off
    [HEAD_YOLOV5]        = {1 / 255.0f, no_mean, no_std, false, LETTERBOX_CENTRE, 114, "YOLOv5's"},
    [HEAD_YOLOV8]        = {1 / 255.0f, no_mean, no_std, false, LETTERBOX_CENTRE, 114, "Ultralytics'"},
    [HEAD_END_TO_END]    = {1 / 255.0f, no_mean, no_std, false, LETTERBOX_CENTRE, 114, "Ultralytics'"},
    [HEAD_YOLOX]         = {1, no_mean, no_std, true, LETTERBOX_TOP_LEFT, 114, "YOLOX's"},
    [HEAD_YOLOX_DECODED] = {1, no_mean, no_std, true, LETTERBOX_TOP_LEFT, 114, "YOLOX's"},
    [HEAD_NANODET]       = {1, imagenet_mean_bgr_255, imagenet_std_bgr_255, true, LETTERBOX_STRETCH, 0, "NanoDet's"},
    [HEAD_PICODET]       = {1 / 255.0f, imagenet_mean_rgb, imagenet_std_rgb, false, LETTERBOX_STRETCH, 0, "PicoDet's"},
    [HEAD_FASTESTDET]    = {1 / 255.0f, no_mean, no_std, true, LETTERBOX_STRETCH, 0, "FastestDet's"},
    [HEAD_DETR]          = {1 / 255.0f, no_mean, no_std, false, LETTERBOX_STRETCH, 0, "RT-DETR's"},
    [HEAD_SSD_TF]        = {1, no_mean, no_std, false, LETTERBOX_STRETCH, 0, "TensorFlow's SSD"},
    [HEAD_SSD_CAFFE]     = {1, no_mean, no_std, true, LETTERBOX_STRETCH, 0, "Caffe's SSD"},
    // clang-format on
};

static bool may_be_picture(const struct onnx_value *v)
{
    if (v->n_dims != 4)
        return false;
    bool type_ok =
        v->type == TENSOR_FLOAT32 || v->type == TENSOR_FLOAT16 || v->type == TENSOR_UINT8;
    bool open = v->dims[1] < 0 && v->dims[3] < 0;
    return type_ok && (v->dims[1] == 3 || v->dims[3] == 3 || open);
}

static int no_picture(const struct recognition *r)
{
    const struct onnx *o = r->onnx;
    if (o->n_inputs == 0)
        return err_set(ERR_MODEL, "%s: no detector: the graph has no input", r->path);
    const struct onnx_value *v = &o->inputs[0];
    return err_set(ERR_MODEL,
                   "%s: no detector of colour pictures: input '" STR_FMT
                   "' is %s, not (N,3,height,width) or (N,height,width,3) of float or uint8",
                   r->path, STR_ARG(v->name), shape_of_value(v).text);
}

// imgsz of Ultralytics' metadata: "[height, width]" or one number.
static int64_t metadata_size(const struct recognition *r, int index)
{
    struct str text = str_trim(onnx_metadata(r->onnx, "imgsz"));
    int64_t v = 0;
    if (text.n >= 2 && text.p[0] == '[') {
        struct str rest = {text.p + 1, text.n - 2};
        struct str part;
        for (int i = 0; i <= index; i++) {
            if (!str_split(&rest, ',', &part))
                return 0;
        }
        text = str_trim(part);
    }
    if (str_to_i64(text, &v) < 0) {
        err_clear();
        return 0;
    }
    return v >= INPUT_STRIDE && v <= INPUT_MAX_PIXELS ? v : 0;
}

// One side: what the file fixes, else what the user wants, else the metadata, else the default.
static int choose_side(struct recognition *r, int64_t fixed, int index, int *ret_side)
{
    if (fixed > INPUT_MAX_PIXELS)
        return err_set(ERR_MODEL, "%s: input of %lld pixels a side, over %d", r->path,
                       (long long)fixed, INPUT_MAX_PIXELS);
    if (fixed > 0 && r->imgsz && r->imgsz != fixed)
        return err_set(ERR_INVALID, "%s: the input is fixed at %lld pixels, --imgsz %lld differs",
                       r->path, (long long)fixed, (long long)r->imgsz);
    if (fixed <= 0 && r->imgsz % INPUT_STRIDE)
        return err_set(ERR_INVALID, "--imgsz %lld is not a multiple of %d: %lld would be",
                       (long long)r->imgsz, INPUT_STRIDE,
                       (long long)(r->imgsz + INPUT_STRIDE - r->imgsz % INPUT_STRIDE));
    int64_t side = fixed > 0 ? fixed : r->imgsz;
    if (side <= 0)
        side = metadata_size(r, index);
    *ret_side = (int)(side > 0 ? side : INPUT_DEFAULT);
    return 0;
}

int recognise_input_shape(struct recognition *r)
{
    const struct onnx *o = r->onnx;
    size_t chosen = 0;
    while (chosen < o->n_inputs && !may_be_picture(&o->inputs[chosen]))
        chosen++;
    if (chosen == o->n_inputs)
        return no_picture(r);
    const struct onnx_value *v = &o->inputs[chosen];
    r->plan.picture_input = (int)chosen;
    struct model_input *in = &r->input;
    in->nhwc = v->dims[3] == 3 && v->dims[1] != 3;
    in->batch = v->dims[0] > 0 ? (int)MIN(v->dims[0], (int64_t)1 << 20) : 0;
    int64_t height = v->dims[in->nhwc ? 1 : 2];
    int64_t width = v->dims[in->nhwc ? 2 : 3];
    in->dynamic_size = height < 0 || width < 0;
    int err = choose_side(r, height, 0, &in->height);
    if (err == 0)
        err = choose_side(r, width, 1, &in->width);
    if (err < 0)
        return err;
    recognition_why(r, "input '" STR_FMT "' %s takes the picture: %s, %dx%d pixels%s",
                    STR_ARG(v->name), shape_of_value(v).text,
                    in->nhwc ? "height, width, colours" : "colours, height, width", in->width,
                    in->height, in->dynamic_size ? " (the file leaves the size open)" : "");
    return 0;
}

static bool scalar_value(const struct onnx *o, struct str name, float *ret_value)
{
    const struct onnx_tensor *t = onnx_initializer(o, name);
    if (!t) {
        const struct onnx_node *node = onnx_producer(o, name);
        const struct onnx_attribute *a =
            node && str_is(node->op, "Constant") ? onnx_attribute(node, "value") : NULL;
        t = a ? a->tensor : NULL;
    }
    if (!t || t->n_elements != 1 || t->type != TENSOR_FLOAT32 || t->raw.n != sizeof(float))
        return false;
    memcpy(ret_value, t->raw.p, sizeof(float));
    return true;
}

// Some exports divide by 255 themselves: then bytes go in as they are.
static bool graph_divides(const struct recognition *r)
{
    const struct onnx *o = r->onnx;
    struct str tensor = o->inputs[r->plan.picture_input].name;
    for (size_t i = 0; i < MIN(o->n_nodes, (size_t)8); i++) {
        const struct onnx_node *n = &o->nodes[i];
        if (n->n_inputs == 0 || n->n_outputs == 0 || !str_equal(n->inputs[0], tensor))
            continue;
        float v;
        if (n->n_inputs == 2 && str_is(n->op, "Div") && scalar_value(o, n->inputs[1], &v))
            return fabsf(v - 255) < 1;
        if (n->n_inputs == 2 && str_is(n->op, "Mul") && scalar_value(o, n->inputs[1], &v))
            return fabsf(v * 255 - 1) < 0.01f;
        if (!str_is(n->op, "Cast") && !str_is(n->op, "Transpose"))
            return false;
        tensor = n->outputs[0];
    }
    return false;
}

static bool has_node_named(const struct onnx *o, const char *part)
{
    size_t n = strlen(part);
    for (size_t i = 0; i < o->n_nodes; i++) {
        if (o->nodes[i].name.n >= n && memmem(o->nodes[i].name.p, o->nodes[i].name.n, part, n))
            return true;
    }
    return false;
}

static void set_numbers(struct model_input *in, float scale, const float *mean, const float *std)
{
    in->scale = scale;
    memcpy(in->mean, mean, sizeof(in->mean));
    memcpy(in->std, std, sizeof(in->std));
}

void recognise_input_numbers(struct recognition *r)
{
    struct model_input *in = &r->input;
    enum tensor_type type = r->onnx->inputs[r->plan.picture_input].type;
    in->bgr = families[r->head].bgr;
    in->rule = families[r->head].rule;
    in->fill = families[r->head].fill;
    set_numbers(in, families[r->head].scale, families[r->head].mean, families[r->head].std);
    const char *because = families[r->head].why;
    if (type == TENSOR_UINT8) {
        set_numbers(in, 1, no_mean, no_std);
        because = "the byte input's";
    } else if (graph_divides(r)) {
        set_numbers(in, 1, no_mean, no_std);
        because = "the graph's own (it divides by 255)";
    } else if (r->head == HEAD_SSD_TF) {
        static const float half[3] = {127.5f, 127.5f, 127.5f};
        set_numbers(in, 1, half, half);
    } else if (r->head == HEAD_DETR && has_node_named(r->onnx, "dinov3")) {
        set_numbers(in, 1 / 255.0f, imagenet_mean_rgb, imagenet_std_rgb);
        because = "DINOv3's (by node names)";
    }
    recognition_why(r, "pixels by %s rule: %s, %s, %s", because, in->bgr ? "BGR" : "RGB",
                    in->scale < 1 ? "0..1" : "0..255",
                    in->rule == LETTERBOX_STRETCH    ? "stretched"
                    : in->rule == LETTERBOX_TOP_LEFT ? "padded at the right and bottom"
                                                     : "padded on both sides");
}
