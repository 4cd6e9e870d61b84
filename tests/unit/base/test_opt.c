// SPDX-License-Identifier: Apache-2.0
// test_opt.c - option tables: every source, every type, every complaint.

#include "base/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct target {
    bool track;
    bool drawn;
    int64_t max_frames;
    int64_t port;
    double confidence;
    const char *model;
    int device;
    struct opt_list min;
};

static const char *const devices[] = {"auto", "cpu", "cuda", NULL};

// clang-format off
static const struct opt rows[] = {
    OPT_BOOL(struct target, "track", track, "add ids"),
    OPT_BOOL(struct target, "drawn", drawn, "draw boxes"),
    OPT_INT(struct target, "max-frames", max_frames, 0, 9e18, "N", "stop after N frames", "all"),
    OPT_INT(struct target, "port", port, 1, 65535, "N", "where to listen", "8080"),
    OPT_DOUBLE(struct target, "confidence", confidence, 0, 1, "F", "lowest confidence", "0.25"),
    OPT_TEXT(struct target, "model", model, "FILE", "the model", NULL),
    OPT_CHOICE(struct target, "device", device, devices, "NAME", "where it runs", NULL),
    OPT_LIST(struct target, "min", min, "NAME=F", "a bound that must hold"),
    OPT_END,
};
// clang-format on

enum {
    MAX_WORDS = 8,
};

static struct target target;
static struct arena *arena;
static struct opt_result result;
static char config_path[] = "/tmp/assay-test-opt-XXXXXX";

