// SPDX-License-Identifier: Apache-2.0
// read_yolo.c - a text a picture, a line an object: YOLO's relative boxes (and polygons), and
// detections as class, confidence and four numbers.
//
// YOLO: class cx cy w h [confidence], parts of the picture; class x1 y1 x2 y2 x3 y3 ... is a
// polygon and becomes the box around it. Others: class [confidence] and four numbers, which are
// pixels or parts; which, is seen from all files together (struct evidence) or told by the options.
// A picture without a text has no objects.

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dataset/import_priv.h"

enum {
    MAX_NUMBERS = 4096, // of a line: a polygon
    BOX_NUMBERS = 4,
};

// What all lines of detections have in common.
struct evidence {
    size_t n;
    bool is_large;                       // a coordinate beyond any relative one
    bool corners_fit;                    // third and fourth number beyond first and second
    bool relative_second, relative_last; // the box is within the picture, confidence before, behind
};

struct reader {
    struct import *im;
    bool is_yolo; // the numbers are relative, confidence last
    bool is_scan; // only evidence is taken
    struct name_list names;
    struct evidence evidence;
    enum dataset_text text;
    bool confidence_last;
    double *numbers; // of the line, MAX_NUMBERS
    size_t n_numbers;
    int32_t picture;
};

static bool is_truth(const struct reader *r)
{
    return r->im->role == DATASET_TRUTH;
}

// ---- classes

static int find_class(struct reader *r, const struct line_reader *l, struct str word,
                      int32_t *ret_class)
{
    struct import *im = r->im;
    int64_t number;
    if (str_to_i64(word, &number) < 0) {
        err_clear();
        return r->is_yolo ? line_reader_error(l, "'%.*s' is no class number",
                                              (int)MIN(word.n, (size_t)40), word.p)
                          : import_class(im, word, ret_class);
    }
    if (number < 0 || number >= DATASET_MAX_CLASSES)
        return line_reader_error(l, "class %lld is not from 0 to %d", (long long)number,
                                 DATASET_MAX_CLASSES - 1);
    if ((size_t)number < r->names.n && r->names.names[number])
        return import_class(im, str_of(r->names.names[number]), ret_class);
    if (r->names.n > 0)
        return line_reader_error(l, "class %lld has no name in the list", (long long)number);
    if (im->opts->truth)
        return line_reader_error(l, "class %lld: no list of class names is there: name one",
                                 (long long)number);
    import_skip(im, "objects have a class number without a name: the number is the label");
    for (size_t i = 0; i < im->draft.n_classes; i++) {
        if (im->draft.classes[i].id == number) {
            *ret_class = (int32_t)i;
            return 0;
        }
    }
    *ret_class = (int32_t)im->draft.n_classes;
    return import_class_id(im, number, word);
}

// All names are classes, seen or not; ids are the numbers.
static int add_classes(struct reader *r)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < r->names.n; i++) {
        if (r->names.names[i])
            e = import_class_id(r->im, (int64_t)i, str_of(r->names.names[i]));
    }
    return e;
}

// ---- lines

static int parse_numbers(struct reader *r, const struct line_reader *l, struct str rest)
{
    struct str word;
    r->n_numbers = 0;
    while (next_word(&rest, &word)) {
        if (r->n_numbers > 0 && str_is(word, "difficult"))
            continue;
        if (r->n_numbers == MAX_NUMBERS)
            return line_reader_error(l, "more than %d numbers", MAX_NUMBERS);
        if (str_to_double(word, &r->numbers[r->n_numbers]) < 0)
            return err_prefix(ERR_DATA, "%s: line %lld", l->in.path, (long long)l->line);
        r->n_numbers++;
    }
    return 0;
}

static bool is_within(const double *c)
{
    const double slack = 0.02;
    return c[2] >= 0 && c[3] >= 0 && c[0] - c[2] / 2 >= -slack && c[0] + c[2] / 2 <= 1 + slack &&
           c[1] - c[3] / 2 >= -slack && c[1] + c[3] / 2 <= 1 + slack;
}

