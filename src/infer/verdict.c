// SPDX-License-Identifier: Apache-2.0
// verdict.c - $XDG_CACHE_HOME/assay/engines, or ~/.cache/assay/engines.

#include "infer/verdict.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    ENGINE_VERSION = 2, // goes up when the native engine may compute something else
    MAX_FILE = 1024 * 1024,
    PATH_BYTES = 4096,
    CPU_DIGITS = 16,
};

// The folder is made where it is missing; false: there is no place for it.
static bool cache_path(char *ret_path, bool make)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    char folder[PATH_BYTES - 64];
    int n = cache && cache[0] == '/' ? snprintf(folder, sizeof(folder), "%s", cache)
            : home && home[0] == '/' ? snprintf(folder, sizeof(folder), "%s/.cache", home)
                                     : -1;
    if (n < 0 || n >= (int)sizeof(folder))
        return false;
    snprintf(ret_path, PATH_BYTES, "%s/assay", folder);
    if (make) {
        IGNORE(mkdir(folder, 0700)); // there already, or the open below fails
        IGNORE(mkdir(ret_path, 0700));
    }
    snprintf(ret_path, PATH_BYTES, "%s/assay/engines", folder);
    return true;
}

// What tells CPUs apart: the first lines of /proc/cpuinfo up to the flags, and what ASSAY_ISA
// allows.
static void cpu_digits(char *ret_digits)
{
    char text[2048] = "";
    int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        close(fd);
    struct str rest = {text, n > 0 ? (size_t)n : 0};
    struct str line;
    struct digest d;
    digest_init(&d);
    while (str_line(&rest, &line) && line.n > 0) {
        if (str_starts(line, "vendor_id") || str_starts(line, "cpu family") ||
            str_starts(line, "model") || str_starts(line, "stepping"))
            digest_add(&d, line.p, line.n);
    }
    enum cpu_isa isa = CPU_ISA_UNSET;
    IGNORE(cpu_isa_choose(CPU_ISA_UNSET, &isa)); // a wrong ASSAY_ISA is said elsewhere
    digest_add(&d, &isa, sizeof(isa));
    char hex[DIGEST_HEX_BYTES];
    digest_hex(&d, hex);
    snprintf(ret_digits, CPU_DIGITS + 1, "%.*s", CPU_DIGITS, hex);
}

static void line_start(const char *sha256, const char *precision, char *ret_text, size_t n)
{
    char cpu[CPU_DIGITS + 1];
    cpu_digits(cpu);
    snprintf(ret_text, n, "%d %s %s %s ", ENGINE_VERSION, sha256, precision, cpu);
}

enum verdict verdict_read(const char *sha256, const char *precision)
{
    char path[PATH_BYTES];
    char *bytes;
    size_t n;
    if (!cache_path(path, false) || !file_exists(path))
        return VERDICT_UNSET;
    if (file_read(path, MAX_FILE, &bytes, &n) < 0) {
        err_clear(); // as if it were not there
        return VERDICT_UNSET;
    }
    char start[256];
    line_start(sha256, precision, start, sizeof(start));
    enum verdict v = VERDICT_UNSET;
    struct str rest = {bytes, n};
    struct str line;
    while (str_line(&rest, &line)) {
        if (str_starts(line, start))
            v = str_ends(line, " native") ? VERDICT_NATIVE : VERDICT_ONNXRUNTIME;
    }
    mem_free(bytes);
    return v;
}

void verdict_write(const char *sha256, const char *precision, bool native)
{
    char path[PATH_BYTES];
    if (!cache_path(path, true))
        return;
    char line[320];
    line_start(sha256, precision, line, sizeof(line) - 32);
    struct str_buf out = STR_BUF_INIT(512);
    str_buf_printf(&out, "%s%s\n", line, native ? "native" : "onnxruntime");
    struct stat st;
    bool full = stat(path, &st) == 0 && st.st_size > MAX_FILE / 2;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (full ? O_TRUNC : O_APPEND), 0600);
    if (fd >= 0) {
        IGNORE(write(fd, out.p, out.n) < 0); // the comparison will run again
        close(fd);
    }
    str_buf_finish(&out);
}
