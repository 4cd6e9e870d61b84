// SPDX-License-Identifier: Apache-2.0
// ort_runtime.c - finds and opens ONNX Runtime at run time.
//
// Official builds for Linux (1.30 does) send usage data to their makers and keep an identifier in
// the user's cache folder. Assay talks to nobody it was not told to: both are off, by the switches
// below before the library is loaded (its first message leaves while the environment is made), and
// by DisableTelemetryEvents() for builds that know no switch.
//
// Looked at in this order: $ASSAY_ONNXRUNTIME alone where it is set (the library or its folder);
// the place named when this program was built; where scripts/install-deps puts it; what the loader
// finds by name.

#include "infer/ort_runtime.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"

#ifndef ASSAY_ONNXRUNTIME_LIBRARY
#define ASSAY_ONNXRUNTIME_LIBRARY ""
#endif

enum {
    MAX_PATH_BYTES = 4096,
    MAX_ERROR_BYTES = 500, // of the runtime's own texts
    OLDEST_API = 17,       // has all functions that are called here
};

// --- guarded by lock
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *library;
static OrtEnv *env;
static int n_env_holders;
// --- constant after the first successful ort_runtime_get()
static const OrtApi *api;
static const OrtApiBase *base;
static char path[MAX_PATH_BYTES];

static const char *const places[] = {
    ASSAY_ONNXRUNTIME_LIBRARY,
    "/usr/local/lib/assay/libonnxruntime.so.1",
    "libonnxruntime.so.1",
    "libonnxruntime.so",
};

// Not in ort_runtime_get(): setenv() is only safe while no other thread reads the environment.
static AT_START void switch_telemetry_off(void)
{
    IGNORE(setenv("ORT_DISABLE_TELEMETRY", "1", 1));  // out of memory: the second way remains
    IGNORE(setenv("ORT_TELEMETRY_DISABLED", "1", 1)); // its name in some versions
}

static bool is_folder(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 && S_ISDIR(st.st_mode);
}

// Notes a place that had no library, with the loader's reason where there is one beyond absence.
static void note_place(struct str_buf *looked_at, const char *place)
{
    const char *reason = dlerror();
    str_buf_printf(looked_at, "%s%s", looked_at->n ? ", " : "", place);
    struct stat st;
    if (reason && stat(place, &st) == 0)
        str_buf_printf(looked_at, " (%s)", reason);
}

static bool try_place(const char *place, struct str_buf *looked_at)
{
    if (!place[0])
        return false;
    library = dlopen(place, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        note_place(looked_at, place);
        return false;
    }
    snprintf(path, sizeof(path), "%s", place);
    return true;
}

static bool try_named(const char *named, struct str_buf *looked_at)
{
    if (!is_folder(named))
        return try_place(named, looked_at);
    char in_folder[MAX_PATH_BYTES];
    snprintf(in_folder, sizeof(in_folder), "%s/libonnxruntime.so.1", named);
    if (try_place(in_folder, looked_at))
        return true;
    snprintf(in_folder, sizeof(in_folder), "%s/libonnxruntime.so", named);
    return try_place(in_folder, looked_at);
}

static bool find_library(struct str_buf *looked_at)
{
    const char *named = getenv("ASSAY_ONNXRUNTIME");
    if (named && named[0])
        return try_named(named, looked_at);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (try_place(places[i], looked_at))
            return true;
    }
    return false;
}

// The loader may have found it by name: say which file it was.
static void resolve_path(const void *symbol)
{
    Dl_info info;
    if (dladdr(symbol, &info) && info.dli_fname)
        snprintf(path, sizeof(path), "%s", info.dli_fname);
}

// The table of functions only ever grows at its end, so an older library serves as far as it goes.
// ONNX Runtime 1.N has table N; 0: nothing that can be used.
static uint32_t api_version(const char *library_version)
{
    struct str rest = str_of(library_version);
    struct str part;
    int64_t minor = 0;
    if (!str_split(&rest, '.', &part) || !str_is(part, "1") || !str_split(&rest, '.', &part) ||
        str_to_i64(part, &minor) < 0 || minor < OLDEST_API)
        return 0;
    return (uint32_t)MIN(minor, ORT_API_VERSION);
}

