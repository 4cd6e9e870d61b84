// SPDX-License-Identifier: Apache-2.0
// desktop.h - the user's own browser, where there is one.
//
// Threads: any.
#pragma once

#include <stdbool.h>

// Shows an address in the browser of the desktop that this program was started on: xdg-open,
// which runs on by itself. False: there is no desktop (neither DISPLAY nor WAYLAND_DISPLAY is set)
// or no xdg-open.
bool desktop_open(const char *url);
