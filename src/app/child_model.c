// SPDX-License-Identifier: Apache-2.0
// child_model.c - see child_model.h.

#include "app/child_model.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json_shape.h"
#include "base/str.h"
#include "base/tell_name.h"
#include "infer/detector.h"
#include "infer/model.h"

enum {
    PATH_BYTES = 4096,
    LIMIT_S = 120,
    MAX_FILES = 256,
};
#define MAX_ANSWER (8 * MIB)
#define MAX_MEMORY ((int64_t)(32 * GIB)) // of addresses: the runtime reserves far more than it uses

// --- what model_describe_json() writes

static const struct json_shape a_text = {.kind = JSON_SHAPE_TEXT};
static const struct json_shape integer = {.kind = JSON_SHAPE_INTEGER};
static const struct json_shape number = {.kind = JSON_SHAPE_NUMBER};

// clang-format off
static const struct json_shape input[] = {
    {.key = "batch", .kind = JSON_SHAPE_COUNT},
    {.key = "colours", .kind = JSON_SHAPE_WORD},
    {.key = "dynamic_size", .kind = JSON_SHAPE_BOOL},
    {.key = "fill", .kind = JSON_SHAPE_COUNT},
    {.key = "fit", .kind = JSON_SHAPE_WORD},
    {.key = "height", .kind = JSON_SHAPE_COUNT},
    {.key = "layout", .kind = JSON_SHAPE_WORD},
    {.key = "mean", .kind = JSON_SHAPE_ARRAY, .of = &number},
    {.key = "scale", .kind = JSON_SHAPE_NUMBER},
    {.key = "std", .kind = JSON_SHAPE_ARRAY, .of = &number},
    {.key = "width", .kind = JSON_SHAPE_COUNT},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape tensor_members[] = {
    {.key = "name", .kind = JSON_SHAPE_TEXT},
    {.key = "shape", .kind = JSON_SHAPE_ARRAY, .of = &integer},
    {.key = "type", .kind = JSON_SHAPE_WORD},
    {.kind = JSON_SHAPE_UNSET},
};
static const struct json_shape tensor = {.kind = JSON_SHAPE_OBJECT, .of = tensor_members};
static const struct json_shape members[] = {
    {.key = "head", .kind = JSON_SHAPE_WORD},
    {.key = "input", .kind = JSON_SHAPE_OBJECT, .of = input},
    {.key = "inputs", .kind = JSON_SHAPE_ARRAY, .of = &tensor},
    {.key = "labels", .kind = JSON_SHAPE_ARRAY, .of = &a_text},
    {.key = "labels_from", .kind = JSON_SHAPE_TEXT, .may_be_null = true},
    {.key = "opset", .kind = JSON_SHAPE_INTEGER},
    {.key = "outputs", .kind = JSON_SHAPE_ARRAY, .of = &tensor},
    {.key = "parameters", .kind = JSON_SHAPE_COUNT},
    {.key = "path", .kind = JSON_SHAPE_TEXT},
    {.key = "producer", .kind = JSON_SHAPE_TEXT, .may_be_null = true},
    {.key = "quantized", .kind = JSON_SHAPE_BOOL},
    {.key = "sha256", .kind = JSON_SHAPE_WORD},
    {.key = "why", .kind = JSON_SHAPE_ARRAY, .of = &a_text},
    {.kind = JSON_SHAPE_UNSET},
};
// clang-format on
static const struct json_shape described = {.kind = JSON_SHAPE_OBJECT, .of = members};

static int load_once(struct model *m)
{
    struct detector *d;
    const struct engine_opts opts = {.threads = 1};
    int r = detector_create(m, &opts, &d);
    if (r == 0)
        detector_destroy(d);
    return r;
}

static int answer(const void *request, size_t n, int fd, struct str_buf *out)
{
    (void)fd;
    char path[PATH_BYTES];
    if (n != sizeof(path))
        return err_set(ERR_INVALID, "a request of %zu bytes", n);
    memcpy(path, request, n);
    struct model *m;
    const struct model_opts opts = {.path = path};
    int r = model_open(&opts, &m);
    if (r < 0)
        return r;
    r = load_once(m);
    if (r == 0)
        model_describe_json(m, out);
    model_unref(&m);
    return r;
}

static int run(int socket)
{
    return child_answer(socket, MAX_ANSWER, answer);
}

const struct child_kind child_model_kind = {"model", run};

// Half of what the machine has: a graph may ask for any amount, and the server's share is not it.
static int64_t max_data(void)
{
    int64_t whole = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return MAX(whole / 2, (int64_t)GIB);
}

int child_model_inspect(const char *program, const char *path, struct str_buf *out)
{
    char request[PATH_BYTES] = "";
    size_t n = strlen(path);
    if (n >= sizeof(request))
        return err_set(ERR_INVALID, "%s: path is too long", path);
    memcpy(request, path, n);
    const struct child_limits limits = {.max_memory = MAX_MEMORY,
                                        .max_data = max_data(),
                                        .cpu_seconds = LIMIT_S,
                                        .max_files = MAX_FILES,
                                        .readable = {request}};
    struct str_buf answered = STR_BUF_INIT(MAX_ANSWER);
    int r = child_ask(program, child_model_kind.name, &limits, request, sizeof(request), -1,
                      LIMIT_S * CLOCK_NS_PER_S, &answered);
    if (r == 0)
        r = json_shape_copy(str_buf_view(&answered), &described, "what it answered", out);
    if (r == ERR_DATA && answered.n > 0)
        r = err_set(ERR_MEDIA, "answered nonsense: %s", err_message(r));
    str_buf_finish(&answered);
    if (r == ERR_MEDIA) // the child's own end
        return err_set(ERR_MODEL, "loading it in a process of its own failed: it %s",
                       err_message(r));
    if (r == ERR_NOMEM) // no other time will be better
        return err_set(ERR_MODEL, "it needs more than the %lld MiB of memory that it may take",
                       (long long)(limits.max_data / (int64_t)MIB));
    char text[ERR_MESSAGE_BYTES];
    err_copy_message(r, text, sizeof(text));
    if (r < 0 && strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        r = err_set((enum err)r, "%s", text + n + 2);
    return r < 0 ? tell_name(r, path, "the file") : r;
}
