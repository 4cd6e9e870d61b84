// SPDX-License-Identifier: Apache-2.0
// test_secret.c - passwords, tokens, hashes.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

static void test_tokens(void **state)
{
    (void)state;
    char a[SECRET_TOKEN_BYTES];
    char b[SECRET_TOKEN_BYTES];
    char hash[SECRET_HASH_BYTES];
    secret_token(a);
    secret_token(b);
    assert_int_equal(strlen(a), SECRET_TOKEN_BYTES - 1);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     SECRET_TOKEN_BYTES - 1);
    assert_false(secret_equal(str_of(a), str_of(b)));
    assert_true(secret_equal(str_of(a), str_of(a)));
    assert_false(secret_equal(str_of(a), STR("")));
    assert_true(secret_equal(STR(""), STR("")));
    secret_token_hash(STR("abc"), hash);
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_passwords(void **state)
{
    (void)state;
    char hash[SECRET_PASSWORD_HASH_BYTES];
    char other[SECRET_PASSWORD_HASH_BYTES];
    static char longest[SECRET_PASSWORD_MAX + 1];
    bool stale = true;
    const struct str good = STR("correct horse");
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(secret_password_hash(STR("1234567"), hash), ERR_INVALID);
    assert_int_equal(secret_password_hash((struct str){longest, sizeof(longest)}, hash),
                     ERR_INVALID);
    assert_int_equal(secret_password_hash(good, hash), 0);
    assert_memory_equal(hash, "$argon2id$", 10);
    assert_int_equal(secret_password_hash(good, other), 0);
    assert_string_not_equal(hash, other); // salted
    assert_int_equal(secret_password_check(good, hash, &stale), 0);
    assert_false(stale);
    assert_int_equal(secret_password_check(STR("correct horsf"), hash, NULL), ERR_DENIED);
    assert_int_equal(secret_password_check(STR(""), hash, NULL), ERR_DENIED);
    assert_int_equal(secret_password_check((struct str){longest, sizeof(longest)}, hash, NULL),
                     ERR_DENIED);
    assert_int_equal(secret_password_check(good, NULL, NULL), ERR_DENIED);
    assert_int_equal(secret_password_check(good, "no hash", NULL), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
