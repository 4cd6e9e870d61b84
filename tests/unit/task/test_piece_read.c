// SPDX-License-Identifier: Apache-2.0
// test_piece_read.c - posted pieces: told apart by content, counted, refused with line and cause.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store_session.h"
#include "task/piece_read.h"

static struct arena *arena;

static int read_text(const char *text, const char *format, struct piece_read *ret)
{
    char path[] = "/tmp/assay-piece-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const struct piece_wanted w = {
        .path = path, .text = str_of(text), .format = format, .name = "the body"};
    int r = piece_read(&w, arena, ret);
    assert_int_equal(access(path, F_OK), -1); // whatever came of it
    return r;
}

#define FRAME(n)                                                                                \
    "{\"type\":\"frame\",\"frame\":" n ",\"pts_us\":" n "000,\"detections\":[{\"label\":\"a\"," \
    "\"confidence\":0.5,\"bounding_box\":{\"x\":1,\"y\":2,\"width\":3,\"height\":4}}]}\n"

static void test_what_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *format; // asked for; NULL: by content
        const char *is;
        int64_t n, last_us;
    } rows[] = {
        {FRAME("1"), NULL, "jsonl", 1, 1000},
        {FRAME("1") FRAME("2"), NULL, "jsonl", 2, 2000},
        {"{\"type\":\"header\",\"assay\":\"1\"}\n" FRAME("1"), NULL, "jsonl", 1, 1000},
        {FRAME("3") "{\"type\":\"summary\",\"interrupted\":false}\n", NULL, "jsonl", 1, 3000},
        {"{\"type\":\"frame\",\"frame\":9,\"detections\":[]}", NULL, "jsonl", 0, INT64_MIN},
        {"[]", NULL, "coco", 0, INT64_MIN},
        {"[{\"image_id\":1,\"category_id\":2,\"bbox\":[1,2,3,4],\"score\":0.5}]", NULL, "coco", 1,
         INT64_MIN},
        {"[{\"score\":1,\"bbox\":[1,2,3,4e0],\"category_id\":2,\"image_id\":\"a\",\"x\":[{}]}]",
         "coco", "coco", 1, INT64_MIN},
        {"1,-1,10,10,20,20,0.9,-1,-1,-1\n2,-1,10,10,20,20,0.9,-1,-1,-1\n", NULL, "mot", 2,
         INT64_MIN},
        {"label,time_ms\nbrake,100\nstop,250.5\n", NULL, "events", 2, 250500},
        {"{\"events\":[{\"label\":\"a\",\"time_s\":1.5,\"confidence\":0.25}]}", NULL, "events", 1,
         1500000},
        {"[{\"label\":\"a\",\"time_us\":7}]", NULL, "events", 1, 7},
        {"[]", "events", "events", 0, INT64_MIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct piece_read p;
        int r = read_text(rows[i].text, rows[i].format, &p);
        if (r < 0 || strcmp(p.format, rows[i].is) != 0 || p.n_items != rows[i].n ||
            p.last_us != rows[i].last_us)
            fail_msg("row %zu: %d %s", i, r, r < 0 ? err_message(r) : p.format);
        assert_true((p.events != NULL) == (strcmp(p.format, "events") == 0));
    }
    struct piece_read p;
    assert_int_equal(read_text(rows[10].text, NULL, &p), 0);
    assert_true(p.events[0].confidence == 0.25 && p.events[0].start_us == 1500000);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *format;
        int code;
        const char *words;
    } rows[] = {
        {"[]", "xml", ERR_INVALID, "none of jsonl, coco, mot, events"},
        {"nothing\n", NULL, ERR_DATA, "the body"},
        {FRAME("1") "{\"type\":\"frame\",\"frame\":2}\n", NULL, ERR_DATA, "line 2"},
        {FRAME("1") "{\"frame\":2}\n", NULL, ERR_DATA, "line 2"},
        {"{\"type\":\"frame\",\"frame\":1,\"detections\":[{}]}", NULL, ERR_DATA, "label"},
        {"[{}]", "coco", ERR_DATA, "image_id"},
        {"[1]", "coco", ERR_DATA, "not an object"},
        {"{}", "coco", ERR_DATA, "are an array"},
        {"[] []", "coco", ERR_DATA, "line 1"},
        {"[{\"image_id\":1.5}]", "coco", ERR_DATA, "image_id"},
        {"[{\"category_id\":\"1\"}]", "coco", ERR_DATA, "category_id"},
        {"[{\"score\":\"1\"}]", "coco", ERR_DATA, "score"},
        {"[{\"bbox\":[1,2,3]}]", "coco", ERR_DATA, "four numbers"},
        {"[{\"bbox\":[1,2,3,4,5]}]", "coco", ERR_DATA, "four numbers"},
        {"[{\"bbox\":5}]", "coco", ERR_DATA, "not an array"},
        {"[{\"bbox\":[1,2,3,1e999]}]", "coco", ERR_DATA, "the body"},
        {"1,1,x,1,5,5,0.5\n", "mot", ERR_DATA, "line 1"},
        {"label,time_ms\nbrake,soon\n", NULL, ERR_DATA, "line 2"},
        {"[{\"label\":\"a\"}]", "events", ERR_DATA, "time"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct piece_read p;
        int r = read_text(rows[i].text, rows[i].format, &p);
        if (r != rows[i].code || !strstr(err_message(r), rows[i].words) ||
            strstr(err_message(r), "/tmp"))
            fail_msg("row %zu: %d %s", i, r, r < 0 ? err_message(r) : "taken");
    }
}

static int start(void **state)
{
    (void)state;
    return arena_create(0, &arena);
}

static int stop(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
