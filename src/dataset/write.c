// SPDX-License-Identifier: Apache-2.0
// write.c - which format writes what, what is lost thereby, and outputs that are whole or not
// there.

#include "dataset/write.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "dataset/order.h"
#include "dataset/write_priv.h"

enum {
    WRITE_MAX_TEXT = 256 * 1024 * 1024, // of one picture's file
    WRITE_FLUSH = 32 * 1024,
    MAX_STEM = 200,
};

// ---- what a format holds

enum holds {
    HOLDS_TRACKS = 1 << 0,
    HOLDS_CONFIDENCE = 1 << 1,
    HOLDS_IGNORED = 1 << 2,
    HOLDS_OCCLUDED = 1 << 3,
    HOLDS_TRUNCATED = 1 << 4,
    HOLDS_DIFFICULT = 1 << 5,
    HOLDS_AREA = 1 << 6,
    HOLDS_FRAMES = 1 << 7,
    HOLDS_VIDEOS = 1 << 8,
    HOLDS_NAMES = 1 << 9,  // of pictures
    HOLDS_SIZES = 1 << 10, // of pictures
    HOLDS_EMPTY = 1 << 11, // pictures without objects
    HOLDS_LABELS = 1 << 12,
    HOLDS_TIMES = 1 << 13,
};

static const struct format {
    int (*write)(struct writer *w);
    bool is_folder;
    unsigned holds;
} formats[DATASET_N_FORMATS] = {
    [DATASET_COCO] = {write_coco, false,
                      HOLDS_TRACKS | HOLDS_CONFIDENCE | HOLDS_IGNORED | HOLDS_AREA | HOLDS_FRAMES |
                          HOLDS_VIDEOS | HOLDS_NAMES | HOLDS_SIZES | HOLDS_EMPTY | HOLDS_LABELS |
                          HOLDS_TIMES},
    [DATASET_MOT] = {write_mot, false,
                     HOLDS_TRACKS | HOLDS_CONFIDENCE | HOLDS_IGNORED | HOLDS_FRAMES | HOLDS_VIDEOS},
    [DATASET_MOT_CVAT] = {write_mot_cvat, true,
                          HOLDS_TRACKS | HOLDS_IGNORED | HOLDS_FRAMES | HOLDS_SIZES | HOLDS_EMPTY |
                              HOLDS_LABELS},
    [DATASET_JSONL] = {write_jsonl, false,
                       HOLDS_TRACKS | HOLDS_CONFIDENCE | HOLDS_FRAMES | HOLDS_NAMES | HOLDS_SIZES |
                           HOLDS_EMPTY | HOLDS_LABELS | HOLDS_TIMES},
    [DATASET_BDD100K] = {write_bdd, false,
                         HOLDS_TRACKS | HOLDS_CONFIDENCE | HOLDS_IGNORED | HOLDS_OCCLUDED |
                             HOLDS_TRUNCATED | HOLDS_FRAMES | HOLDS_VIDEOS | HOLDS_NAMES |
                             HOLDS_EMPTY | HOLDS_LABELS},
    [DATASET_CVAT] = {write_cvat, false, HOLDS_OCCLUDED | HOLDS_SIZES | HOLDS_EMPTY | HOLDS_LABELS},
    [DATASET_VOC] = {write_voc, true,
                     HOLDS_OCCLUDED | HOLDS_TRUNCATED | HOLDS_DIFFICULT | HOLDS_NAMES |
                         HOLDS_SIZES | HOLDS_EMPTY | HOLDS_LABELS},
    [DATASET_YOLO] = {write_yolo, true, HOLDS_CONFIDENCE | HOLDS_EMPTY | HOLDS_LABELS},
    [DATASET_KITTI] = {write_kitti, true,
                       HOLDS_CONFIDENCE | HOLDS_OCCLUDED | HOLDS_TRUNCATED | HOLDS_IGNORED |
                           HOLDS_EMPTY | HOLDS_LABELS},
    [DATASET_LABELME] = {write_labelme, true,
                         HOLDS_NAMES | HOLDS_SIZES | HOLDS_EMPTY | HOLDS_LABELS | HOLDS_TRACKS},
    [DATASET_OPENIMAGES] = {write_openimages, false,
                            HOLDS_CONFIDENCE | HOLDS_IGNORED | HOLDS_OCCLUDED | HOLDS_TRUNCATED |
                                HOLDS_NAMES | HOLDS_LABELS},
};

