// SPDX-License-Identifier: Apache-2.0
// test_hostile.c - every broken or malicious file of the test data: frames or an error with a
// cause, in bounded time; and what the accidents among them are called.

#include <dirent.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "unit/media/media_test.h"

enum {
    MAX_SECONDS = 10,
};

static int n_files;

static void check_file(const char *path)
{
    const struct source_opts opts = {.path = path};
    int64_t begin_ns = clock_now_ns();
    struct media_test_run run = media_test_run(&opts);
    if (clock_now_ns() - begin_ns > MAX_SECONDS * CLOCK_NS_PER_S)
        fail_msg("%s: more than %d s", path, MAX_SECONDS);
    int r = run.open_result < 0 ? run.open_result : run.end_result;
    if (r == ERR_EOF && run.n_given > 0)
        return;
    bool is_input_error = r == ERR_MEDIA || r == ERR_TOO_BIG || r == ERR_UNSUPPORTED;
    if (!is_input_error)
        fail_msg("%s: %s: %s", path, err_name(r), run.message);
    if (strncmp(run.message, path, strlen(path)) != 0 || strlen(run.message) < strlen(path) + 8)
        fail_msg("'%s' does not name the file and a cause", run.message);
}

static void walk(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    const struct dirent *e;
    while ((e = readdir(dir))) {
        char path[MEDIA_TEST_PATH_BYTES * 2];
        struct stat st;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode)) {
            walk(path);
        } else {
            n_files++;
            check_file(path);
        }
    }
    closedir(dir);
}

static void test_all(void **state)
{
    (void)state;
    walk(media_test_data("hostile_media"));
    assert_true(n_files >= 140);
}

// Where ffprobe counts frames, we count the same.
static void test_counts_as_stated(void **state)
{
    (void)state;
    json_error_t error;
    json_t *facts = json_load_file(media_test_data("media_facts.json"), 0, &error);
    assert_non_null(facts);
    const char *name;
    json_t *fact;
    int n_checked = 0;
    json_object_foreach(facts, name, fact)
    {
        if (strncmp(name, "hostile_media/", 14) != 0)
            continue;
        size_t i;
        json_t *stream;
        json_array_foreach(json_object_get(fact, "streams"), i, stream)
        {
            const char *n = json_string_value(json_object_get(stream, "nb_read_frames"));
            const char *type = json_string_value(json_object_get(stream, "codec_type"));
            if (!n || !type || strcmp(type, "video") != 0)
                continue;
            const struct source_opts opts = {.path = media_test_data(name)};
            struct media_test_run run = media_test_run(&opts);
            if (run.n_given != strtoll(n, NULL, 10))
                fail_msg("%s: %lld frames, not %s", name, (long long)run.n_given, n);
            n_checked++;
        }
    }
    assert_true(n_checked >= 4);
    json_decref(facts);
}

static void test_causes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *part;
    } rows[] = {
        {"accident_zero_byte.mp4", "is empty"},
        {"accident_lfs_pointer.mp4", "Git-LFS pointer"},
        {"accident_44_bytes.mp4", "its index (moov) is missing"},
        {"short-cenc.mp4", "encrypted"},
        {"0-timescale.mp4", "edit list leaves none of 6 frames"},
        {"invalid-bitstream.webm", "none of 51 packets could be decoded"},
        {"invalid_userdata.mp4", "ends before the frames that its index lists"},
        {"mopt/0.mp4", "no video stream, only audio"},
        {"bmp/Bad_reallybig.bmp", "larger than is accepted"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char name[MEDIA_TEST_PATH_BYTES / 2];
        snprintf(name, sizeof(name), "hostile_media/%s", rows[i].name);
        const struct source_opts opts = {.path = media_test_data(name)};
        struct media_test_run run = media_test_run(&opts);
        if (!strstr(run.message, rows[i].part))
            fail_msg("%s: '%s' without '%s'", rows[i].name, run.message, rows[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_counts_as_stated),
        cmocka_unit_test(test_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
