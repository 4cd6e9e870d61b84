// SPDX-License-Identifier: Apache-2.0
// model_labels.c - class names: from the user's file, the model's metadata, or COCO's table.

#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "infer/model_priv.h"
#include "vision/labels.h"

enum {
    LABELS_FILE_MAX = 4 * 1024 * 1024,
    COCO_CATEGORIES = 91, // category ids 0..90
};

// A walk through the text of a Python value.
struct python {
    struct str rest;
    struct arena *arena;
};

static void skip_space(struct python *t)
{
    while (t->rest.n && strchr(" \t\r\n", t->rest.p[0])) {
        t->rest.p++;
        t->rest.n--;
    }
}

static bool take(struct python *t, char c)
{
    skip_space(t);
    if (!t->rest.n || t->rest.p[0] != c)
        return false;
    t->rest.p++;
    t->rest.n--;
    return true;
}

static int bad_python(void)
{
    return err_set(ERR_INVALID, "is no Python dict or list of names");
}

static void add_utf8(struct str_buf *out, uint32_t c)
{
    if (c < 0x80) {
        str_buf_putc(out, (char)c);
    } else if (c < 0x800) {
        str_buf_putc(out, (char)(0xc0 | (c >> 6)));
        str_buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        str_buf_putc(out, (char)(0xe0 | (c >> 12)));
        str_buf_putc(out, (char)(0x80 | ((c >> 6) & 0x3f)));
        str_buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        str_buf_putc(out, (char)(0xf0 | ((c >> 18) & 7)));
        str_buf_putc(out, (char)(0x80 | ((c >> 12) & 0x3f)));
        str_buf_putc(out, (char)(0x80 | ((c >> 6) & 0x3f)));
        str_buf_putc(out, (char)(0x80 | (c & 0x3f)));
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

// What follows a backslash; the text begins with the escape's letter.
static int add_escape(struct python *t, struct str_buf *out)
{
    // clang-format off
    static const struct { char letter; char is; uint8_t n_hex; } rows[] = {
        {'n', '\n', 0}, {'t', '\t', 0}, {'r', '\r', 0}, {'\\', '\\', 0}, {'\'', '\'', 0},
        {'"', '"', 0},  {'x', 0, 2},    {'u', 0, 4},    {'U', 0, 8},
    };
    // clang-format on
    for (size_t i = 0; t->rest.n && i < ARRAY_LEN(rows); i++) {
        if (t->rest.p[0] != rows[i].letter)
            continue;
        size_t n = rows[i].n_hex;
        if (t->rest.n < 1 + n)
            return bad_python();
        uint32_t c = 0;
        for (size_t k = 1; k <= n; k++) {
            int digit = hex_value(t->rest.p[k]);
            if (digit < 0)
                return bad_python();
            c = c * 16 + (uint32_t)digit;
        }
        if (n && (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
            c = 0xfffd;
        add_utf8(out, n ? c : (uint32_t)(uint8_t)rows[i].is);
        t->rest.p += 1 + n;
        t->rest.n -= 1 + n;
        return 0;
    }
    return bad_python();
}

// A label as it can be stored, logged and shown: UTF-8 without control characters. NULL where
// nothing of it would be seen.
static int keep_label(struct arena *a, struct str label, const char **ret_label)
{
    struct str_buf clean = STR_BUF_INIT(4 * MODEL_LABEL_MAX);
    str_buf_add_printable(&clean, str_trim(label));
    int r = str_buf_check(&clean);
    *ret_label = NULL;
    if (r == 0 && clean.n > 0) {
        *ret_label = arena_strndup(a, clean.p, clean.n);
        r = *ret_label ? 0 : ERR_NOMEM;
    }
    str_buf_finish(&clean);
    return r;
}

// A quoted text, owned by the arena; longer than MODEL_LABEL_MAX is refused.
static int take_text(struct python *t, const char **ret_text)
{
    skip_space(t);
    if (!t->rest.n || (t->rest.p[0] != '\'' && t->rest.p[0] != '"'))
        return bad_python();
    char quote = t->rest.p[0];
    t->rest.p++;
    t->rest.n--;
    struct str_buf out = STR_BUF_INIT(MODEL_LABEL_MAX);
    int r = 0;
    while (r == 0 && t->rest.n && t->rest.p[0] != quote) {
        char c = t->rest.p[0];
        t->rest.p++;
        t->rest.n--;
        if (c == '\\')
            r = add_escape(t, &out);
        else
            str_buf_putc(&out, c == '\0' ? ' ' : c);
    }
    if (r == 0 && !take(t, quote))
        r = bad_python();
    if (r == 0)
        r = str_buf_check(&out);
    const char *text = r == 0 ? arena_strndup(t->arena, str_buf_text(&out), out.n) : NULL;
    str_buf_finish(&out);
    if (r == 0 && !text)
        r = ERR_NOMEM;
    if (r == 0)
        *ret_text = text;
    return r;
}

// A key: 7 or '7'.
static int take_index(struct python *t, int64_t *ret_index)
{
    skip_space(t);
    struct str digits = {t->rest.p, 0};
    if (t->rest.n && (t->rest.p[0] == '\'' || t->rest.p[0] == '"')) {
        const char *text = NULL;
        int r = take_text(t, &text);
        if (r < 0)
            return r;
        digits = str_of(text);
    } else {
        while (digits.n < t->rest.n && digits.p[digits.n] >= '0' && digits.p[digits.n] <= '9')
            digits.n++;
        t->rest.p += digits.n;
        t->rest.n -= digits.n;
    }
    return str_to_i64(digits, ret_index);
}

static int fill_holes(struct arena *a, const char **labels, int n)
{
    for (int i = 0; i < n; i++) {
        if (!labels[i])
            labels[i] = arena_printf(a, "class %d", i);
        if (!labels[i])
            return ERR_NOMEM;
    }
    return 0;
}

int labels_parse_python(struct str text, struct arena *a, const char ***ret_labels, int *ret_n)
{
    struct python t = {text, a};
    bool is_dict = take(&t, '{');
    if (!is_dict && !take(&t, '['))
        return bad_python();
    char close = is_dict ? '}' : ']';
    const char **labels = arena_array(a, const char *, MODEL_MAX_LABELS);
    if (!labels)
        return ERR_NOMEM;
    int n = 0;
    while (!take(&t, close)) {
        int64_t index = n;
        int r = is_dict ? take_index(&t, &index) : 0;
        if (r < 0)
            return r;
        if (is_dict && !take(&t, ':'))
            return bad_python();
        if (index < 0 || index >= MODEL_MAX_LABELS)
            return err_set(ERR_TOO_BIG, "names class %lld, over %d", (long long)index,
                           MODEL_MAX_LABELS);
        const char *name = NULL;
        r = take_text(&t, &name);
        if (r == 0)
            r = keep_label(a, str_of(name), &labels[index]);
        if (r < 0)
            return r;
        n = MAX(n, (int)index + 1);
        if (!take(&t, ',') && (skip_space(&t), t.rest.n == 0 || t.rest.p[0] != close))
            return bad_python();
    }
    int r = fill_holes(a, labels, n);
    if (r < 0)
        return r;
    *ret_labels = labels;
    *ret_n = n;
    return 0;
}

static int read_file(const char *path, struct arena *a, const char ***ret_labels, int *ret_n)
{
    char *bytes;
    size_t n_bytes;
    int r = file_read(path, LABELS_FILE_MAX, &bytes, &n_bytes);
    if (r < 0)
        return r;
    const char **labels = arena_array(a, const char *, MODEL_MAX_LABELS);
    if (!labels)
        r = ERR_NOMEM;
    struct str rest = {bytes, n_bytes};
    struct str line;
    int n = 0;
    while (r == 0 && str_line(&rest, &line)) {
        line = str_trim(line);
        if (line.n == 0)
            continue;
        if (n == MODEL_MAX_LABELS || line.n > MODEL_LABEL_MAX)
            r = err_set(ERR_TOO_BIG, "%s: more than %d labels or one longer than %d bytes", path,
                        MODEL_MAX_LABELS, MODEL_LABEL_MAX);
        else
            r = keep_label(a, line, &labels[n++]);
    }
    mem_free(bytes);
    if (r == 0 && n == 0)
        r = err_set(ERR_INVALID, "%s: no labels in it", path);
    if (r < 0)
        return r;
    *ret_labels = labels;
    *ret_n = n;
    return 0;
}

static int number_labels(struct arena *a, int n, struct model_info *info)
{
    const char **labels = arena_array(a, const char *, (size_t)n);
    if (!labels)
        return ERR_NOMEM;
    int r = fill_holes(a, labels, n);
    info->labels = labels;
    info->n_labels = n;
    info->labels_from = "numbers: the file holds no names, --labels FILE gives them";
    return r;
}

// SSD models count COCO's own category ids, which have holes.
static int category_labels(struct arena *a, struct model_info *info)
{
    const char **labels = arena_array(a, const char *, COCO_CATEGORIES);
    if (!labels)
        return ERR_NOMEM;
    for (int i = 0; i < 80; i++)
        labels[labels_coco80_category_id[i]] = labels_coco80[i];
    info->labels = labels;
    info->n_labels = COCO_CATEGORIES;
    info->labels_from = "COCO's category numbers, assumed: --labels FILE gives others";
    return fill_holes(a, labels, COCO_CATEGORIES);
}

static int from_user(const struct recognition *r, const char *path, struct model_info *info)
{
    const char **labels = NULL;
    int err = read_file(path, r->arena, &labels, &info->n_labels);
    if (err < 0)
        return err;
    info->labels = labels;
    info->labels_from = "--labels";
    if (r->plan.n_classes && r->plan.n_classes != info->n_labels)
        return err_set(ERR_INVALID, "%s: %d labels, but the model has %d classes", path,
                       info->n_labels, r->plan.n_classes);
    return 0;
}

int labels_choose(struct recognition *r, const char *labels_path, struct model_info *info)
{
    int n = r->plan.n_classes;
    // TensorFlow counts classes from 1; the COCO table has a place for 0.
    r->plan.first_class = r->head == HEAD_SSD_TF && (labels_path || r->n_names);
    if (labels_path)
        return from_user(r, labels_path, info);
    if (r->n_names) {
        info->labels = r->names;
        info->n_labels = r->n_names;
        info->labels_from = "metadata names";
        return 0;
    }
    if (r->head == HEAD_SSD_TF || (r->head == HEAD_SSD_CAFFE && n == 0))
        return r->head == HEAD_SSD_TF ? category_labels(r->arena, info)
                                      : number_labels(r->arena, COCO_CATEGORIES, info);
    if (n == 80 || n == 0) {
        info->labels = labels_coco80;
        info->n_labels = 80;
        info->labels_from = n == 80 ? "COCO's 80 classes, by their number"
                                    : "COCO's 80 classes, assumed: --labels FILE gives others";
        return 0;
    }
    return number_labels(r->arena, n, info);
}
