// SPDX-License-Identifier: Apache-2.0
// test_rows.c - projects, videos, truths, models, uploads, users, keys, logins, audit: what goes in
// comes out, what must not is refused, and what is deleted takes its own with it.

#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "store/store_access.h"
#include "store/store_audit.h"
#include "store/store_key.h"
#include "store/store_login.h"
#include "store/store_truth.h"
#include "store/store_upload.h"
#include "store/store_user.h"
#include "store_test.h"

COUNT_ROWS(count_project, store_project)
COUNT_ROWS(count_truth, store_truth)
COUNT_ROWS(count_model, store_model)
COUNT_ROWS(count_user, store_user)
COUNT_ROWS(count_key, store_key)
COUNT_ROWS(count_audit, store_audit)

static const int64_t second_us = 1000 * 1000;

static void test_project(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    char again[ID_BYTES];
    struct store_project p = {
        .name = "Straße 7", .description = "a 'quoted' one; -- yes", .quota_bytes = 5};
    struct store_project got;
    OK(store_project_create(t->store, &p, id));
    OK(store_project_get(t->store, id, t->arena, &got));
    assert_string_equal(got.name, p.name);
    assert_string_equal(got.description, p.description);
    assert_int_equal(got.quota_bytes, 5);
    assert_int_equal(got.n_videos, 0);
    assert_true(got.created_at_us > 0);
    FAILS(ERR_EXISTS, store_project_create(t->store, &p, again));
    assert_non_null(strstr(err_message(ERR_EXISTS), "'Straße 7' exists already"));
    OK(store_project_find_by_name(t->store, "roads", t->arena, &got));
    assert_string_equal(got.id, t->project);
    assert_int_equal(got.n_videos, 1);
    got.name = "Straße 7";
    FAILS(ERR_EXISTS, store_project_update(t->store, &got));
    got.name = "roads 2";
    OK(store_project_update(t->store, &got));
    FAILS(ERR_NOT_FOUND, store_project_find_by_name(t->store, "roads", t->arena, &got));
    static const char *const bad[] = {"", "a\nb", "\x80", NULL};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        p.name = bad[i];
        FAILS(ERR_INVALID, store_project_create(t->store, &p, again));
    }
    char longest[STORE_NAME_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    longest[STORE_NAME_MAX + 1] = 0;
    p.name = longest;
    FAILS(ERR_INVALID, store_project_create(t->store, &p, again));
    longest[STORE_NAME_MAX] = 0;
    OK(store_project_create(t->store, &p, again));
    FAILS(ERR_NOT_FOUND, store_project_get(t->store, "no id", t->arena, &got));
    p.id = "no id";
    p.name = "n";
    FAILS(ERR_INVALID, store_project_create(t->store, &p, again));
}

struct ids {
    char ids[64][ID_BYTES];
    int n;
};

static int keep_project(void *arg, const struct store_project *p)
{
    struct ids *x = arg;
    snprintf(x->ids[x->n++], ID_BYTES, "%s", p->id);
    return 0;
}

static void test_pages(void **state)
{
    struct test *t = *state;
    for (int i = 0; i < 24; i++) {
        char name[16];
        char id[ID_BYTES];
        snprintf(name, sizeof(name), "p%d", i);
        OK(store_project_create(t->store, &(struct store_project){.name = name}, id));
    }
    static const int limits[] = {1, 7, 24, 25, 26, 0};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        struct ids all = {.n = 0};
        struct store_next next = {""};
        int n_pages = 0;
        do {
            struct store_page page = {limits[i], next.cursor};
            struct store_next after;
            OK(store_project_list(t->store, NULL, &page, keep_project, &all, &after));
            next = after;
            n_pages++;
        } while (*next.cursor);
        assert_int_equal(all.n, 25);
        int limit = limits[i] ? limits[i] : STORE_PAGE_LIMIT;
        assert_int_equal(n_pages, (25 + limit - 1) / limit);
        for (int k = 1; k < all.n; k++)
            assert_true(strcmp(all.ids[k], all.ids[k - 1]) < 0); // newest first, none twice
    }
    int n = 0;
    const struct store_page bad = {0, "\x01"};
    FAILS(ERR_INVALID, store_project_list(t->store, NULL, &bad, count_project, &n, NULL));
    assert_int_equal(n, 0);
}

