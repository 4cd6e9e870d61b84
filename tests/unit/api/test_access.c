// SPDX-License-Identifier: Apache-2.0
// test_access.c - who may what, as rows; where a server may listen; what the audit log calls it;
// and that no route was left open.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/access.h"
#include "api/access_priv.h"
#include "base/err.h"

#define NONE   STORE_ROLE_UNSET
#define VIEWER STORE_ROLE_VIEWER
#define EDITOR STORE_ROLE_EDITOR
#define ADMIN  STORE_ROLE_ADMIN

// ---- who may what

enum object {
    NO_OBJECT,
    OF_PROJECT,
    OF_NO_PROJECT,
    OWN_OF_NO_PROJECT,
};

struct row {
    const char *what;
    enum access_kind kind;
    enum store_role everywhere, cap, in_project, somewhere;
    enum object object;
    bool is_of_project, is_elsewhere;
    enum access_verdict viewer, editor, admin, named; // by what a route asks for
};

#define A ACCESS_ALLOWED
#define U ACCESS_UNKNOWN
#define F ACCESS_FORBIDDEN
#define H ACCESS_HIDDEN

// clang-format off
static const struct row rows[] = {
    {"nobody", ACCESS_NOBODY, NONE, NONE, NONE, NONE, NO_OBJECT, false, false, U, U, U, U},
    {"nobody, an object", ACCESS_NOBODY, NONE, NONE, NONE, NONE, OF_PROJECT, false, false, U, U, U, U},
    {"no accounts", ACCESS_EVERYBODY, NONE, NONE, NONE, NONE, NO_OBJECT, false, false, A, A, A, A},
    {"no accounts, an object", ACCESS_EVERYBODY, NONE, NONE, NONE, NONE, OF_PROJECT, false, false, A, A, A, A},
    // of no project
    {"viewer", ACCESS_LOGIN, VIEWER, ADMIN, NONE, NONE, NO_OBJECT, false, false, A, F, F, F},
    {"editor", ACCESS_LOGIN, EDITOR, ADMIN, NONE, NONE, NO_OBJECT, false, false, A, A, F, A},
    {"admin", ACCESS_LOGIN, ADMIN, ADMIN, NONE, NONE, NO_OBJECT, false, false, A, A, A, A},
    {"no role: lists show nothing", ACCESS_LOGIN, NONE, ADMIN, NONE, NONE, NO_OBJECT, false, false, A, F, F, F},
    {"editor of a project", ACCESS_LOGIN, NONE, ADMIN, NONE, EDITOR, NO_OBJECT, false, false, A, F, F, A},
    {"admin of a project", ACCESS_LOGIN, NONE, ADMIN, NONE, ADMIN, NO_OBJECT, false, false, A, F, F, A},
    {"viewer of a project", ACCESS_LOGIN, NONE, ADMIN, NONE, VIEWER, NO_OBJECT, false, false, A, F, F, F},
    // an object of a project
    {"viewer, object", ACCESS_LOGIN, VIEWER, ADMIN, NONE, NONE, OF_PROJECT, false, false, A, F, F, F},
    {"viewer, editor there", ACCESS_LOGIN, VIEWER, ADMIN, EDITOR, EDITOR, OF_PROJECT, false, false, A, A, F, A},
    {"editor, viewer there: the higher counts", ACCESS_LOGIN, EDITOR, ADMIN, VIEWER, VIEWER, OF_PROJECT, false, false, A, A, F, A},
    {"member as viewer", ACCESS_LOGIN, NONE, ADMIN, VIEWER, VIEWER, OF_PROJECT, false, false, A, F, F, F},
    {"member as admin", ACCESS_LOGIN, NONE, ADMIN, ADMIN, ADMIN, OF_PROJECT, false, false, A, A, A, A},
    {"editor elsewhere only", ACCESS_LOGIN, NONE, ADMIN, NONE, EDITOR, OF_PROJECT, false, false, H, H, H, H},
    // an object of no project
    {"another's", ACCESS_LOGIN, NONE, ADMIN, NONE, EDITOR, OF_NO_PROJECT, false, false, H, H, H, H},
    {"one's own", ACCESS_LOGIN, NONE, ADMIN, NONE, NONE, OWN_OF_NO_PROJECT, false, false, A, A, F, A},
    // keys
    {"admin's key as viewer", ACCESS_KEY, ADMIN, VIEWER, NONE, NONE, NO_OBJECT, false, false, A, F, F, F},
    {"admin's key as viewer, object", ACCESS_KEY, ADMIN, VIEWER, ADMIN, NONE, OF_PROJECT, false, false, A, F, F, F},
    {"viewer's key as admin", ACCESS_KEY, VIEWER, ADMIN, NONE, NONE, OF_PROJECT, false, false, A, F, F, F},
    {"key of this project", ACCESS_KEY, ADMIN, EDITOR, NONE, NONE, OF_PROJECT, true, false, A, A, F, A},
    {"key of another project", ACCESS_KEY, ADMIN, ADMIN, ADMIN, ADMIN, OF_PROJECT, true, true, H, H, H, H},
    {"key of a project, no object", ACCESS_KEY, ADMIN, ADMIN, NONE, NONE, NO_OBJECT, true, false, A, F, F, A},
    {"key of a project, its own of none", ACCESS_KEY, ADMIN, ADMIN, NONE, NONE, OWN_OF_NO_PROJECT, true, true, H, H, H, H},
    {"member's key", ACCESS_KEY, NONE, EDITOR, EDITOR, EDITOR, OF_PROJECT, false, false, A, A, F, A},
    {"key for metrics", ACCESS_KEY, ADMIN, STORE_ROLE_METRICS, NONE, NONE, NO_OBJECT, false, false, F, F, F, F},
    {"key for metrics, object", ACCESS_KEY, ADMIN, STORE_ROLE_METRICS, ADMIN, ADMIN, OF_PROJECT, false, false, F, F, F, F},
};
// clang-format on

