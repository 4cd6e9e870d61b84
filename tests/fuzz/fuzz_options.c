// SPDX-License-Identifier: Apache-2.0
// fuzz_options.c - what users write in files and on the command line besides data. The first byte
// of the input chooses: --config, --class-confidence @FILE, --class-confidence, --roi, --map,
// --conventions.

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "dataset/class_join.h"
#include "eval/convention.h"
#include "eval/region.h"
#include "pipeline/classes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static char path[] = "/dev/shm/assay-fuzz-options-XXXXXX";

static void leave(void)
{
    unlink(path);
}

// The bytes as the file of the fuzzer's own.
static void put(const uint8_t *bytes, size_t n)
{
    static bool is_made = false;
    if (!is_made) {
        int fd = mkstemp(path);
        assert(fd >= 0);
        close(fd);
        atexit(leave);
        is_made = true;
    }
    FILE *f = fopen(path, "wb");
    assert(f && fwrite(bytes, 1, n, f) == n);
    fclose(f);
}

struct settings {
    const char *text;
    int64_t count;
    double share;
    bool flag;
    int choice;
    struct opt_list list;
};

static void try_config(struct arena *a)
{
    static const char *const choices[] = {"auto", "none", NULL};
    static const struct opt rows[] = {
        OPT_TEXT(struct settings, "text", text, "FILE", "text", NULL),
        OPT_INT(struct settings, "count", count, 0, 100, "N", "count", "1"),
        OPT_DOUBLE(struct settings, "share", share, 0, 1, "F", "share", "1"),
        OPT_BOOL(struct settings, "flag", flag, "flag"),
        OPT_CHOICE(struct settings, "choice", choice, choices, "CHOICE", "choice", "auto"),
        OPT_LIST(struct settings, "list", list, "A", "list"),
        OPT_END,
    };
    struct settings s = {.count = 1, .share = 1};
    const struct opt_set set = {rows, &s, NULL};
    char program[] = "assay";
    char config[] = "--config";
    char *argv[] = {program, config, path, NULL};
    struct opt_result result;
    if (opt_parse(3, argv, &set, 1, a, &result) < 0)
        return;
    assert(s.count >= 0 && s.count <= 100 && s.share >= 0 && s.share <= 1);
    assert(s.choice >= 0 && s.choice < 2);
}

static void try_floors(const char *text, struct arena *a)
{
    static const char *const labels[] = {"person", "car", "traffic light", "a=b"};
    const char *items[] = {text};
    const struct opt_list list = {.items = items, .n = 1};
    float *floors;
    if (classes_floors(&list, .25, labels, 4, a, &floors) < 0)
        return;
    for (size_t i = 0; i < 4; i++)
        assert(floors[i] >= 0 && floors[i] <= 1);
}

static void try_region(const char *text)
{
    struct region r;
    if (region_parse(text, &r) == 0)
        (void)region_contains(&r, 1, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena *a;
    struct class_joins joins = {0};
    bool wanted[CONVENTION_N_KINDS] = {false};
    if (n == 0)
        return 0;
    put(bytes + 1, n - 1);
    char at_path[sizeof(path) + 1];
    snprintf(at_path, sizeof(at_path), "@%s", path);
    char *text = mem_strndup((const char *)bytes + 1, n - 1);
    assert(text && arena_create(0, &a) == 0);
    int r = 0;
    switch (bytes[0] % 6) {
    case 0:
        try_config(a);
        break;
    case 1:
        try_floors(at_path, a);
        break;
    case 2:
        try_floors(text[0] == '@' ? text + 1 : text, a);
        break;
    case 3:
        try_region(text);
        break;
    case 4:
        r = class_join_parse(text, a, &joins);
        break;
    default:
        r = convention_parse(text, wanted);
        break;
    }
    assert(r <= 0);
    mem_free(text);
    arena_destroy(a);
    err_clear();
    return 0;
}
