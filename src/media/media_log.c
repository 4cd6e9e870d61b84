// SPDX-License-Identifier: Apache-2.0
// media_log.c - libav's messages, kept per source and thread.

#include "media/media_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

#include "base/attr.h"

static _Thread_local struct media_log *current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

PRINTF_LIKE(3, 0)
static void keep_line(void *object UNUSED, int level, const char *format, va_list ap)
{
    static const char concealing[] = "concealing "; // ... errors in P frame
    struct media_log *log = current;
    if (log && strncmp(format, concealing, sizeof(concealing) - 1) == 0)
        log->n_concealed++;
    if (!log || (level & 0xff) > AV_LOG_ERROR)
        return;
    vsnprintf(log->line, sizeof(log->line), format, ap);
    size_t n = strlen(log->line);
    while (n > 0 && strchr("\n\r .", log->line[n - 1]))
        log->line[--n] = '\0';
    log->n_errors++;
}

static void install(void)
{
    av_log_set_callback(keep_line);
}

struct media_log *media_log_begin(struct media_log *log)
{
    struct media_log *before = current;
    pthread_once(&once, install);
    current = log;
    return before;
}

void media_log_end(void)
{
    current = NULL;
}

void media_log_clear(struct media_log *log)
{
    log->line[0] = '\0';
    log->n_errors = 0;
    log->n_concealed = 0;
}