static int bind_locked(void)
{
    // ISO C has no cast from an object to a function pointer; POSIX promises that this works.
    const OrtApiBase *(*get_base)(void) = NULL;
    void *symbol = dlsym(library, "OrtGetApiBase");
    if (!symbol)
        return err_set(ERR_UNAVAILABLE, "%s: is no ONNX Runtime: OrtGetApiBase is missing", path);
    memcpy(&get_base, &symbol, sizeof(get_base));
    resolve_path(symbol);
    base = get_base();
    uint32_t version = api_version(base->GetVersionString());
    const OrtApi *found = version ? base->GetApi(version) : NULL;
    if (!found)
        return err_set(ERR_UNAVAILABLE,
                       "%s: ONNX Runtime %s does not fit: version 1.%d or newer is needed; run "
                       "scripts/install-deps",
                       path, base->GetVersionString(), OLDEST_API);
    api = found;
    return 0;
}

static int open_locked(void)
{
    if (api)
        return 0;
    struct str_buf looked_at = STR_BUF_INIT(2 * KIB);
    int r = 0;
    if (!find_library(&looked_at))
        r = err_set(ERR_UNAVAILABLE,
                    "ONNX Runtime: no library found; run scripts/install-deps, or name it by "
                    "ASSAY_ONNXRUNTIME; looked at %s",
                    str_buf_text(&looked_at));
    str_buf_finish(&looked_at);
    if (r < 0)
        return r;
    r = bind_locked();
    if (r < 0) {
        dlclose(library);
        library = NULL;
    }
    return r;
}

int ort_runtime_get(const OrtApi **ret_api)
{
    pthread_mutex_lock(&lock);
    int r = open_locked();
    if (r == 0)
        *ret_api = api;
    pthread_mutex_unlock(&lock);
    return r;
}

const char *ort_runtime_version(void)
{
    return base->GetVersionString();
}

const char *ort_runtime_path(void)
{
    return path;
}

// What goes wrong comes back as a status as well: here it is for --log-level debug only.
static void ORT_API_CALL keep_quiet(void *param, OrtLoggingLevel severity, const char *category,
                                    const char *id, const char *code_location, const char *message)
{
    log_debug("onnxruntime", "%s", message);
}

int ort_runtime_hold_env(OrtEnv **ret_env)
{
    pthread_mutex_lock(&lock);
    int r = open_locked();
    if (r == 0 && !env) {
        OrtLoggingLevel level =
            log_wants(LOG_DEBUG) ? ORT_LOGGING_LEVEL_WARNING : ORT_LOGGING_LEVEL_FATAL;
        r = ort_runtime_check(
            api->CreateEnvWithCustomLogger(keep_quiet, NULL, level, "assay", &env), ERR_UNAVAILABLE,
            path);
        if (r == 0)
            r = ort_runtime_check(api->DisableTelemetryEvents(env), ERR_UNAVAILABLE, path);
    }
    if (r == 0) {
        n_env_holders++;
        *ret_env = env;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

void ort_runtime_release_env(void)
{
    pthread_mutex_lock(&lock);
    if (--n_env_holders == 0) {
        api->ReleaseEnv(env);
        env = NULL;
    }
    pthread_mutex_unlock(&lock);
}

static bool is_out_of_memory(const char *text)
{
    return strstr(text, "bad_alloc") || strstr(text, "allocate memory");
}

int ort_runtime_check(OrtStatus *status, enum err code, const char *what)
{
    if (!status)
        return 0;
    char text[MAX_ERROR_BYTES];
    snprintf(text, sizeof(text), "%s", api->GetErrorMessage(status));
    api->ReleaseStatus(status);
    bool no_memory = is_out_of_memory(text);
    for (char *c = text; *c; c++) {
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
    }
    struct str line = str_trim(str_of(text));
    return err_set(no_memory ? ERR_NOMEM : code, "%s: ONNX Runtime: " STR_FMT, what, STR_ARG(line));
}

int ort_runtime_providers(char *ret_text, size_t n_bytes)
{
    const OrtApi *a = NULL;
    int r = ort_runtime_get(&a);
    if (r < 0)
        return r;
    char **names = NULL;
    int n = 0;
    r = ort_runtime_check(a->GetAvailableProviders(&names, &n), ERR_UNAVAILABLE, path);
    if (r < 0)
        return r;
    struct str_buf list = STR_BUF_INIT(KIB);
    for (int i = 0; i < n; i++) {
        struct str name = str_of(names[i]);
        if (str_ends(name, "ExecutionProvider"))
            name.n -= strlen("ExecutionProvider");
        str_buf_printf(&list, "%s" STR_FMT, i ? ", " : "", STR_ARG(name));
    }
    snprintf(ret_text, n_bytes, "%s", str_buf_text(&list));
    str_buf_finish(&list);
    return ort_runtime_check(a->ReleaseAvailableProviders(names, n), ERR_UNAVAILABLE, path);
}
