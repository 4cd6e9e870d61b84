// SPDX-License-Identifier: Apache-2.0
// xml_priv.h - XML as a stream of elements, for the readers of annotation formats: documents of
// strangers.
//
// Documents that declare entities are refused (no entity bomb, no outside file is ever read);
// depth, size of one tag and of one text are limited.
#pragma once

#include "base/attr.h"
#include "base/str.h"
#include "dataset/dataset_priv.h"

enum {
    XML_MAX_DEPTH = 64,
    XML_MAX_TAG = 16 * 1024 * 1024, // bytes of one tag with its attributes
    XML_MAX_TEXT = 1024 * 1024,     // bytes between two tags
};

struct xml_handlers {
    // *attributes*: name, value, ..., NULL. An error ends the reading and is given back.
    int (*start)(void *arg, const char *name, const char **attributes);
    // *text*: what stood before this end tag, behind the last tag.
    int (*end)(void *arg, const char *name, struct str text);
};

// Reads *in* to its end. ERR_DATA, with file and line (also before a handler's message);
// ERR_TOO_BIG, ERR_IO, ERR_NOMEM.
int xml_read(struct dataset_input *in, const struct xml_handlers *handlers, void *arg) MUST_CHECK;
// NULL: no such attribute.
const char *xml_attribute(const char **attributes, const char *name);
