// SPDX-License-Identifier: Apache-2.0
// media_cause.c - why bytes are not media, in plain words.

#include "media/media_cause.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/file.h"
#include "base/str.h"

static const struct {
    const char *head; // after white space and a byte order mark, without case
    const char *cause;
} heads[] = {
    {"#extm3u", "is a playlist that names other files, not media"},
    {"<!doctype html", "is a web page, not media (a download that went wrong)"},
    {"<?xml", "is an XML text, not media"},
    {"<head", "is a web page, not media (a download that went wrong)"},
    {"<html", "is a web page, not media (a download that went wrong)"},
    {"ffconcat", "is a playlist that names other files, not media"},
    {"[playlist]", "is a playlist that names other files, not media"},
    {"{\"", "is a JSON text, not media"},
};

static struct str trimmed(const void *bytes, size_t n)
{
    struct str s = {(const char *)bytes, n};
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        s = (struct str){s.p + 3, s.n - 3};
    return str_trim(s);
}

static bool starts_nocase(struct str s, const char *head)
{
    size_t n = strlen(head);
    return s.n >= n && strncasecmp(s.p, head, n) == 0;
}

// Nothing but printable ASCII and line ends.
static bool is_text(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t') || p[i] > 0x7e)
            return false;
    }
    return true;
}

static bool is_zeros(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

const char *media_cause_of_bytes(const void *bytes, size_t n)
{
    if (n == 0)
        return "is empty";
    if (file_is_lfs_pointer(bytes, n))
        return "is a Git-LFS pointer, not the file itself (git lfs pull fetches it)";
    struct str s = trimmed(bytes, n);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        if (starts_nocase(s, heads[i].head))
            return heads[i].cause;
    }
    if (n >= 64 && is_zeros((const unsigned char *)bytes, n))
        return "begins with nothing but zero bytes (a download or disk that was cut off)";
    // Text formats that are media begin with these words.
    if (is_text((const unsigned char *)bytes, n) && !starts_nocase(s, "YUV4MPEG2"))
        return "is a text, not media";
    return NULL;
}

static const struct {
    const char *part;
    const char *cause;
} log_lines[] = {
    {"moov atom not found", "the file is incomplete: its index (moov) is missing, as when a "
                            "recording or a download was cut off"},
    {"Picture size", "the picture is larger than is accepted"},
    {"Failed to set dimensions", "the picture is larger than is accepted"},
    {"File ended prematurely", "the file ends too early"},
    {"chunk too big", "the file ends too early"},
    {"partial file", "the file ends before the frames that its index lists"},
};

const char *media_cause_of_log(const char *line)
{
    for (size_t i = 0; i < ARRAY_LEN(log_lines); i++) {
        if (strstr(line, log_lines[i].part))
            return log_lines[i].cause;
    }
    return NULL;
}