static int refuse(void *arg, const struct store_project *p)
{
    (void)p;
    ++*(int *)arg;
    return err_set(ERR_CANCELLED, "enough");
}

static void test_callback_ends_a_list(void **state)
{
    struct test *t = *state;
    int n = 0;
    FAILS(ERR_CANCELLED, store_project_list(t->store, NULL, NULL, refuse, &n, NULL));
    assert_int_equal(n, 1);
    // and gives its connection back
    for (int i = 0; i < STORE_READERS + 1; i++)
        FAILS(ERR_CANCELLED, store_project_list(t->store, NULL, NULL, refuse, &n, NULL));
}

static void test_delete_project_takes_everything(void **state)
{
    struct test *t = *state;
    struct store_dropped dropped = {0};
    struct store_video v;
    char key[ID_BYTES];
    char id[ID_BYTES];
    bool used = true;
    int64_t bytes = 0;
    const struct store_blob truth = test_blob(key, 10);
    OK(store_truth_create(t->store, &(struct store_truth){.video_id = t->video}, &truth, NULL, id,
                          NULL));
    OK(store_task_create(
        t->store,
        &(struct store_task){.kind = "probe", .project_id = t->project, .video_id = t->video}, NULL,
        0, id));
    struct store_lease lease = test_claim(t, "probe");
    OK(store_blob_usage(t->store, t->project, &bytes));
    assert_int_equal(bytes, 1010);
    OK(store_project_delete(t->store, t->project, &dropped));
    assert_int_equal(dropped.n, 2);
    store_dropped_finish(&dropped);
    FAILS(ERR_NOT_FOUND, store_video_get(t->store, t->video, t->arena, &v));
    FAILS(ERR_CONFLICT, store_task_renew(t->store, &lease, 1000, NULL));
    OK(store_blob_used(t->store, key, &used));
    assert_false(used);
    OK(store_blob_usage(t->store, NULL, &bytes));
    assert_int_equal(bytes, 0);
    FAILS(ERR_NOT_FOUND, store_project_delete(t->store, t->project, &dropped));
    assert_int_equal(dropped.n, 0);
    OK(store_check(t->store));
}

static int first_video(void *arg, const struct store_video *v)
{
    snprintf(arg, ID_BYTES, "%s", v->id);
    return 0;
}

