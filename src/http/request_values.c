// SPDX-License-Identifier: Apache-2.0
// request_values.c - query parameters with their types, media types, and JSON bodies.

#include "http/http_priv.h"

#include <string.h>

#include "base/err.h"
#include "base/json.h"

bool request_query(const struct request *q, const char *name, struct str *ret_value)
{
    for (size_t i = 0; i < q->uri.n_pairs; i++) {
        if (str_is(q->uri.pairs[i].name, name)) {
            *ret_value = q->uri.pairs[i].value;
            return true;
        }
    }
    return false;
}

bool request_query_at(const struct request *q, size_t i, struct str *ret_name,
                      struct str *ret_value)
{
    if (i >= q->uri.n_pairs)
        return false;
    *ret_name = q->uri.pairs[i].name;
    *ret_value = q->uri.pairs[i].value;
    return true;
}

int request_query_int(const struct request *q, const char *name, int64_t min, int64_t max,
                      int64_t *value)
{
    struct str s;
    int64_t v;
    if (!request_query(q, name, &s) || s.n == 0)
        return 0;
    if (str_to_i64(s, &v) < 0 || v < min || v > max)
        return err_set(ERR_INVALID, "%s: '" STR_FMT "' is no whole number from %lld to %lld", name,
                       STR_ARG(s), (long long)min, (long long)max);
    *value = v;
    return 0;
}

int request_query_double(const struct request *q, const char *name, double min, double max,
                         double *value)
{
    struct str s;
    double v;
    if (!request_query(q, name, &s) || s.n == 0)
        return 0;
    if (str_to_double(s, &v) < 0 || v < min || v > max)
        return err_set(ERR_INVALID, "%s: '" STR_FMT "' is no number from %g to %g", name,
                       STR_ARG(s), min, max);
    *value = v;
    return 0;
}

int request_query_bool(const struct request *q, const char *name, bool *value)
{
    struct str s;
    if (!request_query(q, name, &s) || s.n == 0)
        return 0;
    if (str_is(s, "1") || str_is(s, "true"))
        *value = true;
    else if (str_is(s, "0") || str_is(s, "false"))
        *value = false;
    else
        return err_set(ERR_INVALID, "%s: '" STR_FMT "' is neither true nor false", name,
                       STR_ARG(s));
    return 0;
}

int request_query_choice(const struct request *q, const char *name, const char *const *choices,
                         int *value)
{
    struct str s;
    if (!request_query(q, name, &s) || s.n == 0)
        return 0;
    struct str_buf all = STR_BUF_INIT(512);
    for (int i = 0; choices[i]; i++) {
        if (str_is(s, choices[i])) {
            str_buf_finish(&all);
            *value = i;
            return 0;
        }
        str_buf_printf(&all, "%s%s", i ? ", " : "", choices[i]);
    }
    int r = err_set(ERR_INVALID, "%s: '" STR_FMT "' is none of %s", name, STR_ARG(s),
                    str_buf_text(&all));
    str_buf_finish(&all);
    return r;
}

// --- media types

struct str request_content_type(const struct request *q)
{
    struct str rest = request_header_view(q, STR("Content-Type"));
    struct str type;
    if (!str_split(&rest, ';', &type))
        return STR("");
    type = str_trim(type);
    char *lower = arena_strndup(q->arena, type.p, type.n);
    if (!lower)
        return STR("");
    for (size_t i = 0; i < type.n; i++) {
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] - 'A' + 'a');
    }
    return (struct str){lower, type.n};
}

// Cuts name=value or name="quoted" off a list of parameters; quoted pairs stay as they are.
static bool next_parameter(struct str *rest, struct str *ret_name, struct str *ret_value)
{
    while (rest->n > 0 && (*rest->p == ';' || *rest->p == ' ' || *rest->p == '\t')) {
        rest->p++;
        rest->n--;
    }
    size_t i = 0;
    while (i < rest->n && rest->p[i] != '=' && rest->p[i] != ';')
        i++;
    if (i == rest->n || rest->p[i] == ';' || i == 0)
        return false;
    *ret_name = str_trim((struct str){rest->p, i});
    size_t from = i + 1;
    size_t to = from;
    bool quoted = from < rest->n && rest->p[from] == '"';
    if (quoted) {
        from++;
        for (to = from; to < rest->n && rest->p[to] != '"'; to++)
            to += rest->p[to] == '\\';
        if (to >= rest->n)
            return false;
    } else {
        while (to < rest->n && rest->p[to] != ';')
            to++;
    }
    struct str value = {rest->p + from, to - from};
    *ret_value = quoted ? value : str_trim(value);
    rest->p += to + quoted;
    rest->n -= to + quoted;
    return true;
}

struct str request_content_parameter(const struct request *q, const char *name)
{
    struct str rest = request_header_view(q, STR("Content-Type"));
    struct str skip;
    struct str key;
    struct str value;
    if (!str_split(&rest, ';', &skip) || !rest.p)
        return (struct str){NULL, 0};
    while (next_parameter(&rest, &key, &value)) {
        if (str_is_nocase(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

// "q=0" in any spelling is a refusal.
static bool is_refused(struct str parameters)
{
    struct str key;
    struct str value;
    double v;
    while (next_parameter(&parameters, &key, &value)) {
        if (str_is_nocase(key, "q"))
            return str_to_double(value, &v) == 0 && v <= 0;
    }
    return false;
}

bool accept_lists(struct str list, const char *wanted, bool or_any)
{
    struct str member;
    bool any = false;
    while (str_split(&list, ',', &member)) {
        struct str rest = member;
        struct str name;
        if (!str_split(&rest, ';', &name))
            continue;
        name = str_trim(name);
        bool refused = rest.p && is_refused(rest);
        if (str_is_nocase(name, wanted))
            return !refused; // the named one decides
        const char *slash = strchr(wanted, '/');
        bool same_kind = slash && name.n >= 2 && str_ends(name, "/*") &&
                         name.n - 1 == (size_t)(slash - wanted) + 1 &&
                         strncmp(name.p, wanted, name.n - 1) == 0;
        if (!refused && (str_is(name, "*/*") || str_is(name, "*") || same_kind))
            any = true;
    }
    return any && or_any;
}

bool request_accepts(const struct request *q, const char *type, bool or_any)
{
    struct str list = request_header_view(q, STR("Accept"));
    return list.p ? accept_lists(list, type, or_any) : or_any;
}

// --- JSON

int request_json(struct request *q, int max_depth, struct json_reader **ret_reader)
{
    struct str type = request_content_type(q);
    if (!str_is(type, "application/json") && !str_ends(type, "+json"))
        return err_set(ERR_UNSUPPORTED,
                       "request: Content-Type '" STR_FMT "' is not application/json",
                       STR_ARG(type));
    if (q->body.n == 0)
        return err_set(ERR_INVALID, "request: no body");
    struct json_reader_opts opts = {
        .text = str_buf_view(&q->body),
        .name = "request",
        .max_depth = max_depth ? max_depth : REQUEST_JSON_DEPTH,
    };
    return json_reader_create(&opts, ret_reader);
}
