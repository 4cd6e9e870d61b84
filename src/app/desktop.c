// SPDX-License-Identifier: Apache-2.0
// desktop.c - the user's own browser, where there is one.

#include "app/desktop.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attr.h"

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

// The shell ends at once with what it found; the browser is the desktop's, not our child, and does
// not hear our Ctrl-C.
static int start(const char *url, pid_t *ret_pid)
{
    static const char script[] = "command -v xdg-open > /dev/null || exit 1\n"
                                 "xdg-open \"$1\" < /dev/null > /dev/null 2>&1 &";
    // posix_spawn() only reads its arguments; its interface is older than const.
    union {
        const char *in[6];
        char *out[6];
    } arguments = {.in = {"sh", "-c", script, "sh", url, NULL}};
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    int e = posix_spawnattr_init(&attributes);
    if (e != 0)
        return e;
    e = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    if (e == 0)
        e = posix_spawnattr_setsigmask(&attributes, &none);
    if (e == 0)
        e = posix_spawn(ret_pid, "/bin/sh", NULL, &attributes, arguments.out, environ);
    posix_spawnattr_destroy(&attributes);
    return e;
}

bool desktop_open(const char *url)
{
    pid_t pid;
    int status = 0;
    if (!is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY"))
        return false;
    if (start(url, &pid) != 0)
        return false;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
