// SPDX-License-Identifier: Apache-2.0
// model.c - opening a model: read, check what lies outside, recognise, choose labels.

#include "infer/model.h"

#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/head.h"
#include "infer/model_priv.h"

enum {
    MODEL_MAX_TEXT = 64 * 1024, // the reason, all lines together
};

static const char *const head_names[HEAD_N_KINDS + 1] = {
    [HEAD_UNSET] = "auto",
    [HEAD_YOLOV5] = "yolov5",
    [HEAD_YOLOV8] = "yolov8",
    [HEAD_END_TO_END] = "end-to-end",
    [HEAD_YOLOX] = "yolox",
    [HEAD_YOLOX_DECODED] = "yolox-decoded",
    [HEAD_NANODET] = "nanodet",
    [HEAD_PICODET] = "picodet",
    [HEAD_FASTESTDET] = "fastestdet",
    [HEAD_DETR] = "detr",
    [HEAD_SSD_TF] = "ssd-tf",
    [HEAD_SSD_CAFFE] = "ssd-caffe",
};

// clang-format off
const struct opt model_options[] = {
    OPT_TEXT(struct model_opts, "model", path, "FILE", "the detector: an ONNX file", NULL),
    OPT_CHOICE(struct model_opts, "head", head, head_names, "HEAD", "how its outputs are read, where the file cannot say", "auto"),
    OPT_TEXT(struct model_opts, "anchors", anchors, "SIZES", "of YOLOv5 and v7 exported without their grid: yolov5, yolov7, yolov7-tiny, yolov5-p6, yolov7-p6, or W,H,W,H,... in pixels, finest grid first", "the model's metadata 'anchors'"),
    OPT_TEXT(struct model_opts, "labels", labels_path, "FILE", "class names, a line each", "the model's own"),
    OPT_INT(struct model_opts, "imgsz", imgsz, 32, 8192, "N", "pixels a side, for models that leave their input size open", "the model's own, else 640"),
    OPT_END,
};
// clang-format on

const char *head_name(enum head_kind head)
{
    return head > HEAD_UNSET && head < HEAD_N_KINDS ? head_names[head] : "unknown";
}

int head_parse(const char *name, enum head_kind *ret_head)
{
    struct str_buf known = STR_BUF_INIT(KIB);
    for (int i = HEAD_UNSET + 1; i < HEAD_N_KINDS; i++) {
        if (strcmp(name, head_names[i]) == 0) {
            str_buf_finish(&known);
            *ret_head = (enum head_kind)i;
            return 0;
        }
        str_buf_printf(&known, "%s%s", i > 1 ? ", " : "", head_names[i]);
    }
    int r = err_set(ERR_INVALID, "'%s' is no head: %s", name, str_buf_text(&known));
    str_buf_finish(&known);
    return r;
}

void recognition_why(struct recognition *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (r->why.n)
        str_buf_putc(&r->why, '\n');
    str_buf_vprintf(&r->why, format, ap);
    va_end(ap);
}

struct shape_text shape_of_dims(const int64_t *dims, int n_dims)
{
    struct shape_text s = {"["};
    size_t at = 1;
    for (int i = 0; i < n_dims && at < sizeof(s.text) - 32; i++)
        at += (size_t)snprintf(s.text + at, sizeof(s.text) - at, "%s%lld", i ? "," : "",
                               (long long)dims[i]);
    snprintf(s.text + at, sizeof(s.text) - at, "]");
    return s;
}

