// SPDX-License-Identifier: Apache-2.0
// r_settings.c - what the server was started with: each option, its value, what it means.

#include <math.h>

#include "api/api_priv.h"
#include "base/opt.h"

static void put_list(struct json_writer *w, const struct opt_list *l)
{
    json_array(w);
    for (size_t i = 0; i < l->n; i++)
        json_cstring(w, l->items[i]);
    json_end(w);
}

// Below its range a number is not set: what the option's default text says holds.
static void put_number(struct json_writer *w, const struct opt *o, double v)
{
    bool is_limited = o->min != 0 || o->max != 0;
    if (is_limited && v < o->min)
        json_null(w);
    else if (o->type == OPT_TYPE_INT)
        json_int(w, (int64_t)v);
    else
        json_double(w, v);
}

static void put_value(struct json_writer *w, const struct opt *o, const void *target)
{
    const char *field = (const char *)target + o->offset;
    json_key(w, "value");
    switch (o->type) {
    case OPT_TYPE_BOOL:
        json_bool(w, *(const bool *)field);
        return;
    case OPT_TYPE_INT:
        put_number(w, o, (double)*(const int64_t *)(const void *)field);
        return;
    case OPT_TYPE_DOUBLE:
        put_number(w, o, *(const double *)(const void *)field);
        return;
    case OPT_TYPE_TEXT:
        json_cstring(w, *(const char *const *)(const void *)field);
        return;
    case OPT_TYPE_CHOICE:
        json_cstring(w, o->choices[*(const int *)(const void *)field]);
        return;
    case OPT_TYPE_LIST:
        put_list(w, (const struct opt_list *)(const void *)field);
        return;
    case OPT_TYPE_UNSET:
        break;
    }
    json_null(w);
}

static void put_option(struct json_writer *w, const struct opt_set *set, const struct opt *o)
{
    json_object(w);
    json_put_text(w, "name", o->name);
    json_put_text(w, "section", set->title ? set->title : "Options");
    put_value(w, o, set->target);
    json_put_text(w, "unit", o->value_name);
    json_put_text(w, "default", o->default_text);
    json_put_text(w, "help", o->help);
    json_end(w);
}

static int settings(struct request *q)
{
    const struct api_opts *opts = &api_of(q)->opts;
    struct str_buf body = STR_BUF_INIT(API_MAX_JSON);
    struct json_writer w;
    json_writer_init(&w, &body);
    json_object(&w);
    json_key(&w, "options");
    json_array(&w);
    for (size_t i = 0; i < opts->n_settings; i++)
        for (const struct opt *o = opts->settings[i].rows; o->name; o++)
            put_option(&w, &opts->settings[i], o);
    json_end(&w);
    json_end(&w);
    return reply_json(q, 200, &body);
}

const struct route api_routes_settings[] = {
    {"GET", "/api/v1/settings", settings, .role = API_ADMIN},
    {0},
};