static int scan_line(struct reader *r, const struct line_reader *l)
{
    struct evidence *v = &r->evidence;
    const double *c = r->numbers + (r->n_numbers > BOX_NUMBERS);
    if (r->n_numbers != BOX_NUMBERS && r->n_numbers != BOX_NUMBERS + 1)
        return line_reader_error(l, "not a class, a confidence and four numbers");
    v->n++;
    for (int i = 0; i < BOX_NUMBERS; i++)
        v->is_large |= fabs(c[i]) > 2;
    v->corners_fit &= c[2] >= c[0] && c[3] >= c[1];
    v->relative_second &= is_within(c);
    v->relative_last &= is_within(r->numbers);
    return 0;
}

// The box in pixels of numbers c[0..4).
static int box_of(struct reader *r, const struct line_reader *l, const double *c,
                  struct dataset_object *o)
{
    int width = 1;
    int height = 1;
    switch (r->text) {
    case DATASET_TEXT_XYWH:
        import_corners(o, c[0], c[1], 0, 0);
        o->w = c[2];
        o->h = c[3];
        return 0;
    case DATASET_TEXT_XYXY:
        import_corners(o, c[0], c[1], c[2], c[3]);
        return 0;
    default:
        break;
    }
    int e = import_size(r->im, r->picture, l->in.path, &width, &height);
    const double corners[] = {c[0] - c[2] / 2, c[1] - c[3] / 2, c[0] + c[2] / 2, c[1] + c[3] / 2};
    if (e == 0)
        import_relative_corners(o, corners, width, height);
    return e;
}

static int polygon_of(struct reader *r, const struct line_reader *l, struct dataset_object *o)
{
    const double *c = r->numbers;
    double x1 = c[0], y1 = c[1], x2 = c[0], y2 = c[1];
    int width;
    int height;
    for (size_t i = 2; i + 1 < r->n_numbers; i += 2) {
        x1 = fmin(x1, c[i]);
        y1 = fmin(y1, c[i + 1]);
        x2 = fmax(x2, c[i]);
        y2 = fmax(y2, c[i + 1]);
    }
    int e = import_size(r->im, r->picture, l->in.path, &width, &height);
    if (e == 0)
        import_relative_corners(o, (const double[]){x1, y1, x2, y2}, width, height);
    import_skip(r->im, "polygons became the boxes around them");
    return e;
}

static int use_line(struct reader *r, const struct line_reader *l, int32_t class_index)
{
    struct dataset_object o = import_new_object(r->picture, class_index);
    const size_t n = r->n_numbers;
    int e;
    if (r->is_yolo && n > BOX_NUMBERS + 1 && n % 2 == 0) {
        e = polygon_of(r, l, &o);
    } else if (n == BOX_NUMBERS || n == BOX_NUMBERS + 1) {
        bool is_second = n > BOX_NUMBERS && !r->confidence_last;
        e = box_of(r, l, r->numbers + is_second, &o);
        if (n > BOX_NUMBERS && !is_truth(r))
            o.confidence = r->numbers[is_second ? 0 : BOX_NUMBERS];
        else if (n > BOX_NUMBERS)
            import_skip(r->im, "objects of the truth have a confidence, which is not read");
    } else {
        return line_reader_error(l, "%zu numbers behind the class are no box", n);
    }
    return e < 0 ? e : import_object(r->im, &o, l->in.path);
}

static int read_line(struct reader *r, const struct line_reader *l, struct str line)
{
    struct str word;
    if (!next_word(&line, &word))
        return 0;
    int e = parse_numbers(r, l, line);
    if (e < 0)
        return e;
    if (r->is_scan)
        return scan_line(r, l);
    int32_t class_index = 0;
    e = find_class(r, l, word, &class_index);
    return e < 0 ? e : use_line(r, l, class_index);
}

// ---- files

static int read_file(struct reader *r, const char *path)
{
    struct line_reader l = {0};
    struct str line;
    int e = line_reader_open(path, &l);
    if (e == 0 && !r->is_scan)
        e = import_picture(r->im, path_stem(path_base(path)), 0, 0, -1, 0, &r->picture);
    while (e == 0) {
        e = line_reader_next(&l, &line);
        if (e == 0)
            e = read_line(r, &l, line);
    }
    line_reader_close(&l);
    if (e != ERR_EOF)
        return e;
    // A picture's size and whole name, where it is at hand.
    int width;
    int height;
    if (r->is_scan || !is_truth(r) || !r->im->opts->picture_size)
        return 0;
    e = import_size(r->im, r->picture, path, &width, &height);
    if (e == ERR_NOMEM)
        return e;
    if (e < 0)
        err_clear();
    return 0;
}

