// SPDX-License-Identifier: Apache-2.0
// test_exif.c - the orientation in a JPEG's head; every way it can be broken is upright.

#include "media/exif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#define SOI       "\xff\xd8"
#define APP0      "\xff\xe0\x00\x04JF"
#define APP1(n)   "\xff\xe1\x00" n "Exif\0\0"
#define LITTLE    "II*\0\x08\0\0\0"
#define BIG       "MM\0*\0\0\0\x08"
#define TAG_II(v) "\x12\x01\x03\0\x01\0\0\0" v "\0\0\0"
#define TAG_MM(v) "\x01\x12\0\x03\0\0\0\x01\0" v "\0\0"
#define OTHER_II  "\x0f\x01\x02\0\x01\0\0\0\x41\0\0\0"

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int orientation;
    } rows[] = {
#define ROW(text, value) {text, sizeof(text) - 1, value}
        // clang-format off
        ROW(SOI APP1("\x1e") LITTLE "\x01\0" TAG_II("\x06"), 6),
        ROW(SOI APP0 APP1("\x1e") BIG "\0\x01" TAG_MM("\x03"), 3),
        ROW(SOI APP0 APP1("\x2a") LITTLE "\x02\0" OTHER_II TAG_II("\x08"), 8),
        ROW(SOI "\xff" APP1("\x1e") LITTLE "\x01\0" TAG_II("\x02"), 2),  // a fill byte
        ROW(SOI APP1("\x1e") LITTLE "\x01\0" TAG_II("\x09"), 1),         // no such value
        ROW(SOI APP1("\x1e") LITTLE "\x01\0" TAG_II("\0"), 1),
        ROW(SOI APP1("\x1e") LITTLE "\xff\xff" OTHER_II, 1),             // entries beyond the end
        ROW(SOI APP1("\x1e") "II*\0\xff\xff\xff\xff" "\x01\0" TAG_II("\x06"), 1),
        ROW(SOI APP1("\x1e") "XX*\0\x08\0\0\0" "\x01\0" TAG_II("\x06"), 1),
        ROW(SOI APP1("\xff") LITTLE "\x01\0" TAG_II("\x06"), 1),         // longer than the file
        ROW(SOI "\xff\xda" APP1("\x1e") LITTLE "\x01\0" TAG_II("\x06"), 1), // after the scan began
        ROW(SOI "\xff\xe1\x00\x01", 1),
        ROW(SOI APP1("\x08"), 1),
        ROW(SOI, 1),
        ROW("\xff", 1),
        ROW("", 1),
    // clang-format on
#undef ROW
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int value = exif_orientation_of_jpeg(rows[i].bytes, rows[i].n);
        if (value != rows[i].orientation)
            fail_msg("row %zu: %d, not %d", i, value, rows[i].orientation);
    }
}

// Cut anywhere, nothing beyond the end is read (the sanitizer's build sees it) and upright comes.
static void test_cut(void **state)
{
    (void)state;
    static const char whole[] = SOI APP0 APP1("\x1e") LITTLE "\x01\0" TAG_II("\x06");
    for (size_t n = 0; n + 1 < sizeof(whole); n++) {
        char *copy = (char *)test_malloc(n + 1);
        memcpy(copy + 1, whole, n);
        assert_int_equal(exif_orientation_of_jpeg(copy + 1, n), 1);
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
