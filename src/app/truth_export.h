// SPDX-License-Identifier: Apache-2.0
// truth_export.h - a truth in another format, as one file: formats that are folders go into a tar.
#pragma once

#include "base/attr.h"

struct api_export_wanted;

// Beside the file that is written a folder may stand for a moment. *ret_ending* is the file's usual
// one: "json", "xml", "tar" ... ERR_INVALID: no such format. Else as dataset_read(),
// dataset_write() and archive_out_open().
int truth_export(const struct api_export_wanted *w, const char **ret_ending) MUST_CHECK;
