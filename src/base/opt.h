// SPDX-License-Identifier: Apache-2.0
// opt.h - options as table rows: command line, environment, file, default; help and docs printed
// from them.
//
// An option lives in the room that uses it: a row names the field, the range, the unit and the
// help. A command joins the tables it needs. Precedence: command line, environment
// (ASSAY_MAX_FRAMES), the file given by --config or ASSAY_CONFIG, default. A line of the file is
// max-frames=10, MAX_FRAMES=10 or ASSAY_MAX_FRAMES=10; a value may stand in double quotes; lines
// that are empty or begin with # are skipped.
// Threads: one, at start; the structs are constant afterwards.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct str_buf;

enum opt_type {
    OPT_TYPE_UNSET,
    OPT_TYPE_BOOL,   // bool; "--track" or "--track=false"; "--no-track" too
    OPT_TYPE_INT,    // int64_t
    OPT_TYPE_DOUBLE, // double
    OPT_TYPE_TEXT,   // const char *
    OPT_TYPE_CHOICE, // int: the index in *choices* (choices[0] is the unset default, printed as
                     // such)
    OPT_TYPE_LIST,   // struct opt_list: every occurrence adds one text
};

// Texts given by a repeatable option, in order, owned by the parse's arena.
struct opt_list {
    const char **items;
    size_t n;
};

struct opt {
    const char *name; // without dashes; NULL ends a table
    enum opt_type type;
    size_t offset; // of the field in the table's struct
    double min;    // numbers only; both 0: no limits
    double max;
    const char *const *choices; // OPT_TYPE_CHOICE: NULL-terminated
    const char *value_name;     // "N", "FILE", "SECONDS": what help shows
    const char *help;           // one line; the unit stands in it
    const char *default_text;   // what help shows as the default; NULL: nothing
};

// Rows; STRUCT is the type of the table's target.
// clang-format off
#define OPT_BOOL(STRUCT, name, field, help) \
    {name, OPT_TYPE_BOOL, offsetof(STRUCT, field), 0, 0, NULL, NULL, help, NULL}
#define OPT_INT(STRUCT, name, field, min, max, value, help, def) \
    {name, OPT_TYPE_INT, offsetof(STRUCT, field), min, max, NULL, value, help, def}
#define OPT_DOUBLE(STRUCT, name, field, min, max, value, help, def) \
    {name, OPT_TYPE_DOUBLE, offsetof(STRUCT, field), min, max, NULL, value, help, def}
#define OPT_TEXT(STRUCT, name, field, value, help, def) \
    {name, OPT_TYPE_TEXT, offsetof(STRUCT, field), 0, 0, NULL, value, help, def}
#define OPT_CHOICE(STRUCT, name, field, choices, value, help, def) \
    {name, OPT_TYPE_CHOICE, offsetof(STRUCT, field), 0, 0, choices, value, help, def}
#define OPT_LIST(STRUCT, name, field, value, help) \
    {name, OPT_TYPE_LIST, offsetof(STRUCT, field), 0, 0, NULL, value, help, NULL}
#define OPT_END {0}
// clang-format on

// A table and the struct its rows fill. The struct holds the defaults before the parse.
struct opt_set {
    const struct opt *rows;
    void *target;
    const char *title; // of its section in help; NULL: "Options"
};

struct opt_result {
    const char **arguments; // what is no option, in order; owned by the arena
    size_t n_arguments;
    bool help;    // --help or -h was given
    bool version; // --version was given
};

// Parses argv[0..argc-1] (without the program and command names). "--name value", "--name=value",
// "--" ends options, "-" alone is an argument; a value that begins with "--" needs the "=". The
// last occurrence wins, lists collect all of the source with the highest precedence. Switches are
// "--track", "--no-track", "--track=false" (true, yes, on, 1; false, no, off, 0). Environment
// variables that name no option, or are empty, are ignored; unknown keys in the file and unknown
// options are ERR_INVALID with the nearest known name. *config*, *help* and *version* are known to
// every command; after --help nothing else is looked at. ERR_INVALID (the message names the
// option or where it was read, the value, and what was expected), ERR_NOT_FOUND (the file),
// ERR_TOO_BIG, ERR_IO, ERR_NOMEM. Texts are copied into *a*, arguments borrowed from argv.
int opt_parse(int argc, char **argv, const struct opt_set *sets, size_t n_sets, struct arena *a,
              struct opt_result *ret_result) MUST_CHECK;

// One file may serve several commands: its keys that this command lacks are accepted where
// *is_known* says that another one has them. Set once at start; NULL: only the command's own.
void opt_set_known_elsewhere(bool (*is_known)(const char *name));

// Sets the options that a JSON object names by its members, "max_frames" for --max-frames, to
// values that are texts, numbers, booleans, arrays of texts (a list, or joined by commas), or
// {"label": number} for a list of pairs; null leaves the default. Nothing else is looked at: no
// environment, no file. An option that *is_refused* (may be NULL) names cannot be set here.
// ERR_INVALID (no such option, a value out of its range: named as "settings.max_frames"), ERR_DATA
// (not JSON), ERR_NOMEM. Texts are copied into *a*.
int opt_parse_json(struct str json, const char *what, const struct opt_set *sets, size_t n_sets,
                   bool (*is_refused)(const char *name), struct arena *a) MUST_CHECK;

// The options' part of --help, and as Markdown tables for docs/OPTIONS.md.
void opt_print_help(const struct opt_set *sets, size_t n_sets, struct str_buf *out);
void opt_print_markdown(const struct opt_set *sets, size_t n_sets, struct str_buf *out);
// The options that every command knows without a table, likewise: --config, --help, --version.
extern const struct opt opt_everywhere[];

// The candidate that is most like a word, for "did you mean". Start with {.word = ...}.
struct opt_nearest {
    struct str word;
    const char *best; // NULL: nothing is near
    size_t distance;
};

void opt_nearest_try(struct opt_nearest *n, const char *candidate);

enum {
    OPT_NAME_MAX = 64,            // of an option's name
    OPT_CONFIG_MAX = 1024 * 1024, // bytes of the file given by --config
};