static void test_video(void **state)
{
    struct test *t = *state;
    struct store_video v = {.id = t->video,
                            .status = STORE_VIDEO_READY,
                            .container = "mov",
                            .codec = "h264",
                            .width = 1920,
                            .height = 1080,
                            .rotation = 90,
                            .n_frames = 300,
                            .duration_us = 10 * second_us,
                            .frame_rate = 29.97,
                            .is_variable = true,
                            .is_playable = true,
                            .probe_json = "{}"};
    struct store_video got;
    char key[ID_BYTES];
    char other[ID_BYTES];
    char found[ID_BYTES] = "";
    struct store_dropped dropped = {0};
    OK(store_video_set_probe(t->store, NULL, &v));
    OK(store_video_get(t->store, t->video, t->arena, &got));
    assert_int_equal(got.status, STORE_VIDEO_READY);
    assert_string_equal(got.name, "clip.mp4");
    assert_int_equal(got.n_bytes, 1000);
    assert_int_equal(got.rotation, 90);
    assert_true(got.frame_rate == 29.97 && got.is_variable && got.is_playable);
    // by status
    struct store_video_filter filter = {.project_id = t->project, .status = STORE_VIDEO_READY};
    OK(store_video_list(t->store, &filter, NULL, first_video, found, NULL));
    assert_string_equal(found, t->video);
    filter.status = STORE_VIDEO_FAILED;
    *found = 0;
    OK(store_video_list(t->store, &filter, NULL, first_video, found, NULL));
    assert_string_equal(found, "");
    // a second preview lets the first one go
    struct store_blob b = test_blob(key, 5);
    OK(store_video_set_blob(t->store, NULL, t->video, STORE_VIDEO_BLOB_PREVIEW, &b, &dropped));
    assert_int_equal(dropped.n, 0);
    struct store_blob b2 = test_blob(other, 6);
    OK(store_video_set_blob(t->store, NULL, t->video, STORE_VIDEO_BLOB_PREVIEW, &b2, &dropped));
    assert_int_equal(dropped.n, 1);
    assert_string_equal(dropped.keys[0], key);
    OK(store_video_get(t->store, t->video, t->arena, &got));
    assert_string_equal(got.preview_key, other);
    store_dropped_finish(&dropped);
    FAILS(ERR_NOT_FOUND,
          store_video_set_blob(t->store, NULL, t->project, STORE_VIDEO_BLOB_PREVIEW, &b, &dropped));
    // a URL gets its bytes once
    v = (struct store_video){.project_id = t->project,
                             .name = "x",
                             .status = STORE_VIDEO_FAILED,
                             .error = "404",
                             .source_url = "http://example.com/x"};
    char remote[ID_BYTES];
    OK(store_video_create(t->store, &v, NULL, NULL, remote));
    struct store_blob bytes = test_blob(key, 7);
    OK(store_video_set_content(t->store, NULL, remote, &bytes, "video/mp4"));
    OK(store_video_get(t->store, remote, t->arena, &got));
    assert_int_equal(got.status, STORE_VIDEO_UPLOADED);
    assert_null(got.error);
    assert_string_equal(got.blob_key, key);
    assert_int_equal(got.n_bytes, 7);
    assert_string_equal(got.content_type, "video/mp4");
    struct store_blob more = test_blob(other, 8);
    FAILS(ERR_CONFLICT, store_video_set_content(t->store, NULL, remote, &more, NULL));
    FAILS(ERR_NOT_FOUND, store_video_set_content(t->store, NULL, t->project, &more, NULL));
    // of no project
    v = (struct store_video){.project_id = t->video, .name = "x"};
    FAILS(ERR_CONFLICT, store_video_create(t->store, &v, NULL, NULL, found));
    assert_non_null(strstr(err_message(ERR_CONFLICT), "project"));
}

static void test_upload_becomes_a_video_once(void **state)
{
    struct test *t = *state;
    char upload[ID_BYTES];
    char video[ID_BYTES];
    char key[ID_BYTES];
    struct digest d;
    struct store_upload u = {.project_id = t->project,
                             .purpose = "video",
                             .length = 10,
                             .expires_at_us = clock_wall_us() + 100 * second_us};
    OK(store_upload_create(t->store, &u, upload));
    digest_init(&d);
    digest_add(&d, "abc", 3);
    OK(store_upload_advance(t->store, upload, 0, 3, &d, 0));
    FAILS(ERR_CONFLICT, store_upload_advance(t->store, upload, 0, 4, &d, 0));
    FAILS(ERR_CONFLICT, store_upload_advance(t->store, upload, 3, 11, &d, 0));
    FAILS(ERR_CONFLICT, store_upload_advance(t->store, upload, 3, 2, &d, 0));
    OK(store_upload_advance(t->store, upload, 3, 10, NULL, 0));
    OK(store_upload_get(t->store, upload, t->arena, &u));
    assert_int_equal(u.offset, 10);
    assert_false(u.has_digest);
    FAILS(ERR_CONFLICT, store_upload_set_length(t->store, upload, 12));
    const struct store_blob b = test_blob(key, 10);
    const struct store_video v = {.project_id = t->project, .name = "v"};
    OK(store_video_create(t->store, &v, &b, upload, video));
    FAILS(ERR_NOT_FOUND, store_upload_get(t->store, upload, t->arena, &u));
    char key2[ID_BYTES];
    char again[ID_BYTES] = "";
    const struct store_blob b2 = test_blob(key2, 10);
    FAILS(ERR_CONFLICT, store_video_create(t->store, &v, &b2, upload, again));
    bool used = true;
    OK(store_blob_used(t->store, key2, &used));
    assert_false(used);
}

