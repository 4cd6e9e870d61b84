// SPDX-License-Identifier: Apache-2.0
// conditions.c - If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, If-Range
// (RFC 9110, 13), and the dates they speak in.

#include "http/http_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void http_date_format(int64_t seconds, char ret_text[HTTP_DATE_TEXT])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900) {
        ret_text[0] = '\0';
        return;
    }
    snprintf(ret_text, HTTP_DATE_TEXT, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
             tm.tm_mday % 100, months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000,
             tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

static int two_digits(const char *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + p[1] - '0';
}

// Only the form that servers send: "Sun, 06 Nov 1994 08:49:37 GMT". Others count as absent.
bool http_date_parse(struct str text, int64_t *ret_seconds)
{
    static const char form[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    if (text.n != sizeof(form) - 1 || memcmp(text.p + 25, " GMT", 4) != 0 || text.p[3] != ',')
        return false;
    struct tm tm = {.tm_mday = two_digits(text.p + 5), .tm_mon = -1};
    for (int i = 0; i < 12; i++) {
        if (memcmp(text.p + 8, months[i], 3) == 0)
            tm.tm_mon = i;
    }
    int century = two_digits(text.p + 12);
    int year = two_digits(text.p + 14);
    tm.tm_hour = two_digits(text.p + 17);
    tm.tm_min = two_digits(text.p + 20);
    tm.tm_sec = two_digits(text.p + 23);
    if (tm.tm_mday < 1 || tm.tm_mon < 0 || century < 0 || year < 0 || tm.tm_hour < 0 ||
        tm.tm_min < 0 || tm.tm_sec < 0)
        return false;
    tm.tm_year = century * 100 + year - 1900;
    *ret_seconds = (int64_t)timegm(&tm);
    return true;
}

// Whether a list of entity tags has *etag*. The weak mark is ignored where *weakly*; "*" matches
// whatever there is.
static bool tags_have(struct str list, const char *etag, bool weakly)
{
    if (str_is(str_trim(list), "*"))
        return true;
    struct str part;
    while (etag && str_split(&list, ',', &part)) {
        part = str_trim(part);
        bool weak = str_starts(part, "W/");
        if (weak) {
            part.p += 2;
            part.n -= 2;
        }
        if ((weakly || !weak) && part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"' &&
            str_is((struct str){part.p + 1, part.n - 2}, etag))
            return true;
    }
    return false;
}

enum condition_outcome condition_check(const struct request *q, const struct reply_validity *v)
{
    struct str match = request_header_view(q, STR("If-Match"));
    struct str none = request_header_view(q, STR("If-None-Match"));
    struct str unmodified = request_header_view(q, STR("If-Unmodified-Since"));
    struct str modified = request_header_view(q, STR("If-Modified-Since"));
    bool is_read = str_is(q->method, "GET") || str_is(q->method, "HEAD");
    int64_t t;
    if (match.p) {
        if (!tags_have(match, v->etag, false))
            return CONDITION_FAILED;
    } else if (unmodified.p && v->modified_s > 0 && http_date_parse(unmodified, &t) &&
               v->modified_s > t) {
        return CONDITION_FAILED;
    }
    if (none.p) {
        if (tags_have(none, v->etag, true))
            return is_read ? CONDITION_NOT_MODIFIED : CONDITION_FAILED;
    } else if (modified.p && is_read && v->modified_s > 0 && http_date_parse(modified, &t) &&
               v->modified_s <= t) {
        return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_GO_ON;
}

bool condition_range_holds(const struct request *q, const struct reply_validity *v)
{
    struct str s = str_trim(request_header_view(q, STR("If-Range")));
    int64_t t;
    if (s.n == 0)
        return true;
    if (s.p[0] == '"')
        return tags_have(s, v->etag, false);
    return v->modified_s > 0 && http_date_parse(s, &t) && t == v->modified_s;
}