struct shape_text shape_of_value(const struct onnx_value *v)
{
    struct shape_text s = {"of unknown shape"};
    if (v->n_dims < 0)
        return s;
    size_t at = (size_t)snprintf(s.text, sizeof(s.text), "[");
    for (int i = 0; i < v->n_dims && at < sizeof(s.text) - 40; i++) {
        const char *comma = i ? "," : "";
        struct str name = v->dim_names[i];
        if (v->dims[i] >= 0)
            at += (size_t)snprintf(s.text + at, sizeof(s.text) - at, "%s%lld", comma,
                                   (long long)v->dims[i]);
        else
            at +=
                (size_t)snprintf(s.text + at, sizeof(s.text) - at, "%s%.*s", comma,
                                 name.n ? (int)MIN(name.n, (size_t)30) : 1, name.n ? name.p : "?");
    }
    snprintf(s.text + at, sizeof(s.text) - at, "]");
    return s;
}

static bool is_python_true(struct str s)
{
    return str_is_nocase(s, "true");
}

static int read_metadata(struct recognition *r)
{
    r->task = onnx_metadata(r->onnx, "task");
    struct str args = onnx_metadata(r->onnx, "args");
    r->end_to_end = is_python_true(onnx_metadata(r->onnx, "end2end")) ||
                    (args.n && memmem(args.p, args.n, "'nms': True", 11));
    struct str names = onnx_metadata(r->onnx, "names");
    if (!names.n)
        return 0;
    int err = labels_parse_python(names, r->arena, &r->names, &r->n_names);
    if (err == ERR_NOMEM)
        return err;
    if (err < 0) {
        recognition_why(r, "metadata names: %s, ignored", err_message(err));
        err_clear();
    }
    return 0;
}

// Names reach the runtime as C strings: one with a zero inside would be another name.
static int copy_name(struct arena *a, const char *path, struct str s, const char **ret_name)
{
    if (s.n == 0 || memchr(s.p, '\0', s.n))
        return err_set(ERR_MODEL, "%s: an input or output without a usable name", path);
    *ret_name = arena_strndup(a, s.p, s.n);
    return *ret_name ? 0 : ERR_NOMEM;
}

static int copy_tensors(struct arena *a, const char *path, const struct onnx_value *values,
                        size_t n, const struct model_tensor **ret_tensors, int *ret_n)
{
    if (n > MODEL_MAX_TENSORS)
        return err_set(ERR_MODEL, "%s: more than %d inputs or outputs", path, MODEL_MAX_TENSORS);
    struct model_tensor *tensors = arena_array(a, struct model_tensor, n + 1);
    if (!tensors)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        int err = copy_name(a, path, values[i].name, &tensors[i].name);
        if (err < 0)
            return err;
        if (values[i].n_dims > MODEL_MAX_DIMS)
            return err_set(ERR_MODEL, "%s: '%s' has %d dimensions", path, tensors[i].name,
                           values[i].n_dims);
        tensors[i].type = values[i].type;
        tensors[i].n_dims = MAX(values[i].n_dims, 0);
        memcpy(tensors[i].dims, values[i].dims, sizeof(tensors[i].dims));
    }
    *ret_tensors = tensors;
    *ret_n = (int)n;
    return 0;
}

static bool is_quantized(const struct onnx *o)
{
    static const char *const ops[] = {"ConvInteger", "QLinearConv", "QLinearMatMul",
                                      "DequantizeLinear", "MatMulInteger"};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (onnx_count_op(o, ops[i]))
            return true;
    }
    return false;
}

static int copy_facts(struct model *m, const struct onnx *o, const char *path)
{
    struct model_info *info = &m->info;
    info->path = arena_strndup(m->arena, path, strlen(path));
    info->producer = arena_printf(m->arena, STR_FMT "%s" STR_FMT, STR_ARG(o->producer),
                                  o->producer_version.n ? " " : "", STR_ARG(o->producer_version));
    if (!info->path || !info->producer)
        return ERR_NOMEM;
    info->opset = o->opset;
    info->n_parameters = o->n_parameters;
    info->quantized = is_quantized(o);
    int err = copy_tensors(m->arena, path, o->inputs, o->n_inputs, &info->inputs, &info->n_inputs);
    if (err < 0)
        return err;
    return copy_tensors(m->arena, path, o->outputs, o->n_outputs, &info->outputs, &info->n_outputs);
}