// Lists of pictures and of names stand among the texts.
static bool is_label_file(const char *path)
{
    static const char *const others[] = {"train.txt",  "val.txt",     "test.txt",
                                         "readme.txt", "classes.txt", "labels.txt"};
    if (!path_has_ending(path, ".txt"))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (path_is(path, others[i]))
            return false;
    }
    return true;
}

// line_reader_open() leaves *l* alone on error; so does the loop over files.
static int read_files(struct reader *r, const char *below)
{
    const struct file_list *f = &r->im->files;
    int e = 0;
    for (size_t i = 0; e == 0 && i < f->n; i++) {
        if (f->n_root > 0 && !is_label_file(f->paths[i]))
            continue;
        if (!below || strstr(f->paths[i] + f->n_root, below))
            e = read_file(r, f->paths[i]);
    }
    return e;
}

// Pictures beside the ones with texts show nothing.
static int add_backgrounds(struct reader *r)
{
    struct import *im = r->im;
    int32_t picture;
    int e = 0;
    if (!is_truth(r) || !im->has_pictures)
        return 0;
    for (size_t i = 0; e == 0 && i < im->pictures.n; i++) {
        const struct picture_entry *p = &im->pictures.entries[i];
        if (p->used)
            continue;
        int width = 0;
        int height = 0;
        if (im->opts->picture_size)
            e = im->opts->picture_size(im->opts->arg, p->path, &width, &height);
        if (e == 0)
            e = import_picture(im, path_base(p->path), width, height, -1, 0, &picture);
        import_skip(im, "pictures have no text: they show nothing");
    }
    return e;
}

// ---- names

// The file of names below the folder given, or beside it, or a folder or two up.
static const char *find_names_below(const struct file_list *f)
{
    static const char *const names[] = {"data.yaml", "data.yml", "obj.names", "classes.txt"};
    for (size_t k = 0; k < ARRAY_LEN(names); k++) {
        for (size_t i = 0; i < f->n; i++) {
            if (path_is(f->paths[i], names[k]))
                return f->paths[i];
        }
    }
    for (size_t i = 0; i < f->n; i++) {
        if (path_has_ending(f->paths[i], ".names"))
            return f->paths[i];
    }
    return NULL;
}

static int find_names_above(struct import *im, const char **ret_path)
{
    static const char *const names[] = {"data.yaml",       "obj.names",       "classes.txt",
                                        "../data.yaml",    "../obj.names",    "../classes.txt",
                                        "../../data.yaml", "../../obj.names", "../../classes.txt"};
    struct str folder = str_of(im->path);
    if (im->files.n_root == 0)
        folder.n = (size_t)(path_base(im->path).p - im->path);
    *ret_path = NULL;
    // Of predictions the folders above may be those of the truth.
    const size_t n = im->role == DATASET_TRUTH ? ARRAY_LEN(names) : im->files.n_root == 0 ? 3 : 0;
    for (size_t i = 0; i < n; i++) {
        const char *path =
            arena_printf(im->draft.arena, "%.*s%s%s", STR_ARG(folder),
                         folder.n == 0 || folder.p[folder.n - 1] == '/' ? "" : "/", names[i]);
        if (!path)
            return ERR_NOMEM;
        if (file_exists(path)) {
            *ret_path = path;
            return 0;
        }
    }
    return 0;
}

static bool is_yaml(const char *path)
{
    return path_has_ending(path, ".yaml") || path_has_ending(path, ".yml");
}

static int read_name_file(struct reader *r, const char *path, const char **ret_val)
{
    return is_yaml(path) ? data_yaml_read(r->im, path, &r->names, ret_val)
                         : name_list_read(r->im, path, &r->names);
}

// Without a list of its own, predictions use the numbers of a YOLO truth.
static int names_of_truth(struct reader *r)
{
    const struct dataset *t = r->im->opts->truth;
    int e = 0;
    if (!t || strcmp(t->format, "yolo") != 0)
        return 0;
    for (size_t i = 0; e == 0 && i < t->n_classes; i++)
        e = name_list_set(r->im, &r->names, t->classes[i].id, str_of(t->classes[i].name));
    return e;
}

