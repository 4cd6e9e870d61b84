// SPDX-License-Identifier: Apache-2.0
// tell_name.h - messages about a file of the server's, told by the name that its sender knows.
#pragma once

// Puts *name* in place of *path* ("": nothing is done) in the message of *r*, an error of this
// thread. Returns *r*.
int tell_name(int r, const char *path, const char *name);
