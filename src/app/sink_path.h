// SPDX-License-Identifier: Apache-2.0
// sink_path.h - which file each source writes, and in which format.
//
// Threads: none.
#pragma once

#include <stddef.h>

#include "app/sink.h"
#include "base/attr.h"

struct arena;

struct sink_paths {
    enum sink_kind kind;
    const char **paths; // one a source, owned by the arena
};

// *out* is --out or NULL (standard output), *format* --format or SINK_UNSET. One source writes the
// file *out*; several, or one with a directory as *out*, write files of their own name in the
// directory, which is made where absent; equal names get "-2", "-3". ERR_INVALID (several sources
// and no --out, an ending that says nothing, a file or the name of one where the directory
// should be), ERR_EXISTS (a
// source would be overwritten), ERR_IO, ERR_NOMEM.
int sink_paths_make(const char *out, enum sink_kind format, const char *const *sources,
                    size_t n_sources, struct arena *a, struct sink_paths *ret_paths) MUST_CHECK;