static int setup(void **state)
{
    int fd = mkstemp(config_path);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int teardown(void **state)
{
    unlink(config_path);
    arena_destroy(arena);
    return 0;
}

static void write_config(const char *text)
{
    FILE *f = fopen(config_path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int parse(const char *const words[MAX_WORDS])
{
    static char storage[MAX_WORDS][128];
    char *argv[MAX_WORDS + 1] = {NULL};
    int argc = 0;
    for (; argc < MAX_WORDS && words[argc]; argc++) {
        snprintf(storage[argc], sizeof(storage[argc]), "%s", words[argc]);
        argv[argc] = storage[argc];
    }
    arena_destroy(arena);
    assert_int_equal(arena_create(0, &arena), 0);
    target = (struct target){.confidence = 0.25, .drawn = true, .port = 8080};
    result = (struct opt_result){0};
    struct opt_set set = {.rows = rows, .target = &target};
    return opt_parse(argc, argv, &set, 1, arena, &result);
}

static void test_values(void **state)
{
    assert_int_equal(parse((const char *[MAX_WORDS]){0}), 0);
    assert_true(target.confidence == 0.25 && target.drawn && target.port == 8080 && !target.model);
    assert_int_equal(parse((const char *[MAX_WORDS]){"a.mp4", "--model", "m.onnx", "--track",
                                                     "--confidence=0.5", "--no-drawn", "-", "b"}),
                     0);
    assert_string_equal(target.model, "m.onnx");
    assert_true(target.track && !target.drawn && target.confidence == 0.5);
    assert_int_equal(result.n_arguments, 3);
    assert_string_equal(result.arguments[0], "a.mp4");
    assert_string_equal(result.arguments[1], "-");
    assert_string_equal(result.arguments[2], "b");
    assert_int_equal(parse((const char *[MAX_WORDS]){"--port", "1", "--port", "65535", "--device",
                                                     "cuda", "--track=no", "--model="}),
                     0);
    assert_true(target.port == 65535 && target.device == 2 && !target.track);
    assert_string_equal(target.model, "");
    assert_int_equal(parse((const char *[MAX_WORDS]){"--confidence", "-0", "--", "--track", "-x"}),
                     0);
    assert_int_equal(result.n_arguments, 2);
    assert_false(target.track);
    assert_int_equal(parse((const char *[MAX_WORDS]){"--min", "a=1", "--min=b=2"}), 0);
    assert_int_equal(target.min.n, 2);
    assert_string_equal(target.min.items[0], "a=1");
    assert_string_equal(target.min.items[1], "b=2");
}

static void test_help_stops_the_rest(void **state)
{
    assert_int_equal(parse((const char *[MAX_WORDS]){"--bogus", "--help"}), 0);
    assert_true(result.help);
    assert_int_equal(parse((const char *[MAX_WORDS]){"-h"}), 0);
    assert_true(result.help);
    assert_int_equal(parse((const char *[MAX_WORDS]){"--", "--help"}), 0);
    assert_false(result.help);
    assert_int_equal(parse((const char *[MAX_WORDS]){"--version"}), 0);
    assert_true(result.version);
}

static void test_complaints(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        const char *message;
    } cases[] = {
        {{"--confidance", "1"}, "unknown option '--confidance', did you mean '--confidence'?"},
        {{"--conf", "1"}, "unknown option '--conf', did you mean '--confidence'?"},
        {{"--no-model"}, "unknown option '--no-model'"},
        {{"--zzz"}, "unknown option '--zzz'"},
        {{"--hlep"}, "unknown option '--hlep', did you mean '--help'?"},
        {{"-x"}, "unknown option '-x'"},
        {{"--model"}, "--model needs a value: --model FILE"},
        {{"--model", "--track"}, "--model needs a value: --model FILE"},
        {{"--no-track=1"}, "--no-track takes no value"},
        {{"--track=maybe"}, "--track: 'maybe' is not true or false"},
        {{"--port", "0"}, "--port: '0' is not between 1 and 65535"},
        {{"--port", "65536"}, "--port: '65536' is not between 1 and 65535"},
        {{"--port", "80.5"}, "--port: '80.5' is not a whole number"},
        {{"--port", ""}, "--port: '' is not a whole number"},
        {{"--max-frames", "-1"}, "--max-frames: '-1' is less than 0"},
        {{"--confidence", "1.01"}, "--confidence: '1.01' is not between 0 and 1"},
        {{"--confidence", "nan"}, "--confidence: 'nan' is not a number"},
        {{"--confidence", "0,5"}, "--confidence: '0,5' is not a number"},
        {{"--device", "gpu"}, "--device: 'gpu' is none of auto, cpu, cuda"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(parse(cases[i].words), ERR_INVALID);
        assert_string_equal(err_message(ERR_INVALID), cases[i].message);
    }
    assert_int_equal(parse((const char *[MAX_WORDS]){"--config", "/nonexistent/x"}), ERR_NOT_FOUND);
}

static void test_precedence(void **state)
{
    write_config("# comment\n\n max-frames = 5 \nPORT=99\nASSAY_MODEL=\"a b\"\ntrack=yes\n"
                 "min=x\nmin=y\r\n");
    setenv("ASSAY_PORT", "100", 1);
    setenv("ASSAY_MODEL", "", 1); // empty is not given
    setenv("ASSAY_MIN", "e", 1);
    setenv("ASSAY_UNHEARD_OF", "1", 1);
    assert_int_equal(parse((const char *[MAX_WORDS]){"--config", config_path, "--max-frames", "7"}),
                     0);
    assert_true(target.max_frames == 7 && target.port == 100 && target.track);
    assert_string_equal(target.model, "a b");
    assert_true(target.min.n == 1 && strcmp(target.min.items[0], "e") == 0);
    unsetenv("ASSAY_MIN");
    setenv("ASSAY_CONFIG", config_path, 1);
    assert_int_equal(parse((const char *[MAX_WORDS]){"--port=101"}), 0);
    assert_true(target.max_frames == 5 && target.port == 101 && target.min.n == 2);
    assert_string_equal(target.min.items[1], "y");
    setenv("ASSAY_PORT", "x", 1);
    assert_int_equal(parse((const char *[MAX_WORDS]){0}), ERR_INVALID);
    assert_string_equal(err_message(ERR_INVALID), "ASSAY_PORT: 'x' is not a whole number");
    unsetenv("ASSAY_PORT");
    unsetenv("ASSAY_MODEL");
    unsetenv("ASSAY_CONFIG");
    unsetenv("ASSAY_UNHEARD_OF");
}

static bool is_elsewhere(const char *name)
{
    return strcmp(name, "report") == 0;
}

static void test_config_complaints(void **state)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"track", "line 1: expected KEY=VALUE"},
        {"\n#\nmax_frame=1", "line 3: unknown key 'max-frame', did you mean 'max-frames'?"},
        {"port=0", "line 1: port: '0' is not between 1 and 65535"},
        {"config=x", "line 1: 'config' has no place in a file"},
        {"report=x\nreports=y", "line 2: unknown key 'reports'"},
    };
    opt_set_known_elsewhere(is_elsewhere);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_config(cases[i].text);
        assert_int_equal(parse((const char *[MAX_WORDS]){"--config", config_path}), ERR_INVALID);
        const char *message = err_message(ERR_INVALID);
        assert_true(str_starts(str_of(message), config_path));
        assert_string_equal(message + strlen(config_path) + 2, cases[i].message);
    }
    opt_set_known_elsewhere(NULL);
}

static void test_help_and_markdown(void **state)
{
    target = (struct target){.drawn = true};
    struct opt_set set = {.rows = rows, .target = &target, .title = "Detection"};
    struct str_buf b = STR_BUF_INIT(MIB);
    opt_print_help(&set, 1, &b);
    const char *text = str_buf_text(&b);
    assert_non_null(strstr(text, "\nDetection:\n  --track                 add ids\n"));
    assert_non_null(strstr(text, "  --drawn                 draw boxes [on]\n"));
    assert_non_null(strstr(text, "  --max-frames N          stop after N frames (from 0) [all]\n"));
    assert_non_null(strstr(text, "lowest confidence (0 to 1) [0.25]"));
    assert_non_null(strstr(text, "where it runs (auto, cpu, cuda) [auto]"));
    assert_non_null(strstr(text, "--config FILE"));
    str_buf_reset(&b);
    opt_print_markdown(&set, 1, &b);
    text = str_buf_text(&b);
    assert_non_null(strstr(text, "| `--port N` | 1 to 65535 | 8080 | where to listen |\n"));
    str_buf_finish(&b);
}

