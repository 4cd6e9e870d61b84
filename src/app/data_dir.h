// SPDX-License-Identifier: Apache-2.0
// data_dir.h - where the server's data is: the option of every command that touches it.
#pragma once

#include "base/attr.h"
#include "base/opt.h"

struct arena;

struct data_dir_settings {
    const char *data; // NULL: the default
};

extern const struct opt data_dir_options[];
extern struct data_dir_settings data_dir_settings;

// What --data says, else $XDG_DATA_HOME/assay, else ~/.local/share/assay; from *a* or borrowed.
// ERR_INVALID: neither is known. ERR_NOMEM.
int data_dir(struct arena *a, const char **ret_path) MUST_CHECK;

// ERR_INVALID where *path*, a file to be written, lies in DATA: it might be the database itself.
// "-" is well, and a folder that is absent is for others to tell.
int data_dir_check_outside(struct arena *a, const char *directory, const char *path) MUST_CHECK;

// Removes what backups that died left in DATA; where one is under way, nothing.
void data_dir_clean(const char *directory);
