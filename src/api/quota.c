// SPDX-License-Identifier: Apache-2.0
// quota.c - whether more bytes may be stored: the largest file, quotas, the disk's reserve.

#include "api/arrival.h"
#include "base/err.h"
#include "blob/blob.h"
#include "store/store_blob.h"
#include "store/store_project.h"

static double megabytes(int64_t n)
{
    return (double)n / 1e6;
}

static int check_one(struct request *q, const char *project_id, int64_t quota, int64_t n_bytes,
                     const char *whose)
{
    int64_t used = 0;
    if (quota <= 0)
        return 0;
    int r = store_blob_usage(api_of(q)->opts.store, project_id, &used);
    if (r == 0 && n_bytes > quota - used)
        return err_set(ERR_NOSPACE,
                       "%s quota is %.1f MB: %.1f MB are used, uploads under way included, and "
                       "%.1f MB were to come",
                       whose, megabytes(quota), megabytes(used), megabytes(n_bytes));
    return r;
}

int quota_check_come(struct request *q, const char *project_id, int64_t n_bytes)
{
    const struct api_opts *o = &api_of(q)->opts;
    struct store_project p = {0};
    if (o->max_upload_bytes > 0 && n_bytes > o->max_upload_bytes)
        return err_set(ERR_TOO_BIG, "the file is larger than the %.1f MB that are taken",
                       megabytes(o->max_upload_bytes));
    int r = project_id ? store_project_get(o->store, project_id, request_arena(q), &p) : 0;
    if (r == 0 && project_id)
        r = check_one(q, project_id, p.quota_bytes > 0 ? p.quota_bytes : o->project_quota_bytes,
                      n_bytes, "the project's");
    if (r == 0)
        r = check_one(q, NULL, o->quota_bytes, n_bytes, "this server's");
    return r;
}

int quota_check(struct request *q, const char *project_id, int64_t n_bytes)
{
    n_bytes = MAX(0, n_bytes);
    int r = quota_check_come(q, project_id, n_bytes);
    return r == 0 ? blob_check_space(api_of(q)->opts.blob, n_bytes) : r;
}
