// SPDX-License-Identifier: Apache-2.0
// effects_json.c - effects of stretches of time, written and read back.

#include "report/effects_json.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "eval/effects.h"

enum {
    MAX_NUMBERS = 4 * EFFECTS_MAX_PARTS, // of one list: twice what is written
    MAX_SCOPES = 1 + EFFECTS_MAX_CLASSES,
};

// ---- writing

static void put_whole(struct json_writer *w, const char *key, const double *values, size_t n)
{
    json_key(w, key);
    w->pretty = false;
    json_array(w);
    for (size_t i = 0; i < n; i++)
        json_int(w, (int64_t)values[i]);
    json_end(w);
    w->pretty = true;
}

static void put_scope(struct json_writer *w, const struct effects_scope *s, size_t n)
{
    json_object(w);
    if (s->label) {
        json_put_text(w, "label", s->label);
    }
    for (size_t i = 0; i < WEIGHED_N_FIGURES; i++) {
        if (!s->values[i])
            continue;
        json_key(w, weighed_names[i]);
        w->pretty = false;
        json_array(w);
        for (size_t k = 0; k < n; k++)
            json_float(w, (float)s->values[i][k]);
        json_end(w);
        w->pretty = true;
    }
    json_end(w);
}

void effects_json_put(struct json_writer *w, const struct effects *e)
{
    if (!e || e->n == 0)
        return;
    json_key(w, "blocks");
    json_object(w);
    json_put_int(w, "frames", e->frames);
    json_key(w, "seconds");
    json_double(w, e->seconds); // NaN writes null
    json_put_int(w, "floor", e->floor);
    json_key(w, "videos");
    w->pretty = false;
    json_array(w);
    for (size_t v = 0; v < e->n_videos; v++)
        json_int(w, (int64_t)e->videos[v]);
    json_end(w);
    w->pretty = true;
    put_whole(w, "truths", e->truths, e->n);
    put_whole(w, "errors", e->errors, e->n);
    json_key(w, "effects");
    json_array(w);
    for (size_t i = 0; i < e->n_scopes; i++)
        put_scope(w, &e->scopes[i], e->n);
    json_end(w);
    json_end(w);
}

// ---- reading

static int expect(struct json_reader *r, enum json_type type, const char *what,
                  struct json_event *ret)
{
    int err = json_next(r, ret);
    if (err < 0)
        return err;
    return ret->type == type ? 0 : json_error(r, "\"blocks\": %s", what);
}

// A list of numbers: as many as there are, in the arena.
static int read_list(struct json_reader *r, struct arena *a, double **ret, size_t *ret_n)
{
    struct json_event e;
    size_t n = 0, cap = 0;
    double *list = NULL;
    int err = expect(r, JSON_ARRAY, "a list is not an array", &e);
    while (err == 0 && (err = json_next(r, &e)) == 0 && e.type == JSON_NUMBER) {
        if (n == MAX_NUMBERS)
            return json_error(r, "\"blocks\": more than %d numbers", MAX_NUMBERS);
        if (n == cap) {
            cap = MAX(2 * cap, 256);
            double *more = arena_array(a, double, cap);
            if (!more)
                return ERR_NOMEM;
            if (n > 0)
                memcpy(more, list, n * sizeof(*more));
            list = more;
        }
        list[n++] = e.number;
    }
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r, "\"blocks\": a list holds more than numbers");
    *ret = list;
    *ret_n = n;
    return err;
}

// The list of *key*, which is as long as the others.
static int read_parts(struct json_reader *r, struct arena *a, size_t *n, double **ret)
{
    size_t length;
    int err = read_list(r, a, ret, &length);
    if (err < 0)
        return err;
    if (length == 0 || (*n > 0 && length != *n))
        return json_error(r, "\"blocks\": lists of %zu and of %zu parts", *n, length);
    *n = length;
    return 0;
}