// Of CVAT and KITTI the video kind has tracks and frames.
static bool is_video(const struct dataset *d)
{
    if (d->n_pictures == 0)
        return false;
    for (size_t i = 0; i < d->n_pictures; i++) {
        if (d->pictures[i].frame < 0 || d->pictures[i].file_name)
            return false;
    }
    return true;
}

bool writer_is_video(const struct writer *w)
{
    bool one = w->d->n_videos <= 1;
    return is_video(w->d) && (one || w->opts->format == DATASET_KITTI);
}

static unsigned holds_of(const struct writer *w)
{
    enum dataset_format f = w->opts->format;
    unsigned holds = formats[f].holds;
    if (writer_is_video(w) && f == DATASET_CVAT)
        holds |= HOLDS_TRACKS | HOLDS_FRAMES;
    if (writer_is_video(w) && f == DATASET_KITTI)
        holds = (holds | HOLDS_TRACKS | HOLDS_FRAMES | HOLDS_VIDEOS) & ~(unsigned)HOLDS_EMPTY;
    if (!writer_is_video(w) && f == DATASET_CVAT)
        holds |= HOLDS_NAMES;
    if (w->opts->role == DATASET_DETECTIONS && f == DATASET_COCO)
        holds &= ~(unsigned)(HOLDS_FRAMES | HOLDS_VIDEOS | HOLDS_NAMES | HOLDS_SIZES | HOLDS_EMPTY |
                             HOLDS_LABELS);
    return holds;
}

bool dataset_format_is_folder(enum dataset_format format, const struct dataset *d)
{
    if (format == DATASET_MOT)
        return d->n_videos > 1;
    if (format == DATASET_KITTI)
        return d->n_videos > 1 || !is_video(d);
    return formats[format].is_folder;
}

void writer_lose(struct writer *w, size_t n, const char *what)
{
    struct dataset_losses *l = w->losses;
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->rows[i].what, what) == 0) {
            l->rows[i].n += n;
            return;
        }
    }
    if (n > 0 && l->n < DATASET_MAX_LOSSES) {
        l->rows[l->n].what = what;
        l->rows[l->n++].n = n;
    }
}

static void count_objects(struct writer *w, unsigned lacks)
{
    static const struct {
        unsigned lacks;
        uint8_t mark;
        const char *what;
    } marks[] = {
        {HOLDS_OCCLUDED, DATASET_OCCLUDED, "marks of occlusion are lost: the format has none"},
        {HOLDS_TRUNCATED, DATASET_TRUNCATED, "marks of truncation are lost: the format has none"},
        {HOLDS_DIFFICULT, DATASET_DIFFICULT, "marks of difficulty are lost: the format has none"},
    };
    const bool is_truth = !writer_has_confidence(w);
    for (size_t i = 0; i < w->d->n_objects; i++) {
        const struct dataset_object *o = &w->d->objects[i];
        if ((lacks & HOLDS_TRACKS) && o->track_id >= 0)
            writer_lose(w, 1, "track ids are lost: the format has none");
        if ((lacks & HOLDS_CONFIDENCE) && !is_truth)
            writer_lose(w, 1, "confidences are lost: the format has none");
        if ((lacks & HOLDS_IGNORED) && (o->ignore || o->crowd))
            writer_lose(w, 1, "ignored or crowd objects became ordinary ones: the format has none");
        if (o->attributes != 0)
            writer_lose(w, 1, "objects lose their attributes: they are not written");
        if ((lacks & HOLDS_AREA) && is_truth && o->area != o->w * o->h)
            writer_lose(w, 1, "areas are lost: the format has boxes only");
        for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
            if ((lacks & marks[k].lacks) && (o->marks & marks[k].mark))
                writer_lose(w, 1, marks[k].what);
        }
    }
}

