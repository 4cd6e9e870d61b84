// SPDX-License-Identifier: Apache-2.0
// picture_list.h - which picture files a path means: a file, a directory, a numbered pattern.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

enum {
    PICTURE_LIST_MAX = 4 * 1000 * 1000, // files
};

// Zero-initialised is empty.
//
// Ownership: finish gives the memory back.
struct picture_list {
    char **paths;
    size_t n;
    size_t cap;
};

// True where the path names pictures: an existing directory, a pattern with %d (img%06d.jpg) that
// is no file itself, or a file that begins like a still picture.
bool picture_list_is_for(const char *path);
// The files: of a directory those with a picture's ending, by name with numbers in their order
// (frame9 before frame10); of a pattern those that fit, by number, gaps allowed. ERR_NOT_FOUND,
// ERR_MEDIA (none), ERR_TOO_BIG, ERR_IO, ERR_NOMEM.
int picture_list_find(const char *path, struct picture_list *ret_list) MUST_CHECK;
void picture_list_finish(struct picture_list *l);
// Orders names as people do; <0, 0, >0.
int picture_list_compare(const char *a, const char *b);