static int delete_expired(void *arg, const char *id)
{
    snprintf(arg, ID_BYTES, "%s", id);
    return 0;
}

static void test_uploads_expire(void **state)
{
    struct test *t = *state;
    char id[ID_BYTES];
    char found[ID_BYTES] = "";
    struct store_upload got;
    struct digest d;
    const int64_t now_us = clock_wall_us();
    const struct store_upload u = {
        .purpose = "model", .length = -1, .expires_at_us = now_us + second_us};
    OK(store_upload_create(t->store, &u, id));
    digest_init(&d);
    digest_add(&d, "abc", 3);
    OK(store_upload_advance(t->store, id, 0, 1, &d, now_us + 10 * second_us));
    OK(store_upload_get(t->store, id, t->arena, &got));
    assert_true(got.has_digest);
    char hex[DIGEST_HEX_BYTES];
    digest_hex(&got.digest, hex);
    assert_memory_equal(hex, "ba7816bf", 8);
    OK(store_upload_set_length(t->store, id, 5));
    OK(store_upload_expired(t->store, NULL, delete_expired, found));
    assert_string_equal(found, "");
    clock_test_set(clock_now_ns(), now_us + 11 * second_us);
    OK(store_upload_get(t->store, id, t->arena, &got));
    assert_true(got.is_expired);
    OK(store_upload_expired(t->store, NULL, delete_expired, found));
    clock_test_release();
    assert_string_equal(found, id);
    // nor does one expire while nobody serves, or by a clock that is wrong at the start
    store_close(t->store);
    clock_test_set(clock_now_ns(), now_us + INT64_C(365) * 86400 * second_us);
    t->store = test_open(t->directory);
    OK(store_upload_get(t->store, id, t->arena, &got));
    *found = 0;
    OK(store_upload_expired(t->store, NULL, delete_expired, found));
    clock_test_release();
    assert_string_equal(found, "");
    OK(store_upload_delete(t->store, id));
    FAILS(ERR_NOT_FOUND, store_upload_delete(t->store, id));
}

static void test_truth_versions(void **state)
{
    struct test *t = *state;
    struct store_truth got;
    char id[ID_BYTES];
    int version = 0;
    int n = 0;
    FAILS(ERR_NOT_FOUND, store_truth_of_video(t->store, t->video, 0, t->arena, &got));
    for (int i = 1; i <= 3; i++) {
        char a[ID_BYTES];
        char b[ID_BYTES];
        const struct store_blob original = test_blob(a, 1);
        const struct store_blob coco = test_blob(b, 1);
        const struct store_truth x = {
            .video_id = t->video, .format = "mot", .n_objects = 10 * i, .labels_json = "[]"};
        OK(store_truth_create(t->store, &x, &original, &coco, id, &version));
        assert_int_equal(version, i);
    }
    OK(store_truth_of_video(t->store, t->video, 0, t->arena, &got));
    assert_int_equal(got.version, 3);
    assert_string_equal(got.id, id);
    OK(store_truth_of_video(t->store, t->video, 1, t->arena, &got));
    assert_int_equal(got.n_objects, 10);
    FAILS(ERR_NOT_FOUND, store_truth_of_video(t->store, t->video, 4, t->arena, &got));
    OK(store_truth_list(t->store, t->video, NULL, count_truth, &n, NULL));
    assert_int_equal(n, 3);
    const struct store_truth nowhere = {.video_id = t->project};
    FAILS(ERR_NOT_FOUND, store_truth_create(t->store, &nowhere, NULL, NULL, id, NULL));
    struct store_dropped dropped = {0};
    OK(store_video_delete(t->store, t->video, &dropped));
    assert_int_equal(dropped.n, 7);
    store_dropped_finish(&dropped);
}

