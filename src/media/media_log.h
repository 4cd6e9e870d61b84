// SPDX-License-Identifier: Apache-2.0
// media_log.h - what libav says about a source is kept to name causes, and never printed.
#pragma once

enum {
    MEDIA_LOG_BYTES = 200,
};

// Threads: the thread between begin and end. Messages of the decoder's helper threads are dropped.
struct media_log {
    char line[MEDIA_LOG_BYTES]; // last error line; "" with none
    int n_errors;               // lines since the last clear
    int n_concealed;            // pictures whose gaps were filled, likewise: no error for libav
};

// From here on, libav's messages on this thread go to *log* (NULL: nowhere). Returns what was
// before.
struct media_log *media_log_begin(struct media_log *log);
void media_log_end(void); // nowhere
void media_log_clear(struct media_log *log);
