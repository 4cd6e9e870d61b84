// SPDX-License-Identifier: Apache-2.0
// timeline.c - the exact time of each frame.

#include "media/timeline.h"

#include <libavutil/mathematics.h>

enum {
    DEFAULT_FRAME_US = 40000,
};

static const int64_t max_step_us = INT64_C(3600) * 1000000;
static const int64_t max_us = INT64_MAX / 8; // sums of two stay far from overflow

static int64_t to_us(const struct timeline *t, int64_t ticks)
{
    AVRational base = {t->time_base_num, t->time_base_den};
    return av_rescale_q_rnd(ticks, base, (AVRational){1, 1000000}, AV_ROUND_NEAR_INF);
}

void timeline_init(struct timeline *t, int time_base_num, int time_base_den, int frame_rate_num,
                   int frame_rate_den)
{
    *t = (struct timeline){.time_base_num = time_base_num > 0 ? time_base_num : 1,
                           .time_base_den = time_base_den > 0 ? time_base_den : 1,
                           .frame_us = DEFAULT_FRAME_US};
    if (frame_rate_num > 0 && frame_rate_den > 0)
        t->frame_us = av_rescale(1000000, frame_rate_den, frame_rate_num);
    if (t->frame_us < 1 || t->frame_us > max_step_us)
        t->frame_us = DEFAULT_FRAME_US;
}

static int64_t step_of(const struct timeline *t, int64_t duration)
{
    int64_t us = duration > 0 ? to_us(t, duration) : 0;
    return us > 0 && us <= max_step_us ? us : t->frame_us;
}

static int64_t next_us(const struct timeline *t)
{
    return t->has_last ? t->last_us + t->last_step_us : 0;
}

// By the clock of now; the next where there is none, or one beyond what a clock can show: of many
// new clocks, each far behind the last, too.
static int64_t clock_us(const struct timeline *t, int64_t pts)
{
    int64_t us = pts == TIMELINE_NO_PTS ? INT64_MIN : to_us(t, pts);
    if (us < -max_us || us > max_us || us + t->offset_us > max_us)
        return next_us(t);
    return us + t->offset_us;
}

int64_t timeline_place(struct timeline *t, int64_t pts, int64_t duration)
{
    int64_t us = clock_us(t, pts);
    if (t->has_last && t->last_us - us > TIMELINE_MAX_JITTER_US) {
        t->offset_us += next_us(t) - us;
        us = next_us(t);
    } else if (t->has_last && us <= t->last_us) {
        us = t->last_us + 1;
    }
    t->last_us = us;
    t->last_step_us = step_of(t, duration);
    t->has_last = true;
    return us;
}

int64_t timeline_guess(const struct timeline *t, int64_t pts)
{
    return clock_us(t, pts);
}
