// SPDX-License-Identifier: Apache-2.0
// blob_priv.h - what the files of this room share.
#pragma once

#include "base/attr.h"
#include "blob/blob.h"

enum {
    ROOT_BYTES = BLOB_PATH_BYTES - 128, // what is put behind it always fits
};

// The error of a system call on *path*.
int blob_fail(int sys_errno, const char *path) MUST_CHECK;
