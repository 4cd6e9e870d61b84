// SPDX-License-Identifier: Apache-2.0
// small_disk.h - a file system of a few megabytes for this process, where the system lets us mount
// one: in a user and mount namespace of its own, gone with the process.
#pragma once

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

// *directory* exists; *size* is as in mount: "3m". Call it in a child that has one thread.
static inline bool small_disk(const char *directory, const char *size)
{
    char options[64];
    snprintf(options, sizeof(options), "size=%s,mode=0777", size);
    if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        return false;
    // what is mounted here is nobody else's
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return false;
    return mount("tmpfs", directory, "tmpfs", 0, options) == 0;
}
