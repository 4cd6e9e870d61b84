// SPDX-License-Identifier: Apache-2.0
// child_source.h - the child's side of an isolated source, for the table that app hands to
// child_main().
#pragma once

#define CHILD_SOURCE_KIND "source"

// Serves one source until it ends or its parent goes. 0, ERR_CLOSED, ERR_NOMEM.
int child_source_run(int socket);
