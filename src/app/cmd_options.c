// SPDX-License-Identifier: Apache-2.0
// cmd_options.c - prints docs/OPTIONS.md from the tables of all commands, or checks that it is so.

#include "app/commands.h"
#include "app/common.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

static struct options_settings {
    bool markdown;
    const char *check;
} settings = {.markdown = true};

// clang-format off
static const struct opt rows[] = {
    OPT_BOOL(struct options_settings, "markdown", markdown, "print docs/OPTIONS.md"),
    OPT_TEXT(struct options_settings, "check", check, "FILE", "compare with a file: exit 1 if it differs", NULL),
    OPT_END,
};
// clang-format on

static const struct opt_set sets[] = {{rows, &settings, NULL}};

enum {
    DOCUMENT_MAX = 1024 * 1024,
};

// Tables that several commands join are printed once.
static bool is_shared(const struct opt *table)
{
    int n = 0;
    for (size_t i = 0; app_commands[i]; i++) {
        for (size_t k = 0; k < app_commands[i]->n_sets; k++)
            n += app_commands[i]->sets[k].rows == table;
    }
    return n > 1;
}

static void put_command(const struct command *c, struct str_buf *out)
{
    str_buf_printf(out, "\n## assay %s\n\n`assay %s %s`\n\n", c->name, c->name, c->usage);
    app_put_sentence(out, c->summary);
    const char *before = "\nTakes the options of ";
    for (size_t k = 0; k < c->n_sets; k++) {
        if (!is_shared(c->sets[k].rows))
            continue;
        str_buf_printf(out, "%s**%s**", before, c->sets[k].title);
        before = ", ";
    }
    if (before[0] == ',')
        str_buf_puts(out, " below.\n");
    for (size_t k = 0; k < c->n_sets; k++) {
        if (!is_shared(c->sets[k].rows))
            opt_print_markdown(&c->sets[k], 1, out);
    }
}

static bool is_first(size_t command, size_t set)
{
    const struct opt *table = app_commands[command]->sets[set].rows;
    for (size_t i = 0; i < command; i++) {
        for (size_t k = 0; k < app_commands[i]->n_sets; k++) {
            if (app_commands[i]->sets[k].rows == table)
                return false;
        }
    }
    return true;
}

static void put_shared(struct str_buf *out)
{
    str_buf_puts(out, "\n## Shared by several commands\n");
    for (size_t i = 0; app_commands[i]; i++) {
        for (size_t k = 0; k < app_commands[i]->n_sets; k++) {
            const struct opt_set *set = &app_commands[i]->sets[k];
            if (is_shared(set->rows) && is_first(i, k))
                opt_print_markdown(set, 1, out);
        }
    }
}

static void put_document(struct str_buf *out)
{
    str_buf_puts(out,
                 "# Options\n\n"
                 "Printed from the program's tables by `assay options --markdown`; a test "
                 "compares.\n\n"
                 "Every option is also an environment variable, `ASSAY_` and its name in capitals "
                 "with `_` for `-`\n(`ASSAY_MAX_FRAMES=100`), and a line in the file given by "
                 "`--config` (`max-frames=100`). Precedence: command\nline, environment, file, "
                 "default. A switch `--track` is turned off by `--no-track`.\n\n"
                 "## Every command\n");
    const struct opt_set everywhere[] = {{app_common_options, NULL, "Messages"},
                                         {opt_everywhere, NULL, "Everywhere"}};
    opt_print_markdown(everywhere, ARRAY_LEN(everywhere), out);
    for (size_t i = 0; app_commands[i]; i++) {
        if (!app_commands[i]->is_hidden)
            put_command(app_commands[i], out);
    }
    put_shared(out);
}

static int compare(const char *path, const struct str_buf *wanted)
{
    char *bytes;
    size_t n;
    int r = file_read(path, DOCUMENT_MAX, &bytes, &n);
    if (r < 0)
        return app_fail(r);
    bool same = str_equal((struct str){bytes, n}, str_buf_view(wanted));
    mem_free(bytes);
    if (!same)
        log_error(NULL, "%s: out of date, print it anew with: assay options --markdown", path);
    return same ? 0 : 1;
}

static int run(const struct app_call *call)
{
    struct str_buf out = STR_BUF_INIT(DOCUMENT_MAX);
    put_document(&out);
    int r = str_buf_check(&out);
    int status = 0;
    if (r < 0)
        status = app_fail(r);
    else if (settings.check)
        status = compare(settings.check, &out);
    else if ((r = app_write("-", &out)) < 0)
        status = app_fail(r);
    str_buf_finish(&out);
    return status;
}

const struct command command_options = {
    .name = "options",
    .summary = "prints all options of all commands",
    .usage = "[--markdown] [--check FILE]",
    .sets = sets,
    .n_sets = ARRAY_LEN(sets),
    .is_hidden = true,
    .run = run,
};
