// SPDX-License-Identifier: Apache-2.0
// map.c - which truth picture a frame is, and which class a label.
//
// The rule (CONTRACTS, "Which truth belongs to which frame"): the truth's frame field; else the
// file name, where the source is pictures; else the position in ascending id.

#include "dataset/dataset_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum rule {
    RULE_UNSET,
    RULE_FRAME,
    RULE_NAME,
    RULE_POSITION,
};

struct frame_entry {
    int64_t frame;
    const char *file_name; // NULL: by frame
    const char *base_name; // of file_name
    int32_t picture;
};

struct frame_map {
    enum rule rule;
    size_t n_pictures;
    struct frame_entry *entries; // by frame or by base name
    size_t n;
};

static const char *base_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *back = strrchr(path, '\\');
    if (back && (!slash || back > slash))
        slash = back;
    return slash ? slash + 1 : path;
}

static int compare_frames(const void *a, const void *b)
{
    const struct frame_entry *x = a;
    const struct frame_entry *y = b;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

static int compare_names(const void *a, const void *b)
{
    const struct frame_entry *x = a;
    const struct frame_entry *y = b;
    return strcmp(x->base_name, y->base_name);
}

static void add_entry(struct frame_map *m, const struct dataset_picture *p, size_t i)
{
    struct frame_entry e = {.frame = p->frame, .picture = (int32_t)i};
    if (m->rule == RULE_NAME) {
        if (!p->file_name)
            return;
        e.file_name = p->file_name;
        e.base_name = base_name_of(p->file_name);
    } else if (p->frame < 0) {
        return;
    }
    m->entries[m->n++] = e;
}

// True when no frame is there twice.
static bool fill(struct frame_map *m, const struct dataset *truth, enum rule rule)
{
    m->rule = rule;
    m->n = 0;
    for (size_t i = 0; i < truth->n_pictures; i++)
        add_entry(m, &truth->pictures[i], i);
    if (m->n > 1)
        qsort(m->entries, m->n, sizeof(*m->entries),
              rule == RULE_NAME ? compare_names : compare_frames);
    for (size_t i = 1; i < m->n && rule == RULE_FRAME; i++) {
        if (m->entries[i].frame == m->entries[i - 1].frame)
            return false;
    }
    return true;
}

int frame_map_create(const struct dataset *truth, bool by_name, struct frame_map **ret_map)
{
    struct frame_map *m = mem_new(struct frame_map);
    if (!m)
        return ERR_NOMEM;
    m->n_pictures = truth->n_pictures;
    m->entries = mem_array(struct frame_entry, truth->n_pictures);
    if (!m->entries) {
        frame_map_destroy(m);
        return ERR_NOMEM;
    }
    bool unique = fill(m, truth, RULE_FRAME);
    if ((m->n == 0 || !unique) && by_name)
        fill(m, truth, RULE_NAME);
    if (m->rule == RULE_FRAME && !unique) {
        frame_map_destroy(m);
        return err_set(ERR_DATA, "the truth lists a frame more than once (several videos in one "
                                 "file?): frame numbers cannot tell which is meant");
    }
    if (m->n == 0)
        m->rule = RULE_POSITION;
    *ret_map = m;
    return 0;
}

void frame_map_destroy(struct frame_map *m)
{
    if (!m)
        return;
    mem_free(m->entries);
    mem_free(m);
}

bool frame_map_is_by_name(const struct frame_map *m)
{
    return m->rule == RULE_NAME;
}

bool frame_map_is_doubtful(const struct frame_map *m, const struct dataset *truth)
{
    for (size_t i = 1; i < truth->n_pictures && m->rule == RULE_POSITION; i++) {
        const char *before = truth->pictures[i - 1].text_id;
        const char *after = truth->pictures[i].text_id;
        if (before && after && strlen(before) > strlen(after))
            return true;
    }
    return false;
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

// How many bytes two paths share from the end, whole components only.
static size_t common_tail(const char *a, const char *b)
{
    size_t i = strlen(a);
    size_t j = strlen(b);
    size_t n = 0;
    size_t whole = 0;
    while (i > 0 && j > 0 &&
           (a[i - 1] == b[j - 1] || (is_separator(a[i - 1]) && is_separator(b[j - 1])))) {
        i--;
        j--;
        n++;
        if (is_separator(a[i]))
            whole = n;
    }
    bool at_start = (i == 0 || is_separator(a[i - 1])) && (j == 0 || is_separator(b[j - 1]));
    return at_start ? n : whole;
}

// Among pictures with the same last component the one that shares most of the path; none where two
// share as much.
static int32_t find_name(const struct frame_map *m, const char *file_name)
{
    const struct frame_entry key = {.base_name = base_name_of(file_name)};
    const struct frame_entry *any =
        m->n ? bsearch(&key, m->entries, m->n, sizeof(key), compare_names) : NULL;
    if (!any)
        return -1;
    const struct frame_entry *e = any;
    while (e > m->entries && compare_names(e - 1, &key) == 0)
        e--;
    size_t best = 0;
    int32_t picture = -1;
    for (; e < m->entries + m->n && compare_names(e, &key) == 0; e++) {
        size_t n = common_tail(e->file_name, file_name);
        if (n > best)
            picture = e->picture;
        else if (n == best)
            picture = -1;
        best = MAX(best, n);
    }
    return picture;
}

int32_t frame_map_find(const struct frame_map *m, int64_t frame, const char *file_name)
{
    if (m->rule == RULE_POSITION)
        return frame >= 0 && (uint64_t)frame < m->n_pictures ? (int32_t)frame : -1;
    if (m->rule == RULE_NAME)
        return file_name ? find_name(m, file_name) : -1;
    const struct frame_entry key = {.frame = frame};
    const struct frame_entry *e =
        m->n ? bsearch(&key, m->entries, m->n, sizeof(key), compare_frames) : NULL;
    return e ? e->picture : -1;
}

// ---- labels

struct label_entry {
    struct str label;
    int32_t class_index;
};

struct label_map {
    size_t n;
    struct label_entry entries[]; // by label
};

static int compare_labels(const void *a, const void *b)
{
    const struct str x = ((const struct label_entry *)a)->label;
    const struct str y = ((const struct label_entry *)b)->label;
    const size_t n = MIN(x.n, y.n);
    int order = n > 0 ? memcmp(x.p, y.p, n) : 0;
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static int compare_entries(const void *a, const void *b)
{
    const struct label_entry *x = a;
    const struct label_entry *y = b;
    int order = compare_labels(x, y);
    return order ? order : (x->class_index > y->class_index) - (x->class_index < y->class_index);
}

int label_map_create(const struct dataset *truth, struct label_map **ret_map)
{
    // MOT text names no classes; its people are called both ways.
    const size_t n_more = truth->n_classes > 0 && strcmp(truth->format, "mot") == 0;
    const size_t n = truth->n_classes + n_more;
    assert(n <= DATASET_MAX_CLASSES + 1);
    struct label_map *m = mem_calloc(1, sizeof(*m) + n * sizeof(m->entries[0]));
    if (!m)
        return ERR_NOMEM;
    for (size_t i = 0; i < truth->n_classes; i++)
        m->entries[m->n++] = (struct label_entry){str_of(truth->classes[i].name), (int32_t)i};
    if (n_more)
        m->entries[m->n++] = (struct label_entry){STR("pedestrian"), 0};
    if (m->n > 1)
        qsort(m->entries, m->n, sizeof(m->entries[0]), compare_entries);
    *ret_map = m;
    return 0;
}

void label_map_destroy(struct label_map *m)
{
    mem_free(m);
}

int32_t label_map_find(const struct label_map *m, struct str label)
{
    const struct label_entry key = {.label = label};
    const struct label_entry *e =
        m->n ? bsearch(&key, m->entries, m->n, sizeof(key), compare_labels) : NULL;
    while (e && e > m->entries && compare_labels(e - 1, &key) == 0)
        e--; // of classes that share a label the first one
    return e ? e->class_index : -1;
}

const char *label_map_doubled(const struct label_map *m)
{
    for (size_t i = 1; i < m->n; i++) {
        if (m->entries[i].label.n > 0 && compare_labels(&m->entries[i - 1], &m->entries[i]) == 0)
            return m->entries[i].label.p; // a name of the dataset: it ends in a NUL
    }
    return NULL;
}
