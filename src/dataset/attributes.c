// SPDX-License-Identifier: Apache-2.0
// attributes.c - names and values of objects and pictures, each text and each list once.
//
// A list is a chain of nodes; a node is its key, its value and the node after it. Equal nodes are
// one node, so equal lists are one number. Two hash tables, open addressing, at most half full.

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "dataset/dataset_priv.h"

enum {
    FIRST_SLOTS = 64,
};

struct attribute_table {
    struct dataset_attribute *nodes; // the first is none
    size_t n_nodes, cap_nodes;
    uint32_t *node_slots; // index in nodes; 0: free
    size_t n_node_slots;
    const char **texts; // slots; NULL: free
    size_t n_texts, n_text_slots;
};

static size_t slot_of(struct str text, size_t n_slots)
{
    return (size_t)str_hash(text) & (n_slots - 1);
}

static size_t slot_of_node(const struct dataset_attribute *node, size_t n_slots)
{
    const void *parts[] = {node->key, node->value};
    uint64_t hash = str_hash_more(STR_HASH_SEED, (struct str){(const char *)parts, sizeof(parts)});
    hash = str_hash_more(hash, (struct str){(const char *)&node->next, sizeof(node->next)});
    return (size_t)(hash ^ hash >> 32) & (n_slots - 1);
}

void attribute_table_destroy(struct attribute_table *t)
{
    if (!t)
        return;
    mem_free(t->nodes);
    mem_free(t->node_slots);
    mem_free(t->texts);
    mem_free(t);
}

static int table_create(struct attribute_table **ret)
{
    struct attribute_table *t = mem_new(struct attribute_table);
    if (!t)
        return ERR_NOMEM;
    t->n_node_slots = t->n_text_slots = FIRST_SLOTS;
    t->node_slots = mem_array(uint32_t, t->n_node_slots);
    t->texts = mem_array(const char *, t->n_text_slots);
    if (!t->node_slots || !t->texts || MEM_GROW(t->nodes, t->cap_nodes, 0) < 0) {
        attribute_table_destroy(t);
        return ERR_NOMEM;
    }
    t->nodes[t->n_nodes++] = (struct dataset_attribute){.key = "", .value = ""};
    *ret = t;
    return 0;
}

static int grow_texts(struct attribute_table *t)
{
    if (2 * (t->n_texts + 1) <= t->n_text_slots)
        return 0;
    const size_t n = 2 * t->n_text_slots;
    const char **slots = mem_array(const char *, n);
    if (!slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n_text_slots; i++) {
        if (!t->texts[i])
            continue;
        size_t at = slot_of(str_of(t->texts[i]), n);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = t->texts[i];
    }
    mem_free(t->texts);
    t->texts = slots;
    t->n_text_slots = n;
    return 0;
}

// The one copy of *text*.
static int intern(struct draft *d, struct str text, const char **ret_text)
{
    struct attribute_table *t = d->table;
    int r = grow_texts(t);
    if (r < 0)
        return r;
    size_t at = slot_of(text, t->n_text_slots);
    while (t->texts[at] && !str_is(text, t->texts[at]))
        at = (at + 1) & (t->n_text_slots - 1);
    if (!t->texts[at]) {
        t->texts[at] = arena_strndup(d->arena, text.p, text.n);
        if (!t->texts[at])
            return ERR_NOMEM;
        t->n_texts++;
    }
    *ret_text = t->texts[at];
    return 0;
}

static int grow_nodes(struct attribute_table *t)
{
    if (t->n_nodes > DATASET_MAX_ATTRIBUTES)
        return err_set(ERR_TOO_BIG, "more than %d different attributes", DATASET_MAX_ATTRIBUTES);
    int r = MEM_GROW(t->nodes, t->cap_nodes, t->n_nodes);
    if (r < 0 || 2 * (t->n_nodes + 1) <= t->n_node_slots)
        return r;
    const size_t n = 2 * t->n_node_slots;
    uint32_t *slots = mem_array(uint32_t, n);
    if (!slots)
        return ERR_NOMEM;
    for (size_t i = 1; i < t->n_nodes; i++) {
        size_t at = slot_of_node(&t->nodes[i], n);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = (uint32_t)i;
    }
    mem_free(t->node_slots);
    t->node_slots = slots;
    t->n_node_slots = n;
    return 0;
}

static bool is_same(const struct dataset_attribute *a, const struct dataset_attribute *b)
{
    return a->key == b->key && a->value == b->value && a->next == b->next;
}

// A text ends where a zero stands in it, as all texts here do.
static struct str until_zero(struct str s)
{
    const char *zero = s.n > 0 ? memchr(s.p, 0, s.n) : NULL;
    return zero ? (struct str){s.p, (size_t)(zero - s.p)} : s;
}

int draft_attribute(struct draft *d, struct str key, struct str value, uint32_t *list)
{
    int r = d->table ? 0 : table_create(&d->table);
    struct dataset_attribute node = {.next = *list};
    if (r == 0)
        r = intern(d, until_zero(key), &node.key);
    if (r == 0)
        r = intern(d, until_zero(value), &node.value);
    if (r == 0)
        r = grow_nodes(d->table);
    if (r < 0)
        return r;
    struct attribute_table *t = d->table;
    size_t at = slot_of_node(&node, t->n_node_slots);
    while (t->node_slots[at] && !is_same(&t->nodes[t->node_slots[at]], &node))
        at = (at + 1) & (t->n_node_slots - 1);
    if (!t->node_slots[at]) {
        t->node_slots[at] = (uint32_t)t->n_nodes;
        t->nodes[t->n_nodes++] = node;
    }
    *list = t->node_slots[at];
    return 0;
}

int draft_copy_attributes(struct draft *d, const struct dataset *from, uint32_t from_list,
                          uint32_t *list)
{
    int r = 0;
    *list = 0;
    for (uint32_t i = from_list; i != 0 && r == 0; i = from->attributes[i].next)
        r = draft_attribute(d, str_of(from->attributes[i].key), str_of(from->attributes[i].value),
                            list);
    return r;
}

void draft_give_attributes(struct draft *d, struct dataset *ret_dataset)
{
    if (!d->table)
        return;
    ret_dataset->attributes = d->table->nodes;
    ret_dataset->n_attributes = d->table->n_nodes;
    d->table->nodes = NULL;
    attribute_table_destroy(d->table);
    d->table = NULL;
}

const char *dataset_attribute(const struct dataset *d, uint32_t list, const char *key)
{
    for (uint32_t i = list; i != 0; i = d->attributes[i].next) {
        if (strcmp(d->attributes[i].key, key) == 0)
            return d->attributes[i].value;
    }
    return NULL;
}