static int read_scope(struct json_reader *r, struct arena *a, struct effects *f)
{
    struct json_event e;
    struct effects_scope s = {0};
    int err;
    if (f->n_scopes == MAX_SCOPES)
        return json_error(r, "\"blocks\": more than %d classes", EFFECTS_MAX_CLASSES);
    while ((err = json_next(r, &e)) == 0 && e.type == JSON_KEY) {
        size_t i = 0;
        while (i < WEIGHED_N_FIGURES && !str_is(e.text, weighed_names[i]))
            i++;
        if (i < WEIGHED_N_FIGURES) {
            err = read_parts(r, a, &f->n, &s.values[i]);
        } else if (str_is(e.text, "label")) {
            err = expect(r, JSON_STRING, "a label is no text", &e);
            if (err == 0)
                s.label = arena_strndup(a, e.text.p, e.text.n);
            err = err == 0 && !s.label ? ERR_NOMEM : err;
        } else {
            err = json_skip(r, &e);
        }
        if (err < 0)
            return err;
    }
    if (err == 0)
        f->scopes[f->n_scopes++] = s;
    return err;
}

static int read_scopes(struct json_reader *r, struct arena *a, struct effects *f)
{
    struct json_event e;
    f->scopes = arena_array(a, struct effects_scope, MAX_SCOPES);
    if (!f->scopes)
        return ERR_NOMEM;
    int err = expect(r, JSON_ARRAY, "\"effects\" is not an array", &e);
    while (err == 0 && (err = json_next(r, &e)) == 0 && e.type == JSON_OBJECT)
        err = read_scope(r, a, f);
    if (err == 0 && e.type != JSON_ARRAY_END)
        return json_error(r, "\"blocks\": \"effects\" holds more than objects");
    return err;
}

static int read_videos(struct json_reader *r, struct arena *a, struct effects *f)
{
    double *list;
    int err = read_list(r, a, &list, &f->n_videos);
    if (err < 0)
        return err;
    f->videos = arena_array(a, size_t, f->n_videos);
    if (!f->videos)
        return ERR_NOMEM;
    for (size_t v = 0; v < f->n_videos; v++) {
        if (!(list[v] >= 1 && list[v] <= MAX_NUMBERS))
            return json_error(r, "\"blocks\": a video of %g parts", list[v]);
        f->videos[v] = (size_t)list[v];
    }
    return 0;
}

static int read_number(struct json_reader *r, double *ret)
{
    struct json_event e;
    int err = json_next(r, &e);
    if (err < 0)
        return err;
    if (e.type != JSON_NUMBER && e.type != JSON_NULL)
        return json_error(r, "\"blocks\": a number is none");
    *ret = e.type == JSON_NUMBER ? e.number : (double)NAN;
    return 0;
}

// Whatever was written, the numbers hang together.
static int check(struct json_reader *r, const struct effects *f)
{
    size_t sum = 0;
    for (size_t v = 0; v < f->n_videos; v++)
        sum += f->videos[v];
    if (f->n == 0 || !f->truths || !f->errors || sum != f->n)
        return json_error(r, "\"blocks\": %zu parts in videos of %zu", f->n, sum);
    if (f->n_scopes == 0 || f->frames == 0)
        return json_error(r, "\"blocks\": no frames or no effects");
    return 0;
}

int effects_json_read(struct json_reader *r, struct arena *a, struct effects *ret_effects)
{
    struct effects f = {0};
    struct json_event e;
    double frames = 0, floor = 1;
    int err;
    while ((err = json_next(r, &e)) == 0 && e.type == JSON_KEY) {
        if (str_is(e.text, "frames"))
            err = read_number(r, &frames);
        else if (str_is(e.text, "seconds"))
            err = read_number(r, &f.seconds);
        else if (str_is(e.text, "floor"))
            err = read_number(r, &floor);
        else if (str_is(e.text, "videos"))
            err = read_videos(r, a, &f);
        else if (str_is(e.text, "truths"))
            err = read_parts(r, a, &f.n, &f.truths);
        else if (str_is(e.text, "errors"))
            err = read_parts(r, a, &f.n, &f.errors);
        else if (str_is(e.text, "effects"))
            err = read_scopes(r, a, &f);
        else
            err = json_skip(r, &e);
        if (err < 0)
            return err;
    }
    f.frames = frames >= 1 && frames < 1e9 ? (size_t)frames : 0;
    f.floor = floor >= 0 && floor < 1e9 ? (size_t)floor : 1;
    if (err == 0)
        err = check(r, &f);
    if (err == 0)
        *ret_effects = f;
    return err;
}
