// SPDX-License-Identifier: Apache-2.0
// blob_hold.c - DATA/hold: a backup shares the lock, a delete has it alone.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "blob/blob_priv.h"

static int open_hold(const char *directory, int operation, int *ret_fd)
{
    char path[BLOB_PATH_BYTES];
    snprintf(path, sizeof(path), "%.*s/hold", ROOT_BYTES, directory);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return blob_fail(errno, path);
    int r;
    do {
        r = flock(fd, operation);
    } while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = errno == EWOULDBLOCK
                ? err_set(ERR_BUSY, "%s: a backup is being made, or what one left is being removed",
                          directory)
                : blob_fail(errno, path);
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int blob_hold(const char *directory, int *ret_fd)
{
    return open_hold(directory, LOCK_SH, ret_fd);
}

int blob_hold_alone(const char *directory, int *ret_fd)
{
    return open_hold(directory, LOCK_EX | LOCK_NB, ret_fd);
}

// A child that was forked meanwhile has the descriptor until it runs its program: closing alone
// would leave the lock held that long.
void blob_let_go(int fd)
{
    if (fd < 0)
        return;
    if (flock(fd, LOCK_UN) < 0)
        err_clear(); // it was never locked
    close(fd);
}
