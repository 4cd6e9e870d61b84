// SPDX-License-Identifier: Apache-2.0
// fuzz_body.c - JSON bodies with known members, as every route of the API reads them.

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "api/api_priv.h"
#include "request_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum {
    MAX_TEXT = 20,
    MAX_ITEMS = 5,
    MAX_NUMBER = 1000,
};

struct body {
    const char *name, *any, *settings;
    int64_t number;
    bool flag;
    struct body_texts items;
};

static const struct body_field fields[] = {
    {"name", BODY_TEXT, offsetof(struct body, name), true, MAX_TEXT},
    {"any", BODY_TEXT, offsetof(struct body, any), false, 0},
    {"settings", BODY_JSON, offsetof(struct body, settings), false, 0},
    {"number", BODY_INT, offsetof(struct body, number), false, MAX_NUMBER},
    {"flag", BODY_BOOL, offsetof(struct body, flag), false, 0},
    {"items", BODY_TEXTS, offsetof(struct body, items), false, MAX_ITEMS},
    {0},
};

// What is kept of a nested document reads as the same document.
static void check_settings(struct request *q, const char *json)
{
    struct body again = {0};
    struct str_buf text = STR_BUF_INIT(2 * MIB);
    str_buf_printf(&text, "{\"name\":\"\",\"settings\":%s}", json);
    assert(str_buf_check(&text) == 0);
    assert(body_read_text(q, str_buf_view(&text), fields, &again) == 0);
    assert(again.settings && strcmp(again.settings, json) == 0);
    str_buf_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str unused;
    struct body b = {0};
    struct request *q = make_request(bytes, 0, &unused);
    if (!q)
        return 0;
    int r = body_read_text(q, (struct str){(const char *)bytes, n}, fields, &b);
    if (r == 0) {
        assert(b.name && strlen(b.name) <= MAX_TEXT && b.items.n <= MAX_ITEMS);
        assert(!b.any || strlen(b.any) <= STORE_NAME_MAX);
        assert(b.number >= 0 && b.number <= MAX_NUMBER);
        for (size_t i = 0; i < b.items.n; i++)
            assert(strlen(b.items.items[i]) <= STORE_NAME_MAX);
        if (b.settings)
            check_settings(q, b.settings);
    } else {
        assert(r == ERR_INVALID || r == ERR_DATA || r == ERR_NOMEM || r == ERR_TOO_BIG);
        assert(err_message(r)[0]);
    }
    request_destroy(q);
    err_clear();
    return 0;
}
