// SPDX-License-Identifier: Apache-2.0
// tick.h - while threads of this program work, those that answer somebody get the processor sooner.
//
// Linux looks at a processor's queue when a thread wakes there and at its own ticks, 4 ms apart
// (HZ=250). Where threads work side by side, one of them is often owed time when a request's thread
// wakes; it goes first, and until the next tick nothing ends its turn: 4 to 16 ms for the request.
// A thread on each core that wakes every TICK_US makes the kernel look more often. It does so while
// somebody works and somebody asked within the last second; otherwise it costs nothing.
//
// Ownership: one for the process; who starts it stops it. Threads: start and stop by the owner,
// when
//   nobody calls the rest; these by any, they are cheap, and without effect where nothing was
//   started.
#pragma once

#include "base/attr.h"

enum {
    TICK_US = 1000,
};

// The threads take the place among others that the caller has (thread_go_soon() goes before). With
// a real-time priority there is nothing to shorten, and no thread; nor where a container's quota is
// less than the cores (some core is free, and the wake-ups would be charged to it). ERR_NOMEM,
// ERR_BUSY (the system refuses more threads): nothing was started.
int tick_start(void) MUST_CHECK;
void tick_stop(void); // one that was never started is a no-op

void tick_hold(void); // from here to tick_release() somebody works; holds are counted
void tick_release(void);
void tick_ask(void); // somebody asks now
