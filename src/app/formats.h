// SPDX-License-Identifier: Apache-2.0
// formats.h - reading annotations for the commands: eval's readers, with media telling them how
// large a picture is.
#pragma once

#include "base/attr.h"
#include "dataset/dataset.h"
#include "dataset/write.h"

// Choices of options, in the order of enum dataset_format, enum dataset_text and enum
// dataset_voc_boxes.
extern const char *const app_formats[];
extern const char *const app_text_kinds[];
extern const char *const app_voc_boxes[];

// dataset_read_with(); opts->picture_size and arg are set here. Errors as there and as
// picture_decode_file().
int app_dataset_read(const char *path, const struct dataset_read_opts *opts,
                     struct dataset **ret_dataset) MUST_CHECK;
// dataset_write(), likewise.
int app_dataset_write(const struct dataset *d, const char *path,
                      const struct dataset_write_opts *opts,
                      struct dataset_losses *losses) MUST_CHECK;
