// SPDX-License-Identifier: Apache-2.0
// test_engine.c - the table of engines: what can be chosen, what is refused and with which words.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "infer/engine.h"
#include "infer/engine_impl.h"

enum {
    CHOICE_NATIVE = 1,
    CHOICE_ONNXRUNTIME = 2,
};

static struct model *open_model(const char *name)
{
    const char *data = getenv("ASSAY_TEST_DATA");
    char path[4096];
    snprintf(path, sizeof(path), "%s/models/%s", data ? data : "", name);
    struct model *m = NULL;
    int r = model_open(&(struct model_opts){.path = path}, &m);
    if (r == ERR_NOT_FOUND) {
        print_message("no test data: %s\n", err_message(r));
        skip();
    }
    assert_int_equal(r, 0);
    return m;
}

static void assert_says(const char *word)
{
    if (!strstr(err_message(0), word))
        fail_msg("'%s' is not in: %s", word, err_message(0));
}

static const struct engine_opts onnxruntime = {.engine = 2}; // CHOICE_ONNXRUNTIME

// Before any test that opens the library: it is opened once a process.
static void test_library_missing(void **state)
{
    struct model *m = open_model("yolox_nano_416.onnx");
    struct engine *e = NULL;
    char before[4096];
    const char *named = getenv("ASSAY_ONNXRUNTIME");
    snprintf(before, sizeof(before), "%s", named ? named : "");

    setenv("ASSAY_ONNXRUNTIME", "/nonexistent", 1);
    assert_int_equal(engine_create(m, &onnxruntime, &e), ERR_UNAVAILABLE);
    if (strstr(err_message(ERR_UNAVAILABLE), "built without its header")) {
        print_message("%s\n", err_message(ERR_UNAVAILABLE));
        model_unref(&m);
        skip();
    }
    assert_says("/nonexistent");
    assert_says("scripts/install-deps");
    char text[64];
    assert_int_equal(engine_runtime_describe(text, sizeof(text)), ERR_UNAVAILABLE);

    setenv("ASSAY_ONNXRUNTIME", "/", 1); // a folder: the library's names are tried in it
    assert_int_equal(engine_create(m, &onnxruntime, &e), ERR_UNAVAILABLE);
    assert_says("//libonnxruntime.so.1");

    setenv("ASSAY_ONNXRUNTIME", model_info(m)->path, 1); // there, but no library
    assert_int_equal(engine_create(m, &onnxruntime, &e), ERR_UNAVAILABLE);
    assert_says("invalid ELF header");

    if (named)
        setenv("ASSAY_ONNXRUNTIME", before, 1);
    else
        unsetenv("ASSAY_ONNXRUNTIME");
    assert_null(e);
    model_unref(&m);
}

static bool has_runtime(void)
{
    char text[256];
    int r = engine_runtime_describe(text, sizeof(text));
    if (r < 0)
        print_message("no ONNX Runtime: %s\n", err_message(r));
    return r == 0;
}

static void test_refused(void **state)
{
    static const struct {
        struct engine_opts opts;
        int error;
        const char *word;
    } rows[] = {
        {{.engine = CHOICE_NATIVE, .device = DEVICE_CUDA}, ERR_UNSUPPORTED, "CPU only"},
        {{.engine = 99}, ERR_INVALID, "99"},
        {{.engine = CHOICE_ONNXRUNTIME, .precision = PRECISION_BF16}, ERR_UNSUPPORTED, "bf16"},
        {{.engine = CHOICE_ONNXRUNTIME, .precision = PRECISION_INT8}, ERR_UNSUPPORTED, "int8"},
        {{.device = DEVICE_CUDA}, ERR_UNAVAILABLE, "libonnxruntime_providers_cuda.so"},
        {{.device = DEVICE_TENSORRT}, ERR_UNAVAILABLE, "libonnxruntime_providers_tensorrt.so"},
        {{.device = DEVICE_OPENVINO}, ERR_UNAVAILABLE, "libonnxruntime_providers_openvino.so"},
    };
    if (!has_runtime())
        skip();
    struct model *m = open_model("yolox_nano_416.onnx");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct engine *e = NULL;
        int r = engine_create(m, &rows[i].opts, &e);
        if (r == 0 && rows[i].error == ERR_UNAVAILABLE) { // this machine has the device
            engine_destroy(e);
            continue;
        }
        assert_int_equal(r, rows[i].error);
        assert_says(rows[i].word);
        assert_null(e);
    }
    model_unref(&m);
}