static void count_pictures(struct writer *w, unsigned lacks)
{
    const struct dataset *d = w->d;
    for (size_t i = 0; i < d->n_pictures; i++) {
        const struct dataset_picture *p = &d->pictures[i];
        if ((lacks & HOLDS_FRAMES) && p->frame >= 0)
            writer_lose(w, 1, "frame numbers are lost: the format has none");
        if ((lacks & HOLDS_NAMES) && p->file_name)
            writer_lose(w, 1, "file names lose their ending or folder: the format has none");
        if ((lacks & HOLDS_SIZES) && p->width > 0)
            writer_lose(w, 1, "sizes of pictures are lost: the format has none");
        if ((lacks & HOLDS_TIMES) && p->pts_us != INT64_MIN)
            writer_lose(w, 1, "times of frames are lost: the format has none");
        if (p->attributes != 0)
            writer_lose(w, 1, "pictures lose their attributes: they are not written");
        if ((lacks & HOLDS_EMPTY) && w->first[i] == w->first[i + 1])
            writer_lose(w, 1, "pictures without objects are lost: the format lists objects only");
    }
}

static void count_losses(struct writer *w)
{
    unsigned lacks = ~holds_of(w);
    count_objects(w, lacks);
    count_pictures(w, lacks);
    if ((lacks & HOLDS_VIDEOS) && w->d->n_videos > 0)
        writer_lose(w, w->d->n_videos, "names of videos are lost: the format has none");
    if ((lacks & HOLDS_LABELS) && w->d->n_classes > 0)
        writer_lose(w, w->d->n_classes, "names of classes are lost: the format has none");
    writer_lose(w, w->d->n_others,
                "objects that are not judged (MOT's vehicles and occluders) were "
                "left out");
}

// ---- facts

bool writer_has_confidence(const struct writer *w)
{
    return w->opts->role == DATASET_DETECTIONS;
}

const char *writer_label(const struct writer *w, const struct dataset_object *o)
{
    return w->d->classes[o->class_index].name;
}

int64_t writer_frame(const struct writer *w, size_t picture)
{
    int64_t frame = w->d->pictures[picture].frame;
    if (w->d->n_videos > 1 && !(formats[w->opts->format].holds & HOLDS_VIDEOS) &&
        w->opts->format != DATASET_KITTI)
        return (int64_t)picture; // frames of several videos would meet
    return frame >= 0 ? frame : (int64_t)picture;
}

const char *writer_video(const struct writer *w, size_t picture)
{
    int32_t video = w->d->pictures[picture].video;
    return video >= 0 && (size_t)video < w->d->n_videos ? w->d->videos[video] : "";
}

int writer_size(struct writer *w, size_t picture, int *ret_width, int *ret_height)
{
    const struct dataset_picture *p = &w->d->pictures[picture];
    *ret_width = p->width;
    *ret_height = p->height;
    if (p->width > 0 && p->height > 0)
        return 0;
    if (!w->has_pictures && w->opts->images) {
        int r = picture_index_create(w->opts->images, &w->pictures);
        if (r < 0)
            return r;
        w->has_pictures = true;
    }
    const struct picture_entry *e = NULL;
    if (w->has_pictures)
        e = picture_index_find(&w->pictures, path_stem(str_of(w->names[picture])),
                               w->names[picture]);
    if (!e || !w->opts->picture_size)
        return err_set(ERR_DATA,
                       "the size of picture '%s' is not known, and the format is relative to it: "
                       "name the folder of the pictures",
                       w->names[picture]);
    return w->opts->picture_size(w->opts->arg, e->path, ret_width, ret_height);
}

void writer_double(struct writer *w, const char *before, double v)
{
    str_buf_puts(&w->text, before);
    str_buf_double(&w->text, v);
}

void writer_xml(struct writer *w, const char *text)
{
    str_buf_add_xml(&w->text, str_of(text));
}

// ---- names

static char *made_name(const struct writer *w, size_t picture)
{
    struct str_buf name = STR_BUF_INIT(IMPORT_MAX_PATH);
    if (w->d->n_videos > 1)
        str_buf_printf(&name, "%s_", writer_video(w, picture));
    str_buf_printf(&name, "frame_%06lld.jpg", (long long)writer_frame(w, picture));
    return str_buf_take(&name);
}

