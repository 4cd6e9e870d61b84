// SPDX-License-Identifier: Apache-2.0
// cmd_worker.c - `assay worker`: tasks of a server on another machine. The store that several
// machines share is PostgreSQL, which this build does not speak: the command says so, and what does
// the work instead.

#include "app/app.h"
#include "app/commands.h"
#include "base/err.h"

static int run(const struct app_call *call)
{
    if (call->n_arguments > 0)
        return app_usage_error(&command_worker, "worker takes no arguments");
    return app_fail(err_set(
        ERR_UNAVAILABLE,
        "workers on other machines share their tasks by PostgreSQL, and this build stores in "
        "SQLite only; on the server's machine `assay serve --workers N` runs N tasks side by "
        "side, and several servers, each with its own --data, share nothing"));
}

static const char details[] =
    "Waits for a store that several machines can share. This build keeps everything in SQLite,\n"
    "which one machine holds: the command ends with status 3 and says what to use instead\n"
    "(`assay serve --workers N`).";

const struct command command_worker = {
    .name = "worker",
    .summary = "waits for PostgreSQL: tasks of a server on another machine",
    .usage = "[options]",
    .details = details,
    .run = run,
};