static int find_names(struct reader *r, const char **ret_val)
{
    struct import *im = r->im;
    const char *path = im->opts->names;
    int e = 0;
    if (!path)
        path = find_names_below(&im->files);
    if (!path)
        e = find_names_above(im, &path);
    if (e == 0 && path)
        e = read_name_file(r, path, ret_val);
    if (e == 0 && r->names.n == 0)
        e = names_of_truth(r);
    return e;
}

// data.yaml itself was given: its folder is read, and of that what val names.
static int open_yaml(struct reader *r, const char **ret_below)
{
    struct import *im = r->im;
    const char *given = im->path;
    const char *val = NULL;
    struct str base = path_base(given);
    const char *folder =
        base.p == given ? "./" : arena_strndup(im->draft.arena, given, (size_t)(base.p - given));
    if (!folder)
        return ERR_NOMEM;
    int e = is_yaml(given) ? data_yaml_read(im, given, &r->names, &val) : 0;
    file_list_finish(&im->files);
    if (e == 0)
        e = file_list_read(folder, &im->files);
    im->path = folder;
    if (e < 0 || !val)
        return e;
    struct str last = path_base(val[strlen(val) - 1] == '/' ? "val" : val);
    *ret_below = arena_printf(im->draft.arena, "%.*s/", STR_ARG(last));
    if (!*ret_below)
        return ERR_NOMEM;
    return draft_notice(&im->draft, "of data.yaml the part 'val' is read (%s)", val);
}

static int read_all(struct reader *r)
{
    struct import *im = r->im;
    const char *below = NULL;
    const char *val = NULL;
    int e = 0;
    if (im->files.n_root == 0 && (is_yaml(im->path) || path_is(im->path, "obj.data")))
        e = open_yaml(r, &below);
    if (e == 0 && r->names.n == 0)
        e = find_names(r, &val);
    if (e == 0)
        e = add_classes(r);
    if (e == 0)
        e = read_files(r, below);
    if (e == 0 && !below)
        e = add_backgrounds(r);
    return e == 0 ? import_sort_classes(im) : e;
}

int read_yolo(struct import *im)
{
    struct reader r = {.im = im,
                       .is_yolo = true,
                       .confidence_last = true,
                       .text = DATASET_TEXT_RELATIVE,
                       .numbers = mem_array(double, MAX_NUMBERS)};
    int e = r.numbers ? read_all(&r) : ERR_NOMEM;
    mem_free(r.numbers);
    name_list_finish(&r.names);
    return e;
}

// ---- detections

static int decide(struct reader *r)
{
    const struct evidence *v = &r->evidence;
    r->text = r->im->opts->text;
    r->confidence_last = false;
    if (r->text == DATASET_TEXT_AUTO && (v->is_large || !(v->relative_last || v->relative_second)))
        r->text = v->corners_fit ? DATASET_TEXT_XYXY : DATASET_TEXT_XYWH;
    else if (r->text == DATASET_TEXT_AUTO)
        r->text = DATASET_TEXT_RELATIVE;
    if (r->text == DATASET_TEXT_RELATIVE)
        r->confidence_last = v->relative_last;
    static const char *const meanings[] = {
        [DATASET_TEXT_XYWH] = "left, top, width, height in pixels, confidence before them",
        [DATASET_TEXT_XYXY] = "left, top, right, bottom in pixels, confidence before them",
        [DATASET_TEXT_RELATIVE] = "centre, width and height in parts of the picture",
    };
    if (r->im->opts->text != DATASET_TEXT_AUTO || v->n == 0)
        return 0;
    return draft_notice(&r->im->draft, "the numbers of all %zu lines were taken as %s%s", v->n,
                        meanings[r->text],
                        r->text != DATASET_TEXT_RELATIVE ? ""
                        : r->confidence_last             ? ", confidence behind them"
                                                         : ", confidence before them");
}

int read_texts(struct import *im)
{
    struct reader r = {
        .im = im,
        .is_scan = true,
        .evidence = {.corners_fit = true, .relative_second = true, .relative_last = true},
        .numbers = mem_array(double, MAX_NUMBERS)};
    int e = r.numbers ? read_files(&r, NULL) : ERR_NOMEM;
    r.is_scan = false;
    if (e == 0)
        e = decide(&r);
    if (e == 0)
        e = read_all(&r);
    mem_free(r.numbers);
    name_list_finish(&r.names);
    return e;
}