static void test_model(void **state)
{
    struct test *t = *state;
    struct store_model m;
    char id[ID_BYTES];
    char task[ID_BYTES];
    char key[ID_BYTES];
    int n = 0;
    struct store_dropped dropped = {0};
    const struct store_blob b = test_blob(key, 7);
    OK(store_model_create(t->store, &(struct store_model){.name = "yolo"}, &b, id));
    FAILS(ERR_EXISTS,
          store_model_create(t->store, &(struct store_model){.name = "yolo"}, NULL, id));
    OK(store_model_get(t->store, "yolo", t->arena, &m));
    assert_string_equal(m.id, id);
    m.status = STORE_MODEL_READY;
    m.head = "yolov8";
    m.labels_json = "[\"car\"]";
    OK(store_model_set_inspection(t->store, &m));
    OK(store_model_get(t->store, id, t->arena, &m));
    assert_string_equal(m.head, "yolov8");
    assert_int_equal(m.n_bytes, 7);
    OK(store_model_list(t->store, STORE_MODEL_READY, NULL, count_model, &n, NULL));
    assert_int_equal(n, 1);
    // in use
    const struct store_task x = {.kind = "process", .video_id = t->video, .model_id = id};
    OK(store_task_create(t->store, &x, NULL, 0, task));
    FAILS(ERR_CONFLICT, store_model_delete(t->store, id, &dropped));
    OK(store_task_cancel(t->store, task, NULL));
    OK(store_model_delete(t->store, id, &dropped));
    assert_int_equal(dropped.n, 1);
    store_dropped_finish(&dropped);
    FAILS(ERR_NOT_FOUND, store_model_get(t->store, "yolo", t->arena, &m));
}

static void test_homes(void **state)
{
    struct test *t = *state;
    struct store_home home;
    OK(store_home_get(t->store, STORE_NOUN_PROJECT, t->project, &home));
    assert_string_equal(home.project_id, t->project);
    OK(store_home_get(t->store, STORE_NOUN_VIDEO, t->video, &home));
    assert_string_equal(home.project_id, t->project);
    for (int noun = STORE_NOUN_UNSET + 1; noun < STORE_N_NOUNS; noun++)
        FAILS(ERR_NOT_FOUND,
              store_home_get(t->store, (enum store_noun)noun, "01ARZ3NDEKTSV4RRFFQ69G5FAV", &home));
    char id[ID_BYTES];
    OK(store_task_create(t->store, &(struct store_task){.kind = "bench", .created_by = "u"}, NULL,
                         0, id));
    OK(store_home_get(t->store, STORE_NOUN_TASK, id, &home));
    assert_string_equal(home.project_id, "");
    assert_string_equal(home.created_by, "u");
}

