// SPDX-License-Identifier: Apache-2.0
// metrics_process.c - what this process uses, as gauges: CPU, memory, descriptors.

#include "base/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

static struct metric m_cpu_percent =
    METRIC_GAUGE("process_cpu_usage_percent", "CPU used lately, in percent of one core");
static struct metric m_cpu_seconds =
    METRIC_COUNTER("process_cpu_seconds_total", "CPU time used, user and system");
static struct metric m_memory = METRIC_GAUGE("process_memory_bytes", "Memory resident, in bytes");
static struct metric m_files = METRIC_GAUGE("process_open_fds", "Open file descriptors");
static struct metric m_start =
    METRIC_GAUGE("process_start_time_seconds", "Start of the process, in seconds since 1970");

// Guarded by the exposition, which refreshes one at a time.
static int64_t last_wall_ns;
static int64_t last_cpu_ns;
static int64_t counted_cpu_ns;

static double resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    int n = -3; // ".", ".." and the directory's own
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void refresh(void *arg)
{
    (void)arg;
    int64_t wall = clock_now_ns();
    int64_t cpu = clock_process_cpu_ns();
    if (wall - last_wall_ns >= CLOCK_NS_PER_S) {
        metric_set(&m_cpu_percent,
                   100.0 * (double)(cpu - last_cpu_ns) / (double)(wall - last_wall_ns), NO_LABELS);
        last_wall_ns = wall;
        last_cpu_ns = cpu;
    }
    if (cpu > counted_cpu_ns) {
        metric_add(&m_cpu_seconds, (double)(cpu - counted_cpu_ns) / (double)CLOCK_NS_PER_S,
                   NO_LABELS);
        counted_cpu_ns = cpu;
    }
    metric_set(&m_memory, resident_bytes(), NO_LABELS);
    metric_set(&m_files, open_files(), NO_LABELS);
}

int metrics_register_process(void)
{
    struct metric *all[] = {&m_cpu_percent, &m_cpu_seconds, &m_memory, &m_files, &m_start};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        int r = metrics_register(all[i]);
        if (r < 0)
            return r;
    }
    if (last_wall_ns == 0) { // the first time
        last_wall_ns = clock_now_ns();
        last_cpu_ns = clock_process_cpu_ns();
        metric_set(&m_start, (double)clock_wall_us() / 1e6, NO_LABELS);
        return metrics_add_refresh(refresh, NULL);
    }
    return 0;
}