static void run_zeros(struct engine *e, struct model *m)
{
    const struct model_info *info = model_info(m);
    struct engine_context *c = NULL;
    assert_int_equal(engine_context_create(e, &c), 0);
    struct tensor in = {.type = info->inputs[0].type, .n_dims = 4, .dims = {1, 3, 416, 416}};
    in.n_bytes = 3 * 416 * 416 * 4;
    in.data = mem_calloc(in.n_bytes, 1);
    assert_non_null(in.data);
    struct tensor out = {0};
    for (int i = 0; i < 2; i++) { // outputs of a run end with the next
        assert_int_equal(engine_run(c, &in, 1, &out, 1), 0);
        assert_int_equal(out.type, TENSOR_FLOAT32);
        assert_int_equal(out.n_dims, 3);
        assert_int_equal(out.dims[1], 3549);
        assert_int_equal(out.dims[2], 85);
        assert_int_equal(out.n_bytes, 3549 * 85 * 4);
        assert_true(isfinite(((const float *)out.data)[85]));
    }
    in.dims[2] = 415; // the runtime's own words come back as one line with the file's name
    assert_int_equal(engine_run(c, &in, 1, &out, 1), ERR_MODEL);
    assert_says("yolox_nano_416.onnx: ONNX Runtime:");
    in.dims[2] = 416;
    assert_int_equal(engine_run(c, &in, 1, &out, 1), 0);
    mem_free(in.data);
    engine_context_destroy(c);
}

static void test_onnxruntime(void **state)
{
    if (!has_runtime())
        skip();
    struct model *m = open_model("yolox_nano_416.onnx");
    struct engine *e = NULL;
    struct engine *second = NULL;
    assert_int_equal(engine_create(m, &onnxruntime, &e), 0);
    assert_string_equal(engine_name(e), "onnxruntime");
    assert_non_null(strstr(engine_describe(e), "CPU, fp32"));
    assert_int_equal(engine_max_batch(e), 1);
    assert_int_equal(
        engine_create(m, &(struct engine_opts){.engine = 2, .precision = PRECISION_FP32}, &second),
        0);
    run_zeros(e, m);
    engine_destroy(e); // the environment lives on for the other
    run_zeros(second, m);
    engine_destroy(second);
    engine_destroy(NULL);
    engine_context_destroy(NULL);
    model_unref(&m);
}

static void test_out_of_memory(void **state)
{
    if (!has_runtime())
        skip();
    struct model *m = open_model("FastestDet_352.onnx");
    struct engine *e = NULL;
    long at = 1;
    for (;; at++) {
        mem_test_fail_at(at);
        int r = engine_create(m, &onnxruntime, &e);
        bool pending = mem_test_fail_pending();
        mem_test_fail_at(0);
        if (r == 0 && pending)
            break;
        if (r == 0) { // the allocation that failed was only for a message
            engine_destroy(e);
            continue;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
    assert_true(at > 1);
    mem_test_fail_at(1);
    struct engine_context *c = NULL;
    assert_int_equal(engine_context_create(e, &c), ERR_NOMEM);
    mem_test_fail_at(0);
    engine_destroy(e);
    model_unref(&m);
}

// The library would keep an identifier and unsent reports in the cache folder. First of all those
// that open it: it decides once a process.
static void test_nothing_is_reported(void **state)
{
    if (!has_runtime())
        skip();
    char folder[] = "/tmp/assay-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    struct model *m = open_model("FastestDet_352.onnx");
    struct engine *e = NULL;
    assert_int_equal(engine_create(m, &onnxruntime, &e), 0);
    engine_destroy(e);
    model_unref(&m);
    assert_int_equal(rmdir(folder), 0); // still empty
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library_missing), cmocka_unit_test(test_nothing_is_reported),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_onnxruntime),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