static void test_users_and_roles(void **state)
{
    struct test *t = *state;
    char admin[ID_BYTES];
    char anna[ID_BYTES];
    int64_t n;
    int64_t n_admins;
    enum store_role role;
    int rows = 0;
    struct store_user u;
    OK(store_user_count(t->store, &n, &n_admins));
    assert_int_equal(n, 0);
    OK(store_user_create(
        t->store,
        &(struct store_user){.name = "root", .password_hash = "h", .role = STORE_ROLE_ADMIN},
        admin));
    OK(store_user_create(t->store, &(struct store_user){.name = "anna"}, anna));
    FAILS(ERR_EXISTS, store_user_create(t->store, &(struct store_user){.name = "anna"}, anna));
    OK(store_user_count(t->store, &n, &n_admins));
    assert_int_equal(n, 2);
    assert_int_equal(n_admins, 1);
    OK(store_user_best_role(t->store, anna, &role));
    assert_int_equal(role, STORE_ROLE_UNSET);
    OK(store_user_best_role(t->store, admin, &role));
    assert_int_equal(role, STORE_ROLE_ADMIN);
    OK(store_user_role_in(t->store, anna, t->project, &role));
    assert_int_equal(role, STORE_ROLE_UNSET);
    OK(store_project_list(t->store, anna, NULL, count_project, &rows, NULL));
    assert_int_equal(rows, 0);
    OK(store_user_set_role(t->store, t->project, anna, STORE_ROLE_VIEWER));
    OK(store_user_set_role(t->store, t->project, anna, STORE_ROLE_EDITOR));
    OK(store_user_best_role(t->store, anna, &role));
    assert_int_equal(role, STORE_ROLE_EDITOR);
    OK(store_user_role_in(t->store, anna, t->project, &role));
    assert_int_equal(role, STORE_ROLE_EDITOR);
    OK(store_project_list(t->store, anna, NULL, count_project, &rows, NULL));
    assert_int_equal(rows, 1);
    char found[ID_BYTES] = "";
    OK(store_video_list(t->store, &(struct store_video_filter){.user_id = anna}, NULL, first_video,
                        found, NULL));
    assert_string_equal(found, t->video);
    OK(store_user_members(t->store, t->project, NULL, count_user, &rows, NULL));
    assert_int_equal(rows, 2);
    OK(store_user_set_role(t->store, t->project, anna, STORE_ROLE_UNSET));
    OK(store_user_role_in(t->store, anna, t->project, &role));
    assert_int_equal(role, STORE_ROLE_UNSET);
    FAILS(ERR_CONFLICT, store_user_set_role(t->store, t->video, anna, STORE_ROLE_VIEWER));
    // the last admin stays
    FAILS(ERR_CONFLICT, store_user_delete(t->store, admin));
    OK(store_user_get(t->store, admin, t->arena, &u));
    u.is_disabled = true;
    FAILS(ERR_CONFLICT, store_user_update(t->store, &u));
    u.is_disabled = false;
    u.role = STORE_ROLE_VIEWER;
    FAILS(ERR_CONFLICT, store_user_update(t->store, &u));
    OK(store_user_get(t->store, admin, t->arena, &u));
    assert_int_equal(u.role, STORE_ROLE_ADMIN);
    OK(store_user_delete(t->store, anna));
    rows = 0;
    OK(store_user_list(t->store, NULL, count_user, &rows, NULL));
    assert_int_equal(rows, 1);
}

