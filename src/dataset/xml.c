// SPDX-License-Identifier: Apache-2.0
// xml.c - XML as a stream of elements, in bounded memory.

#include "dataset/xml_priv.h"

#include <expat.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum {
    CHUNK = 64 * 1024,
};

struct reader {
    struct dataset_input *in;
    XML_Parser parser;
    const struct xml_handlers *handlers;
    void *arg;
    struct str_buf text;
    int depth;
    int error; // of a handler or limit
};

// ---- memory: counted as ours, so that its failures can be tested

static void *take_memory(size_t n)
{
    return mem_calloc(n, 1);
}

static void *change_memory(void *p, size_t n)
{
    return mem_recalloc(p, n, 1);
}

static const XML_Memory_Handling_Suite memory = {take_memory, change_memory, mem_free};

// ---- events

static void stop(struct reader *r, int error)
{
    if (r->error == 0)
        r->error = error;
    XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *arg, const char *name, const char **attributes)
{
    struct reader *r = arg;
    str_buf_reset(&r->text);
    if (++r->depth > XML_MAX_DEPTH) {
        stop(r, err_set(ERR_TOO_BIG, "elements are more than %d deep", XML_MAX_DEPTH));
        return;
    }
    int e = r->handlers->start(r->arg, name, attributes);
    if (e < 0)
        stop(r, e);
}

static void on_end(void *arg, const char *name)
{
    struct reader *r = arg;
    int e = str_buf_check(&r->text);
    if (e == 0)
        e = r->handlers->end(r->arg, name, str_buf_view(&r->text));
    str_buf_reset(&r->text);
    r->depth--;
    if (e < 0)
        stop(r, e);
}

static void on_text(void *arg, const char *text, int n)
{
    struct reader *r = arg;
    str_buf_add(&r->text, text, (size_t)n);
    if (r->text.failed)
        stop(r, str_buf_check(&r->text));
}

static void on_entity(void *arg, const char *name, int is_parameter, const char *value, int n,
                      const char *base, const char *system_id, const char *public_id,
                      const char *notation)
{
    stop(arg, err_set(ERR_DATA, "the document declares entities, which are not read"));
}

// ---- reading

static int parser_error(struct reader *r)
{
    enum XML_Error code = XML_GetErrorCode(r->parser);
    int e = r->error;
    if (e == 0 && code == XML_ERROR_NO_MEMORY)
        e = ERR_NOMEM;
    if (e == 0)
        e = err_set(ERR_DATA, "%s", XML_ErrorString(code));
    if (e == ERR_NOMEM)
        return e;
    return err_prefix(e, "%s: line %llu", r->in->path,
                      (unsigned long long)XML_GetCurrentLineNumber(r->parser));
}

static int parse(struct reader *r)
{
    int64_t n_given = 0;
    for (;;) {
        void *chunk = XML_GetBuffer(r->parser, CHUNK);
        if (!chunk)
            return ERR_NOMEM;
        long got = dataset_input_read(r->in, chunk, CHUNK);
        if (got < 0)
            return (int)got;
        if (XML_ParseBuffer(r->parser, (int)got, got == 0) != XML_STATUS_OK)
            return parser_error(r);
        if (got == 0)
            return 0;
        n_given += got;
        // What is given and not parsed is one unfinished tag (or comment).
        if (n_given - XML_GetCurrentByteIndex(r->parser) > XML_MAX_TAG)
            return err_set(ERR_TOO_BIG, "%s: line %llu: a tag of more than %d bytes", r->in->path,
                           (unsigned long long)XML_GetCurrentLineNumber(r->parser), XML_MAX_TAG);
    }
}

int xml_read(struct dataset_input *in, const struct xml_handlers *handlers, void *arg)
{
    struct reader r = {
        .in = in, .handlers = handlers, .arg = arg, .text = STR_BUF_INIT(XML_MAX_TEXT)};
    r.parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!r.parser)
        return ERR_NOMEM;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetEntityDeclHandler(r.parser, on_entity);
    int e = parse(&r);
    XML_ParserFree(r.parser);
    str_buf_finish(&r.text);
    return e;
}

const char *xml_attribute(const char **attributes, const char *name)
{
    for (; *attributes; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}
