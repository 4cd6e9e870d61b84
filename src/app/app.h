// SPDX-License-Identifier: Apache-2.0
// app.h - what the commands share: the table row of a command, how it fails, how it is interrupted.
//
// To add a command `assay thing`:
//   1. src/app/cmd_thing.c defines `const struct command command_thing` (its row: name, help,
//   option
//      tables, run function). The targets of its option tables are file-static structs that hold
//      the defaults; tables of other rooms (source_options, ...) are simply further sets.
//   2. src/app/meson.build lists the file, src/app/commands.h and commands.c its row.
//   3. `assay options --markdown > docs/OPTIONS.md` prints the documentation anew (a test looks).
// main.c parses the options, answers --help and --version, sets up the log and calls run().
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/opt.h"
#include "base/str.h"

struct arena;

// What a command is given. Constant while it runs; the arena lives as long.
struct app_call {
    const char **arguments; // what was no option
    size_t n_arguments;
    struct arena *arena;
    bool is_quiet; // --quiet: no progress, only errors
};

// A command's row. All texts are English without markup.
struct command {
    const char *name;           // "detect"; two words for "model inspect"
    const char *summary;        // one line for `assay --help`: "runs a model over files"
    const char *usage;          // behind "assay NAME": "SOURCE... --model FILE [options]"
    const char *details;        // paragraphs for `assay NAME --help`, broken by hand; NULL: none
    const struct opt_set *sets; // its option tables with their targets
    size_t n_sets;
    bool is_hidden; // not listed
    // Returns the exit status: 0, 1 (a verdict failed), or what app_fail() gives.
    int (*run)(const struct app_call *call);
};

extern const struct command *const app_commands[]; // sorted, NULL behind the last

// Logs *r* (a negative err code) with this thread's message, once, and returns the exit status.
int app_fail(int r);
// As app_fail(ERR_INVALID) with this message and a hint at the command's --help.
int app_usage_error(const struct command *c, const char *format, ...) PRINTF_LIKE(2, 3);

// The words of a table's row as a sentence: a capital first, a full stop behind.
void app_put_sentence(struct str_buf *out, const char *words);
// Writes a finished text to *path*, or to standard output ("-"). ERR_IO, ERR_NOSPACE, ERR_NOMEM.
int app_write(const char *path, const struct str_buf *text) MUST_CHECK;
// That a result can be written to *path* (NULL and "-": standard output, always) and replaces none
// of the *inputs* (NULLs among them are passed over): said before hours of work. ERR_EXISTS (an
// input), else as file_out_open().
int app_check_out(const char *path, const char *const *inputs, size_t n_inputs) MUST_CHECK;
// That no two of the results (NULLs are passed over) are written to the same place. ERR_INVALID
int app_check_distinct(const char *const *paths, size_t n) MUST_CHECK;

// ---- interruption (SIGINT, SIGTERM; SIGHUP unless it was ignored at start)
//
// The first signal calls the registered function from a thread of its own; the second one ends the
// program with status 130 at once, as the first one does where nothing is registered.

int app_interrupts_start(void) MUST_CHECK; // main.c, before any other thread. ERR_NOMEM, ERR_BUSY
void app_interrupts_stop(void);
// *cancel* (pipeline_cancel(), ...) runs on the signal's thread, at once if a signal came already.
// NULL takes it back and waits until it returned: *arg* may be destroyed then. Not from *cancel*.
void app_on_interrupt(void (*cancel)(void *arg), void *arg);
bool app_is_interrupted(void); // any thread