static void test_keys_and_logins(void **state)
{
    struct test *t = *state;
    char anna[ID_BYTES];
    char key[ID_BYTES];
    char other[ID_BYTES];
    int rows = 0;
    struct store_key k;
    struct store_login l;
    struct store_user u;
    const int64_t now_us = clock_wall_us();
    OK(store_user_create(t->store, &(struct store_user){.name = "anna", .role = STORE_ROLE_EDITOR},
                         anna));
    OK(store_key_create(
        t->store,
        &(struct store_key){.name = "ci", .hash = "h1", .user_id = anna, .role = STORE_ROLE_EDITOR},
        key));
    OK(store_key_create(t->store,
                        &(struct store_key){.name = "old",
                                            .hash = "h2",
                                            .user_id = anna,
                                            .role = STORE_ROLE_VIEWER,
                                            .expires_at_us = now_us - 1},
                        other));
    OK(store_key_find(t->store, "h1", t->arena, &k));
    assert_int_equal(k.role, STORE_ROLE_EDITOR);
    assert_string_equal(k.user_id, anna);
    FAILS(ERR_NOT_FOUND, store_key_find(t->store, "h2", t->arena, &k));
    FAILS(ERR_NOT_FOUND, store_key_find(t->store, "h3", t->arena, &k));
    OK(store_key_used(t->store, key));
    OK(store_key_list(t->store, anna, NULL, count_key, &rows, NULL));
    assert_int_equal(rows, 2);
    OK(store_key_revoke(t->store, key));
    FAILS(ERR_NOT_FOUND, store_key_find(t->store, "h1", t->arena, &k));
    FAILS(ERR_NOT_FOUND, store_key_revoke(t->store, key));
    // logins
    const struct store_login x = {.hash = "c1",
                                  .csrf_hash = "f1",
                                  .user_id = anna,
                                  .client = "127.0.0.1",
                                  .expires_at_us = now_us + 100 * second_us};
    OK(store_login_create(t->store, &x));
    OK(store_login_find(t->store, "c1", t->arena, &l));
    assert_string_equal(l.user_name, "anna");
    assert_int_equal(l.role, STORE_ROLE_EDITOR);
    OK(store_login_used(t->store, "c1", now_us + 200 * second_us));
    OK(store_user_set_password(t->store, anna, "new", true));
    FAILS(ERR_NOT_FOUND, store_login_find(t->store, "c1", t->arena, &l));
    OK(store_login_create(t->store, &x));
    OK(store_user_get(t->store, anna, t->arena, &u));
    assert_true(u.last_login_us > 0);
    assert_string_equal(u.password_hash, "new");
    // disabled: all of it ends
    OK(store_key_create(
        t->store,
        &(struct store_key){.name = "ci", .hash = "h4", .user_id = anna, .role = STORE_ROLE_VIEWER},
        key));
    u.is_disabled = true;
    OK(store_user_update(t->store, &u));
    FAILS(ERR_NOT_FOUND, store_login_find(t->store, "c1", t->arena, &l));
    FAILS(ERR_NOT_FOUND, store_key_find(t->store, "h4", t->arena, &k));
}