static int recognise(struct model *m, const struct onnx *o, const struct model_opts *opts)
{
    struct recognition r = {
        .onnx = o,
        .path = opts->path,
        .arena = m->arena,
        .forced = (enum head_kind)opts->head,
        .imgsz = opts->imgsz,
        .anchors = opts->anchors && opts->anchors[0] ? opts->anchors : NULL,
        .why = STR_BUF_INIT(MODEL_MAX_TEXT),
    };
    int err = read_metadata(&r);
    if (err == 0)
        err = recognise_input_shape(&r);
    if (err == 0)
        err = recognise_head(&r);
    if (err == 0) {
        recognise_input_numbers(&r);
        err = labels_choose(&r, opts->labels_path, &m->info);
    }
    if (err == 0) {
        m->info.head = r.head;
        m->info.head_name = head_name(r.head);
        m->info.input = r.input;
        m->plan = r.plan;
        m->head_forced = r.forced != HEAD_UNSET;
        m->info.why = arena_strndup(m->arena, str_buf_text(&r.why), r.why.n);
        err = m->info.why ? str_buf_check(&r.why) : ERR_NOMEM;
    }
    str_buf_finish(&r.why);
    return err;
}

// Exporters put weights into "model.onnx.data": when nothing in the file asks for them although
// they lie there empty, that is worth a word beside the refusal.
static int mention_empty_data(int err, const char *path)
{
    struct str_buf data = STR_BUF_INIT(64 * KIB);
    struct stat st;
    str_buf_printf(&data, "%s.data", path);
    if (!data.failed && stat(str_buf_text(&data), &st) == 0 && st.st_size == 0) {
        char message[ERR_MESSAGE_BYTES];
        err_copy_message(err, message, sizeof(message));
        err = err_set((enum err)err, "%s; the weights beside it, '%s', are empty (0 bytes)",
                      message, str_buf_text(&data));
    }
    str_buf_finish(&data);
    return err;
}

int model_open(const struct model_opts *opts, struct model **ret_model)
{
    if (!opts->path || !opts->path[0])
        return err_set(ERR_INVALID, "no model given: --model FILE names one");
    struct onnx *o = NULL;
    int err = onnx_open(opts->path, &o);
    if (err < 0)
        return err;
    struct model *m = mem_new(struct model);
    err = m ? arena_create(0, &m->arena) : ERR_NOMEM;
    if (err == 0) {
        atomic_init(&m->refs, 1);
        err = onnx_check_external(o, opts->path);
    }
    if (err == 0)
        err = copy_facts(m, o, opts->path);
    if (err == 0) {
        err = recognise(m, o, opts);
        if (err == ERR_MODEL && o->n_externals == 0)
            err = mention_empty_data(err, opts->path);
    }
    if (err == 0)
        err = file_sha256(opts->path, m->info.sha256);
    onnx_close(o);
    if (err < 0) {
        model_unref(&m);
        return err;
    }
    *ret_model = m;
    return 0;
}

struct model *model_ref(struct model *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void model_unref(struct model **pm)
{
    struct model *m = *pm;
    *pm = NULL;
    // A half-built one has no arena yet and nobody else knows it.
    if (!m || (m->arena && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1))
        return;
    arena_destroy(m->arena);
    mem_free(m);
}

const struct model_info *model_info(const struct model *m)
{
    return &m->info;
}

int head_picture_input(const struct model *m)
{
    return m->plan.picture_input;
}

int head_extra_input(const struct model *m, int input_index, const struct letterbox *lb,
                     int64_t ret_values[2], int *ret_n)
{
    if (input_index != m->plan.size_input)
        return err_set(ERR_MODEL, "%s: nobody knows what input '%s' wants", m->info.path,
                       m->info.inputs[input_index].name);
    ret_values[0] = lb->dst_width;
    ret_values[1] = lb->dst_height;
    *ret_n = 2;
    return 0;
}
