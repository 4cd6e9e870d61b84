// SPDX-License-Identifier: Apache-2.0
// json_oracle.h - our JSON reader beside jansson, for tests and fuzzing: both print one form.
//
// jansson's header and ours share names, so its half lives in json_oracle.c. Numbers are compared
// as doubles. Where a key occurs twice jansson keeps the last: only acceptance is compared then.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

// Gives a text in pieces of *step* bytes: json_reader_opts.read, with *arg* the pieces.
struct oracle_pieces {
    struct str text;
    size_t step;
    size_t at;
};

long oracle_read(void *arg, void *ret_bytes, size_t n);

struct oracle_form {
    struct str_buf text;
    bool has_duplicates;  // a key occurs twice in an object
    bool is_incomparable; // a key holds U+0000, which jansson refuses
};

// jansson's form of a document. ERR_DATA.
int oracle_theirs(struct str text, struct oracle_form *ret_form) MUST_CHECK;
// Ours, read in pieces of *step* bytes, or from memory (0). The reader's errors.
int oracle_ours(struct str text, size_t step, struct oracle_form *ret_form) MUST_CHECK;
// 0: both refuse the text, or both accept it and print the same. ERR_INTERNAL: the message says
// how they differ. A text that meets one of our limits counts as the same.
int oracle_compare(struct str text, size_t step) MUST_CHECK;