static struct access_facts facts_of(const struct row *x)
{
    return (struct access_facts){.kind = x->kind,
                                 .everywhere = x->everywhere,
                                 .cap = x->cap,
                                 .is_of_project = x->is_of_project,
                                 .has_object = x->object != NO_OBJECT,
                                 .is_elsewhere = x->is_elsewhere,
                                 .is_own = x->object == OWN_OF_NO_PROJECT,
                                 .in_project = x->in_project,
                                 .somewhere = x->somewhere};
}

static void test_who_may_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *x = &rows[i];
        const struct access_facts f = facts_of(x);
        const enum access_verdict got[] = {
            access_decide(API_VIEWER, &f), access_decide(API_EDITOR, &f),
            access_decide(API_ADMIN, &f), access_decide(API_EDITOR_NAMED, &f)};
        const enum access_verdict wanted[] = {x->viewer, x->editor, x->admin, x->named};
        for (size_t k = 0; k < ARRAY_LEN(got); k++) {
            if (got[k] != wanted[k])
                print_error("%s, role %zu\n", x->what, k);
            assert_int_equal(got[k], wanted[k]);
        }
        assert_int_equal(access_decide(API_OPEN, &f), ACCESS_ALLOWED);
    }
}

static void test_metrics(void **state)
{
    (void)state;
    const struct {
        struct access_facts facts;
        enum access_verdict verdict;
    } cases[] = {
        {{.kind = ACCESS_EVERYBODY}, A},
        {{.kind = ACCESS_NOBODY}, U},
        {{.kind = ACCESS_NOBODY, .is_from_metrics_address = true}, A},
        {{.kind = ACCESS_KEY, .everywhere = ADMIN, .cap = STORE_ROLE_METRICS}, A},
        {{.kind = ACCESS_KEY, .everywhere = NONE, .cap = STORE_ROLE_METRICS}, A},
        {{.kind = ACCESS_KEY, .everywhere = ADMIN, .cap = EDITOR}, F},
        {{.kind = ACCESS_LOGIN, .everywhere = ADMIN, .cap = ADMIN}, A},
        {{.kind = ACCESS_LOGIN, .everywhere = EDITOR, .cap = ADMIN}, F},
        {{.kind = ACCESS_LOGIN,
          .everywhere = EDITOR,
          .cap = ADMIN,
          .is_from_metrics_address = true},
         A},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(access_decide(API_METRICS, &cases[i].facts), cases[i].verdict);
}

// ---- where a server may listen

static void test_start(void **state)
{
    (void)state;
    const struct {
        bool is_loopback, has_proxy, allow_direct, has_admin;
        const char *error; // a word of it; NULL: it may
        bool is_warned;
    } cases[] = {
        {true, false, false, false, NULL, false},
        {true, false, false, true, NULL, false},
        {true, false, true, false, NULL, false},
        {true, true, false, false, "--proxy", false},
        {true, true, false, true, NULL, false},
        {false, false, false, false, "assay user add", false},
        {false, false, true, false, "assay user add", false},
        {false, true, false, false, "assay user add", false},
        {false, false, false, true, "--allow-direct", false},
        {false, false, true, true, NULL, true},
        {false, true, false, true, NULL, false},
        {false, true, true, true, NULL, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct access_start s = {.listen = "0.0.0.0:80",
                                       .is_loopback = cases[i].is_loopback,
                                       .has_proxy = cases[i].has_proxy,
                                       .allow_direct = cases[i].allow_direct,
                                       .has_admin = cases[i].has_admin};
        const char *warning = "";
        int r = access_check_start(&s, &warning);
        assert_int_equal(r, cases[i].error ? ERR_INVALID : 0);
        if (cases[i].error)
            assert_non_null(strstr(err_message(r), cases[i].error));
        assert_int_equal(warning != NULL, cases[i].is_warned);
    }
}

// ---- the audit log's words

static void test_actions(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"POST", "/api/v1/projects", "project.create"},
        {"PATCH", "/api/v1/projects/{id}", "project.change"},
        {"DELETE", "/api/v1/projects/{id}", "project.delete"},
        {"PUT", "/api/v1/videos/{id}/truth", "video.truth.put"},
        {"POST", "/api/v1/videos/{id}/process", "video.process"},
        {"POST", "/api/v1/videos/process", "video.process"},
        {"POST", "/api/v1/tasks/{id}/cancel", "task.cancel"},
        {"POST", "/api/v1/login", "login"},
        {"POST", "/api/v1/logout", "logout"},
        {"POST", "/api/v1/me/password", "me.password"},
        {"DELETE", "/api/v1/keys/{id}", "key.delete"},
        {"PUT", "/api/v1/projects/{id}/members/{user}", "project.members.put"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char action[ACCESS_ACTION_MAX];
        access_action(cases[i][0], cases[i][1], action);
        assert_string_equal(action, cases[i][2]);
    }
}

static void test_what_is_recorded(void **state)
{
    (void)state;
    const struct {
        struct route route;
        bool is_marked;
        int status;
        bool is_recorded;
    } cases[] = {
        {{"DELETE", "/api/v1/projects/{id}", .role = API_ADMIN}, false, 204, true},
        {{"DELETE", "/api/v1/projects/{id}", .role = API_ADMIN}, false, 403, true},
        {{"DELETE", "/api/v1/projects/{id}", .role = API_ADMIN}, false, 500, true},
        {{"DELETE", "/api/v1/projects/{id}", .role = API_ADMIN}, false, 401, false},
        {{"DELETE", "/api/v1/projects/{id}", .role = API_ADMIN}, false, 404, false},
        {{"GET", "/api/v1/users", .role = API_ADMIN}, false, 200, false},
        {{"POST", "/api/v1/inference/image", .role = API_VIEWER}, false, 200, false},
        {{"POST", "/api/v1/keys", .role = API_VIEWER}, true, 201, true},
        {{"PATCH", "/api/v1/uploads/{id}", .role = API_EDITOR}, false, 204, false},
        {{"PATCH", "/api/v1/uploads/{id}", .role = API_EDITOR}, false, 403, true},
        {{"POST", "/api/v1/login", .rate_class = API_RATE_LOGIN}, false, 200, true},
        {{"POST", "/api/v1/login", .rate_class = API_RATE_LOGIN}, false, 401, true},
        {{"POST", "/api/v1/login", .rate_class = API_RATE_LOGIN}, false, 429, true},
        {{"POST", "/api/v1/login", .rate_class = API_RATE_LOGIN}, false, 400, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(access_is_recorded(&cases[i].route, cases[i].is_marked, cases[i].status),
                         cases[i].is_recorded);
}

// ---- no route is open by oversight

static void test_open_routes(void **state)
{
    (void)state;
    static const char *const open[] = {"/api/v1/login", "/api/v1/me"};
    static const char *const guarded[] = {"/api/", "/v2", "/ws/"};
    for (size_t t = 0; api_routes[t]; t++) {
        for (const struct route *x = api_routes[t]; x->method; x++) {
            bool is_guarded = false;
            assert_in_range(x->role, API_OPEN, API_N_ROLES - 1);
            assert_in_range(x->rate_class, API_RATE_READ, API_N_RATES - 1);
            for (size_t i = 0; i < ARRAY_LEN(guarded); i++)
                is_guarded = is_guarded || str_starts(str_of(x->path), guarded[i]);
            for (size_t i = 0; i < ARRAY_LEN(open); i++)
                is_guarded = is_guarded && strcmp(x->path, open[i]) != 0;
            // what a client may ask of uploads in general, and KServe's health
            is_guarded = is_guarded && strcmp(x->method, "OPTIONS") != 0 &&
                         !str_starts(str_of(x->path), "/v2/health/") && strcmp(x->path, "/v2") != 0;
            if (is_guarded && x->role < API_VIEWER)
                print_error("%s %s is open\n", x->method, x->path);
            assert_true(!is_guarded || x->role >= API_VIEWER);
            // changes are an editor's, or the handler looks closer
            bool is_change = strcmp(x->method, "DELETE") == 0 || strcmp(x->method, "PUT") == 0 ||
                             strcmp(x->method, "PATCH") == 0;
            if (is_change && !str_starts(str_of(x->path), "/api/v1/keys/"))
                assert_true(x->role >= API_EDITOR);
        }
    }
}

// ---- tokens against forged requests

static void test_csrf(void **state)
{
    (void)state;
    char a[ACCESS_CSRF_BYTES];
    char again[ACCESS_CSRF_BYTES];
    char b[ACCESS_CSRF_BYTES];
    access_csrf(STR("cookie"), a);
    access_csrf(STR("cookie"), again);
    access_csrf(STR("cookie2"), b);
    assert_string_equal(a, again);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), ACCESS_CSRF_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_what),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_what_is_recorded),
        cmocka_unit_test(test_open_routes),
        cmocka_unit_test(test_csrf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
