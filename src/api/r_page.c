// SPDX-License-Identifier: Apache-2.0
// r_page.c - the web page: index.html for each of its addresses, its files for ever.
//
// Names under /assets hold a digest of what they name, so that browsers keep them; index.html is
// asked for again each time and answered 304.

#include <string.h>

#include "api/api_priv.h"
#include "api/page.h"
#include "base/err.h"

#define FOR_EVER "public, max-age=31536000, immutable"

#ifndef ASSAY_HAS_PAGE
const char page_bytes[] = "";
const struct page_file page_files[] = {{0}};
#endif

static const struct page_file *find(struct str path)
{
    for (const struct page_file *f = page_files; f->path; f++) {
        if (str_is(path, f->path))
            return f;
    }
    return NULL;
}

static struct str bytes_of(const struct page_place *p)
{
    return p->n > 0 ? (struct str){page_bytes + p->at, p->n} : (struct str){NULL, 0};
}

static int answer(struct request *q, const struct page_file *f, const char *caching)
{
    const struct reply_asset a = {
        .bytes = bytes_of(&f->bytes),
        .gzip = bytes_of(&f->gzip),
        .brotli = bytes_of(&f->brotli),
        .type = f->type,
        .validity = {.etag = f->etag, .caching = caching},
    };
    return reply_asset(q, &a);
}

static int page(struct request *q)
{
    const struct page_file *f = find(STR("index.html"));
    if (!f)
        return reply_text(q, 404,
                          "This program was built without its web page (meson's option "
                          "-Dpage=enabled builds it in). The API is under /api/v1.\n");
    return answer(q, f, "no-cache");
}

static int notices(struct request *q)
{
    const struct page_file *f = find(STR("third-party.txt"));
    return f ? answer(q, f, "no-cache") : err_set(ERR_NOT_FOUND, "this program has no page");
}

static int asset(struct request *q)
{
    struct str path = request_path(q);
    const struct page_file *f = find((struct str){path.p + 1, path.n - 1});
    if (!f)
        return err_set(ERR_NOT_FOUND, "'" STR_FMT "' is no file of this version's page",
                       STR_ARG(path));
    return answer(q, f, FOR_EVER);
}

// Their queries are for the script in the browser: a review has one label= for each of its labels.
#define PAGE_FLAGS (ROUTE_NO_LOG | ROUTE_ANY_QUERY)
#define PAGE(template)                                                          \
    {                                                                           \
        "GET", template, page, .rate_class = API_RATE_FREE, .flags = PAGE_FLAGS \
    }

// The addresses are those of web/src/app/routes.ts.
const struct route api_routes_page[] = {
    PAGE("/"),
    PAGE("/projects"),
    PAGE("/projects/{path...}"),
    PAGE("/sessions"),
    PAGE("/sessions/{path...}"),
    PAGE("/compare"),
    PAGE("/models"),
    PAGE("/models/{path...}"),
    PAGE("/tasks"),
    PAGE("/tasks/{path...}"),
    PAGE("/settings"),
    PAGE("/settings/{path...}"),
    PAGE("/login"),
    {"GET", "/third-party.txt", notices, .rate_class = API_RATE_FREE},
    {"GET", "/assets/{path...}", asset, .rate_class = API_RATE_FREE, .flags = PAGE_FLAGS},
    {0},
};
