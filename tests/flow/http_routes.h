// SPDX-License-Identifier: Apache-2.0
// http_routes.h - a server of no nouns for the tests and the bench of the http room.
#pragma once

struct route;

// NULL-ended, for server_opts.routes.
extern const struct route *const http_routes[];
// What /file serves.
extern const char *http_routes_file;