// What may stand in a file name: no separators, no control characters, no leading dot.
char *writer_safe_stem(const char *name)
{
    struct str stem = path_stem(str_of(name));
    struct str_buf out = STR_BUF_INIT(MAX_STEM + 8);
    for (size_t i = 0; i < stem.n && i < MAX_STEM; i++) {
        unsigned char c = (unsigned char)stem.p[i];
        bool bad = c < 0x20 || c == 0x7f || c == '/' || c == '\\' || (c == '.' && i == 0);
        str_buf_putc(&out, bad ? '_' : (char)c);
    }
    if (stem.n == 0)
        str_buf_putc(&out, '_');
    return str_buf_take(&out);
}

struct stem_order {
    const char *stem;
    size_t picture;
};

static int compare_stems(const void *a, const void *b)
{
    const struct stem_order *x = a;
    const struct stem_order *y = b;
    int order = strcmp(x->stem, y->stem);
    return order ? order : (x->picture > y->picture) - (x->picture < y->picture);
}

// Of equal stems all but the first get the number of their picture behind.
static int tell_apart(struct writer *w)
{
    const size_t n = w->d->n_pictures;
    struct stem_order *order = mem_array(struct stem_order, n);
    if (!order)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        order[i] = (struct stem_order){w->stems[i], i};
    qsort(order, n, sizeof(*order), compare_stems);
    int r = 0;
    size_t n_doubles = 0;
    for (size_t i = 1; r == 0 && i < n; i++) {
        if (strcmp(order[i].stem, order[i - 1].stem) != 0)
            continue;
        struct str_buf name = STR_BUF_INIT(MAX_STEM + 64);
        str_buf_printf(&name, "%s~%zu", order[i].stem, order[i].picture + 1);
        char *renamed = str_buf_take(&name);
        if (!renamed)
            r = ERR_NOMEM;
        // The old text is still compared with; it goes when the picture before it has been.
        else
            w->stems[order[i].picture] = renamed, n_doubles++;
    }
    for (size_t i = 1; i < n; i++) {
        if (order[i].stem != w->stems[order[i].picture]) {
            char *old = NULL;
            memcpy(&old, &order[i].stem, sizeof(old));
            mem_free(old);
        }
    }
    mem_free(order);
    if (dataset_format_is_folder(w->opts->format, w->d))
        writer_lose(w, n_doubles,
                    "pictures had the name of another one: their number is behind it");
    return r;
}

static int name_pictures(struct writer *w)
{
    const size_t n = w->d->n_pictures;
    w->names = mem_array(char *, n + 1);
    w->stems = mem_array(char *, n + 1);
    if (!w->names || !w->stems)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const struct dataset_picture *p = &w->d->pictures[i];
        const char *name = p->file_name ? p->file_name : p->text_id;
        w->names[i] = name ? mem_strdup(name) : made_name(w, i);
        if (w->names[i])
            w->stems[i] = writer_safe_stem(w->names[i]);
        if (!w->stems[i])
            return ERR_NOMEM;
    }
    return n > 1 ? tell_apart(w) : 0;
}

static int order_objects(struct writer *w)
{
    struct dataset_grouped g;
    int r = dataset_group(w->d->objects, w->d->n_objects, NULL, w->d->n_pictures, &g);
    if (r < 0)
        return r;
    w->order = g.objects;
    w->first = g.at;
    return 0;
}

// ---- outputs

int writer_open(struct writer *w, const char *path)
{
    str_buf_reset(&w->text);
    json_writer_init(&w->json, &w->text);
    return file_out_open(path, &w->file);
}

int writer_open_in(struct writer *w, const char *stem, const char *ending)
{
    struct str_buf path = STR_BUF_INIT(IMPORT_MAX_PATH);
    str_buf_printf(&path, "%s/%s%s", w->path, stem, ending);
    int r = str_buf_check(&path);
    if (r == 0)
        r = writer_open(w, str_buf_text(&path));
    str_buf_finish(&path);
    return r;
}