static bool is_port(const char *name)
{
    return strcmp(name, "port") == 0;
}

static int parse_json(const char *text)
{
    arena_destroy(arena);
    assert_int_equal(arena_create(0, &arena), 0);
    target = (struct target){.confidence = 0.25, .drawn = true, .port = 8080};
    const struct opt_set set = {.rows = rows, .target = &target};
    return opt_parse_json(str_of(text), "settings", &set, 1, is_port, arena);
}

static void test_json(void **state)
{
    (void)setenv("ASSAY_CONFIDENCE", "0.9", 1); // not looked at
    assert_int_equal(parse_json("{}"), 0);
    assert_true(target.confidence == 0.25);
    assert_int_equal(parse_json("{\"max_frames\":12,\"track\":true,\"drawn\":false,"
                                "\"confidence\":5e-1,\"device\":\"cuda\",\"model\":[\"a\",\"b\"],"
                                "\"min\":{\"ap=50\":0.5,\"b\":1}}"),
                     0);
    (void)unsetenv("ASSAY_CONFIDENCE");
    assert_int_equal(target.max_frames, 12);
    assert_true(target.track && !target.drawn && target.confidence == 0.5);
    assert_int_equal(target.device, 2);
    assert_string_equal(target.model, "a,b");
    assert_int_equal(target.min.n, 2);
    assert_string_equal(target.min.items[0], "ap=50=0.5");
    assert_int_equal(parse_json("{\"confidence\":null,\"min\":[\"a=1\"]}"), 0);
    assert_true(target.confidence == 0.25 && target.min.n == 1);
}

static void test_json_complaints(void **state)
{
    static const struct {
        const char *json;
        int code;
        const char *message; // part of it
    } cases[] = {
        {"", ERR_DATA, "settings"},
        {"[]", ERR_DATA, "an object is expected"},
        {"{} {}", ERR_DATA, "settings"},
        {"{\"max_frame\":1}", ERR_INVALID,
         "settings: unknown setting 'max_frame', did you mean 'max_frames'?"},
        {"{\"max-frames\":1}", ERR_INVALID,
         "settings: unknown setting 'max-frames', did you mean 'max_frames'?"},
        {"{\"port\":80}", ERR_INVALID, "settings: 'port' cannot be set here"},
        {"{\"porta\":80}", ERR_INVALID, "settings: unknown setting 'porta'"},
        {"{\"help\":true}", ERR_INVALID, "unknown setting"},
        {"{\"config\":\"/etc/passwd\"}", ERR_INVALID, "unknown setting"},
        {"{\"confidence\":2}", ERR_INVALID, "settings.confidence: '2' is not between 0 and 1"},
        {"{\"max_frames\":1.5}", ERR_INVALID, "settings.max_frames: '1.5' is not a whole number"},
        {"{\"max_frames\":{}}", ERR_DATA, "is expected"},
        {"{\"max_frames\":[1]}", ERR_DATA, "is expected"},
        {"{\"track\":\"maybe\"}", ERR_INVALID, "settings.track"},
        {"{\"device\":\"gpu\"}", ERR_INVALID, "none of"},
        {"{\"model\":\"a\\u0000b\"}", ERR_DATA, "holds a zero"},
        {"{\"min\":{\"a\":\"b\"}}", ERR_DATA, "wants a number"},
        {"{\"min\":[[1]]}", ERR_DATA, "is expected"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int r = parse_json(cases[i].json);
        if (r != cases[i].code || !strstr(err_message(r), cases[i].message))
            fail_msg("%s: %d, %s", cases[i].json, r, err_message(r));
    }
}

static void test_allocation_failure(void **state)
{
    write_config("max-frames=5\nmin=x\n");
    for (long n = 1;; n++) {
        struct arena *a = NULL;
        char words[4][32] = {"--model", "m", "--min", "q"};
        char *argv[] = {words[0], words[1], words[2], words[3]};
        struct opt_set set = {.rows = rows, .target = &target};
        mem_test_fail_at(n);
        int r = arena_create(0, &a);
        if (r == 0)
            r = opt_parse(4, argv, &set, 1, a, &result);
        bool over = mem_test_fail_pending();
        mem_test_fail_at(0);
        arena_destroy(a);
        if (over) {
            assert_int_equal(r, 0);
            return;
        }
        assert_int_equal(r, ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_help_stops_the_rest),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_config_complaints),
        cmocka_unit_test(test_help_and_markdown),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_complaints),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
