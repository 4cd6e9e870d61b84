// SPDX-License-Identifier: Apache-2.0
// data_dir.c - where the server's data is.

#include "app/data_dir.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store.h"

struct data_dir_settings data_dir_settings;

// clang-format off
const struct opt data_dir_options[] = {
    OPT_TEXT(struct data_dir_settings, "data", data, "DIR", "where the server's data is", "$XDG_DATA_HOME/assay, else ~/.local/share/assay"),
    OPT_END,
};
// clang-format on

int data_dir(struct arena *a, const char **ret_path)
{
    const char *base = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    const char *path;
    if (data_dir_settings.data && *data_dir_settings.data) {
        path = data_dir_settings.data;
    } else if (base && *base == '/') { // relative ones are to be ignored, says its specification
        path = arena_printf(a, "%s/assay", base);
    } else if (home && *home) {
        path = arena_printf(a, "%s/.local/share/assay", home);
    } else {
        return err_set(ERR_INVALID, "--data: neither it nor HOME says where the data is");
    }
    if (!path)
        return ERR_NOMEM;
    *ret_path = path;
    return 0;
}

static bool is_below(const char *path, const char *directory)
{
    char *folder = realpath(path, NULL);
    char *top = realpath(directory, NULL);
    size_t n = top ? strlen(top) : 0;
    bool is =
        folder && top && strncmp(folder, top, n) == 0 && (folder[n] == '/' || folder[n] == '\0');
    free(folder);
    free(top);
    return is;
}

int data_dir_check_outside(struct arena *a, const char *directory, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : ".";
    if (!folder)
        return ERR_NOMEM;
    if (strcmp(path, "-") == 0 || (!is_below(folder, directory) && !is_below(path, directory)))
        return 0;
    return err_set(ERR_INVALID, "%s: lies in the server's data: give a file elsewhere", path);
}

void data_dir_clean(const char *directory)
{
    int hold;
    if (blob_hold_alone(directory, &hold) < 0) {
        err_clear(); // one is under way: later
        return;
    }
    store_backup_clean(directory);
    blob_let_go(hold);
}
