// SPDX-License-Identifier: Apache-2.0
// confine.h - takes from this process what it does not need before it reads outside bytes.
//
// Threads: before any other thread is started; there is no way back.
#pragma once

#include "base/attr.h"
#include "base/child.h"

// Limits on memory, CPU time, files and priority; no core file, no new privileges, dies with its
// parent; no sockets, no programs, no other processes; files opened for reading only, and only
// those of *limits*. ERR_INTERNAL: the kernel refuses what it has; ERR_NOMEM. Without seccomp or
// Landlock in the kernel the rest still holds.
int confine(const struct child_limits *limits) MUST_CHECK;