static int write_text(struct writer *w)
{
    int r = str_buf_check(&w->text);
    if (r == 0 && w->text.n > 0)
        r = file_out_write(w->file, w->text.p, w->text.n);
    str_buf_reset(&w->text);
    return r;
}

int writer_folder(struct writer *w, const char *name)
{
    struct str_buf path = STR_BUF_INIT(IMPORT_MAX_PATH);
    str_buf_printf(&path, "%s/%s", w->path, name);
    int r = str_buf_check(&path);
    if (r == 0 && mkdir(str_buf_text(&path), 0777) < 0)
        r = err_set_errno(errno, "make '%s'", str_buf_text(&path));
    str_buf_finish(&path);
    return r;
}

int writer_flush(struct writer *w)
{
    return w->text.n >= WRITE_FLUSH || w->text.failed ? write_text(w) : 0;
}

int writer_close(struct writer *w)
{
    int r = write_text(w);
    if (r < 0)
        file_out_abort(&w->file);
    else
        r = file_out_commit(&w->file);
    return r;
}

static void remove_tree(const char *folder, int depth)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
        struct str_buf path = STR_BUF_INIT(IMPORT_MAX_PATH);
        str_buf_printf(&path, "%s/%s", folder, e->d_name);
        bool is_self = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        if (!is_self && path.n > 0 && unlink(str_buf_text(&path)) < 0 && errno == EISDIR &&
            depth < 4)
            remove_tree(str_buf_text(&path), depth + 1);
        str_buf_finish(&path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}

// A folder is made under another name, which becomes its own only when all is in it.
static int write_folder(struct writer *w, const char *path)
{
    struct str_buf part = STR_BUF_INIT(IMPORT_MAX_PATH);
    struct str whole = str_of(path);
    while (whole.n > 1 && whole.p[whole.n - 1] == '/')
        whole.n--;
    str_buf_printf(&part, "%.*s.part.%ld", STR_ARG(whole), (long)getpid());
    int r = str_buf_check(&part);
    if (r == 0 && mkdir(str_buf_text(&part), 0777) < 0)
        r = err_set_errno(errno, "make '%s'", str_buf_text(&part));
    if (r < 0) {
        str_buf_finish(&part);
        return r;
    }
    w->path = str_buf_text(&part);
    r = formats[w->opts->format].write(w);
    file_out_abort(&w->file);
    if (r == 0 && rename(w->path, path) < 0)
        r = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                ? err_set(ERR_EXISTS, "'%s' is there already and not an empty folder", path)
                : err_set_errno(errno, "rename to '%s'", path);
    if (r < 0)
        remove_tree(w->path, 0);
    str_buf_finish(&part);
    return r;
}

static void finish(struct writer *w)
{
    for (size_t i = 0; i < w->d->n_pictures; i++) {
        if (w->names)
            mem_free(w->names[i]);
        if (w->stems)
            mem_free(w->stems[i]);
    }
    mem_free(w->names);
    mem_free(w->stems);
    mem_free(w->order);
    mem_free(w->first);
    if (w->has_pictures)
        picture_index_finish(&w->pictures);
    str_buf_finish(&w->text);
}

int dataset_write(const struct dataset *d, const char *path, const struct dataset_write_opts *opts,
                  struct dataset_losses *losses)
{
    struct writer w = {
        .d = d, .opts = opts, .losses = losses, .path = path, .text = STR_BUF_INIT(WRITE_MAX_TEXT)};
    if (!formats[opts->format].write)
        return err_set(ERR_UNSUPPORTED, "format '%s' is read, not written",
                       dataset_format_name(opts->format));
    int r = order_objects(&w);
    if (r == 0)
        r = name_pictures(&w);
    if (r == 0)
        count_losses(&w);
    if (r == 0 && dataset_format_is_folder(opts->format, d)) {
        r = write_folder(&w, path);
    } else if (r == 0) {
        r = writer_open(&w, path);
        if (r == 0)
            r = formats[opts->format].write(&w);
        if (r == 0)
            r = writer_close(&w);
        file_out_abort(&w.file);
    }
    finish(&w);
    return r;
}