static void test_lock_out(void **state)
{
    struct test *t = *state;
    int64_t mono_ns = clock_now_ns();
    int64_t now_us = clock_wall_us();
    int64_t wait_ms = -1;
    int64_t n = 0;
    clock_test_set(mono_ns, now_us);
    for (int i = 1; i < STORE_LOGIN_FAILURES; i++) {
        OK(store_login_failed(t->store, "user:anna", &wait_ms));
        assert_int_equal(wait_ms, 0);
    }
    OK(store_login_failed(t->store, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
    OK(store_login_locked(t->store, "user:bert", &wait_ms));
    assert_int_equal(wait_ms, 0);
    // an address stands for many, and may fail more often
    for (int i = 1; i < STORE_LOGIN_CLIENT_FAILURES; i++) {
        OK(store_login_failed(t->store, "client:10.0.0.1", &wait_ms));
        assert_int_equal(wait_ms, 0);
    }
    OK(store_login_failed(t->store, "client:10.0.0.1", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
    OK(store_login_failed(t->store, "client:10.0.0.1", &wait_ms));
    assert_int_equal(wait_ms, 2 * STORE_LOGIN_LOCK_MS);
    now_us += (int64_t)STORE_LOGIN_LOCK_MS * 1000;
    mono_ns += STORE_LOGIN_LOCK_MS * CLOCK_NS_PER_MS;
    clock_test_set(mono_ns, now_us);
    OK(store_login_locked(t->store, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, 0);
    for (int i = 0; i < 20; i++)
        OK(store_login_failed(t->store, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MAX_MS);
    OK(store_login_succeeded(t->store, "user:anna"));
    OK(store_login_failed(t->store, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, 0);
    // after a day they are forgotten
    clock_test_set(mono_ns + INT64_C(2) * 86400 * CLOCK_NS_PER_S,
                   now_us + INT64_C(2) * 86400 * second_us);
    for (int i = 1; i < STORE_LOGIN_FAILURES; i++)
        OK(store_login_failed(t->store, "user:anna", &wait_ms));
    assert_int_equal(wait_ms, 0);
    OK(store_login_prune(t->store, &n));
    clock_test_release();
}

// By whatever a wall clock jumps: a lock-out lasts as long as it was said to, also for whoever asks
// before anybody looked at the clock, and over a restart.
static void test_a_clock_that_jumps_lifts_no_lock_out(void **state)
{
    static const int64_t jumps_s[] = {40, 3600, 2 * 86400, -40, -3600, -365 * 86400};
    const int64_t passed_ms = 10 * 1000;
    struct test *t = *state;
    for (size_t i = 0; i < ARRAY_LEN(jumps_s); i++) {
        int64_t mono_ns = clock_now_ns();
        int64_t now_us = clock_wall_us();
        int64_t wait_ms = -1;
        char subject[64];
        snprintf(subject, sizeof(subject), "user:%zu", i);
        clock_test_set(mono_ns, now_us);
        OK(store_check_clock(t->store, NULL));
        for (int n = 0; n < STORE_LOGIN_FAILURES; n++)
            OK(store_login_failed(t->store, subject, &wait_ms));
        assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS);
        now_us += passed_ms * 1000 + jumps_s[i] * second_us;
        mono_ns += passed_ms * CLOCK_NS_PER_MS;
        clock_test_set(mono_ns, now_us);
        OK(store_login_prune(t->store, NULL));
        OK(store_login_locked(t->store, subject, &wait_ms));
        assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS - passed_ms);
        OK(store_check_clock(t->store, NULL));
        OK(store_login_prune(t->store, NULL));
        OK(store_login_locked(t->store, subject, &wait_ms));
        assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS - passed_ms);
        store_close(t->store);
        t->store = NULL;
        OK(store_open(&(struct store_opts){.directory = t->directory}, &t->store));
        OK(store_login_locked(t->store, subject, &wait_ms));
        assert_int_equal(wait_ms, STORE_LOGIN_LOCK_MS - passed_ms);
        clock_test_set(mono_ns + STORE_LOGIN_LOCK_MS * CLOCK_NS_PER_MS, now_us);
        OK(store_login_locked(t->store, subject, &wait_ms));
        assert_int_equal(wait_ms, 0);
        clock_test_release();
    }
}

static void test_audit(void **state)
{
    struct test *t = *state;
    int n = 0;
    int64_t n_pruned = 0;
    for (int i = 0; i < 5; i++) {
        const struct store_audit x = {.user_id = i % 2 ? "u1" : "u2",
                                      .action = i < 3 ? "project.create" : "project.delete",
                                      .object_id = "o"};
        OK(store_audit_add(t->store, &x));
    }
    static const struct {
        struct store_audit_filter filter;
        int n;
    } rows[] = {
        {{0}, 5},
        {{.user_id = "u1"}, 2},
        {{.action = "project.delete"}, 2},
        {{.user_id = "u1", .action = "project.delete"}, 1},
        {{.object_id = "o", .user_id = "u2"}, 3},
        {{.object_id = "x"}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        n = 0;
        OK(store_audit_list(t->store, &rows[i].filter, NULL, count_audit, &n, NULL));
        assert_int_equal(n, rows[i].n);
    }
    OK(store_audit_prune(t->store, clock_wall_us() - 60 * second_us, &n_pruned));
    assert_int_equal(n_pruned, 0);
    OK(store_audit_prune(t->store, clock_wall_us() + 60 * second_us, &n_pruned));
    assert_int_equal(n_pruned, 5);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_project),
        ROW(test_pages),
        ROW(test_callback_ends_a_list),
        ROW(test_delete_project_takes_everything),
        ROW(test_video),
        ROW(test_upload_becomes_a_video_once),
        ROW(test_uploads_expire),
        ROW(test_truth_versions),
        ROW(test_model),
        ROW(test_homes),
        ROW(test_users_and_roles),
        ROW(test_keys_and_logins),
        ROW(test_lock_out),
        ROW(test_a_clock_that_jumps_lifts_no_lock_out),
        ROW(test_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
