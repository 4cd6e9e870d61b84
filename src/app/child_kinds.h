// SPDX-License-Identifier: Apache-2.0
// child_kinds.h - what this program does when it runs itself as a confined child.
#pragma once

// `assay child KIND`, before any option is read or thread started. Returns the exit status.
int app_child_main(const char *kind);
