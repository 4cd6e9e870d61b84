// SPDX-License-Identifier: Apache-2.0
// common.c - --quiet, --log-level, --log-format.

#include "app/common.h"

#include "base/log.h"
#include "base/opt.h"

// The first name is the default's.
static const char *const level_choices[] = {"info", "error", "warning", "debug", NULL};
static const enum log_level levels[] = {LOG_UNSET, LOG_ERROR, LOG_WARNING, LOG_DEBUG};
static const char *const format_choices[] = {"text", "json", NULL};
static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};

// clang-format off
const struct opt app_common_options[] = {
    OPT_BOOL(struct app_common, "quiet", is_quiet, "no progress, and only errors"),
    OPT_CHOICE(struct app_common, "log-level", log_level, level_choices, "LEVEL", "the least important messages to show", NULL),
    OPT_CHOICE(struct app_common, "log-format", log_format, format_choices, "FORMAT", "lines of text, or of JSON", NULL),
    OPT_END,
};
// clang-format on

void app_common_apply(const struct app_common *c)
{
    enum log_level level = levels[c->log_level];
    if (level == LOG_UNSET)
        level = c->is_quiet ? LOG_ERROR : LOG_INFO;
    log_setup(level, formats[c->log_format]);
}
